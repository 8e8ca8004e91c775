// The interfaces and addresses of this machine as the VRRP machine speaks of them: by name. What the kernel tells by
// number becomes events, and what the machine wants of addresses becomes netlink requests.

import { readFileSync } from 'node:fs';
import { AddressWatch, type AddressChange } from '../os/address-watch.ts';
import { Addresses } from '../os/addresses.ts';
import type { AddressOnLink, AddressSetting, Link, SettableAddressFlag } from '../os/route-messages.ts';
import type { Event, InterfaceState } from '../vrrp/io.ts';
import { familyOf } from '../vrrp/ip-address.ts';
import type { VirtualAddress } from '../vrrp/router-conf.ts';

interface Known {
  readonly link: Link;
  /** Usable addresses, keyed by address, prefix length and peer, in the kernel's order. */
  readonly addresses: Map<string, AddressOnLink>;
}

/** All methods that change something throw OsErrors. */
export class Interfaces {
  readonly #netlink = new Addresses();
  readonly #watch: AddressWatch;
  readonly #tell: (event: Event) => void;
  readonly #known = new Map<number, Known>();

  /** `tell` hears of every change from now on, never before the constructor has returned. */
  constructor(tell: (event: Event) => void) {
    this.#tell = tell;
    // Watched before it is listed: what changes in between is told twice rather than never.
    this.#watch = new AddressWatch((change) => this.#changed(change));
    for (const link of this.#netlink.links()) this.#known.set(link.index, { link, addresses: new Map() });
    for (const address of this.#netlink.list()) {
      if (isUsable(address)) this.#known.get(address.linkIndex)?.addresses.set(keyOf(address), address);
    }
  }

  /** What the machine is told first. */
  startEvent(): Event {
    const known = [...this.#known.values()];
    return {
      kind: 'start',
      interfaces: known.map(({ link }) => stateOf(link)),
      addresses: known.flatMap(({ link, addresses }) =>
        [...addresses.values()].map(({ address, prefixLength }) => ({
          interface: link.name,
          address,
          prefixLength,
        })),
      ),
    };
  }

  /** The interface of this name, if it is there. */
  link(name: string): Link | null {
    for (const { link } of this.#known.values()) if (link.name === name) return link;
    return null;
  }

  /** The interface that has `address`. */
  linkWith(address: string): Link | null {
    for (const { link, addresses } of this.#known.values()) {
      for (const one of addresses.values()) if (one.address === address) return link;
    }
    return null;
  }

  /**
   * Adds an address, or moves its end on. One that was there a moment ago (`isNew` false) and has gone meanwhile stays
   * gone: what the kernel took, or somebody deleted, must not come back before the machine has heard of it.
   */
  set(address: VirtualAddress, lifetimeSeconds: number | null, isNew: boolean): void {
    const setting = settingOf(address, this.#indexOf(address.interface), lifetimeSeconds);
    if (!isNew) {
      this.#watch.readWaiting();
      if (this.#known.get(setting.linkIndex)?.addresses.has(keyOf(setting)) !== true) return;
    }
    this.#netlink.set(setting);
    // So that a refresh that follows before the kernel's notice was read finds it.
    this.#watch.readWaiting();
  }

  /** Not being there is no failure. */
  remove(address: VirtualAddress): void {
    const link = this.link(address.interface);
    if (link !== null) this.#netlink.remove(settingOf(address, link.index, null));
  }

  /** Removes it at every prefix length; what it removed. */
  clear(address: VirtualAddress): AddressOnLink[] {
    const link = this.link(address.interface);
    return link === null ? [] : this.#netlink.removeAll(address.address, link.index);
  }

  /** Tells what has happened up to now. */
  readWaiting(): void {
    this.#watch.readWaiting();
  }

  close(): void {
    this.#watch.close();
    this.#netlink.close();
  }

  #indexOf(name: string): number {
    const link = this.link(name);
    if (link === null) throw new Error(`there is no interface ${name}`);
    return link.index;
  }

  #changed(change: AddressChange): void {
    switch (change.kind) {
      case 'link':
        return this.#linkChanged(change.link);
      case 'link-gone':
        return this.#linkGone(change.link.index);
      case 'address':
        return isUsable(change.address)
          ? this.#addressThere(change.address)
          : this.#addressGone(change.address);
      case 'address-gone':
        return this.#addressGone(change.address);
      case 'lost':
        return this.#listAnew();
    }
  }

  #linkChanged(link: Link): void {
    const known = this.#known.get(link.index);
    if (known !== undefined && known.link.name !== link.name) this.#linkGone(link.index);
    const isRenamed = known !== undefined && known.link.name !== link.name;
    const addresses = known?.addresses ?? new Map<string, AddressOnLink>();
    this.#known.set(link.index, { link, addresses });
    if (known !== undefined && !isRenamed && isSame(known.link, link)) return;
    this.#tell({ kind: 'interface', name: link.name, state: stateOf(link) });
    if (isRenamed) for (const address of addresses.values()) this.#tellAddress('address-added', address);
  }

  #linkGone(index: number): void {
    const known = this.#known.get(index);
    if (known === undefined) return;
    this.#known.delete(index);
    this.#tell({ kind: 'interface', name: known.link.name, state: null });
  }

  #addressThere(address: AddressOnLink): void {
    const known = this.#known.get(address.linkIndex);
    const key = keyOf(address);
    if (known === undefined) return;
    const isKnown = known.addresses.has(key);
    known.addresses.set(key, address);
    // Else it was only refreshed.
    if (!isKnown) this.#tellAddress('address-added', address);
  }

