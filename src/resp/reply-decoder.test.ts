import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../base/byte-string.ts';
import type { Problem } from '../base/result.ts';
import { encodeReply } from './encode.ts';
import { REPLY_LIMITS, ReplyDecoder, type ReplyLimits } from './reply-decoder.ts';
import type { Protocol, Reply } from './reply.ts';

const byteText = fc.uint8Array({ maxLength: 30 }).map((bytes) => String.fromCharCode(...bytes));
const lineText = byteText.map((text) => text.replace(/[\r\n]/g, ' '));

/** With the prototype that the decoder's objects have. */
const record = <Model extends object>(model: { [Key in keyof Model]: fc.Arbitrary<Model[Key]> }) =>
  fc.record(model, { noNullPrototype: true });

const { reply: anyReply } = fc.letrec<{ reply: Reply }>((tie) => {
  const items = fc.array(tie('reply'), { maxLength: 5 });
  return {
    reply: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      record({ kind: fc.constant('bulk' as const), value: byteText }),
      record({ kind: fc.constantFrom('simple' as const, 'error' as const), text: lineText }),
      record({ kind: fc.constant('simple' as const), text: fc.constant('OK') }),
      record({ kind: fc.constant('integer' as const), value: integerValue() }),
      fc.constantFrom<Reply>({ kind: 'null' }, { kind: 'null-array' }),
      record({ kind: fc.constant('double' as const), value: fc.double() }),
      record({ kind: fc.constant('boolean' as const), value: fc.boolean() }),
      record({ kind: fc.constant('big-number' as const), value: fc.bigInt() }),
      record({
        kind: fc.constant('verbatim' as const),
        format: fc.constantFrom('txt', 'mkd'),
        value: byteText,
      }),
      record({ kind: fc.constantFrom('array' as const, 'set' as const, 'push' as const), items }),
      record({
        kind: fc.constant('map' as const),
        entries: fc.array(fc.tuple(tie('reply'), tie('reply')), { maxLength: 4 }),
      }),
    ),
  };
});

function integerValue(): fc.Arbitrary<number | bigint> {
  return fc
    .oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer().map(BigInt))
    .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
}

/** What of `reply` is left when it went through `protocol`. */
function seenThrough(protocol: Protocol, reply: Reply): Reply {
  const through = (inner: Reply): Reply => seenThrough(protocol, inner);
  const text = (value: string): Reply => ({ kind: 'bulk', value });
  switch (reply.kind) {
    case 'array':
      return { kind: 'array', items: reply.items.map(through) };
    case 'set':
    case 'push':
      return { kind: protocol === 3 ? reply.kind : 'array', items: reply.items.map(through) };
    case 'map': {
      const entries = reply.entries.map(([key, value]) => [through(key), through(value)] as const);
      return protocol === 3 ? { kind: 'map', entries } : { kind: 'array', items: entries.flat() };
    }
    case 'null-array':
      return protocol === 3 ? { kind: 'null' } : reply;
    case 'boolean':
      return protocol === 3 ? reply : { kind: 'integer', value: reply.value ? 1 : 0 };
    case 'double':
      if (protocol === 3) return reply;
      if (Object.is(reply.value, -0)) return text('-0');
      return text(String(reply.value).replace('Infinity', 'inf').replace('NaN', 'nan'));
    case 'big-number':
      return protocol === 3 ? reply : text(String(reply.value));
    case 'verbatim':
      return protocol === 3 ? reply : text(reply.value);
    default:
      return reply;
  }
}

