import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { it } from 'node:test';
import type { Effect, Event } from '../sentinel/io.ts';
import type { Socket } from 'node:net';
import { Loop } from './loop.ts';
import { FakeMachine } from './testing.ts';

const note = (text: string): Effect => ({ kind: 'log', level: 'notice', text });
const sayAll = (events: readonly Event[]): string[] => events.map((event) => event.kind);

it('performs effects in order, sees events of effects after them, and flushes once for all', () => {
  const done: string[] = [];
  const machine = new FakeMachine((event) =>
    event.kind === 'client-closed' ? [note(`a${event.client}`), note(`b${event.client}`)] : [],
  );
  const loop: Loop = new Loop({
    perform(effect) {
      assert.ok(effect.kind === 'log');
      done.push(effect.text);
      if (effect.text === 'a1') loop.deliver({ kind: 'client-closed', client: 2 });
    },
    flush: () => done.push('flush'),
  });
  loop.start(machine, { kind: 'start' });
  done.length = 0;
  loop.push({ kind: 'client-closed', client: 1 });
  loop.settle();
  assert.deepEqual(done, ['a1', 'b1', 'a2', 'b2', 'flush']);
});

it('starts the machine before anything that happened earlier', () => {
  const machine = new FakeMachine(() => []);
  const loop = new Loop({ perform: () => undefined, flush: () => undefined });
  loop.deliver({ kind: 'client-closed', client: 1 });
  loop.start(machine, { kind: 'start' });
  assert.deepEqual(sayAll(machine.events), ['start', 'client-closed']);
});

it('ticks at the deadline, not before, and again when the deadline moved', async () => {
  const machine = new FakeMachine((event, now) => {
    if (event.kind === 'start') machine.due = now + 30;
    if (event.kind === 'tick') machine.due = Number.POSITIVE_INFINITY;
    return [];
  });
  const loop = new Loop({ perform: () => undefined, flush: () => undefined });
  loop.start(machine, { kind: 'start' });
  const due = machine.due;
  await sleep(70);
  assert.deepEqual(sayAll(machine.events), ['start', 'tick']);
  assert.ok((machine.times[1] ?? 0) >= due);
  machine.due = 0;
  loop.settle();
  await sleep(10);
  assert.equal(machine.events.length, 3);
  loop.stop();
});

it('waits out less than a millisecond without another timer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 1_000.2;
  const machine = new FakeMachine((event) => {
    machine.due = event.kind === 'start' ? 1_001.1 : Number.POSITIVE_INFINITY;
    return [];
  });
  const loop = new Loop({ perform: () => undefined, flush: () => undefined, now: () => now });
  loop.start(machine, { kind: 'start' });
  now = 1_000.7;
  t.mock.timers.tick(1);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (let turns = 0; turns < 3; turns += 1) await turn();
  assert.deepEqual(sayAll(machine.events), ['start']);
  // No mocked timer goes off any more.
  now = 1_001.1;
  await turn();
  await turn();
  assert.deepEqual(sayAll(machine.events), ['start', 'tick']);
  loop.stop();
});

it('lets sockets that are readable speak before it ticks late', async () => {
  const machine = new FakeMachine((event, now) => {
    if (event.kind === 'start') machine.due = now + 10;
    else machine.due = Number.POSITIVE_INFINITY;
    return [];
  });
  const loop = new Loop({ perform: () => undefined, flush: () => undefined });
  const { connect, createServer } = await import('node:net');
  const server = createServer((socket) => socket.on('data', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const client = connect(address.port, '127.0.0.1');
  client.on('data', () => loop.deliver({ kind: 'client-closed', client: 9 }));
  const peer = await accepted;
  loop.start(machine, { kind: 'start' });
  peer.write('pong');
  // We are busy for longer than the deadline: the timer is due, and so is the socket.
  const end = performance.now() + 60;
  while (performance.now() < end);
  await sleep(30);
  assert.deepEqual(sayAll(machine.events), ['start', 'client-closed', 'tick']);
  client.destroy();
  server.close();
  loop.stop();
});

it('delivers nothing after it was stopped', () => {
  const machine = new FakeMachine(() => []);
  const loop = new Loop({ perform: () => undefined, flush: () => undefined });
  loop.start(machine, { kind: 'start' });
  loop.stop();
  loop.deliver({ kind: 'terminate' });
  assert.deepEqual(sayAll(machine.events), ['start']);
});

it('lets sockets that only we can read speak before each tick', async () => {
  const machine = new FakeMachine((event, now) => {
    machine.due = event.kind === 'start' ? now : Number.POSITIVE_INFINITY;
    return [];
  });
  const loop: Loop = new Loop({
    perform: () => undefined,
    flush: () => undefined,
    readWaiting: () => loop.deliver({ kind: 'client-closed', client: 1 }),
  });
  loop.start(machine, { kind: 'start' });
  await sleep(30);
  assert.deepEqual(sayAll(machine.events), ['start', 'client-closed', 'tick']);
  loop.stop();
});

it('turns when asked to: reads what waits, ticks, flushes, and then says that it did', async () => {
  const done: string[] = [];
  const machine = new FakeMachine(() => []);
  const loop = new Loop({
    perform: () => undefined,
    flush: () => done.push(`flush after ${machine.events.at(-1)?.kind}`),
    readWaiting: () => done.push('read'),
  });
  loop.start(machine, { kind: 'start' });
  done.length = 0;
  await new Promise<void>((resolve) => loop.turn(resolve));
  assert.deepEqual(done, ['read', 'flush after tick']);
  loop.turn(() => done.push('turned after its end'));
  loop.stop();
  await sleep(5);
  assert.deepEqual(done, ['read', 'flush after tick']);
});
