// Ranges of IP addresses, as conditions name them.

/** Addresses whose first `bits` bits are those of `address`. */
export interface AddressRange {
  readonly address: string;
  readonly bits: number;
}

const IPV4_BITS = 32;
const IPV6_BITS = 128;
const GROUPS = 8;

/** Whether an address is in one of `ranges`; what is none (a client of a unix socket has `''`) is in no range. */
export function inRanges(ranges: readonly AddressRange[]): (address: string) => boolean {
  const tests = ranges.map(({ address, bits }) => {
    const start = parse(address);
    if (start === null) return () => false;
    const shift = BigInt(start.width - bits);
    const prefix = start.value >> shift;
    return (one: Parsed): boolean => one.width === start.width && one.value >> shift === prefix;
  });
  return (address) => {
    const parsed = parse(address);
    return parsed !== null && tests.some((test) => test(parsed));
  };
}

interface Parsed {
  readonly value: bigint;
  readonly width: typeof IPV4_BITS | typeof IPV6_BITS;
}

/** null: it is no address. */
function parse(text: string): Parsed | null {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== null) return { value: ipv4, width: IPV4_BITS };
  const ipv6 = parseIpv6(text);
  return ipv6 === null ? null : { value: ipv6, width: IPV6_BITS };
}

function parseIpv4(text: string): bigint | null {
  if (!/^(?:\d{1,3}\.){3}\d{1,3}$/.test(text)) return null;
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) return null;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | null {
  const [head = '', tail, ...more] = text.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  if (before === null || after === null || more.length > 0) return null;
  const missing = GROUPS - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...before, ...Array.from({ length: missing }, () => 0), ...after];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** The last two may be written as an IPv4 address; null: they are no groups. */
function groupsOf(text: string): readonly number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const last = parseIpv4(parts.at(-1) ?? '');
  const hex = last === null ? parts : parts.slice(0, -1);
  if (hex.some((part) => !/^[\da-f]{1,4}$/i.test(part))) return null;
  const groups = hex.map((part) => Number.parseInt(part, 16));
  return last === null ? groups : [...groups, Number(last >> 16n), Number(last & 0xffffn)];
}