/** All replies of `chunks`; a problem is the last, and once there it stays. */
function drain<Bulk>(decoder: ReplyDecoder<Bulk>, chunks: readonly Uint8Array[]): (Reply<Bulk> | Problem)[] {
  const seen: (Reply<Bulk> | Problem)[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let next = decoder.next(); next !== null; next = decoder.next()) {
      seen.push(next);
      if ('code' in next) {
        assert.equal(decoder.next(), next);
        return seen;
      }
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

const limited = (limits: Partial<ReplyLimits>) => ReplyDecoder.ofText({ ...REPLY_LIMITS, ...limits });
const decode = (text: string) => drain(ReplyDecoder.ofText(), [bytesOf(text)]);
const text = (value: string): Reply => ({ kind: 'bulk', value });

describe('ReplyDecoder', () => {
  const valid: readonly (readonly [wire: string, ...replies: Reply[]])[] = [
    [
      '+OK\r\n+OKAY\r\n+\r\n',
      { kind: 'simple', text: 'OK' },
      { kind: 'simple', text: 'OKAY' },
      { kind: 'simple', text: '' },
    ],
    ['-ERR no\r\n', { kind: 'error', text: 'ERR no' }],
    ['!6\r\nE \r\nab\r\n', { kind: 'error', text: 'E \r\nab' }],
    [
      ':0\r\n:255\r\n:256\r\n',
      { kind: 'integer', value: 0 },
      { kind: 'integer', value: 255 },
      { kind: 'integer', value: 256 },
    ],
    [
      ':-1\r\n:+7\r\n:-0\r\n',
      { kind: 'integer', value: -1 },
      { kind: 'integer', value: 7 },
      { kind: 'integer', value: 0 },
    ],
    [':9007199254740991\r\n', { kind: 'integer', value: Number.MAX_SAFE_INTEGER }],
    [':-9223372036854775808\r\n', { kind: 'integer', value: -(2n ** 63n) }],
    ['$0\r\n\r\n$5\r\na\r\nb\0\r\n', text(''), text('a\r\nb\0')],
    ['$-1\r\n*-1\r\n_\r\n', { kind: 'null' }, { kind: 'null-array' }, { kind: 'null' }],
    ['*0\r\n', { kind: 'array', items: [] }],
    [
      '*2\r\n*1\r\n$1\r\na\r\n*0\r\n',
      {
        kind: 'array',
        items: [
          { kind: 'array', items: [text('a')] },
          { kind: 'array', items: [] },
        ],
      },
    ],
    [
      '%1\r\n$1\r\na\r\n~1\r\n#t\r\n',
      { kind: 'map', entries: [[text('a'), { kind: 'set', items: [{ kind: 'boolean', value: true }] }]] },
    ],
    ['%0\r\n#f\r\n', { kind: 'map', entries: [] }, { kind: 'boolean', value: false }],
    [
      '>2\r\n+message\r\n_\r\n',
      { kind: 'push', items: [{ kind: 'simple', text: 'message' }, { kind: 'null' }] },
    ],
    [
      ',1.5\r\n,-inf\r\n,1e3\r\n',
      { kind: 'double', value: 1.5 },
      { kind: 'double', value: -Infinity },
      { kind: 'double', value: 1000 },
    ],
    ['(-123456789012345678901234567890\r\n', { kind: 'big-number', value: -123456789012345678901234567890n }],
    ['=8\r\ntxt:a\r\nb\r\n', { kind: 'verbatim', format: 'txt', value: 'a\r\nb' }],
    // Attributes: before a reply, before an item, empty, nested.
    ['|1\r\n+k\r\n*1\r\n:1\r\n:5\r\n', { kind: 'integer', value: 5 }],
    [
      '*2\r\n|1\r\n+k\r\n:1\r\n:2\r\n|0\r\n:3\r\n',
      {
        kind: 'array',
        items: [
          { kind: 'integer', value: 2 },
          { kind: 'integer', value: 3 },
        ],
      },
    ],
    ['|1\r\n|1\r\n+a\r\n+b\r\n+c\r\n+d\r\n:1\r\n', { kind: 'integer', value: 1 }],
  ];
  for (const [wire, ...replies] of valid) {
    it(`decodes ${JSON.stringify(wire)}, whole and byte by byte`, () => {
      assert.deepEqual(decode(wire), replies);
      const bytes = [...bytesOf(wire)].map((byte) => Uint8Array.of(byte));
      assert.deepEqual(drain(ReplyDecoder.ofText(), bytes), replies);
    });
  }

  const broken: readonly (readonly [why: string, wire: string, code: string])[] = [
    ['an unknown type', 'HTTP/1.1 400', 'resp-malformed'],
    ['an integer without digits', ':\r\n', 'resp-malformed'],
    ['an integer with letters', ':1a\r\n', 'resp-malformed'],
    ['an integer over 64 bits', ':9223372036854775808\r\n', 'resp-malformed'],
    ['a line that ends without CR', '+OK\n', 'resp-malformed'],
    ['a negative length', '$-2\r\n', 'resp-malformed'],
    ['a map of -1', '%-1\r\n', 'resp-malformed'],
    ['a bulk longer than it says', '$1\r\nab\r\n', 'resp-malformed'],
    ['a null with content', '_x\r\n', 'resp-malformed'],
    ['a boolean that is neither', '#x\r\n', 'resp-malformed'],
    ['a double that is not one', ',1.2.3\r\n', 'resp-malformed'],
    ['a big number that is not one', '(1.5\r\n', 'resp-malformed'],
    ['a verbatim string without format', '=3\r\nabc\r\n', 'resp-malformed'],
    ['a streamed string', '$?\r\n', 'resp-unsupported'],
    ['a streamed array', '*?\r\n', 'resp-unsupported'],
    ['more elements than allowed, when claimed', '*999999999\r\n', 'resp-too-large'],
    ['a bulk over 512 MiB, when claimed', '$536870913\r\n', 'resp-too-large'],
    ['too deep a nesting', '*1\r\n'.repeat(33), 'resp-too-large'],
    ['a line without end', `+${'x'.repeat(70_000)}`, 'resp-too-large'],
  ];
  for (const [why, wire, code] of broken) {
    it(`calls ${why} a problem, after the good replies before it, and stays broken`, () => {
      for (const size of [1, 3, 1000, 100_000]) {
        const bytes = bytesOf(`:1\r\n${wire}\r\n+OK\r\n`);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        const [first, second, ...rest] = drain(ReplyDecoder.ofText(), chunks);
        assert.deepEqual(first, { kind: 'integer', value: 1 });
        assert.ok(second !== undefined && 'code' in second, 'a problem');
        assert.equal(second.code, code);
        assert.deepEqual(rest, []);
      }
    });
  }

  it('limits the bytes of a bulk, of a line, and of a reply, and the elements of a reply', () => {
    const codes = (limits: Partial<ReplyLimits>, wire: string, size = wire.length) => {
      const bytes = bytesOf(wire);
      const lengths = Array.from({ length: Math.ceil(wire.length / size) }, () => size);
      return drain(limited(limits), cut(bytes, lengths)).map((next) =>
        'code' in next ? next.code : next.kind,
      );
    };
    assert.deepEqual(codes({ bulkBytesMax: 3 }, '$3\r\nabc\r\n$4\r\nabcd\r\n'), ['bulk', 'resp-too-large']);
    assert.deepEqual(codes({ lineBytesMax: 5 }, '+abc\r\n+abcd\r\n'), ['simple', 'resp-too-large']);
    assert.deepEqual(codes({ lineBytesMax: 5 }, '+abc\r\n+abcd\r\n', 1), ['simple', 'resp-too-large']);
    assert.deepEqual(codes({ elementsMax: 3 }, '*1\r\n*2\r\n:1\r\n:2\r\n'), ['array']);
    assert.deepEqual(codes({ elementsMax: 3 }, '*1\r\n*3\r\n:1\r\n:2\r\n:3\r\n'), ['resp-too-large']);
    assert.deepEqual(codes({ elementsMax: 3 }, '%2\r\n'), ['resp-too-large']);
    assert.deepEqual(codes({ depthMax: 2 }, '*1\r\n*1\r\n:1\r\n*1\r\n*1\r\n*1\r\n:1\r\n'), [
      'array',
      'resp-too-large',
    ]);
    const items = '*9\r\n'.concat(':1\r\n'.repeat(9));
    assert.deepEqual(codes({ replyBytesMax: 40 }, items.repeat(3), 8), ['array', 'array', 'array']);
    assert.deepEqual(codes({ replyBytesMax: 30 }, items, 8), ['resp-too-large']);
  });

  it('allocates nothing for lengths that are only claimed', () => {
    const before = process.memoryUsage();
    const decoders = Array.from({ length: 200 }, () => {
      const decoder = ReplyDecoder.ofBytes();
      decoder.push(bytesOf('*1000000\r\n$536870912\r\nx'));
      assert.equal(decoder.next(), null);
      return decoder;
    });
    const after = process.memoryUsage();
    assert.equal(decoders.length, 200);
    const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    assert.ok(grown < 200 * 200 * 1024, `grew by ${grown} bytes`);
  });

  it('gives a view of the chunk for a bulk within it, and a copy for one that spans two or is short', () => {
    const decoder = ReplyDecoder.ofBytes();
    const wire = bytesOf(`$40\r\n${'v'.repeat(40)}\r\n$3\r\nabc\r\n$40\r\n${'w'.repeat(40)}\r\n`);
    const seen = drain(decoder, [wire.subarray(0, 70), wire.subarray(70)]);
    const values = seen.map((next) =>
      'kind' in next && next.kind === 'bulk' ? next.value : assert.fail('a bulk'),
    );
    assert.deepEqual(
      values.map((value) => [value.length, value.buffer === wire.buffer]),
      [
        [40, true],
        [3, false],
        [40, false],
      ],
    );
    assert.deepEqual(Buffer.from(values[2] as Uint8Array).toString(), 'w'.repeat(40));
  });

  it('keeps what it returned intact while it goes on', () => {
    const large = Array.from({ length: 5 }, (_, index) => String(index).repeat(300_000 - index));
    const wire = bytesOf(large.map((value) => `$${value.length}\r\n${value}\r\n`).join(''));
    const lengths = Array.from({ length: 30 }, () => 50_000);
    for (const decoder of [ReplyDecoder.ofBytes(), ReplyDecoder.ofText()]) {
      const seen = drain<Uint8Array | string>(decoder, cut(wire, lengths));
      const values = seen.map((next) => ('kind' in next && next.kind === 'bulk' ? next.value : ''));
      assert.deepEqual(
        values.map((value) => (typeof value === 'string' ? value : Buffer.from(value).toString('latin1'))),
        large,
      );
    }
  });

  it('leaves the rest undecoded until asked, however many chunks are waiting', () => {
    const decoder = ReplyDecoder.ofText();
    for (let index = 0; index < 100; index++) decoder.push(bytesOf(`:${index}\r\n`));
    assert.equal(decoder.pendingBytes, 10 * 4 + 90 * 5);
    assert.deepEqual(decoder.next(), { kind: 'integer', value: 0 });
    assert.equal(decoder.pendingBytes, 9 * 4 + 90 * 5);
    for (let index = 1; index < 100; index++) {
      assert.deepEqual(decoder.next(), { kind: 'integer', value: index });
    }
    assert.equal(decoder.next(), null);
    assert.equal(decoder.pendingBytes, 0);
  });

  for (const protocol of [2, 3] as const) {
    it(`gives back what was encoded in RESP${protocol}, however the bytes are cut`, () => {
      fc.assert(
        fc.property(fc.array(anyReply, { maxLength: 8 }), fc.array(fc.nat(25)), (replies, lengths) => {
          const bytes = bytesOf(replies.map((reply) => encodeReply(reply, protocol)).join(''));
          const expected = replies.map((reply) => seenThrough(protocol, reply));
          assert.deepEqual(drain(ReplyDecoder.ofText(), [bytes]), expected);
          assert.deepEqual(drain(ReplyDecoder.ofText(), cut(bytes, lengths)), expected);
        }),
        { numRuns: 500 },
      );
    });
  }

  it('never throws on arbitrary bytes, and sees the same however they are cut', () => {
    const alphabet = fc.constantFrom(...bytesOf('+-:$*_#,(!=%~>|\r\n\r\n\r\n0123456789tfinae?xyz'));
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(alphabet, { maxLength: 200 }).map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(noise, fc.array(fc.nat(9)), (bytes, lengths) => {
        assert.deepEqual(
          drain(ReplyDecoder.ofText(), cut(bytes, lengths)),
          drain(ReplyDecoder.ofText(), [bytes]),
        );
        drain(ReplyDecoder.ofBytes(), cut(bytes, lengths));
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws on valid streams with bytes changed, and sees the same however they are cut', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(anyReply, { maxLength: 6 }),
        changes,
        fc.array(fc.nat(25)),
        (replies, changed, lengths) => {
          const bytes = bytesOf(replies.map((reply) => encodeReply(reply, 3)).join(''));
          for (const [at, byte] of changed) if (bytes.length > 0) bytes[at % bytes.length] = byte;
          assert.deepEqual(
            drain(ReplyDecoder.ofText(), cut(bytes, lengths)),
            drain(ReplyDecoder.ofText(), [bytes]),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('takes time linear in a bulk or a line that arrives byte by byte', () => {
    for (const wire of [`$400000\r\n${'x'.repeat(400_000)}\r\n`, `+${'x'.repeat(60_000)}\r\n`]) {
      const decoder = ReplyDecoder.ofText();
      let reply: Reply | Problem | null = null;
      for (const byte of bytesOf(wire)) {
        decoder.push(Uint8Array.of(byte));
        reply = decoder.next();
      }
      assert.ok(reply !== null && 'kind' in reply);
    }
  });
});
