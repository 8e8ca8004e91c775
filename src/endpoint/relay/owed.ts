// What a server still owes us on one connection, in order: for each run of requests whose they are, where their bytes
// lie (so that they can be sent again), and how many replies are to come.

import { assert } from '../../base/assert.ts';
import type { Client } from './client.ts';
import { RequestScanner } from './request-scanner.ts';
import type { Transaction } from './transaction.ts';

/** What becomes of one reply that somebody looks at. */
export type Verdict =
  /** To the client. */
  | 'deliver'
  /** To nobody. */
  | 'swallow';

/**
 * Looks at each reply of an {@link Owed}. `type` is its first byte; of a long one, the bytes are only the beginning.
 * Returning `deliver` or `swallow` ends nothing: `owed.count` does.
 */
export type Look = (type: number, bytes: Uint8Array, start: number, end: number, owed: Owed) => Verdict;

/** Those that leave a refused request to be sent again, as plain ones are. */
const retried = new WeakSet<Look>();

export function markRetried(look: Look): void {
  retried.add(look);
}

/** Whether a refused request may simply be sent again to another server. */
export function isRetriable({ look, transaction }: Owed): boolean {
  return look === null || transaction !== null || retried.has(look);
}

const rests = new WeakMap<Look, (answered: number) => Uint8Array>();

/** Of a request with several replies: what has to be asked again once `answered` of them have come, but not all. */
export function keepRest(look: Look, rest: (answered: number) => Uint8Array): void {
  rests.set(look, rest);
}

/** Requests of one client that were sent one behind the other. */
export interface Owed {
  /** null: the relay's own. */
  readonly client: Client | null;
  /** The requests; null: they are too large to be kept, or can't be sent again. */
  readonly bytes: Uint8Array | null;
  readonly start: number;
  end: number;
  /** Replies that are to come; `look` may change it. */
  count: number;
  /** Replies that have come. */
  answered: number;
  /** One of them may have changed something. */
  hasWrite: boolean;
  /** Null for plain requests, which may be told of together. */
  readonly look: Look | null;
  /** What it is a part of: from MULTI to EXEC or DISCARD. */
  readonly transaction: Transaction | null;
  /** A reply of our own that takes its turn behind what was sent before; nothing was sent for it. */
  readonly local: Uint8Array | null;
}

/** One reply, to nobody, for something that can't be sent again. */
export const NOTHING_OWED: Owed = {
  client: null,
  bytes: null,
  start: 0,
  end: 0,
  count: 1,
  answered: 0,
  hasWrite: false,
  look: null,
  local: null,
  transaction: null,
};

/** A queue that costs nothing to take from. */
export class OwedQueue {
  /** Of requests that are kept until they are answered; and of all these queues together. */
  bytes = 0;
  readonly #all: { bytes: number };
  #items: (Owed | undefined)[] = [];
  #head = 0;

  constructor(all: { bytes: number }) {
    this.#all = all;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): Owed | undefined {
    return this.#items[this.#head];
  }

  get last(): Owed | undefined {
    return this.length === 0 ? undefined : this.#items[this.#items.length - 1];
  }

  push(owed: Owed): void {
    this.#items.push(owed);
    this.#count(owed.end - owed.start);
  }

  /** The last one is longer by requests that end there. */
  extend(last: Owed, end: number): void {
    this.#count(end - last.end);
    last.end = end;
  }

  shift(): void {
    const { start, end } = this.#items[this.#head] as Owed;
    this.#count(start - end);
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      empty(this.#items);
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Those who are owed something. */
  clients(): Set<Client> {
    const clients = new Set<Client>();
    for (let at = this.#head; at < this.#items.length; at++) {
      const { client } = this.#items[at] as Owed;
      if (client !== null) clients.add(client);
    }
    return clients;
  }

  /**
   * Takes all that is owed to `client`, if that can be asked for a second time without harm; what answers it here then
   * reaches nobody. Null: it can't, and nothing has changed.
   */
  takeReads(client: Client): Uint8Array[] | null {
    const places: number[] = [];
    const requests: Uint8Array[] = [];
    for (let at = this.#head; at < this.#items.length; at++) {
      const owed = this.#items[at] as Owed;
      if (owed.client !== client) continue;
      const isRead = owed.look === null && owed.local === null && !owed.hasWrite;
      const request = isRead ? restOf(owed) : null;
      if (request === null) return null;
      places.push(at);
      requests.push(request);
    }
    for (const at of places) {
      const { count, start, end } = this.#items[at] as Owed;
      this.#count(start - end);
      this.#items[at] = { ...NOTHING_OWED, count, look: () => 'swallow' };
    }
    return requests;
  }

  /** Takes all. */
  takeAll(): Owed[] {
    const rest = this.#items.slice(this.#head) as Owed[];
    this.#items = [];
    this.#head = 0;
    this.#count(-this.bytes);
    return rest;
  }

  #count(bytes: number): void {
    this.bytes += bytes;
    this.#all.bytes += bytes;
  }
}

/** Takes all from a short list. Setting its length to 0 costs a call into native code, ten times as much. */
export function empty(list: unknown[]): void {
  while (list.length > 0) list.pop();
}

/** The requests of a run that were not answered; null if they are not kept. */
export function restOf({ bytes, start, end, answered, look }: Owed): Uint8Array | null {
  if (bytes === null) return null;
  const rest = look === null || answered === 0 ? undefined : rests.get(look);
  if (rest !== undefined) return rest(answered);
  const scanner = new RequestScanner();
  let at = start;
  for (let skipped = 0; skipped < answered;) {
    const scanned = scanner.scan(bytes, at, end);
    assert(scanned === 'whole' || scanned === 'blank', 'a request has one reply, or says what is left of it');
    if (scanned === 'whole') skipped++;
    at = scanner.end;
  }
  return bytes.subarray(at, end);
}
