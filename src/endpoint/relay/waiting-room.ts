// Clients for whom there is no server at the moment, the longest wait first.

import type { Client } from './client.ts';

export class WaitingRoom {
  readonly #waiting = new Set<Client>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Since when the one who waits longest waits, in ms; Infinity if nobody does. */
  get oldestMs(): number {
    for (const { waitsSince } of this.#waiting) return waitsSince;
    return Infinity;
  }

  enter(client: Client, nowMs: number): void {
    if (this.#waiting.has(client)) return;
    client.waitsSince = nowMs;
    this.#waiting.add(client);
  }

  leave(client: Client): void {
    this.#waiting.delete(client);
  }

  /** Lets everybody try again; who is still without a server keeps his place and his time. */
  tryAll(): void {
    for (const client of Array.from(this.#waiting)) {
      const since = client.waitsSince;
      this.#waiting.delete(client);
      client.wait = null;
      client.advance();
      if (this.#waiting.has(client)) client.waitsSince = since;
    }
  }

  /** Those who have waited since before `sinceMs`; they leave. */
  takeOlder(sinceMs: number): Client[] {
    const old: Client[] = [];
    for (const client of this.#waiting) {
      if (client.waitsSince > sinceMs) break;
      old.push(client);
    }
    for (const client of old) this.#waiting.delete(client);
    return old;
  }
}
