// Clients that read slowly, or not at all, and those who share a connection with them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LIMITS } from './limits.ts';
import { type ModelConnection, bulk, command } from './model-servers.ts';
import { type ModelClient, Stage } from './test-kit.ts';

const MIB = 1024 * 1024;
/** As sockets have it. */
const CHUNK_BYTES = 65_536;
const LONG = 'x'.repeat(10 * MIB);
const MORE = 'x'.repeat(7 * MIB);
const LESS = 'x'.repeat(3 * MIB);

const GET_LONG = command('GET', 'long');

/** Clients of a relay; the first one is slow and has asked for a long reply, the next ones for something behind it. */
function staged(clients: number, behind: readonly string[] = [], asks = GET_LONG): Stage {
  const stage = new Stage();
  stage.data.values.set('0/long', LONG);
  stage.data.values.set('0/more', MORE);
  stage.data.values.set('0/less', LESS);
  for (let who = 0; who < clients; who++) stage.connect();
  // Everybody has a connection that stands.
  stage.send(0, command('PING'));
  stage.settle();
  const [slow] = stage.wires;
  assert.ok(slow !== undefined);
  slow.received = '';
  slow.isSlow = true;
  stage.send(0, asks);
  behind.forEach((text, at) => stage.send(at + 1, text));
  stage.flush();
  for (const connection of stage.connections) connection.serve();
  return stage;
}

/** As much as the relay reads of what the servers have for it. */
function pump(stage: Stage): void {
  for (let isMoving = true; isMoving;) {
    stage.flush();
    isMoving = false;
    for (const connection of stage.connections) {
      connection.serve();
      if (!connection.isBusy) continue;
      connection.reply(CHUNK_BYTES);
      isMoving = true;
    }
  }
}

const received = (stage: Stage, who: number): string => stage.wires[who]?.received ?? '';
const untaken = (stage: Stage, who: number): number => stage.wires[who]?.unsentBytes ?? NaN;
const isClosed = (stage: Stage, who: number): boolean => stage.wires[who]?.isOver === true;

