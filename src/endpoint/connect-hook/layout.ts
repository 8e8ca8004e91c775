// What lies in the two maps that the connect hook's programs and the daemon share.
//
//   endpoints   address and port -> deadline, and the targets that are dealt over a fixed number of slots
//   sockets     cookie of a socket that was led -> the target it was led to, and the address its program asked for
//
// A place is 20 bytes: an address of 16 (IPv4 as ::ffff:a.b.c.d) and the port in network order in a word of its own, both
// just as the kernel hands them to the programs. So IPv4 and IPv6 need one layout, and a dual-stack socket that asks for
// ::ffff:a.b.c.d finds the entry of a.b.c.d.

import { assert } from '../../base/assert.ts';

export const PLACE_BYTES = 20;
/** Of the port within a place. */
export const PLACE_PORT = 16;

/** Divisible by 1 to 6: so many servers of equal weight get equal shares. */
export const SLOTS = 60;

/** Where things are within an endpoint's entry. */
export const ENTRY = { deadline: 0, slots: 8 } as const;
export const ENTRY_BYTES = ENTRY.slots + SLOTS * PLACE_BYTES;

export const COOKIE_BYTES = 8;
/** Where things are within a socket's entry. */
export const SOCKET = { target: 0, endpoint: PLACE_BYTES } as const;
export const SOCKET_BYTES = 2 * PLACE_BYTES;

/** Never reached. */
const DEADLINE_NS_MAX = 0xffff_ffff_ffff_ffffn;

/** The bytes of a place. `address` has 4 or 16 bytes. */
export function encodePlace(address: Uint8Array, port: number): Uint8Array {
  assert(address.length === 4 || address.length === 16, `an address of ${address.length} bytes`);
  assert(Number.isInteger(port) && port > 0 && port < 65_536, `not a port: ${port}`);
  const bytes = new Uint8Array(PLACE_BYTES);
  if (address.length === 4) bytes.set([0xff, 0xff, ...address], 10);
  else bytes.set(address, 0);
  new DataView(bytes.buffer).setUint16(PLACE_PORT, port);
  return bytes;
}

/** Whether a place is one that IPv4 reaches. */
export function isIpv4Place(place: Uint8Array): boolean {
  return place.subarray(0, 12).every((byte, index) => byte === (index < 10 ? 0 : 0xff));
}

/**
 * An endpoint's entry: one place for each slot, and the boot-clock milliseconds after which it leads nowhere (Infinity:
 * never). Without places it leads nowhere at once.
 */
export function encodeEntry(deadlineMs: number, slots: readonly Uint8Array[]): Uint8Array {
  assert(slots.length === 0 || slots.length === SLOTS, `${slots.length} slots`);
  const bytes = new Uint8Array(ENTRY_BYTES);
  const deadlineNs = slots.length === 0 ? 0n : nanoseconds(deadlineMs);
  new DataView(bytes.buffer).setBigUint64(ENTRY.deadline, deadlineNs, true);
  slots.forEach((place, index) => bytes.set(place, ENTRY.slots + index * PLACE_BYTES));
  return bytes;
}

function nanoseconds(milliseconds: number): bigint {
  if (milliseconds <= 0) return 0n;
  return Number.isFinite(milliseconds) ? BigInt(Math.floor(milliseconds * 1_000_000)) : DEADLINE_NS_MAX;
}
