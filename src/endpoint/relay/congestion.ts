// Clients that send requests faster than a server takes or answers them. Requests are kept until they are answered (they
// may have to be sent again), so both count: what the server has not taken, and what it has not answered. From a certain
// amount on nobody sends more over that connection; clients that would are not read from once a little of them waits, so
// the rest waits with them.

import type { Client } from './client.ts';
import type { RelayLimits } from './limits.ts';
import type { ServerConnection } from './server-connection.ts';

export class Congestion {
  /** Bytes of all requests that are not answered. */
  readonly kept = { bytes: 0 };
  readonly #host: { readonly limits: RelayLimits };
  /** Those who wait until their server takes more. */
  readonly #waiting = new Set<Client>();

  constructor(host: { readonly limits: RelayLimits }) {
    this.#host = host;
  }

  /** `client` is told by `goOn` once there is room on its connection. */
  wait(client: Client): void {
    this.#waiting.add(client);
  }

  /** It is gone. */
  forget(client: Client): void {
    this.#waiting.delete(client);
  }

  /** What was gathered for a server was sent. All of it may have been taken at once: then nobody tells of that later. */
  sent(connection: ServerConnection): void {
    if (connection.isCongested) this.relieve(connection);
    else connection.isCongested = this.#isFull(connection);
  }

  /** Something was taken or answered. */
  relieve(connection: ServerConnection): void {
    if (this.#isFull(connection)) return;
    connection.isCongested = false;
    this.goOn(connection);
  }

  /** Those go on who wait for `connection`: it takes more, or is over. */
  goOn(connection: ServerConnection): void {
    for (const client of Array.from(this.#waiting)) {
      if ((client.own ?? client.shared) !== connection) continue;
      this.#waiting.delete(client);
      client.goOn();
    }
  }

  #isFull({ unsentBytes, owing: { bytes } }: ServerConnection): boolean {
    const { congestedBytes, keptBytesMax, waitingBytesMax, allHeldBytesMax } = this.#host.limits;
    if (unsentBytes > congestedBytes || bytes > keptBytesMax) return true;
    return bytes > waitingBytesMax && this.kept.bytes > allHeldBytesMax;
  }
}