describe('a long reply to a client that reads slowly', () => {
  it('arrives whole, as fast as that reads, and never waits here with more than a little', () => {
    const stage = staged(1);
    for (let rounds = 0; received(stage, 0).length < LONG.length; rounds++) {
      assert.ok(rounds < 1_000, 'it goes on');
      pump(stage);
      assert.ok(untaken(stage, 0) <= MIB + CHUNK_BYTES);
      stage.pass(LIMITS.deafMs / 2);
      stage.take(0, 300_000);
    }
    assert.equal(received(stage, 0), bulk(LONG));
    assert.equal(stage.relay.counts.tooSlow, 0);
  });

  it('is not waited with for a client that took all and was given a little since: that is not told of again', () => {
    const stage = staged(1);
    pump(stage);
    const [connection] = stage.connections as [ModelConnection];
    assert.equal(connection.isPaused, true);
    stage.take(0);
    connection.reply(10);
    stage.flush();
    assert.equal(connection.isPaused, false);
    assert.equal(stage.wires[0]?.waitingBytes, 10);
  });

  it('leaves its connection to that client alone: others go elsewhere, until it has come', () => {
    const stage = staged(4);
    pump(stage);
    stage.send(1, command('APPEND', 'a', 'one'));
    stage.send(2, command('GET', 'b'));
    stage.settle();
    assert.equal(received(stage, 1) + received(stage, 2), ':3\r\n$-1\r\n');
    assert.equal(stage.connections.length, 2);
    while (!received(stage, 0).endsWith('\r\n')) {
      stage.take(0);
      pump(stage);
    }
    stage.take(0);
    stage.send(3, command('PING'));
    stage.settle();
    assert.equal(received(stage, 3), '+PONG\r\n');
    assert.equal(stage.connections.length, 2);
  });

  it('takes none of the connections for everybody, however many such clients there are; later, they are for everybody again', () => {
    const stage = staged(21);
    for (let who = 1; who < 20; who++) {
      pump(stage);
      const wire = stage.wires[who];
      assert.ok(wire !== undefined);
      wire.isSlow = true;
      stage.send(who, command('GET', 'long'));
    }
    pump(stage);
    stage.send(20, command('APPEND', 'a', 'one'));
    stage.settle();
    assert.equal(received(stage, 20), ':3\r\n');
    assert.equal(stage.connections.length, 21);
    for (let round = 0; round < 50; round++) {
      for (let who = 0; who < 20; who++) stage.take(who);
      pump(stage);
    }
    for (let who = 0; who < 20; who++) assert.equal(received(stage, who).length, LONG.length + 13);
    pump(stage);
    for (const who of [0, 1]) stage.send(who, command('GET', 'long'));
    pump(stage);
    stage.send(20, command('APPEND', 'a', 'two'));
    stage.settle();
    assert.equal(received(stage, 20), ':3\r\n:6\r\n');
    assert.equal(stage.connections.length, 21);
  });

  it('makes nobody wait who reads: what was asked behind it is asked again elsewhere, in order', () => {
    const stage = staged(2, [command('GET', 'b') + command('ECHO', 'c')]);
    pump(stage);
    assert.equal(received(stage, 1), '$-1\r\n$1\r\nc\r\n');
    stage.take(0);
    stage.send(1, command('ECHO', 'd'));
    pump(stage);
    for (let round = 0; round < 50; round++) {
      stage.take(0);
      pump(stage);
    }
    assert.equal(received(stage, 0), bulk(LONG));
    assert.equal(received(stage, 1), '$-1\r\n$1\r\nc\r\n$1\r\nd\r\n');
  });

  it('makes nobody wait behind it as soon as its length is seen, also if its client reads: nothing is asked twice there', () => {
    const stage = staged(2, [command('ECHO', 'c')]);
    (stage.wires[0] as ModelClient).isSlow = false;
    const [first] = stage.connections as [ModelConnection];
    first.reply(CHUNK_BYTES);
    stage.flush();
    const [, second] = stage.connections;
    second?.reply();
    second?.serve();
    second?.reply();
    stage.flush();
    assert.equal(received(stage, 1), bulk('c'));
    pump(stage);
    assert.ok(received(stage, 0) === bulk(LONG));
    assert.equal(received(stage, 1), bulk('c'));
  });

  it('is asked for again on a connection of its own if a write waits behind it: that is answered at once', () => {
    const stage = staged(2, [command('APPEND', 'a', 'one') + command('GET', 'a')]);
    pump(stage);
    assert.equal(received(stage, 1), ':3\r\n$3\r\none\r\n');
    assert.ok(received(stage, 0).length < LONG.length);
    stage.send(0, command('APPEND', 'b', 'two'));
    for (let round = 0; round < 20; round++) {
      stage.pass(1_000);
      stage.take(0);
      pump(stage);
    }
    assert.equal(received(stage, 0), `${bulk(LONG)}:3\r\n`);
    assert.deepEqual(stage.data.log, ['append 0/a one', 'append 0/b two']);
    assert.equal(stage.servers[0].seen.filter((request) => request === 'GET long').length, 2);
    // Both connections are there for the next ones.
    stage.send(0, command('PING'));
    stage.send(1, command('PING'));
    stage.settle();
    assert.equal(stage.connections.length, 2);
  });

  it('and a write behind it: nobody waits for so much as a client may have here', () => {
    const stage = staged(2, [command('APPEND', 'a', 'one')], command('GET', 'less'));
    pump(stage);
    assert.equal(received(stage, 0), bulk(LESS));
    assert.equal(received(stage, 1), ':3\r\n');
  });

  it('makes a write behind it wait a while if it is not to be asked twice; then, if the client is too slow, that is closed', () => {
    const stage = staged(
      2,
      [command('APPEND', 'a', 'one') + command('GET', 'a')],
      GET_LONG + command('APPEND', 'b', 'two'),
    );
    pump(stage);
    for (let waitedMs = 0; waitedMs < LIMITS.othersWaitMs; waitedMs += 100) {
      assert.equal(received(stage, 1), '');
      assert.equal(isClosed(stage, 0), false);
      stage.take(0, 10_000);
      pump(stage);
      stage.pass(100);
    }
    pump(stage);
    assert.equal(isClosed(stage, 0), true);
    assert.equal(stage.relay.counts.tooSlow, 1);
    assert.equal(received(stage, 1), ':3\r\n$3\r\none\r\n');
    assert.deepEqual(stage.data.log, ['append 0/b two', 'append 0/a one']);
    stage.send(1, command('GET', 'a'));
    stage.settle();
    assert.equal(stage.connections.length, 1);
  });

  it('is waited with only from when it waits: what the server takes its time for does not count', () => {
    const stage = staged(2, [command('APPEND', 'a', 'one')], GET_LONG + command('APPEND', 'b', 'two'));
    const [connection] = stage.connections as [ModelConnection];
    connection.reply(2 * MIB);
    stage.flush();
    stage.pass(5 * LIMITS.othersWaitMs);
    pump(stage);
    assert.ok(received(stage, 0).length < 5 * MIB);
    stage.pass(LIMITS.othersWaitMs / 2);
    pump(stage);
    assert.equal(isClosed(stage, 0), false);
    stage.pass(LIMITS.othersWaitMs / 2);
    pump(stage);
    assert.equal(isClosed(stage, 0), true);
    assert.equal(received(stage, 1), ':3\r\n');
  });

  it('is not asked for again while a part of it has come, though its client waits with another for nothing else', () => {
    const stage = staged(2, [command('APPEND', 'a', 'one')], command('GET', 'less'));
    const [, second] = stage.wires;
    assert.ok(second !== undefined);
    second.isSlow = true;
    stage.send(1, command('GET', 'less'));
    stage.send(0, command('APPEND', 'b', 'two'));
    pump(stage);
    for (let round = 0; round < 20; round++) {
      for (const who of [0, 1]) stage.take(who);
      pump(stage);
    }
    assert.ok(received(stage, 1) === `:3\r\n${bulk(LESS)}`);
    assert.ok(received(stage, 0) === `${bulk(LESS)}:3\r\n`);
  });

  it('arrives all the same if the client is fast enough', () => {
    const stage = staged(2, [command('APPEND', 'a', 'one')], GET_LONG + command('APPEND', 'b', 'two'));
    for (let waitedMs = 0; waitedMs < LIMITS.othersWaitMs; waitedMs += 40) {
      pump(stage);
      stage.pass(20);
      stage.take(0);
      pump(stage);
      stage.pass(20);
    }
    assert.equal(received(stage, 0), `${bulk(LONG)}:3\r\n`);
    assert.equal(received(stage, 1), ':3\r\n');
  });
});

