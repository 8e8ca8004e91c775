// What a simulated endpoint daemon has been told, kept beside the machine and apart from it: by servers about themselves,
// by sentinels about the group, by checks. The checks judge by this and not by the machine's memory.

import { parseReplicationInfo, type ReplicationInfo } from '../../endpoint/replication-info.ts';
import type { ConnectionId, Effect, Event } from '../../endpoint/io.ts';
import { targetText } from '../../endpoint/route.ts';
import type { Reply } from '../../resp/reply.ts';
import { SENTINEL_PORT } from './configuration.ts';

/** An answer to PING and INFO. */
export interface Word {
  readonly askedAt: number;
  readonly heardAt: number;
  /** PONG, and not `LOADING`. */
  readonly isGood: boolean;
  readonly info: ReplicationInfo | null;
}

export interface SentinelWord {
  readonly askedAt: number;
  readonly epoch: number;
  readonly primary: string;
}

interface Line {
  readonly address: string;
  readonly expected: { readonly args: readonly string[]; readonly at: number; readonly isRound: boolean }[];
  isPong: boolean;
}

export class Hearing {
  /** By address. */
  readonly servers = new Map<string, Word>();
  readonly sentinels = new Map<string, SentinelWord>();
  /** When a connection to a server last ended, or could not be made. */
  readonly failedAt = new Map<string, number>();
  /** Highest epoch under which anybody named an address. */
  readonly epochOf = new Map<string, number>();
  /** Where a primary was when, by its history. */
  readonly offsets = new Map<string, { readonly at: number; readonly offset: number }[]>();
  /** What checks said of an address: failures in a row; absent: it never passed. */
  readonly failures = new Map<string, number>();
  readonly #lines = new Map<ConnectionId, Line>();
  readonly #runs = new Map<number, string>();

  serverOf(connection: ConnectionId): string | null {
    return this.#lines.get(connection)?.address ?? null;
  }

  isOpen(connection: ConnectionId): boolean {
    return this.#lines.has(connection);
  }

  done(effect: Effect, now: number): void {
    switch (effect.kind) {
      case 'connect': {
        const address = targetText({ host: effect.ip, port: effect.port });
        this.#lines.set(effect.connection, { address, expected: [], isPong: false });
        return;
      }
      case 'close':
        this.#lines.delete(effect.connection);
        return;
      case 'send': {
        const line = this.#lines.get(effect.connection);
        const isRound = effect.args[0] === 'INFO' && line?.expected.at(-1)?.args[0] === 'PING';
        line?.expected.push({ args: effect.args, at: now, isRound });
        return;
      }
      case 'run-check':
        this.#runs.set(effect.run, targetText(effect.server));
        return;
      default:
    }
  }

  /** The command that a reply answers; null: none. */
  happened(event: Event, now: number): readonly string[] | null {
    switch (event.kind) {
      case 'disconnected': {
        const line = this.#lines.get(event.connection);
        if (line !== undefined) this.failedAt.set(line.address, now);
        this.#lines.delete(event.connection);
        return null;
      }
      case 'reply':
        return this.#replied(event.connection, event.reply, now);
      case 'check-ended': {
        const address = this.#runs.get(event.run);
        if (address === undefined) return null;
        const before = this.failures.get(address);
        if (event.isUp) this.failures.set(address, 0);
        else if (before !== undefined) this.failures.set(address, before + 1);
        return null;
      }
      default:
        return null;
    }
  }

  #replied(connection: ConnectionId, reply: Reply, now: number): readonly string[] | null {
    const line = this.#lines.get(connection);
    if (line === undefined) return null;
    if (reply.kind === 'array' && reply.items[0]?.kind === 'bulk') {
      const { value } = reply.items[0];
      if (value === 'message') return null;
      if (value === 'ip') this.#sentinelSaid(line, reply.items);
    }
    const expected = line.expected.shift();
    if (expected === undefined) return null;
    const [command] = expected.args;
    if (command === 'PING' && !line.address.endsWith(`:${SENTINEL_PORT}`))
      line.isPong = reply.kind === 'simple' && reply.text === 'PONG';
    if (command === 'INFO' && expected.isRound) {
      const info = reply.kind === 'bulk' ? parseReplicationInfo(reply.value) : null;
      const word = { askedAt: expected.at, heardAt: now, isGood: line.isPong, info };
      this.servers.set(line.address, word);
      if (info?.role === 'master') {
        const samples = this.offsets.get(info.history) ?? [];
        samples.push({ at: expected.at, offset: info.offset });
        this.offsets.set(info.history, samples);
      }
    }
    return expected.args;
  }

  #sentinelSaid(line: Line, items: readonly Reply[]): void {
    const text = (index: number): string => {
      const item = items[index];
      return item?.kind === 'bulk' ? item.value : '';
    };
    const primary = `${text(1)}:${text(3)}`;
    const epoch = Number(text(5));
    const askedAt = line.expected[0]?.at ?? 0;
    this.sentinels.set(line.address, { askedAt, epoch, primary });
    this.epochOf.set(primary, Math.max(epoch, this.epochOf.get(primary) ?? 0));
  }
}
