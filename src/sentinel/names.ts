// Hostnames, for `resolve-hostnames yes` (sentinel.md §7.7). The reference asks the resolver and waits; here whatever
// needs a name waits by itself, and goes on when the answer is there, while everything else runs.

import { isNumericHost, type Address } from './address.ts';

/** More names than this are not remembered; the oldest go. */
const NAMES_MAX = 4096;

export class Names {
  /** `resolve-hostnames`. */
  enabled: boolean;
  readonly #known = new Map<string, string | null>();
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #lookUp: (host: string) => void;

  /** `lookUp` emits the `resolve` effect. */
  constructor(enabled: boolean, lookUp: (host: string) => void) {
    this.enabled = enabled;
    this.#lookUp = lookUp;
  }

  /** What `host` is known to mean: itself if numeric, '' if it has no address, is not known, or names are not allowed. */
  ipOf(host: string): string {
    if (isNumericHost(host)) return host;
    return this.enabled ? (this.#known.get(host.toLowerCase()) ?? '') : '';
  }

  /** `host` as an address with what is known of it. */
  address(host: string, port: number): Address {
    return { hostname: host, ip: this.ipOf(host), port };
  }

  /** Whether `host` may be used at all: numeric, or names are allowed and this can be one. */
  isAllowed(host: string): boolean {
    return (
      isNumericHost(host) || (this.enabled && host !== '' && host.length <= 255 && !/[\s\0,]/.test(host))
    );
  }

  /** Looks `host` up anew, whatever is known, and runs `then` when the answer is there. */
  refresh(host: string, then: () => void): void {
    const key = host.toLowerCase();
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.push(then);
      return;
    }
    this.#waiting.set(key, [then]);
    this.#lookUp(host);
  }

  /**
   * Runs `then` once each of `hosts` that has no address yet has been looked up; at once if all have one. That a name
   * had none the last time is no reason not to ask again: resolvers have bad moments.
   */
  whenKnown(hosts: readonly string[], then: () => void): void {
    const missing = new Set(
      hosts
        .filter((host) => this.isAllowed(host) && this.ipOf(host) === '')
        .map((host) => host.toLowerCase()),
    );
    let left = missing.size;
    if (left === 0) then();
    for (const host of missing) {
      this.refresh(host, () => {
        left -= 1;
        if (left === 0) then();
      });
    }
  }

  /** The resolver's answer. What waited for it goes on. */
  settle(host: string, ip: string | null): void {
    const key = host.toLowerCase();
    this.#known.delete(key);
    this.#known.set(key, ip);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= NAMES_MAX) break;
      this.#known.delete(oldest);
    }
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const then of waiting) then();
  }
}
