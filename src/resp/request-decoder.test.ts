import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../base/byte-string.ts';
import type { Problem } from '../base/result.ts';
import { encodeCommand } from './encode.ts';
import { REQUEST_LIMITS, RequestDecoder } from './request-decoder.ts';

const byteText = fc.uint8Array({ maxLength: 30 }).map((bytes) => String.fromCharCode(...bytes));

/** All requests of `chunks`; a problem (its sentence) is the last, and once there it stays. */
function drain(decoder: RequestDecoder, chunks: readonly Uint8Array[]): (string[] | string)[] {
  const seen: (string[] | string)[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let next = decoder.next(); next !== null; next = decoder.next()) {
      if (!Array.isArray(next)) {
        assert.equal(next.code, 'protocol-error');
        assert.equal(decoder.next(), next);
        return [...seen, next.sentence];
      }
      seen.push(next);
    }
  }
  assert.equal(decoder.pendingBytes, 0);
  return seen;
}

function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  chunks.push(bytes.subarray(at));
  return chunks;
}

/** Both whole and byte by byte, which must agree. */
function decode(wire: string, isUnauthenticated = false): (string[] | string)[] {
  const results = [[bytesOf(wire)], [...bytesOf(wire)].map((byte) => Uint8Array.of(byte))].map((chunks) => {
    const decoder = new RequestDecoder();
    decoder.isUnauthenticated = isUnauthenticated;
    return drain(decoder, chunks);
  });
  assert.deepEqual(results[0], results[1]);
  return results[0] as (string[] | string)[];
}

