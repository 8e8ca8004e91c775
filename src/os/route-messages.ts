// Addresses and links in rtnetlink's messages: what we ask for, and what the kernel tells. Follows linux/if_addr.h,
// linux/if_link.h and vrrp.md 5.

import { AF_INET, AF_INET6 } from './socket-address.ts';
import { addressBytes, addressText, familyOf } from './ip-address.ts';
import { attribute, attributes, cString } from './netlink-message.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const ADDRESS_HEADER_BYTES = 8;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const LINK_HEADER_BYTES = 16;

const FOR_EVER = 0xffff_ffff;

/** Flags of an address, in the words of `ip address` and of keepalived's `virtual_ipaddress`. */
const ADDRESS_FLAGS = {
  /** IPv4: another address of its subnet was there first, and goes with it. IPv6: a temporary one. */
  secondary: 0x01,
  nodad: 0x02,
  optimistic: 0x04,
  /** Somebody else has it. */
  dadfailed: 0x08,
  home: 0x10,
  deprecated: 0x20,
  /** Still checked for duplicates: not usable yet. */
  tentative: 0x40,
  permanent: 0x80,
  mngtmpaddr: 0x100,
  noprefixroute: 0x200,
  autojoin: 0x400,
  'stable-privacy': 0x800,
} as const;
export type AddressFlag = keyof typeof ADDRESS_FLAGS;

/** Flags that can be asked for. */
export type SettableAddressFlag = 'nodad' | 'home' | 'mngtmpaddr' | 'noprefixroute' | 'autojoin';

/** Where an address reaches (rtnetlink.h); any number from 0 to 255 is possible. */
export const SCOPE = { global: 0, site: 200, link: 253, host: 254 } as const;

/** Enough to name one address of one interface to the kernel. */
export interface AddressName {
  readonly linkIndex: number;
  readonly address: string;
  readonly prefixLength: number;
  /** The other end, for a point-to-point address; null for the usual kind. */
  readonly peer: string | null;
}

/** What an address shall be. */
export interface AddressSetting extends AddressName {
  /** After so many whole seconds without a refresh the kernel removes it (up to 0.5 s late); null for never. */
  readonly validSeconds: number | null;
  /** After so many it is no longer chosen as a source: 0 for never at all, null for no end. At most `validSeconds`. */
  readonly preferredSeconds: number | null;
  /** See {@link SCOPE}; IPv6 takes it from the address. */
  readonly scope: number;
  /** IPv4: `eth0:vip`, at most 15 bytes, shown by ifconfig. */
  readonly label: string | null;
  /** IPv4. */
  readonly broadcast: string | null;
  /** All of them every time: IPv6 forgets those that a refresh leaves out. */
  readonly flags: readonly SettableAddressFlag[];
}

/** An address that the kernel told of. */
export interface AddressOnLink extends AddressName {
  readonly validSeconds: number | null;
  readonly preferredSeconds: number | null;
  readonly scope: number;
  readonly label: string | null;
  readonly broadcast: string | null;
  readonly flags: ReadonlySet<AddressFlag>;
}

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** `02:00:00:00:00:01`; empty where there is none. */
  readonly mac: string;
  readonly mtu: number;
  /** Speaks Ethernet: ARP and neighbour frames can be sent on it. */
  readonly isEthernet: boolean;
  /** Switched on (IFF_UP). */
  readonly isUp: boolean;
  /** Switched on, and the cable leads somewhere (IFF_RUNNING). */
  readonly isRunning: boolean;
  readonly isLoopback: boolean;
  readonly hasMulticast: boolean;
  /** Nobody asks for addresses here (IFF_NOARP), so nothing is announced. */
  readonly isWithoutArp: boolean;
}

const familyNumber = (address: string): number => (familyOf(address) === 'ipv4' ? AF_INET : AF_INET6);

/** Body of RTM_NEWADDR, for a new address and for a refresh alike. */
export function addressRequest(setting: AddressSetting): Buffer {
  const flags = setting.flags.reduce((bits, flag) => bits | ADDRESS_FLAGS[flag], 0);
  const lifetimes = Buffer.alloc(16);
  lifetimes.writeUInt32LE(setting.preferredSeconds ?? FOR_EVER, 0);
  lifetimes.writeUInt32LE(setting.validSeconds ?? FOR_EVER, 4);
  const flagBytes = Buffer.alloc(4);
  flagBytes.writeUInt32LE(flags, 0);
  const parts = [
    addressHeader(setting, setting.scope),
    ...addressAttributes(setting),
    attribute(IFA_CACHEINFO, lifetimes),
    attribute(IFA_FLAGS, flagBytes),
  ];
  if (setting.label !== null) parts.push(attribute(IFA_LABEL, Buffer.from(`${setting.label}\0`, 'latin1')));
  if (setting.broadcast !== null) parts.push(attribute(IFA_BROADCAST, addressBytes(setting.broadcast)));
  return Buffer.concat(parts);
}

