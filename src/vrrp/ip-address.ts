// IP addresses as text and as bytes. Text is canonical: IPv6 as RFC 5952 writes it, so equal addresses are equal text.

import { assert } from '../base/assert.ts';

export type Family = 'ipv4' | 'ipv6';

/** The bytes of an address in any usual notation, 4 or 16 of them; null if it is none. No zone, no prefix length. */
export function parseAddress(text: string): Uint8Array | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    bytes[index] = Number(part);
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split('::');
  // An IPv4 address may only stand at the very end.
  if (halves.length > 2 || (halves.length === 2 && halves[0]?.includes('.') === true)) return null;
  const groups = halves.map((half) => (half === '' ? [] : groupsOf(half)));
  const [before, after = []] = groups;
  if (before === undefined || before === null || after === null) return null;
  const missing = 8 - before.length - after.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const all = [...before, ...Array.from({ length: missing }, () => 0), ...after];
  const bytes = new Uint8Array(16);
  for (const [index, group] of all.entries()) {
    bytes[2 * index] = group >> 8;
    bytes[2 * index + 1] = group & 0xff;
  }
  return bytes;
}

/** The 16-bit groups of one side of `::`; the last may be an IPv4 address and then counts for two. */
function groupsOf(half: string): number[] | null {
  const parts = half.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const tail = index === parts.length - 1 ? parseIpv4(part) : null;
      if (tail === null) return null;
      const [a = 0, b = 0, c = 0, d = 0] = tail;
      groups.push((a << 8) | b, (c << 8) | d);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** Canonical text of 4 or 16 bytes (RFC 5952 §4). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  assert(bytes.length === 16, 'an address has 4 or 16 bytes');
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0),
  );
  const { start, length } = longestZeros(groups);
  const hex = (some: readonly number[]): string => some.map((group) => group.toString(16)).join(':');
  // A single zero group is not shortened.
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}

/** The bytes of an address that was checked when it came in. */
export function addressBytes(text: string): Uint8Array {
  const bytes = parseAddress(text);
  assert(bytes !== null, `${text} is an address`);
  return bytes;
}

export function familyOf(text: string): Family {
  return text.includes(':') ? 'ipv6' : 'ipv4';
}

/** An IPv6 address of fe80::/10. */
export function isLinkLocal(text: string): boolean {
  return /^fe[89ab][0-9a-f]:/.test(text);
}

/** 224.0.0.0/4 and ff00::/8. */
export function isMulticast(text: string): boolean {
  const first = addressBytes(text)[0] ?? 0;
  return familyOf(text) === 'ipv4' ? first >= 224 && first < 240 : first === 0xff;
}

/** As unsigned numbers in network order, as the tie between equal priorities asks (RFC 9568 §6.4.3): < 0, 0 or > 0. */
export function compareAddresses(a: string, b: string): number {
  const left = addressBytes(a);
  const right = addressBytes(b);
  assert(left.length === right.length, 'addresses of one family are compared');
  for (const [index, byte] of left.entries()) {
    const difference = byte - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
