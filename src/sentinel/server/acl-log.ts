// ACL LOG: what was refused to whom, the latest first (sentinel.md §1.6).

import { array, bulk, integer, type Reply } from '../../resp/reply.ts';

/** Refusals alike within this time are one entry with a count. */
const GROUPING_MS = 60_000;

export interface Refusal {
  readonly reason: 'auth' | 'command' | 'channel';
  /** The command, channel or login command refused. */
  readonly object: string;
  readonly userName: string;
  /** Its line of CLIENT LIST. */
  readonly clientInfo: string;
}

interface Entry {
  readonly refusal: Refusal;
  readonly id: number;
  readonly count: number;
  readonly createdAt: number;
  readonly createdWallMs: number;
  readonly updatedWallMs: number;
}

export class AclLog {
  readonly #lengthMax: number;
  #entries: Entry[] = [];
  #nextId = 0;

  /** `lengthMax`: `acllog-max-len`; 0 keeps nothing. */
  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** `now`: monotonic milliseconds; `wallMs`: the wall clock's. */
  add(refusal: Refusal, now: number, wallMs: number): void {
    const index = this.#entries.findIndex(
      (entry) =>
        entry.refusal.reason === refusal.reason &&
        entry.refusal.object === refusal.object &&
        entry.refusal.userName === refusal.userName &&
        now - entry.createdAt <= GROUPING_MS,
    );
    const [known] = index === -1 ? [] : this.#entries.splice(index, 1);
    this.#entries.unshift(
      known === undefined
        ? {
            refusal,
            id: this.#nextId++,
            count: 1,
            createdAt: now,
            createdWallMs: wallMs,
            updatedWallMs: wallMs,
          }
        : { ...known, refusal, count: known.count + 1, updatedWallMs: wallMs },
    );
    if (this.#entries.length > this.#lengthMax) this.#entries.length = this.#lengthMax;
  }

  reset(): void {
    this.#entries = [];
  }

  /** The latest `count` entries as ACL LOG tells them. */
  reply(count: number, now: number): Reply {
    return array(this.#entries.slice(0, count).map((entry) => entryReply(entry, now)));
  }
}

function entryReply(entry: Entry, now: number): Reply {
  const { refusal } = entry;
  return {
    kind: 'map',
    entries: [
      [bulk('count'), integer(entry.count)],
      [bulk('reason'), bulk(refusal.reason)],
      // A sentinel has neither MULTI nor scripts, so a request is never inside something else.
      [bulk('context'), bulk('toplevel')],
      [bulk('object'), bulk(refusal.object)],
      [bulk('username'), bulk(refusal.userName)],
      [bulk('age-seconds'), { kind: 'double', value: (now - entry.createdAt) / 1000 }],
      [bulk('client-info'), bulk(refusal.clientInfo)],
      [bulk('entry-id'), integer(entry.id)],
      [bulk('timestamp-created'), integer(entry.createdWallMs)],
      [bulk('timestamp-last-updated'), integer(entry.updatedWallMs)],
    ],
  };
}
