// Numeric IP addresses as bytes and back. Text is what the rest of Baton, people and `ip` write.

import { isIPv4, isIPv6 } from 'node:net';
import { assert } from '../base/assert.ts';

export type Family = 'ipv4' | 'ipv6';

/** The family of a numeric address. A name or a zone (`fe80::1%eth0`) is a bug of the caller. */
export function familyOf(address: string): Family {
  if (isIPv4(address)) return 'ipv4';
  assert(isIPv6(address) && !address.includes('%'), `not a numeric IP address: ${address}`);
  return 'ipv6';
}

/**
 * Whether an address alone says where it is: no name, no unix socket, no zone, and nothing that needs a zone (`fe80::1` is
 * on every link).
 */
export function isPlainAddress(host: string): boolean {
  if (isIPv4(host)) return true;
  if (!isIPv6(host) || host.includes('%')) return false;
  const [first = 0, second = 0] = addressBytes(host);
  return first !== 0xfe || (second & 0xc0) !== 0x80;
}

/** 4 or 16 bytes, in network order. */
export function addressBytes(address: string): Buffer {
  if (familyOf(address) === 'ipv4') return Buffer.from(address.split('.').map(Number));
  // An IPv4 address may stand for the last two groups.
  const groupsOnly = address.replace(/[\d.]+$/, (tail) =>
    tail.includes('.')
      ? addressBytes(tail)
          .toString('hex')
          .replace(/^(....)/, '$1:')
      : tail,
  );
  const [head = [], tail] = groupsOnly.split('::').map((half) => half.split(':').filter(Boolean));
  const groups = [...head];
  if (tail !== undefined) groups.push(...Array<string>(8 - head.length - tail.length).fill('0'), ...tail);
  const bytes = Buffer.alloc(16);
  groups.forEach((group, index) => bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index));
  return bytes;
}

/** The usual text of 4 or 16 bytes: RFC 5952 for IPv6 (lower case, the longest run of zeros as `::`). */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  assert(bytes.length === 16, `an IP address has 4 or 16 bytes, not ${bytes.length}`);
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  const runs = [
    ...groups
      .map((group) => (group === '0' ? '0' : 'x'))
      .join('')
      .matchAll(/00+/g),
  ];
  const longest = runs.reduce<RegExpMatchArray | undefined>(
    (best, run) => (best === undefined || run[0].length > best[0].length ? run : best),
    undefined,
  );
  if (longest === undefined) return groups.join(':');
  const start = longest.index ?? 0;
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + longest[0].length).join(':')}`;
}
