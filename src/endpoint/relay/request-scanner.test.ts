import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../../base/byte-string.ts';
import { encodeCommand } from '../../resp/encode.ts';
import { RequestScanner, argumentsOf } from './request-scanner.ts';

/** What one scan of `text` finds. */
function scan(text: string): string {
  const scanner = new RequestScanner();
  const bytes = bytesOf(text);
  const found = scanner.scan(bytes, 0, bytes.length);
  return found === 'bad'
    ? `bad: ${scanner.problem}`
    : found === 'partial'
      ? found
      : `${found} ${scanner.end}`;
}

const arbitraryRequest = fc.array(fc.string({ unit: 'binary', maxLength: 30 }).map(latin1), {
  minLength: 1,
  maxLength: 6,
});

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

describe('RequestScanner', () => {
  it('finds the same requests for any split of the stream, and where their names lie', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryRequest, { maxLength: 8 }),
        fc.infiniteStream(fc.nat(20)),
        (requests, cuts) => {
          const whole = bytesOf(requests.map(encodeCommand).join(''));
          const scanner = new RequestScanner();
          const found: string[][] = [];
          let [start, end] = [0, 0];
          for (;;) {
            const scanned = end > start ? scanner.scan(whole, start, end) : 'partial';
            if (scanned === 'whole') {
              const args = argumentsOf(whole, start);
              assert.deepEqual(argumentsOf(whole, start, 2), args.slice(0, 2));
              const name = Buffer.from(whole.subarray(scanner.nameStart, scanner.nameEnd)).toString('latin1');
              assert.equal(name, args[0]);
              found.push(args);
              start = scanner.end;
            } else {
              assert.equal(scanned, 'partial');
              if (end === whole.length) break;
              end = Math.min(whole.length, end + 1 + (cuts.next().value as number));
            }
          }
          assert.deepEqual(found, requests);
          assert.equal(start, whole.length);
        },
      ),
    );
  });

  it('passes a long request on in parts', () => {
    const whole = bytesOf(encodeCommand(['SET', 'key', 'x'.repeat(5_000), 'EX', '10']));
    const scanner = new RequestScanner();
    let [start, forwarded] = [0, 0];
    for (let end = 100; ; end = Math.min(end + 100, whole.length)) {
      if (scanner.scan(whole, start, end) === 'whole') {
        assert.equal(scanner.end, whole.length);
        break;
      }
      const length = Math.min(scanner.knownBytes, end - start);
      scanner.leaveBehind(length);
      start += length;
      forwarded += length;
    }
    assert.ok(forwarded > 4_000);
  });

  it('reads lines typed by hand, and passes over blank ones and empty arrays', () => {
    const scanner = new RequestScanner();
    const bytes = bytesOf('set "a b" 1\r\n');
    assert.equal(scanner.scan(bytes, 0, bytes.length), 'whole');
    assert.deepEqual(scanner.words, ['set', 'a b', '1']);
    assert.equal(scan('\r\n'), 'blank 2');
    assert.equal(scan('*0\r\n'), 'blank 4');
    assert.equal(scan('*-1\r\n'), 'blank 5');
  });

  it('takes nothing that a server would close the connection for', () => {
    assert.equal(scan('*1x\r\n'), 'bad: invalid multibulk length');
    assert.equal(scan('*01\r\n'), 'bad: invalid multibulk length');
    assert.equal(scan('*99999999999\r\n'), 'bad: invalid multibulk length');
    assert.equal(scan('*1\rx'), 'bad: invalid multibulk length');
    assert.equal(scan('*1\r\n:3\r\n'), "bad: expected '$', got ':'");
    assert.equal(scan('*1\r\n$-1\r\n'), 'bad: invalid bulk length');
    assert.equal(scan('*1\r\n$536870913\r\n'), 'bad: invalid bulk length');
    assert.equal(scan('*1\r\n$+4\r\nPING\r\n'), 'bad: invalid bulk length');
    assert.equal(scan('get "a\r\n'), 'bad: unbalanced quotes in request');
    assert.equal(scan('x'.repeat(70_000)), 'bad: too big inline request');
    assert.equal(scan('*1\r\n$4\r\nPIN'), 'partial');
  });
});