  #addressGone(address: AddressOnLink): void {
    const isKnown = this.#known.get(address.linkIndex)?.addresses.delete(keyOf(address));
    if (isKnown === true) this.#tellAddress('address-removed', address);
  }

  #tellAddress(
    kind: 'address-added' | 'address-removed',
    { linkIndex, address, prefixLength }: AddressOnLink,
  ): void {
    const known = this.#known.get(linkIndex);
    if (known !== undefined) this.#tell({ kind, interface: known.link.name, address, prefixLength });
  }

  /** The kernel dropped notices: finds out what they said. */
  #listAnew(): void {
    const links = this.#netlink.links();
    const addresses = this.#netlink.list().filter(isUsable);
    for (const index of this.#known.keys()) {
      if (!links.some((link) => link.index === index)) this.#linkGone(index);
    }
    for (const link of links) this.#linkChanged(link);
    const there = new Set(addresses.map((one) => `${one.linkIndex} ${keyOf(one)}`));
    for (const known of this.#known.values()) {
      for (const [key, one] of known.addresses) {
        if (!there.has(`${one.linkIndex} ${key}`)) this.#addressGone(one);
      }
    }
    for (const address of addresses) this.#addressThere(address);
  }
}

const keyOf = (one: Pick<AddressOnLink, 'address' | 'prefixLength' | 'peer'>): string =>
  `${one.address}/${one.prefixLength} ${one.peer ?? ''}`;

/** IPv6 checks an address for duplicates first; until then, and when it found one, nothing can be sent from it. */
const isUsable = ({ flags }: AddressOnLink): boolean => !flags.has('tentative') && !flags.has('dadfailed');

const isSame = (a: Link, b: Link): boolean =>
  a.mac === b.mac &&
  a.isRunning === b.isRunning &&
  a.isUp === b.isUp &&
  a.isEthernet === b.isEthernet &&
  a.isWithoutArp === b.isWithoutArp;

function stateOf(link: Link): InterfaceState {
  return {
    name: link.name,
    isUp: link.isUp && link.isRunning,
    macAddress: link.mac === '' ? null : Uint8Array.from(Buffer.from(link.mac.replaceAll(':', ''), 'hex')),
    resolvesNeighbours: link.isEthernet && !link.isWithoutArp,
    forwards: forwardsIpv6(link.name),
  };
}

function forwardsIpv6(name: string): boolean {
  try {
    return readFileSync(`/proc/sys/net/ipv6/conf/${name}/forwarding`, 'latin1').trim() !== '0';
  } catch {
    // No IPv6 here, or the interface has just gone.
    return false;
  }
}

function settingOf(
  address: VirtualAddress,
  linkIndex: number,
  lifetimeSeconds: number | null,
): AddressSetting {
  const isIpv6 = familyOf(address.address) === 'ipv6';
  const mayEnd = lifetimeSeconds !== null;
  const flags: SettableAddressFlag[] = [];
  // A refresh without it would begin the check for duplicates anew, and the address would be dead meanwhile.
  if (address.nodad || (isIpv6 && mayEnd)) flags.push('nodad');
  if (address.home) flags.push('home');
  if (address.manageTemporary) flags.push('mngtmpaddr');
  if (address.noPrefixRoute) flags.push('noprefixroute');
  if (address.autojoin) flags.push('autojoin');
  return {
    linkIndex,
    address: address.address,
    prefixLength: address.prefixLength,
    peer: address.peer,
    validSeconds: lifetimeSeconds,
    preferredSeconds: address.deprecated || (isIpv6 && mayEnd) ? 0 : lifetimeSeconds,
    scope: address.scope,
    label: address.label,
    broadcast: address.broadcast,
    flags,
  };
}
