// Our reply decoder beside redis-parser (ioredis) and @redis/client's (node-redis), on the same bytes in one run.
//
// Rounds are interleaved and each cell is the median of its rounds, so a slow moment of the machine hits all three
// alike. The ratio is against the faster of the other two: above 1 we are faster. Like is compared with like: bulks as
// strings with strings, as bytes with bytes. (Their strings are UTF-8, ours byte strings; the content here is ASCII.)
//
//     node scripts/bench.mjs resp [rounds]

import { createRequire } from 'node:module';
import { Decoder, RESP_TYPES } from '@redis/client/dist/lib/RESP/decoder.js';
import { ReplyDecoder } from '../src/resp/reply-decoder.ts';

interface ParserOptions {
  returnReply: (reply: unknown) => void;
  returnError: (error: Error) => void;
  returnFatalError: (error: Error) => void;
  returnBuffers: boolean;
}
const RedisParser = createRequire(import.meta.url)('redis-parser') as new (options: ParserOptions) => {
  execute: (chunk: Buffer) => void;
};

type Carrier = 'text' | 'bytes';
/** Decodes the chunks and returns how many replies it saw. */
type Contestant = (chunks: readonly Buffer[]) => number;

/** Content is looked at, so that nothing is left undone that a user would have to pay. */
let looked = 0;

function ours(carrier: Carrier): Contestant {
  // Two loops, as in a program that has one kind: V8 then knows the kind.
  if (carrier === 'text') {
    const decoder = ReplyDecoder.ofText();
    return (chunks) => {
      let count = 0;
      for (const chunk of chunks) {
        decoder.push(chunk);
        for (let reply = decoder.next(); reply !== null; reply = decoder.next()) {
          if ('code' in reply) throw new Error(reply.sentence);
          if (reply.kind === 'bulk') looked += reply.value.length;
          count++;
        }
      }
      return count;
    };
  }
  const decoder = ReplyDecoder.ofBytes();
  return (chunks) => {
    let count = 0;
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let reply = decoder.next(); reply !== null; reply = decoder.next()) {
        if ('code' in reply) throw new Error(reply.sentence);
        if (reply.kind === 'bulk') looked += reply.value.length;
        count++;
      }
    }
    return count;
  };
}

function redisParser(carrier: Carrier): Contestant {
  let count = 0;
  const onReply = (reply: unknown) => {
    if (typeof reply === 'string' || reply instanceof Uint8Array) looked += reply.length;
    count++;
  };
  const parser = new RedisParser({
    returnReply: onReply,
    returnError: () => count++,
    returnFatalError: (error) => {
      throw error;
    },
    returnBuffers: carrier === 'bytes',
  });
  return (chunks) => {
    count = 0;
    for (const chunk of chunks) parser.execute(chunk);
    return count;
  };
}

function nodeRedis(carrier: Carrier): Contestant {
  let count = 0;
  const onReply = (reply: unknown) => {
    if (typeof reply === 'string' || reply instanceof Uint8Array) looked += reply.length;
    count++;
  };
  const mapping = carrier === 'bytes' ? { [RESP_TYPES.BLOB_STRING]: Buffer } : {};
  const decoder = new Decoder({
    onReply,
    onErrorReply: onReply,
    onPush: onReply,
    getTypeMapping: () => mapping,
  });
  return (chunks) => {
    count = 0;
    for (const chunk of chunks) decoder.write(chunk);
    return count;
  };
}

function chunked(text: string, chunkBytes: number): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const chunks: Buffer[] = [];
  // Each chunk memory of its own, as a socket delivers it.
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    chunks.push(Buffer.from(bytes.subarray(at, at + chunkBytes)));
  }
  return chunks;
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
const mixed = [
  '+OK\r\n',
  ':1\r\n',
  bulk('abc'),
  '$-1\r\n',
  ':123456\r\n',
  bulk('a value of some forty bytes, as is usual..'),
  `*3\r\n${bulk('message')}${bulk('__sentinel__:hello')}${bulk('127.0.0.1,26379,0123456789012345678901234567890123456789,7')}`,
  '+PONG\r\n',
  ':0\r\n',
  '+QUEUED\r\n',
].join('');
const large = bulk('x'.repeat(64 * 1024));
const KIB = 1024;

