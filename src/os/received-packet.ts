// What a raw socket hands over, taken apart: IPv4 packets come with their header, IPv6 ones without and with control
// messages beside them.

import { addressText } from './ip-address.ts';

/** One packet of our protocol. */
export interface ReceivedPacket {
  readonly source: string;
  readonly destination: string;
  /** TTL or hop limit it arrived with. */
  readonly hops: number;
  /** What the IP packet carried; for IPv4 exactly as long as its header says. A copy, the receiver's to keep. */
  readonly bytes: Uint8Array;
}

/** Of an IPv4 packet with its header; null if it is shorter than its header claims (the kernel lets none through). */
export function parseIpv4Packet(packet: Buffer): ReceivedPacket | null {
  if (packet.length < 20) return null;
  const headerBytes = 4 * ((packet[0] ?? 0) & 0x0f);
  const totalBytes = packet.readUInt16BE(2);
  if (headerBytes < 20 || totalBytes < headerBytes || packet.length < totalBytes) return null;
  return {
    source: addressText(packet.subarray(12, 16)),
    destination: addressText(packet.subarray(16, 20)),
    hops: packet.readUInt8(8),
    bytes: Uint8Array.from(packet.subarray(headerBytes, totalBytes)),
  };
}

const IPPROTO_IPV6 = 41;
const IPV6_PKTINFO = 50;
const IPV6_HOPLIMIT = 52;
/** `cmsghdr`: length (with this header), level, type; data and the next header begin at multiples of 8. */
const CONTROL_HEADER_BYTES = 16;

/** Destination and hop limit out of `recvmsg`'s control messages; null unless both are there. */
export function parseIpv6Control(control: Buffer): { destination: string; hops: number } | null {
  let destination: string | undefined;
  let hops: number | undefined;
  for (let at = 0; at + CONTROL_HEADER_BYTES <= control.length;) {
    const byteCount = Number(control.readBigUInt64LE(at));
    if (byteCount < CONTROL_HEADER_BYTES || at + byteCount > control.length) return null;
    const data = control.subarray(at + CONTROL_HEADER_BYTES, at + byteCount);
    if (control.readInt32LE(at + 8) === IPPROTO_IPV6) {
      const type = control.readInt32LE(at + 12);
      if (type === IPV6_PKTINFO && data.length >= 16) destination = addressText(data.subarray(0, 16));
      if (type === IPV6_HOPLIMIT && data.length >= 4) hops = data.readInt32LE(0);
    }
    at += Math.ceil(byteCount / 8) * 8;
  }
  return destination === undefined || hops === undefined ? null : { destination, hops };
}