describe('a client that takes nothing', () => {
  for (const which of ['shares a connection', 'has a connection of its own'] as const) {
    it(`and ${which} is closed after a while; one that takes anything is not`, () => {
      const stage = new Stage(which !== 'shares a connection');
      stage.data.values.set('0/long', LONG);
      for (const who of [0, 1]) {
        stage.connect();
        const wire = stage.wires[who];
        assert.ok(wire !== undefined);
        wire.isSlow = true;
        stage.send(who, command('GET', 'long'));
        pump(stage);
      }
      for (let passed = 0; passed < 2 * LIMITS.deafMs; passed += LIMITS.deafMs / 4) {
        stage.pass(LIMITS.deafMs / 4);
        stage.take(1, 1);
        stage.flush();
      }
      assert.deepEqual([isClosed(stage, 0), isClosed(stage, 1)], [true, false]);
      assert.equal(stage.relay.counts.tooSlow, 1);
      assert.equal(stage.relay.deadline() <= stage.relay.nowMs + LIMITS.deafMs, true);
    });
  }

  it('does not keep a hold from coming to rest: in its second half its replies come home, or it is closed', () => {
    for (const isTransparent of [false, true]) {
      const stage = new Stage(isTransparent);
      stage.data.values.set('0/long', LONG);
      stage.data.values.set('0/less', 'x'.repeat(3 * MIB));
      for (const key of ['long', 'less']) {
        const who = stage.connect();
        const wire = stage.wires[who];
        assert.ok(wire !== undefined);
        wire.isSlow = true;
        stage.send(who, command('GET', key));
        pump(stage);
      }
      stage.hold();
      pump(stage);
      stage.pass(400);
      pump(stage);
      assert.equal(stage.hasDrained, false);
      stage.pass(200);
      pump(stage);
      assert.equal(stage.hasDrained, true);
      assert.deepEqual([isClosed(stage, 0), isClosed(stage, 1)], [true, false]);
      assert.equal(stage.relay.counts.tooSlow, 1);
      stage.demote();
      stage.follow();
      stage.take(1);
      stage.send(1, command('APPEND', 'a', 'one'));
      stage.settle();
      assert.equal(received(stage, 1).length, 3 * MIB + 12 + ':3\r\n'.length);
    }
  });

  it('is slowed down again after a hold that brought nothing', () => {
    const stage = staged(1);
    pump(stage);
    stage.hold();
    stage.flush();
    stage.pass(600);
    const [connection] = stage.connections as [ModelConnection];
    stage.flush();
    assert.equal(connection.isPaused, false);
    stage.undo();
    stage.flush();
    assert.equal(connection.isPaused, true);
  });
});

