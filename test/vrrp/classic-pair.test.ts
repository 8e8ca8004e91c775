// examples/keepalived-pair under faults: hosts lost, daemons killed, Redis killed; what becomes of the roles, the data
// and the scripts' log. Its scripts sleep for most of a minute, so all pairs are played at the same time, each in
// namespaces of its own.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type Daemon, type Pair, type PairHost, type PairOptions, makePair } from './pair.ts';
import { skip } from './routers.ts';

// What a runner that ends this file says; what was started ends on exit.
process.once('SIGTERM', () => process.exit(1));

const BATONS = { daemonOf: { a: 'baton', b: 'baton' }, bFollowsA: true, isPersistent: true } as const;
const KEEPALIVEDS = { a: 'keepalived', b: 'keepalived' } as const;

interface Fault {
  readonly name: string;
  strike(pair: Pair): Promise<void>;
  /** Brings back what is gone. */
  mend(pair: Pair): Promise<void>;
  /** What host a's script says of it. */
  readonly told: string;
}

const FAULTS: readonly Fault[] = [
  {
    name: 'a lost host',
    async strike({ network, a }) {
      network.silence(0);
      await a.killAll();
    },
    async mend({ network, a }) {
      network.unsilence(0);
      await a.redis.restart();
      a.startDaemon();
    },
    told: '',
  },
  {
    name: 'a daemon killed beside a living Redis',
    async strike({ a }) {
      await a.endDaemon('SIGKILL');
    },
    async mend({ a }) {
      a.startDaemon();
    },
    told: '',
  },
  {
    name: 'a Redis killed under a living daemon',
    strike: ({ a }) => a.redis.kill(),
    mend: ({ a }) => a.redis.restart(),
    told: ' fault',
  },
];

/** Keys in one list. */
const COUNT = 20;

/** One by one, as a client with the floating address does. `isReplicated`: they have reached the replica. */
async function write(pair: Pair, name: string, isReplicated: boolean): Promise<void> {
  const pushes = Array.from({ length: COUNT }, (_, index) => `RPUSH ${name} ${index}`);
  const answers = await pair.converse([...pushes, ...(isReplicated ? ['WAIT 1 20000'] : [])]);
  const expected = pushes.map((_, index) => `${index + 1}`);
  assert.deepEqual(answers, [...expected, ...(isReplicated ? ['1'] : [])], pair.story());
}

async function assertHas(host: PairHost, ...names: readonly string[]): Promise<void> {
  for (const name of names) assert.equal(await host.ask('LLEN', name), `${COUNT}`, name);
}

/** Begins as the tutorials say, with the host that has the data; it has the address then. */
async function startA(t: TestContext, options: PairOptions): Promise<Pair> {
  const pair = await makePair(t, options);
  const { a } = pair;
  await a.redis.restart();
  await a.ask('RPUSH', 'seed', ...Array.from({ length: COUNT }, () => 'x'));
  a.startDaemon();
  await pair.until('host a to have the address', () => a.holdsAddress);
  return pair;
}

async function startB({ b }: Pair): Promise<void> {
  await b.redis.restart();
  b.startDaemon();
}

async function play(t: TestContext, way: PairOptions['way'], fault: Fault, daemonOfB: Daemon): Promise<void> {
  const pair = await startA(t, { ...BATONS, way, daemonOf: { a: 'baton', b: daemonOfB } });
  const { a, b } = pair;
  await write(pair, 'early', false);
  await startB(pair);
  await pair.settled(a);
  await assertHas(a, 'seed', 'early');
  await write(pair, 'before', true);

  await fault.strike(pair);
  await pair.until('host b to be the primary', async () => {
    return b.holdsAddress && b.isQuiet && (await b.replication())['role'] === 'master';
  });
  assert.ok(!a.holdsAddress, 'two hold the address');
  await assertHas(b, 'seed', 'early', 'before');
  await write(pair, 'during', false);
  assert.equal(a.states, `backup master${fault.told}`);
  assert.equal(b.states, 'backup master');

  await fault.mend(pair);
  if (way === 'preempting') {
    // The tutorial's gap: host a has the address back, and its Redis serves what it had, until its script goes on.
    await pair.until('host a to have the address', () => a.holdsAddress && !b.holdsAddress);
    assert.equal(await pair.ask('LLEN', 'during'), '0');
    assert.equal(await pair.ask('SET', 'doomed', 'x'), 'OK');
  }
  const primary = way === 'preempting' ? a : b;
  await pair.settled(primary);
  for (const host of [a, b]) {
    await assertHas(host, 'seed', 'early', 'before', 'during');
    assert.equal(await host.ask('EXISTS', 'doomed'), '0');
  }
  await write(pair, 'after', true);

  for (const host of [a, b]) assert.equal(await host.endDaemon('SIGTERM'), 0, host.daemon?.output);
  const again = way === 'preempting' ? ' master' : '';
  assert.equal(a.states, `backup master${fault.told} backup${again} stop`);
  assert.equal(b.states, `backup master${way === 'preempting' ? ' backup' : ''} stop`);
}

describe('the classic pair', { skip, concurrency: true }, () => {
  for (const way of ['preempting', 'nopreempt'] as const) {
    for (const fault of FAULTS) {
      it(`${way}: survives ${fault.name}`, (t) => play(t, way, fault, 'baton'));
    }
  }

  const redisKilled = FAULTS.at(-1) as Fault;
  it(`nopreempt, keepalived on the other host: survives ${redisKilled.name}`, (t) =>
    play(t, 'nopreempt', redisKilled, 'keepalived'));

  it('loses everything if the other host begins with an empty Redis that follows nobody', async (t) => {
    const pair = await makePair(t, { ...BATONS, way: 'nopreempt', bFollowsA: false });
    const { a, b } = pair;
    await b.redis.restart();
    await a.redis.restart();
    await a.ask('SET', 'seed', 'x');
    a.startDaemon();
    await pair.until('host a to copy the void', async () => (await a.ask('EXISTS', 'seed')) === '0');
    assert.match(a.log, /^\[backup\]/);
  });

  it('loses everything if Redis keeps nothing on disk and is started again at once', async (t) => {
    const pair = await startA(t, { ...BATONS, way: 'nopreempt', isPersistent: false });
    const { a, b } = pair;
    await startB(pair);
    await pair.settled(a);
    await a.redis.restart();
    await pair.until('the replica to copy the void', async () => (await b.ask('EXISTS', 'seed')) === '0');
  });

  it('has no primary under keepalived on both hosts, whose scripts overtake each other', async (t) => {
    const pair = await startA(t, { ...BATONS, way: 'nopreempt', daemonOf: KEEPALIVEDS });
    const { a, b } = pair;
    await startB(pair);
    await pair.until('both to follow each other', async () => {
      if (!a.isQuiet || !b.isQuiet || a.states !== 'backup master') return false;
      const roles = [await a.replication(), await b.replication()].map(({ role }) => role);
      return roles.every((role) => role === 'slave');
    });
    assert.ok(a.holdsAddress);
    assert.match(await pair.ask('SET', 'key', 'x'), /^READONLY/);
    assert.match(a.log, /SLAVEOF NO ONE\nOK\nSLAVEOF .*\nOK\n+$/);
  });
});
