// Where a socket is bound or a datagram goes, as the kernel's `sockaddr_*` structures.

import { assert } from '../base/assert.ts';
import { addressBytes, familyOf } from './ip-address.ts';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;

/** `sockaddr_in` or `sockaddr_in6`. `linkIndex` is the scope of IPv6 addresses that need one (link-local, multicast). */
export function ipSocketAddress(address: string, port = 0, linkIndex = 0): Buffer {
  const bytes = addressBytes(address);
  if (familyOf(address) === 'ipv4') {
    const result = Buffer.alloc(16);
    result.writeUInt16LE(AF_INET, 0);
    result.writeUInt16BE(port, 2);
    result.set(bytes, 4);
    return result;
  }
  const result = Buffer.alloc(28);
  result.writeUInt16LE(AF_INET6, 0);
  result.writeUInt16BE(port, 2);
  result.set(bytes, 8);
  // fe80::/10 and multicast within a link; the kernel ignores a scope elsewhere.
  const isLinkLocal = bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
  if (isLinkLocal || bytes[0] === 0xff) result.writeUInt32LE(linkIndex, 24);
  return result;
}

/** `sockaddr_ll` of a whole frame, whose own header says the rest. */
export function linkSocketAddress(linkIndex: number): Buffer {
  const result = Buffer.alloc(20);
  result.writeUInt16LE(AF_PACKET, 0);
  result.writeInt32LE(linkIndex, 4);
  return result;
}

/** `sockaddr_nl` of this process, subscribed to a mask of groups; the kernel picks the port. */
export function netlinkSocketAddress(groups = 0): Buffer {
  const result = Buffer.alloc(12);
  result.writeUInt16LE(AF_NETLINK, 0);
  result.writeUInt32LE(groups, 8);
  return result;
}

/** Longest name of a unix socket. */
export const UNIX_PATH_BYTES_MAX = 107;

/** `sockaddr_un`; a path that begins with `@` is in the abstract namespace. The caller has checked its length. */
export function unixSocketAddress(path: string): Buffer {
  const bytes = Buffer.from(path);
  assert(bytes.length > 0 && bytes.length <= UNIX_PATH_BYTES_MAX, `unusable socket path: ${path}`);
  const isAbstract = path.startsWith('@');
  if (isAbstract) bytes[0] = 0;
  const result = Buffer.alloc(2 + bytes.length + (isAbstract ? 0 : 1));
  result.writeUInt16LE(AF_UNIX, 0);
  result.set(bytes, 2);
  return result;
}
