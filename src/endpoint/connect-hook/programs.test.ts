import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assemble } from './assembler.ts';
import { MAPS, type Outcome, type Surroundings, interpret } from './interpreter.ts';
import { SLOTS, encodeEntry, encodePlace } from './layout.ts';
import {
  CONTEXT,
  type ConnectOptions,
  HELPER,
  SOCK_PROTOCOL,
  connectProgram,
  peerProgram,
  releaseProgram,
} from './programs.ts';

const TCP = 6;
const UDP = 17;
const OURS = 0x1234_5678_9abc_def0n;
const ENDPOINT = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.of(...Array<number>(15).fill(0), 1);
const SERVERS = [1, 2, 3].map((last) => encodePlace(Uint8Array.of(10, 0, 0, last), 6379));
const SERVER6 = encodePlace(Uint8Array.of(0xfd, ...Array<number>(14).fill(0), 9), 7000);

const key = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const COOKIE = key(Uint8Array.of(0x42, 0, 0, 0, 0, 0, 0, 0));

const mapped = (address: Uint8Array): Uint8Array => encodePlace(address, 1).subarray(0, 16);

/** The context of a connect() or getpeername(). */
function context(address: Uint8Array, port: number, protocol = TCP): Uint8Array {
  const bytes = Buffer.alloc(CONTEXT.bytes);
  bytes.set(address, address.length === 4 ? CONTEXT.ip4 : CONTEXT.ip6);
  bytes.writeUInt16BE(port, CONTEXT.port);
  bytes.writeUInt32LE(protocol, CONTEXT.protocol);
  return bytes;
}

/** What the context says now, as a place. */
function placeIn(bytes: Uint8Array, length: 4 | 16): Uint8Array {
  const start = length === 4 ? CONTEXT.ip4 : CONTEXT.ip6;
  return encodePlace(bytes.subarray(start, start + length), Buffer.from(bytes).readUInt16BE(CONTEXT.port));
}

function surroundings(over: Partial<Surroundings> = {}): Surroundings {
  const slots = Array.from({ length: SLOTS }, (_, slot) => SERVERS[slot % 3] as Uint8Array);
  return {
    endpoints: new Map([
      [key(encodePlace(ENDPOINT, 6379)), encodeEntry(1_000, slots)],
      [key(encodePlace(LOOPBACK6, 6379)), encodeEntry(1_000, Array<Uint8Array>(SLOTS).fill(SERVER6))],
    ]),
    sockets: new Map(),
    cookie: 0x42n,
    networkNamespace: OURS,
    bootTimeNs: 999_999_999n,
    random: 0,
    ...over,
  };
}

function connect(bytes: Uint8Array, around: Surroundings, options: Partial<ConnectOptions> = {}): Outcome {
  // Which of the two addresses is there tells which hook the kernel would run.
  const family = bytes.subarray(CONTEXT.ip4, CONTEXT.ip4 + 4).some((byte) => byte !== 0) ? 'ipv4' : 'ipv6';
  const program = connectProgram({ family, networkNamespace: OURS, choosesErrno: true, ...options });
  return interpret(assemble(program, MAPS), bytes, around);
}