/** Body of RTM_DELADDR. */
export function addressRemoval(name: AddressName): Buffer {
  return Buffer.concat([addressHeader(name, 0), ...addressAttributes(name)]);
}

/** Body of RTM_GETADDR for all addresses. */
export function addressQuery(): Buffer {
  return Buffer.alloc(ADDRESS_HEADER_BYTES);
}

/** Body of RTM_GETLINK for all links. */
export function linkQuery(): Buffer {
  return Buffer.alloc(LINK_HEADER_BYTES);
}

function addressHeader({ linkIndex, address, prefixLength }: AddressName, scope: number): Buffer {
  const header = Buffer.alloc(ADDRESS_HEADER_BYTES);
  header.writeUInt8(familyNumber(address), 0);
  header.writeUInt8(prefixLength, 1);
  header.writeUInt8(scope, 3);
  header.writeUInt32LE(linkIndex, 4);
  return header;
}

/** "Local" is ours and "address" the other end's, which is ours again where there is no other end. */
function addressAttributes({ address, peer }: AddressName): Buffer[] {
  return [attribute(IFA_LOCAL, addressBytes(address)), attribute(IFA_ADDRESS, addressBytes(peer ?? address))];
}

/** Out of the body of RTM_NEWADDR or RTM_DELADDR; null for another family or a cut message. */
export function parseAddress(body: Buffer): AddressOnLink | null {
  if (body.length < ADDRESS_HEADER_BYTES) return null;
  const family = body.readUInt8(0);
  const found = attributes(body.subarray(ADDRESS_HEADER_BYTES));
  const other = found.get(IFA_ADDRESS);
  // IPv6 leaves "local" out unless there is another end.
  const local = found.get(IFA_LOCAL) ?? other;
  const byteCount = family === AF_INET ? 4 : family === AF_INET6 ? 16 : -1;
  if (local?.length !== byteCount) return null;

  const bits = unsigned(found.get(IFA_FLAGS)) ?? body.readUInt8(2);
  const names = Object.keys(ADDRESS_FLAGS) as AddressFlag[];
  const label = found.get(IFA_LABEL);
  const broadcast = found.get(IFA_BROADCAST);
  const lifetimes = found.get(IFA_CACHEINFO);
  return {
    linkIndex: body.readUInt32LE(4),
    address: addressText(local),
    prefixLength: body.readUInt8(1),
    peer: other?.length === byteCount && !other.equals(local) ? addressText(other) : null,
    scope: body.readUInt8(3),
    flags: new Set(names.filter((name) => (bits & ADDRESS_FLAGS[name]) !== 0)),
    label: label === undefined ? null : cString(label),
    broadcast: broadcast?.length === 4 ? addressText(broadcast) : null,
    preferredSeconds: lifetime(lifetimes, 0),
    validSeconds: lifetime(lifetimes, 4),
  };
}

function unsigned(bytes: Buffer | undefined): number | undefined {
  return bytes?.length === 4 ? bytes.readUInt32LE(0) : undefined;
}

function lifetime(lifetimes: Buffer | undefined, at: number): number | null {
  const seconds = lifetimes === undefined || lifetimes.length < 8 ? FOR_EVER : lifetimes.readUInt32LE(at);
  return seconds === FOR_EVER ? null : seconds;
}

const ARPHRD_ETHER = 1;
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_RUNNING = 0x40;
const IFF_NOARP = 0x80;
const IFF_MULTICAST = 0x1000;

/**
 * Out of the body of RTM_NEWLINK or RTM_DELLINK. Null for a cut message, and for those that tell of a link in its role
 * as another's part: when a link leaves a bridge, the kernel sends RTM_DELLINK of the bridge's family, and the link
 * lives on.
 */
export function parseLink(body: Buffer): Link | null {
  if (body.length < LINK_HEADER_BYTES || body.readUInt8(0) !== 0) return null;
  const found = attributes(body.subarray(LINK_HEADER_BYTES));
  const flags = body.readUInt32LE(8);
  const name = found.get(IFLA_IFNAME);
  if (name === undefined) return null;
  return {
    index: body.readInt32LE(4),
    name: cString(name),
    mac: (found.get(IFLA_ADDRESS)?.toString('hex') ?? '').replace(/(..)(?=.)/g, '$1:'),
    mtu: unsigned(found.get(IFLA_MTU)) ?? 0,
    isEthernet: body.readUInt16LE(2) === ARPHRD_ETHER,
    isUp: (flags & IFF_UP) !== 0,
    isRunning: (flags & IFF_RUNNING) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    hasMulticast: (flags & IFF_MULTICAST) !== 0,
    isWithoutArp: (flags & IFF_NOARP) !== 0,
  };
}
