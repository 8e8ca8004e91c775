import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { byteString } from '../../base/byte-string.ts';
import { Blocked, blockingRead } from './blocking.ts';

function said(bytes: Uint8Array): string[] {
  return byteString(bytes, 0, bytes.length)
    .split('\r\n')
    .filter((line) => line !== '' && !/^[*$]\d/.test(line));
}

function after(waitedMs: number, ...args: string[]): string[] {
  return said(new Blocked(args[0] as string, args, 1_000).again(1_000 + waitedMs));
}

it('a blocking request that is sent again waits for the rest of its time', () => {
  assert.deepEqual(after(1_200, 'BLPOP', 'a', 'b', '5'), ['BLPOP', 'a', 'b', '3.800']);
  assert.deepEqual(after(250, 'BLMPOP', '0.5', '1', 'a', 'LEFT'), ['BLMPOP', '0.250', '1', 'a', 'LEFT']);
  const read = (ms: string) => ['XREAD', 'COUNT', '1', 'BLOCK', ms, 'STREAMS', 'block', '5-0'];
  assert.deepEqual(after(400, ...read('1000')), read('600'));
  const group = (ms: string) => ['XREADGROUP', 'GROUP', 'block', 'streams', 'block', ms, 'STREAMS', 's', '>'];
  assert.deepEqual(after(400, ...group('1000')), group('600'));
});

it('one that waits for ever goes on to do so, and one whose time is over asks once more', () => {
  assert.deepEqual(after(9_999, 'BLPOP', 'a', '0'), ['BLPOP', 'a', '0']);
  assert.deepEqual(after(9_999, 'BRPOPLPUSH', 'a', 'b', '5'), ['BRPOPLPUSH', 'a', 'b', '0.001']);
  assert.deepEqual(after(9_999, 'MIGRATE', 'h', '1', 'k', '0', '5'), ['MIGRATE', 'h', '1', 'k', '0', '5']);
});

it('a stream read blocks only if it says so before its keys', () => {
  assert.equal(blockingRead(['XREAD', 'STREAMS', 'BLOCK', '5']), null);
  assert.equal(blockingRead(['XREADGROUP', 'GROUP', 'BLOCK', 'c', 'COUNT', '1', 'STREAMS', 's', '>']), null);
  assert.equal(blockingRead(['XREAD', 'BLOCK', '5']), null);
  assert.deepEqual(blockingRead(['xread', 'block', '5', 'streams', 's', '$']), { timeoutAt: 2, keysAt: 4 });
});

describe('what XREAD means by $ and +', () => {
  const args = ['XREAD', 'BLOCK', '0', 'STREAMS', 'a', 'b', 'c', 'd', '$', '7-0', '+', '+'];

  it('is asked once, of the streams that it names so', () => {
    const blocked = new Blocked('XREAD', args, 0);
    assert.deepEqual(
      blocked.questions().map(({ args: [name, key] }) => [name, key]),
      ['a', 'c', 'd'].map((key) => ['XREVRANGE', key]),
    );
  });

  it('is the last entry there; + only where there is none', () => {
    const blocked = new Blocked('XREAD', args, 0);
    const entry = '*1\r\n*2\r\n$12\r\n1700000000-3\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n';
    assert.equal(blocked.isMovable, false);
    for (const [at, { answered }] of blocked.questions().entries()) answered(at === 2 ? '*0\r\n' : entry);
    assert.equal(blocked.isMovable, true);
    assert.deepEqual(said(blocked.again(0)).slice(-4), ['1700000000-3', '7-0', '+', '0-0']);
  });

  it('stays unknown if the server does not tell', () => {
    const blocked = new Blocked('XREAD', args.slice(0, 5).concat('$'), 0);
    blocked.questions()[0]?.answered('-NOPERM no\r\n');
    assert.equal(blocked.isMovable, false);
  });
});
