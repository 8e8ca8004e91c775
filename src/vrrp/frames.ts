// How neighbours are told where an address is: whole Ethernet frames of a gratuitous ARP request (RFC 5227 §3) and an
// unsolicited neighbour advertisement (RFC 4861 §7.2.6), byte for byte as vrrp.md §4 has them.

import { checksum, PROTOCOL_ICMPV6, pseudoHeaderSum } from './checksum.ts';
import { addressBytes, familyOf } from './ip-address.ts';

const MAC_BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const MAC_ALL_NODES = [0x33, 0x33, 0, 0, 0, 1];
const ALL_NODES = 'ff02::1';

const ETHERTYPE_ARP = [0x08, 0x06];
const ETHERTYPE_IPV6 = [0x86, 0xdd];

/** Hardware type Ethernet, protocol type IPv4, address lengths 6 and 4, operation 1: request. */
const ARP_REQUEST_ETHERNET_IPV4 = [0, 1, 0x08, 0, 6, 4, 0, 1];

const NEIGHBOUR_ADVERTISEMENT = 136;
const CHECKSUM_TO_COME = [0, 0];
const RESERVED = [0, 0, 0];
const FLAG_ROUTER = 0x80;
const FLAG_OVERRIDE = 0x20;
/** Option 2, one unit of eight bytes: target link-layer address. */
const OPTION_TARGET_LINK_LAYER = [2, 1];
const IPV6_HEADER_BYTES = 40;
const HOP_LIMIT = 255;

/** The frame that says "`address` is at `mac`". `isRouter` matters to IPv6 only. */
export function announcementFrame(address: string, mac: Uint8Array, isRouter: boolean): Uint8Array {
  return familyOf(address) === 'ipv4'
    ? gratuitousArp(address, mac)
    : neighbourAdvertisement(address, mac, isRouter);
}

/** 42 bytes. A request, because receivers refresh an entry on either; its target hardware address is broadcast, too. */
function gratuitousArp(address: string, mac: Uint8Array): Uint8Array {
  const ip = addressBytes(address);
  return Uint8Array.from([
    ...MAC_BROADCAST,
    ...mac,
    ...ETHERTYPE_ARP,
    ...ARP_REQUEST_ETHERNET_IPV4,
    ...mac,
    ...ip,
    ...MAC_BROADCAST,
    ...ip,
  ]);
}

/** 86 bytes. */
function neighbourAdvertisement(address: string, mac: Uint8Array, isRouter: boolean): Uint8Array {
  const ip = addressBytes(address);
  const flags = FLAG_OVERRIDE | (isRouter ? FLAG_ROUTER : 0);
  const message = Uint8Array.from([
    NEIGHBOUR_ADVERTISEMENT,
    0,
    ...CHECKSUM_TO_COME,
    flags,
    ...RESERVED,
    ...ip,
    ...OPTION_TARGET_LINK_LAYER,
    ...mac,
  ]);
  const sum = checksum(message, pseudoHeaderSum(address, ALL_NODES, PROTOCOL_ICMPV6, message.length));
  new DataView(message.buffer).setUint16(2, sum);
  const header = new Uint8Array(IPV6_HEADER_BYTES);
  header[0] = 0x60;
  header[5] = message.length;
  header[6] = PROTOCOL_ICMPV6;
  header[7] = HOP_LIMIT;
  header.set(ip, 8);
  header.set(addressBytes(ALL_NODES), 24);
  return Uint8Array.from([...MAC_ALL_NODES, ...mac, ...ETHERTYPE_IPV6, ...header, ...message]);
}
