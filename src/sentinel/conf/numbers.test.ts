import { strictInteger } from '../../base/strict-integer.ts';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatMemory, looseInteger, looseUnsigned, parseMemory } from './numbers.ts';

describe('numbers in sentinel.conf', () => {
  it('reads like atoi, but does not wrap', () => {
    const read = ['12abc', '  -7', '+3', '', 'x1', '0x10', '4294967297', `-${'9'.repeat(400)}`].map(
      looseInteger,
    );
    assert.deepEqual(read, [12, -7, 3, 0, 0, 0, 2 ** 31 - 1, -(2 ** 31)]);
  });

  it('reads like strtoull', () => {
    const read = ['18446744073709551615', '18446744073709551616', '-1', '007x', '', '9'.repeat(400)].map(
      looseUnsigned,
    );
    const most = 2n ** 64n - 1n;
    assert.deepEqual(read, [most, most, most, 7n, 0n, most]);
  });

  it('reads general directives strictly', () => {
    const read = ['0', '-5', '12', '+1', '01', '1 ', '0x1', '', '-0', '99999999999999999'].map(strictInteger);
    assert.deepEqual(read, [0, -5, 12, null, null, null, null, null, null, null]);
  });

  it('knows sizes, in thousands and in 1024s', () => {
    assert.deepEqual(['1', '1b', '1k', '1KB', '2m', '2mb', '1G', '1gb'].map(parseMemory), [
      1,
      1,
      1000,
      1024,
      2_000_000,
      2_097_152,
      1e9,
      1024 ** 3,
    ]);
    assert.deepEqual(
      ['', 'mb', '-1', '1tb', '1 mb', '9999999999999999gb'].map(parseMemory),
      Array(6).fill(null),
    );
    assert.deepEqual([0, 1, 1023, 1024, 32 * 1024 ** 2, 1024 ** 3].map(formatMemory), [
      '0',
      '1',
      '1023',
      '1kb',
      '32mb',
      '1gb',
    ]);
  });
});
