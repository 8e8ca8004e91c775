import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ENTRY_BYTES, SLOTS, encodeEntry, encodePlace, isIpv4Place } from './layout.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

it('writes IPv4 as ::ffff:a.b.c.d, and the port in network order', () => {
  const ipv4 = encodePlace(Uint8Array.of(10, 0, 0, 1), 6379);
  assert.equal(hex(ipv4), `${'00'.repeat(10)}ffff0a00000118eb0000`);
  const ipv6 = encodePlace(Uint8Array.of(0xfd, ...Array<number>(14).fill(0), 9), 80);
  assert.equal(hex(ipv6), `fd${'00'.repeat(14)}0900500000`);
  assert.deepEqual([ipv4, ipv6].map(isIpv4Place), [true, false]);
});

it('writes an entry: the deadline in nanoseconds, then a place for each slot', () => {
  const place = encodePlace(Uint8Array.of(10, 0, 0, 1), 6379);
  const entry = encodeEntry(1.5, Array<Uint8Array>(SLOTS).fill(place));
  assert.equal(entry.length, ENTRY_BYTES);
  assert.equal(hex(entry.subarray(0, 8)), '60e3160000000000');
  assert.equal(hex(entry.subarray(8)), hex(place).repeat(SLOTS));
});

it('lets no deadline pass by its size, and none but the past where there is nobody to lead to', () => {
  const slots = Array<Uint8Array>(SLOTS).fill(encodePlace(Uint8Array.of(1, 1, 1, 1), 1));
  assert.equal(hex(encodeEntry(Infinity, slots).subarray(0, 8)), 'ff'.repeat(8));
  assert.equal(hex(encodeEntry(-1, slots)).slice(0, 16), '00'.repeat(8));
  assert.equal(hex(encodeEntry(Infinity, [])), '00'.repeat(ENTRY_BYTES));
});
