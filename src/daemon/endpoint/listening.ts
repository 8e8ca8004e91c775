// Which addresses the endpoints of a kernel path lead clients from, as this host's own addresses and the servers that are
// known come and go. An address where a server of the endpoint itself is listening is left alone: whoever asks for
// that server, as its replicas and the sentinels do, must get it.

import { type Target, isSameTarget, targetText } from '../../endpoint/route.ts';
import { AddressWatch } from '../../os/address-watch.ts';
import { Addresses } from '../../os/addresses.ts';
import { addressBytes, addressText, isPlainAddress } from '../../os/ip-address.ts';

/** What an endpoint leads from, numeric, if these are this host's addresses, as its kernel writes them. */
export type ListenNames = (own: readonly string[]) => readonly Target[];

/** A name that was not resolved yet is left as it is, and so is what nobody is led from. */
const asKernelWrites = ({ host, port }: Target): Target => ({
  host: isPlainAddress(host) ? addressText(addressBytes(host)) : host,
  port,
});

interface Names {
  readonly names: ListenNames;
  avoided: readonly Target[];
  /** Of those that are avoided, what was warned of. */
  told: ReadonlySet<string>;
}

/** Open until `close`; the constructor and what asks for addresses throw OsErrors. */
export class Listening {
  /** Called when {@link Listening.targets} may have changed, in a turn of its own. */
  onChange: () => void = () => {};
  readonly #warn: (sentence: string) => void;
  // An address counts while its link is down: it will be back with its connections.
  readonly #addresses = new Addresses();
  readonly #watch: AddressWatch;
  readonly #endpoints = new Map<string, Names>();
  #isDue = false;

  constructor(warn: (sentence: string) => void) {
    this.#warn = warn;
    this.#watch = new AddressWatch(() => this.#soon());
  }

  /** Returns what it leads from now. */
  add(endpoint: string, names: ListenNames): readonly Target[] {
    this.#endpoints.set(endpoint, { names, avoided: [], told: new Set() });
    return this.targets(endpoint);
  }

  drop(endpoint: string): void {
    this.#endpoints.delete(endpoint);
  }

  /** All servers of this endpoint that are known, whether or not it leads to them. */
  avoid(endpoint: string, servers: readonly Target[]): void {
    const known = this.#endpoints.get(endpoint);
    if (known === undefined) return;
    known.avoided = servers.map(asKernelWrites);
    this.#soon();
  }

  /** What the endpoint leads from now. Warns of what it would lead from, were there no server, once. */
  targets(endpoint: string): readonly Target[] {
    const known = this.#endpoints.get(endpoint);
    if (known === undefined) return [];
    const own = this.#addresses.list().map(({ address }) => address);
    const isAvoided = (target: Target): boolean =>
      known.avoided.some((server) => isSameTarget(server, target));
    const named = known.names(own).map(asKernelWrites);
    const circles = named.filter(isAvoided).map(targetText);
    for (const circle of circles.filter((text) => !known.told.has(text))) {
      this.#warn(
        `${endpoint}: its own server ${circle} listens at an address that clients are to be led from: whoever asks for it gets that server, primary or not; choose another port, or name the addresses of this host that clients use.`,
      );
    }
    known.told = new Set(circles);
    return named.filter((target) => !isAvoided(target));
  }

  close(): void {
    this.onChange = () => {};
    this.#watch.close();
    this.#addresses.close();
  }

  /** Several changes come together. */
  #soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.onChange();
    });
  }
}
