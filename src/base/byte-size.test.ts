import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseByteSize } from './byte-size.ts';

it('reads sizes in the units of Redis, whatever their case', () => {
  for (const [text, bytes] of [
    ['65536', 65_536],
    ['7B', 7],
    ['1kB', 1_024],
    ['1k', 1_000],
    ['2GB', 2_147_483_648],
    ['1TB', 1_099_511_627_776],
    ['1.5MB', 1_572_864],
    [' 64 mb ', 67_108_864],
    ['0', 0],
  ] as const) {
    assert.equal(parseByteSize(text), bytes, text);
  }
});

it('reads nothing else', () => {
  for (const text of ['', '-1', 'much', '1PB', '1.MB', '1e3', 'MB', '0x10', '9007199254740993', '9999TBB']) {
    assert.equal(parseByteSize(text), null, text);
  }
});
