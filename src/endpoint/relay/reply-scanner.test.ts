import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../../base/byte-string.ts';
import { GARBAGE, PARTIAL, ReplyScanner } from './reply-scanner.ts';

const line = fc.constantFrom('+OK', '-ERR no', ':-12', '_', '#t', ',3.5', '(123456789012345678901', ':0');
const bulk = fc
  .tuple(fc.constantFrom('$', '=', '!'), fc.string({ unit: 'binary-ascii', maxLength: 40 }))
  .map(([type, text]) => `${type}${text.length}\r\n${text}\r\n`);
const { reply } = fc.letrec<{ reply: string }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 4 },
    line.map((text) => `${text}\r\n`),
    bulk,
    fc.constantFrom('$-1\r\n', '*-1\r\n'),
    fc
      .tuple(fc.constantFrom('*', '~', '>'), fc.array(tie('reply'), { maxLength: 4 }))
      .map(([type, items]) => `${type}${items.length}\r\n${items.join('')}`),
    fc
      .array(fc.tuple(tie('reply'), tie('reply')), { maxLength: 3 })
      .map((pairs) => `%${pairs.length}\r\n${pairs.flat().join('')}`),
    fc
      .tuple(fc.array(fc.tuple(tie('reply'), tie('reply')), { maxLength: 2 }), tie('reply'))
      .map(([pairs, value]) => `|${pairs.length}\r\n${pairs.flat().join('')}${value}`),
  ),
}));

describe('ReplyScanner', () => {
  it('finds the end of each reply, RESP2 or RESP3, for any split of the stream', () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 6 }), fc.infiniteStream(fc.nat(15)), (replies, cuts) => {
        const whole = bytesOf(replies.join(''));
        const scanner = new ReplyScanner();
        const lengths: number[] = [];
        let [at, begun] = [0, 0];
        while (at < whole.length) {
          const end = Math.min(whole.length, at + 1 + (cuts.next().value as number));
          while (at < end) {
            const stop = scanner.next(whole, at, end);
            assert.notEqual(stop, GARBAGE);
            if (stop === PARTIAL) {
              at = end;
            } else {
              lengths.push(stop - begun);
              at = stop;
              begun = stop;
            }
          }
        }
        assert.deepEqual(
          lengths,
          replies.map((text) => text.length),
        );
      }),
    );
  });

  it('says what a reply is, and not what precedes it', () => {
    const scanner = new ReplyScanner();
    const text = bytesOf('|1\r\n+ttl\r\n:3\r\n>2\r\n+a\r\n+b\r\n');
    assert.equal(scanner.next(text, 0, text.length), text.length);
    assert.equal(String.fromCharCode(scanner.type), '>');
  });

  it('guesses by its beginning how long a reply will be', () => {
    const elements = (count: number, text: string): string => `$${text.length}\r\n${text}\r\n`.repeat(count);
    for (const [beginning, expected] of [
      ['$5000000\r\nxxxx', 5_000_012],
      [`*1000\r\n${elements(10, 'x'.repeat(100))}`, 108_000],
      ['*1000\r\n$100000\r\nxxxx', 100_000_000],
      [`%1000\r\n${elements(10, 'x'.repeat(100))}`, 216_000],
      [`*2\r\n$1\r\n0\r\n*1000000\r\n${elements(10, 'x')}`, 3_000_000],
    ] as const) {
      const scanner = new ReplyScanner();
      const bytes = bytesOf(beginning);
      assert.equal(scanner.next(bytes, 0, bytes.length), PARTIAL);
      const guessed = scanner.expectedBytes(bytes, 0, bytes.length);
      assert.ok(
        guessed > 0.8 * expected && guessed < 1.2 * expected,
        `${beginning.slice(0, 20)}: ${guessed}`,
      );
    }
  });

  it('takes no garbage', () => {
    for (const garbage of [
      'HTTP/1.1 400',
      '$x\r\n',
      '*1000000000000000\r\n',
      '$\r\n',
      '$?\r\n',
      '$-2\r\n',
      '*-7\r\n',
      '$-0\r\n',
    ]) {
      const bytes = bytesOf(garbage);
      assert.equal(new ReplyScanner().next(bytes, 0, bytes.length), GARBAGE, garbage);
    }
  });
});
