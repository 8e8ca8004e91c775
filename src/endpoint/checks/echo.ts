// Echo requests and replies of ICMP (RFC 792) and ICMPv6 (RFC 4443 §4), without the IP header.

import { assert } from '../../base/assert.ts';

const TYPES = { ipv4: { request: 8, reply: 0 }, ipv6: { request: 128, reply: 129 } } as const;
const HEADER_BYTES = 8;

export type EchoFamily = keyof typeof TYPES;

/** `id` and `sequence` are 16 bits. `data` comes back as it is. The checksum of ICMPv6 is the kernel's business. */
export function echoRequest(
  family: EchoFamily,
  id: number,
  sequence: number,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  assert(id >= 0 && id <= 0xffff && sequence >= 0 && sequence <= 0xffff, 'id and sequence have 16 bits');
  const bytes = new Uint8Array(HEADER_BYTES + data.length);
  bytes[0] = TYPES[family].request;
  bytes[4] = id >> 8;
  bytes[5] = id & 0xff;
  bytes[6] = sequence >> 8;
  bytes[7] = sequence & 0xff;
  bytes.set(data, HEADER_BYTES);
  if (family === 'ipv4') {
    const sum = internetChecksum(bytes);
    bytes[2] = sum >> 8;
    bytes[3] = sum & 0xff;
  }
  return bytes;
}

/** Whether `bytes` answer a request with this sequence number and data. The id is the kernel's for unprivileged sockets. */
export function isEchoReply(
  family: EchoFamily,
  bytes: Uint8Array,
  sequence: number,
  data: Uint8Array,
): boolean {
  return (
    bytes.length === HEADER_BYTES + data.length &&
    bytes[0] === TYPES[family].reply &&
    bytes[6] === sequence >> 8 &&
    bytes[7] === (sequence & 0xff) &&
    data.every((byte, index) => bytes[HEADER_BYTES + index] === byte)
  );
}

/** RFC 1071; over bytes whose own checksum is zero. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
