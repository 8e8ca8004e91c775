// Clients for whom there is no server at the moment, the longest wait first.

import type { Client } from './client.ts';

export class WaitingRoom {
  readonly #waiting = new Set<Client>();
  readonly #entered: (client: Client) => void;
  readonly #left: (client: Client) => void;

  /** Both are told of everybody once. */
  constructor(entered: (client: Client) => void, left: (client: Client) => void) {
    this.#entered = entered;
    this.#left = left;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Since when the one who waits longest waits, in ms; Infinity if nobody does. */
  get oldestMs(): number {
    for (const { waitsSince } of this.#waiting) return waitsSince;
    return Infinity;
  }

  has(client: Client): boolean {
    return this.#waiting.has(client);
  }

  enter(client: Client, nowMs: number): void {
    if (this.#waiting.has(client)) return;
    client.waitsSince = nowMs;
    this.#waiting.add(client);
    this.#entered(client);
  }

  leave(client: Client): void {
    if (this.#waiting.delete(client)) this.#left(client);
  }

  /** Lets those try again whom `which` says yes to; who is still without a server keeps his place and his time. */
  tryAll(which: (client: Client) => boolean): void {
    for (const client of Array.from(this.#waiting)) {
      if (!which(client) || !this.#waiting.has(client)) continue;
      client.wait = null;
      client.advance();
      if (client.wait !== 'server') this.leave(client);
    }
  }

  /** Those who have waited since before `sinceMs`; they leave. */
  takeOlder(sinceMs: number): Client[] {
    const old: Client[] = [];
    for (const client of this.#waiting) {
      if (client.waitsSince > sinceMs) break;
      old.push(client);
    }
    for (const client of old) this.leave(client);
    return old;
  }
}
