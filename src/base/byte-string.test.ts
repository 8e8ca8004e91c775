import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { byteString, bytesOf, plainByteString } from './byte-string.ts';

it('gives each byte as one character, at any length and offset, with Buffer and without', () => {
  const all = Uint8Array.from({ length: 10_000 }, (_, index) => index & 255);
  for (const length of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 4096, 4097, 9000]) {
    for (const start of [0, 1, 250]) {
      const expected = Array.from(all.subarray(start, start + length), (byte) =>
        String.fromCharCode(byte),
      ).join('');
      assert.equal(byteString(all, start, start + length), expected);
      assert.equal(plainByteString(all, start, start + length), expected);
    }
  }
});

it('is undone by bytesOf', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(new Uint8Array(bytesOf(byteString(bytes, 0, bytes.length))), new Uint8Array(bytes));
    }),
  );
});