describe('RequestDecoder', () => {
  const valid: readonly (readonly [why: string, wire: string, ...requests: string[][]])[] = [
    ['an array of bulk strings', '*2\r\n$4\r\nPING\r\n$3\r\na\r\n\r\n', ['PING', 'a\r\n']],
    ['several in one chunk', '*1\r\n$4\r\nPING\r\n*1\r\n$0\r\n\r\nPING\r\n', ['PING'], [''], ['PING']],
    ['an inline request', 'PING\r\nSENTINEL masters\n', ['PING'], ['SENTINEL', 'masters']],
    ['quotes in an inline request', String.raw`SET "a\x00\n" 'b c'` + '\r\n', ['SET', 'a\0\n', 'b c']],
    ['nothing of blank lines and empty arrays', '\r\n\n  \r\n*0\r\n*-1\r\n*-7\r\nPING\r\n', ['PING']],
    ['an HTTP request as words, for the listener to judge', 'POST / HTTP/1.1\r\n', ['POST', '/', 'HTTP/1.1']],
  ];
  for (const [why, wire, ...requests] of valid) {
    it(`reads ${why} (sentinel.md §1.1)`, () => assert.deepEqual(decode(wire), requests));
  }

  const broken: readonly (readonly [wire: string, problem: string])[] = [
    ['GET "a\r\n', 'unbalanced quotes in request'],
    ["GET 'a'b\r\n", 'unbalanced quotes in request'],
    ['*a\r\n', 'invalid multibulk length'],
    ['*\r\n', 'invalid multibulk length'],
    ['*1\n', 'invalid multibulk length'],
    ['*1048577\r\n', 'invalid multibulk length'],
    ['*99999999999999999999\r\n', 'invalid multibulk length'],
    ['*1\r\n:4\r\n', "expected '$', got ':'"],
    ['*2\r\n$1\r\na\r\nb\r\n', "expected '$', got 'b'"],
    ['*1\r\n$-1\r\n', 'invalid bulk length'],
    ['*1\r\n$x\r\n', 'invalid bulk length'],
    ['*1\r\n$536870912\r\n', 'invalid bulk length'],
    ['x'.repeat(70_000), 'too big inline request'],
    [`*${'1'.repeat(70_000)}`, 'too big mbulk count string'],
    [`*1\r\n$${'1'.repeat(70_000)}`, 'too big bulk count string'],
  ];
  for (const [wire, problem] of broken) {
    it(`answers ${JSON.stringify(wire.slice(0, 24))} with "${problem}" and stays broken (sentinel.md §1.1)`, () => {
      assert.deepEqual(decode(`PING\r\n${wire}`), [['PING'], `Protocol error: ${problem}`]);
    });
  }

  it('holds who has not authenticated to 10 arguments of 16384 bytes (sentinel.md §1.1)', () => {
    const words = (count: number) => encodeCommand(Array.from({ length: count }, () => 'w'));
    const long = (length: number) => encodeCommand(['AUTH', 'x'.repeat(length)]);
    assert.equal(decode(words(10), true)[0]?.length, 10);
    assert.deepEqual(decode(words(11), true), ['Protocol error: unauthenticated multibulk length']);
    assert.equal(decode(long(16_384), true)[0]?.length, 2);
    assert.deepEqual(decode(long(16_385), true), ['Protocol error: unauthenticated bulk length']);
    assert.equal(decode(words(11) + long(16_385)).length, 2);
  });

  it('applies a changed authentication to what was already received', () => {
    const decoder = new RequestDecoder();
    decoder.isUnauthenticated = true;
    decoder.push(bytesOf(encodeCommand(['AUTH', 'secret']) + encodeCommand(['SET', 'x'.repeat(20_000)])));
    assert.deepEqual(decoder.next(), ['AUTH', 'secret']);
    decoder.isUnauthenticated = false;
    assert.equal((decoder.next() as string[]).length, 2);
  });

  it('decodes one request a call and leaves the rest', () => {
    const decoder = new RequestDecoder();
    decoder.push(bytesOf('PING\r\nINFO\r\n'));
    decoder.push(bytesOf('HELLO\r\n'));
    assert.deepEqual(decoder.next(), ['PING']);
    assert.equal(decoder.pendingBytes, 13);
    assert.deepEqual(decoder.next(), ['INFO']);
    assert.deepEqual(decoder.next(), ['HELLO']);
    assert.equal(decoder.next(), null);
  });

  it('counts what it has of a request that is not whole', () => {
    const decoder = new RequestDecoder();
    const unfinished = '*3\r\n$4\r\nECHO\r\n$5\r\nhello\r\n$9\r\nwor';
    for (const piece of [unfinished.slice(0, 20), unfinished.slice(20)]) {
      decoder.push(bytesOf(piece));
      assert.equal(decoder.next(), null);
    }
    assert.ok(Math.abs(decoder.heldBytes - unfinished.length) < 8, `${decoder.heldBytes}`);
    decoder.push(bytesOf('ld1234\r\n'));
    assert.equal((decoder.next() as string[]).length, 3);
    assert.equal(decoder.heldBytes, 0);
  });

  it('limits the bytes of a whole request', () => {
    const decoder = new RequestDecoder({ ...REQUEST_LIMITS, requestBytesMax: 1000 });
    const argument = `$100\r\n${'x'.repeat(100)}\r\n`;
    let next: string[] | Problem | null = null;
    decoder.push(bytesOf('*1000\r\n'));
    let sent = 0;
    for (; next === null && sent < 20; sent++) {
      decoder.push(bytesOf(argument));
      next = decoder.next();
    }
    assert.equal(sent, 10);
    assert.ok(next !== null && 'code' in next);
  });

  it('gives back the commands that were encoded, however the bytes are cut', () => {
    const commands = fc.array(fc.array(byteText, { minLength: 1, maxLength: 6 }), { maxLength: 6 });
    fc.assert(
      fc.property(commands, fc.array(fc.nat(25)), (sent, lengths) => {
        const bytes = bytesOf(sent.map(encodeCommand).join(''));
        assert.deepEqual(drain(new RequestDecoder(), cut(bytes, lengths)), sent);
        assert.deepEqual(drain(new RequestDecoder(), [bytes]), sent);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws on arbitrary or damaged bytes, and sees the same however they are cut', () => {
    const alphabet = fc.constantFrom(...bytesOf('**$$\r\n\r\n\r\n0123456789-ab "\'\\x'));
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(alphabet, { maxLength: 200 }).map((list) => Uint8Array.from(list)),
      fc
        .tuple(fc.array(fc.array(byteText, { minLength: 1 }), { minLength: 1 }), fc.nat(), fc.nat(255))
        .map(([commands, at, byte]) => {
          const bytes = bytesOf(commands.map(encodeCommand).join(''));
          bytes[at % bytes.length] = byte;
          return bytes;
        }),
    );
    fc.assert(
      fc.property(noise, fc.array(fc.nat(9)), fc.boolean(), (bytes, lengths, isUnauthenticated) => {
        const [whole, pieces] = [[bytes], cut(bytes, lengths)].map((chunks) => {
          const decoder = new RequestDecoder();
          decoder.isUnauthenticated = isUnauthenticated;
          return drain(decoder, chunks);
        });
        assert.deepEqual(pieces, whole);
      }),
      { numRuns: 2000 },
    );
  });
});