describe('clients that are slow together', () => {
  it('on one connection have that wait for all of them: what one has taken does not let it be read on', () => {
    const stage = staged(2, [], command('GET', 'more'));
    const [, second] = stage.wires;
    const [connection] = stage.connections as [ModelConnection];
    assert.ok(second !== undefined);
    second.isSlow = true;
    stage.send(1, command('APPEND', 'a', 'one'));
    stage.send(1, command('GET', 'more'));
    stage.send(0, command('APPEND', 'b', 'two'));
    pump(stage);
    // In the second half of a hold all of it is read, for a while.
    stage.hold();
    stage.flush();
    stage.pass(600);
    for (let rounds = 0; untaken(stage, 1) < 5 * MIB; rounds++) {
      assert.ok(rounds < 1_000, 'it goes on');
      connection.reply(CHUNK_BYTES);
      stage.flush();
    }
    stage.undo();
    stage.flush();
    assert.equal(connection.isPaused, true);
    stage.take(0);
    stage.flush();
    assert.equal(connection.isPaused, true);
    stage.take(1);
    pump(stage);
    for (let round = 0; round < 20; round++) {
      stage.take(1);
      pump(stage);
    }
    assert.ok(received(stage, 1) === `:3\r\n${bulk(MORE)}`);
    assert.equal(stage.relay.counts.tooSlow, 0);
  });

  it('are slowed down the earlier the less memory is left, and none is closed for the others', () => {
    const stage = new Stage(true, { allReplyBytesMax: 16 * MIB });
    stage.data.values.set('0/long', 'x'.repeat(MIB));
    for (let who = 0; who < 60; who++) {
      stage.connect();
      const wire = stage.wires[who];
      assert.ok(wire !== undefined);
      wire.isSlow = true;
      stage.send(who, command('GET', 'long'));
      pump(stage);
    }
    assert.equal(stage.relay.counts.tooSlow, 0);
    assert.ok(untaken(stage, 0) > untaken(stage, 59));
  });

  it('lose the one who has taken least if memory is used up all the same', () => {
    const stage = new Stage(true, { allReplyBytesMax: 2 * MIB });
    stage.data.values.set('0/most', 'x'.repeat(MIB));
    stage.data.values.set('0/less', 'x'.repeat(700_000));
    for (const key of ['less', 'most', 'less']) {
      const who = stage.connect();
      const wire = stage.wires[who];
      assert.ok(wire !== undefined);
      wire.isSlow = true;
      stage.send(who, command('GET', key));
      stage.settle();
    }
    assert.deepEqual(
      [0, 1, 2].map((who) => isClosed(stage, who)),
      [false, true, false],
    );
    assert.equal(stage.relay.counts.tooSlow, 1);
  });
});