describe('the connect programs', () => {
  it('lead an endpoint address to a server, and remember the socket with both addresses', () => {
    const around = surroundings();
    const bytes = context(ENDPOINT, 6379);
    assert.equal(connect(bytes, around).result, 1n);
    const [first] = SERVERS;
    assert.ok(first);
    assert.deepEqual(placeIn(bytes, 4), first);
    assert.deepEqual(
      around.sockets,
      new Map([[COOKIE, Uint8Array.of(...first, ...encodePlace(ENDPOINT, 6379))]]),
    );
  });

  it('lead ::ffff:a.b.c.d like a.b.c.d, and IPv6 to IPv6', () => {
    const dual = context(mapped(ENDPOINT), 6379);
    assert.equal(connect(dual, surroundings()).result, 1n);
    assert.deepEqual(placeIn(dual, 16), SERVERS[0]);
    const native = context(LOOPBACK6, 6379);
    assert.equal(connect(native, surroundings()).result, 1n);
    assert.deepEqual(placeIn(native, 16), SERVER6);
  });

  it('reach every slot by some random number, and nothing else', () => {
    const counts = new Map<string, number>();
    for (let slot = 0; slot < SLOTS; slot++) {
      const bytes = context(ENDPOINT, 6379);
      connect(bytes, surroundings({ random: Math.ceil((slot * 2 ** 32) / SLOTS) }));
      const led = key(placeIn(bytes, 4));
      counts.set(led, (counts.get(led) ?? 0) + 1);
    }
    assert.deepEqual(counts, new Map(SERVERS.map((place) => [key(place), SLOTS / 3])));
    const last = context(ENDPOINT, 6379);
    connect(last, surroundings({ random: 2 ** 32 - 1 }));
    assert.deepEqual(placeIn(last, 4), SERVERS[2]);
  });

  it('never touch a connection that is not for an endpoint, of TCP, and in our network namespace', () => {
    const place = fc.record({
      address: fc.oneof(
        fc.constantFrom(ENDPOINT, mapped(ENDPOINT), LOOPBACK6),
        fc.uint8Array({ minLength: 4, maxLength: 4 }).filter(([first]) => first !== 0),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
      ),
      port: fc.oneof(fc.constant(6379), fc.integer({ min: 1, max: 65_535 })),
      protocol: fc.constantFrom(TCP, UDP, 132),
      networkNamespace: fc.constantFrom(OURS, OURS ^ 1n, OURS ^ (1n << 40n)),
      random: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    });
    fc.assert(
      fc.property(place, ({ address, port, protocol, networkNamespace, random }) => {
        const around = surroundings({ networkNamespace, random });
        const isEndpoint = around.endpoints.has(key(encodePlace(address, port)));
        const before = context(address, port, protocol);
        const after = Uint8Array.from(before);
        const outcome = connect(after, around);
        assert.equal(outcome.result, 1n);
        const isLed = isEndpoint && protocol === TCP && networkNamespace === OURS;
        assert.equal(key(after) !== key(before), isLed);
        assert.equal(around.sockets.size, isLed ? 1 : 0);
        assert.equal(outcome.helpers.includes(HELPER.bootTimeNs), isLed);
      }),
      { numRuns: 500 },
    );
  });

  it('lead other network namespaces too where that is wanted', () => {
    const bytes = context(ENDPOINT, 6379);
    connect(bytes, surroundings({ networkNamespace: 7n }), { networkNamespace: null });
    assert.deepEqual(placeIn(bytes, 4), SERVERS[0]);
  });

  it('refuse from the deadline on, and do not touch the address then', () => {
    fc.assert(
      fc.property(fc.bigInt(-1_000n, 1_000n), fc.boolean(), (lateNs, choosesErrno) => {
        const around = surroundings({ bootTimeNs: 1_000_000_000n + lateNs });
        const bytes = context(ENDPOINT, 6379);
        const { result, errno } = connect(bytes, around, { choosesErrno });
        assert.equal(result, lateNs < 0n ? 1n : 0n);
        assert.equal(errno, lateNs >= 0n && choosesErrno ? -111n : null);
        assert.equal(key(bytes) === key(context(ENDPOINT, 6379)), lateNs >= 0n);
        assert.equal(around.sockets.size, lateNs < 0n ? 1 : 0);
      }),
    );
  });

  it('refuse an endpoint that leads nowhere, and whom they cannot remember', () => {
    const endpoints = new Map([[key(encodePlace(ENDPOINT, 6379)), encodeEntry(Infinity, [])]]);
    const nowhere = connect(context(ENDPOINT, 6379), surroundings({ endpoints, bootTimeNs: 1n }));
    assert.deepEqual([nowhere.result, nowhere.errno], [0n, -111n]);
    const full = connect(context(ENDPOINT, 6379), surroundings({ isFull: true }));
    assert.deepEqual([full.result, full.errno], [0n, -111n]);
  });
});

describe('the peer programs', () => {
  const asked = { 4: encodePlace(ENDPOINT, 6379), 16: encodePlace(LOOPBACK6, 6379) };
  const peer = (bytes: Uint8Array, length: 4 | 16, around: Surroundings): bigint =>
    interpret(assemble(peerProgram(length === 4 ? 'ipv4' : 'ipv6'), MAPS), bytes, around).result;
  const led = { 4: SERVERS[1], 16: SERVER6 };

  for (const length of [4, 16] as const) {
    const place = led[length] ?? SERVER6;
    const address = place.subarray(length === 4 ? 12 : 0, 16);
    const port = length === 4 ? 6379 : 7000;

    it(`answer with the address asked for, for sockets that are where they were led (${length} bytes)`, () => {
      const sockets = new Map([[COOKIE, Uint8Array.of(...place, ...asked[length])]]);
      const bytes = context(address, port);
      assert.equal(peer(bytes, length, surroundings({ sockets })), 1n);
      assert.deepEqual(placeIn(bytes, length), asked[length]);
    });

    it(`tell the truth about all others (${length} bytes)`, () => {
      const sockets = new Map([[COOKIE, Uint8Array.of(...place, ...asked[length])]]);
      for (const [bytes, around] of [
        [context(address, port), surroundings()],
        [context(address, port), surroundings({ sockets, cookie: 0x43n })],
        [context(address, port + 1), surroundings({ sockets })],
        [context(Uint8Array.from(address).fill(8, -1), port), surroundings({ sockets })],
      ] as const) {
        const before = key(bytes);
        assert.equal(peer(bytes, length, around), 1n);
        assert.equal(key(bytes), before);
      }
    });
  }
});

it('the release program forgets a TCP socket, and no other', () => {
  const release = (protocol: number, cookie: bigint): number => {
    const sockets = new Map([[COOKIE, new Uint8Array(40)]]);
    const bytes = Buffer.alloc(CONTEXT.bytes);
    bytes.writeUInt32LE(protocol, SOCK_PROTOCOL);
    const outcome = interpret(assemble(releaseProgram(), MAPS), bytes, surroundings({ sockets, cookie }));
    assert.equal(outcome.result, 1n);
    return sockets.size;
  };
  assert.equal(release(TCP, 0x42n), 0);
  assert.equal(release(TCP, 0x43n), 1);
  assert.equal(release(UDP, 0x42n), 1);
});
