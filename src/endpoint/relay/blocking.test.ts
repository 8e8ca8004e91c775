import assert from 'node:assert/strict';
import { it } from 'node:test';
import { byteString, bytesOf } from '../../base/byte-string.ts';
import { encodeCommand } from '../../resp/encode.ts';
import { withRestOfPatience } from './blocking.ts';

function after(waitedMs: number, ...args: string[]): string[] {
  const bytes = withRestOfPatience(args[0] as string, bytesOf(encodeCommand(args)), waitedMs);
  return byteString(bytes, 0, bytes.length)
    .split('\r\n')
    .filter((line) => line !== '' && !/^[*$]\d/.test(line));
}

it('a blocking request that is sent again waits for the rest of its time', () => {
  assert.deepEqual(after(1_200, 'BLPOP', 'a', 'b', '5'), ['BLPOP', 'a', 'b', '3.800']);
  assert.deepEqual(after(250, 'BLMPOP', '0.5', '1', 'a', 'LEFT'), ['BLMPOP', '0.250', '1', 'a', 'LEFT']);
  assert.deepEqual(after(400, 'XREAD', 'BLOCK', '1000', 'STREAMS', 's', '$'), [
    'XREAD',
    'BLOCK',
    '600',
    'STREAMS',
    's',
    '$',
  ]);
});

it('one that waits for ever goes on to do so, and one whose time is over asks once more', () => {
  assert.deepEqual(after(9_999, 'BLPOP', 'a', '0'), ['BLPOP', 'a', '0']);
  assert.deepEqual(after(9_999, 'BRPOPLPUSH', 'a', 'b', '5'), ['BRPOPLPUSH', 'a', 'b', '0.001']);
  assert.deepEqual(after(9_999, 'MIGRATE', 'h', '1', 'k', '0', '5'), ['MIGRATE', 'h', '1', 'k', '0', '5']);
});
