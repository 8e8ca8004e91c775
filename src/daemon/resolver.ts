// Turns host names into addresses by the system's resolver, off the event loop.

import { lookup } from 'node:dns';
import { isIP } from 'node:net';

/**
 * The resolver blocks a thread of the pool that also syncs our state to disk, for many seconds if a name server is
 * gone. Two at a time leave room for the disk.
 */
const AT_ONCE_MAX = 2;

type Lookup = (host: string, done: (error: Error | null, ips: readonly string[]) => void) => void;

const systemLookup: Lookup = (host, done) =>
  lookup(host, { all: true }, (error, found) =>
    done(error, error === null ? found.map(({ address }) => address) : []),
  );

export class Resolver {
  readonly #answer: (host: string, ips: readonly string[]) => void;
  readonly #lookup: Lookup;
  readonly #inFlight = new Set<string>();
  readonly #waiting = new Set<string>();

  /** `answer` gets the addresses of the name in the system's order, none if it has none; never before `resolve` returned. */
  constructor(answer: (host: string, ips: readonly string[]) => void, lookup: Lookup = systemLookup) {
    this.#answer = answer;
    this.#lookup = lookup;
  }

  /** Asks for `host`; asking again while the answer is on its way gives that one answer. */
  resolve(host: string): void {
    if (this.#inFlight.has(host)) return;
    // The path of a unix socket is an address, too.
    if (isIP(host) !== 0 || host.startsWith('/')) {
      // Nothing to look up, and no thread of the pool to wait for.
      this.#inFlight.add(host);
      setImmediate(() => {
        this.#inFlight.delete(host);
        this.#answer(host, [host]);
      });
      return;
    }
    this.#waiting.add(host);
    this.#next();
  }

  #next(): void {
    for (const host of this.#waiting) {
      if (this.#inFlight.size >= AT_ONCE_MAX) return;
      this.#waiting.delete(host);
      this.#inFlight.add(host);
      this.#lookup(Buffer.from(host, 'latin1').toString('utf8'), (error, ips) => {
        this.#inFlight.delete(host);
        this.#next();
        this.#answer(host, error === null ? ips : []);
      });
    }
  }
}
