// The Internet checksum (RFC 1071) and the pseudo-headers it may cover (vrrp.md §1.3).

import { addressBytes } from './ip-address.ts';

/** VRRP's IP protocol number. */
export const PROTOCOL_VRRP = 112;
/** ICMPv6's. */
export const PROTOCOL_ICMPV6 = 58;

/** `sum` and the 16-bit words of `bytes`, neither folded nor inverted. An odd last byte counts as a high one. */
function addWords(sum: number, bytes: Uint8Array): number {
  let total = sum;
  for (let at = 0; at < bytes.length; at += 2) total += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return total;
}

/** The checksum of `message`, whose own checksum field must be zero, with what a pseudo-header sums to. */
export function checksum(message: Uint8Array, pseudoHeader = 0): number {
  let sum = addWords(pseudoHeader, message);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

/** What the pseudo-header of a message of `length` bytes sums to (RFC 5798 §5.2.8, RFC 8200 §8.1). */
export function pseudoHeaderSum(
  source: string,
  destination: string,
  protocol: number,
  length: number,
): number {
  return addWords(addWords(protocol + length, addressBytes(source)), addressBytes(destination));
}