const cases: readonly (readonly [name: string, text: string, replies: number, chunk: number, as: Carrier])[] =
  [
    ['+OK', '+OK\r\n'.repeat(1000), 1000, 16 * KIB, 'text'],
    [':1', ':1\r\n'.repeat(1000), 1000, 16 * KIB, 'text'],
    [':123456', ':123456\r\n'.repeat(1000), 1000, 16 * KIB, 'text'],
    [':-12345678', ':-12345678\r\n'.repeat(1000), 1000, 16 * KIB, 'text'],
    ['$3', bulk('abc').repeat(1000), 1000, 16 * KIB, 'text'],
    ['$3 as bytes', bulk('abc').repeat(1000), 1000, 16 * KIB, 'bytes'],
    ['+PONG', '+PONG\r\n'.repeat(1000), 1000, 16 * KIB, 'text'],
    ['-ERR unknown command', '-ERR unknown command\r\n'.repeat(1000), 1000, 16 * KIB, 'text'],
    ['mixed', mixed.repeat(100), 1000, 16 * KIB, 'text'],
    ['mixed as bytes', mixed.repeat(100), 1000, 16 * KIB, 'bytes'],
    ['mixed, 100-byte chunks', mixed.repeat(100), 1000, 100, 'text'],
    ['array of 1000 x $3', `*1000\r\n${bulk('abc').repeat(1000)}`, 1, 16 * KIB, 'text'],
    ['64 KiB text, 64 KiB chunks', large.repeat(32), 32, 64 * KIB, 'text'],
    ['64 KiB text, 16 KiB chunks', large.repeat(32), 32, 16 * KIB, 'text'],
    ['64 KiB bytes, 64 KiB chunks', large.repeat(32), 32, 64 * KIB, 'bytes'],
    ['64 KiB bytes, 16 KiB chunks', large.repeat(32), 32, 16 * KIB, 'bytes'],
    ['64 KiB bytes, 1 MiB chunks', large.repeat(32), 32, 1024 * KIB, 'bytes'],
  ];

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] as number;
const rate = (perSecond: number): string => Math.round(perSecond).toLocaleString('en').padStart(12);

const rounds = Number(process.argv[2] ?? 31);
const roundMs = 12;

console.log(
  `node ${process.version}, ${rounds} interleaved rounds of about ${roundMs} ms, medians, replies per second`,
);
console.log(`${''.padEnd(29)}        ours redis-parser   node-redis   ratio to the faster`);
for (const [name, text, replies, chunkBytes, carrier] of cases) {
  const chunks = chunked(text, chunkBytes);
  const contestants = [ours(carrier), redisParser(carrier), nodeRedis(carrier)];
  for (const contestant of contestants) {
    if (contestant(chunks) !== replies) throw new Error(`${name}: not every reply was decoded`);
  }
  // Warms up, and finds how often the stream goes into a round.
  const started = performance.now();
  let warm = 0;
  for (; performance.now() - started < 150; warm++) for (const contestant of contestants) contestant(chunks);
  const repeats = Math.max(1, Math.round((warm * 3 * roundMs) / 150));
  const nanoseconds = contestants.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    for (const index of contestants.keys()) {
      const turn = (index + round) % contestants.length;
      const contestant = contestants[turn] as Contestant;
      const before = process.hrtime.bigint();
      for (let repeat = 0; repeat < repeats; repeat++) contestant(chunks);
      nanoseconds[turn]?.push(Number(process.hrtime.bigint() - before));
    }
  }
  const [our, parser, node] = nanoseconds.map((times) => (replies * repeats * 1e9) / median(times)) as [
    number,
    number,
    number,
  ];
  const ratio = our / Math.max(parser, node);
  console.log(
    `${name.padEnd(29)}${rate(our)} ${rate(parser)} ${rate(node)}   ${ratio.toFixed(2)}${ratio < 1 ? '  SLOWER' : ''}`,
  );
}
if (looked === 0) throw new Error('nothing was looked at');