/** So little that replies of 2,000 bytes are too long for everything. */
const TINY = { congestedBytes: 600, longReplyBytes: 600, sharedReplyBytesMax: 1_000, othersWaitMs: 500 };

type Step =
  | { readonly kind: 'ask' | 'slow' | 'take'; readonly who: number }
  | { readonly kind: 'serve' | 'reply'; readonly which: number; readonly bytes: number }
  | { readonly kind: 'flush' | 'pass' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ask' as const), who: fc.nat(2) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('serve' as const, 'reply' as const),
      which: fc.nat(5),
      bytes: fc.constantFrom(20, 700, 5_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('slow' as const, 'take' as const), who: fc.nat(2) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('flush' as const, 'pass' as const) }) },
);

it('whoever is slow, and whenever: each request is answered once, in its client’s order, and each write done once', () => {
  const requests = fc.array(fc.nat(2), { minLength: 1, maxLength: 10 });
  const property = fc.property(
    fc.tuple(requests, requests, requests),
    fc.array(step, { minLength: 20, maxLength: 120 }),
    (kinds, steps) => {
      const stage = new Stage(false, TINY);
      const left = kinds.map((list, who) =>
        list.map((kind, at) => {
          const text = `${who}:${at};`;
          if (kind === 0) return { request: command('ECHO', text), reply: bulk(text) };
          if (kind === 1)
            return { request: command('ECHO', text.repeat(500)), reply: bulk(text.repeat(500)) };
          const length = list.slice(0, at + 1).filter((one) => one === 2).length * 4;
          return { request: command('APPEND', String(who), text), reply: `:${length}\r\n` };
        }),
      );
      const wanted = left.map((list) => list.map(({ reply }) => reply).join(''));
      for (const _ of kinds) stage.connect();
      const ask = (who: number): void => stage.send(who, left[who]?.shift()?.request ?? '');
      for (const one of steps) {
        const wire = 'who' in one ? stage.wires[one.who] : undefined;
        const connection =
          'which' in one ? stage.connections[one.which % stage.connections.length] : undefined;
        if (one.kind === 'ask') ask(one.who);
        else if (one.kind === 'slow' && wire !== undefined) wire.isSlow = true;
        else if (one.kind === 'take') stage.take(one.who);
        else if (one.kind === 'serve') connection?.serve();
        else if (one.kind === 'reply') connection?.reply(one.bytes);
        else if (one.kind === 'pass') stage.pass(200);
        else stage.flush();
      }
      for (const who of [0, 1, 2]) {
        (stage.wires[who] as ModelClient).isSlow = false;
        stage.take(who);
        while (left[who]?.length !== 0) ask(who);
      }
      stage.settle();
      assert.deepEqual(
        stage.wires.map((wire) => wire.received),
        wanted,
      );
      const writes = (who: number): string[] => stage.data.log.filter((entry) => entry.includes(` ${who}:`));
      kinds.forEach((list, who) => {
        const marks = list.flatMap((kind, at) => (kind === 2 ? [`append 0/${who} ${who}:${at};`] : []));
        assert.deepEqual(writes(who), marks);
      });
    },
  );
  fc.assert(property, { numRuns: 1_000 });
});
