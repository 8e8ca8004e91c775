// The whole machine under long random lives: nodes that die, hang, lie and answer nonsense, a disk that refuses or is
// slow, a process that is frozen, peers that ask and tell anything. It must never throw, never stop or spin, never take
// an epoch back, never tell two votes for one epoch, and never grow without bound.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Random } from '../base/random.ts';
import { array, bulk, error, integer, simple, type Reply } from '../resp/reply.ts';
import { Cast, KNOWN_PEERS, PEER_1, PEER_2, PRIMARY, REPLICA_1, REPLICA_2 } from './test-cast.ts';
import { Stage, stageConf, type Wire } from './test-kit.ts';

const EVERYBODY = [PRIMARY, REPLICA_1, REPLICA_2, PEER_1, PEER_2];
const IDS = ['b', 'c', 'd', 'e', 'f'].map((letter) => letter.repeat(40));
const LIVES = 60;
const STEPS = 400;
const HOSTS = ['10.0.1.1', '10.0.1.2', '10.0.1.3', '10.0.1.4', '::1', 'a.example', 'b.example', ''];

function randomReply(random: Random, depth = 0): Reply {
  const text = random.pick([
    'PONG',
    'OK',
    'LOADING',
    'BUSY x',
    'NOAUTH x',
    'ERR x',
    '',
    '*',
    IDS[0] as string,
  ]);
  const kind = random.int(depth > 1 ? 5 : 8);
  if (kind === 0) return simple(text);
  if (kind === 1) return error(text);
  if (kind === 2) return integer(random.int(3));
  if (kind === 3) return bulk(text);
  if (kind === 4) return { kind: 'null' };
  if (kind === 5)
    return bulk(
      `role:${random.pick(['master', 'slave', 'x'])}\r\nslave0:ip=${random.pick(HOSTS)},port=6379\r\n`,
    );
  const items = Array.from({ length: random.int(4) }, () => randomReply(random, depth + 1));
  return kind === 6 ? array(items) : { kind: 'push', items };
}

class Life {
  readonly random: Random;
  readonly cast = new Cast();
  readonly stage: Stage;
  readonly #votes = new Map<string, string>();
  #clients = 1;
  #epochs = [0n, 0n];
  #late: (() => void)[] = [];
  #mood = 'normal';

  constructor(seed: number) {
    this.random = new Random(seed);
    const random = this.random;
    this.stage = new Stage({
      conf: stageConf([{ knownSentinels: KNOWN_PEERS, notificationScript: '/notify' }], {
        resolveHostnames: random.chance(0.5),
        denyScriptsReconfig: false,
      }),
      actor: (to, args, wire) => this.#answer(to, args, wire),
      fastCrash: random.chance(0.5),
      seed,
    });
  }

  #answer(to: string, args: readonly string[], wire: Wire): Reply | null {
    const { random } = this;
    if (this.#mood === 'mute' && random.chance(0.7)) return null;
    const reply =
      this.#mood === 'garbage' && random.chance(0.3) ? randomReply(random) : this.cast.actor(to, args, wire);
    if (reply === null || this.#mood !== 'slow') return reply;
    this.#late.push(() => this.stage.feed({ kind: 'reply', connection: wire.id, reply }));
    return null;
  }

  #client(): number {
    this.#clients += 1;
    const client = this.#clients;
    this.stage.feed({
      kind: 'client-connected',
      client,
      address: `127.0.0.1:${client}`,
      localAddress: '127.0.0.1:26379',
      isLocal: true,
      fd: client,
    });
    return client;
  }

  /** One command of a new client, which leaves. The answer, if it came at once. */
  #command(...args: string[]): Reply | null {
    const client = this.#client();
    const before = this.stage.effects.length;
    this.stage.feed({ kind: 'command', client, args });
    if (this.random.chance(0.9)) this.stage.feed({ kind: 'client-closed', client });
    return this.stage.answered(before)[0] ?? null;
  }

  act(): void {
    const { random, stage, cast } = this;
    const epoch = (): string => `${random.chance(0.9) ? random.int(stage.now / 500 + 5) : random.int(3)}`;
    const host = (): string => random.pick(HOSTS);
    const actions: (() => unknown)[] = [
      () => stage.pass(random.int(100)),
      () => stage.pass(random.int(3000)),
      () => stage.pass(random.int(30_000)),
      () => {
        stage.now += random.int(6000);
        stage.feed({ kind: 'tick' });
      },
      () => (this.#mood = random.pick(['normal', 'normal', 'normal', 'mute', 'garbage', 'slow'])),
      () => {
        const late = this.#late;
        this.#late = [];
        for (const arrive of late) arrive();
      },
      () => stage.kill(random.pick(EVERYBODY), random.pick(['closed', 'reset', 'failed'])),
      () => (stage.isListening = () => true),
      () => {
        for (const wire of stage.wires.values()) {
          if (!random.chance(0.2)) continue;
          stage.wires.delete(wire.id);
          stage.feed({ kind: 'disconnected', connection: wire.id, reason: 'reset', detail: 'x' });
        }
      },
      () => {
        const ids = [...stage.wires.keys()];
        if (ids.length > 0)
          stage.feed({ kind: 'reply', connection: random.pick(ids), reply: randomReply(random) });
      },
      () => {
        const node = cast.nodes.get(random.pick([PRIMARY, REPLICA_1, REPLICA_2]));
        if (node === undefined) return;
        node.role = random.pick(['master', 'slave']);
        node.follows = node.role === 'master' ? '' : random.pick([PRIMARY, REPLICA_1, REPLICA_2]);
        node.obeys = random.chance(0.8);
        node.linkUp = random.chance(0.8);
        node.priority = random.pick([0, 1, 100]);
        node.info = random.chance(0.3) ? [`slave7:ip=${host()},port=${random.int(9000)}`] : [];
      },
      () => (stage.disk = random.pick(['ok', 'ok', 'ENOSPC', null])),
      () => {
        stage.disk = 'ok';
        stage.feed({ kind: 'persisted', version: stage.sentinel.stateToPersist().version, problem: null });
      },
      () =>
        stage.feed({
          kind: 'resolved',
          host: random.pick(HOSTS),
          ip: random.pick([null, '10.0.1.2', '10.0.1.9']),
        }),
      () => {
        const candidate = random.pick([...IDS, '*', 'x']);
        const asked = epoch();
        const reply = this.#command(
          'SENTINEL',
          'is-master-down-by-addr',
          '10.0.1.1',
          '6379',
          asked,
          candidate,
        );
        const [, leader, voted] = reply?.kind === 'array' ? reply.items : [];
        if (leader?.kind === 'bulk' && voted?.kind === 'integer' && leader.value !== '*') {
          this.#noteVote(leader.value, `${voted.value}`);
        }
      },
      () =>
        this.#command(
          'PUBLISH',
          '__sentinel__:hello',
          [
            host(),
            random.int(3) + 26379,
            random.pick(IDS),
            epoch(),
            random.pick(['m1', 'm1', 'm2']),
            host(),
            6379,
            epoch(),
          ].join(','),
        ),
      () => this.#command('PUBLISH', '__sentinel__:hello', random.hex(random.int(60))),
      () => this.#command('SENTINEL', 'FAILOVER', 'm1', ...(random.chance(0.3) ? ['COORDINATED'] : [])),
      () => random.chance(0.3) && this.#command('SENTINEL', 'RESET', random.pick(['*', 'm1'])),
      () => this.#command('SENTINEL', 'MONITOR', 'm2', host(), random.pick(['0', '6380']), '1'),
      () => this.#command('SENTINEL', 'REMOVE', 'm2'),
      () => this.#command('SENTINEL', 'SET', 'm1', 'down-after-milliseconds', `${1 + random.int(5000)}`),
      () =>
        this.#command(
          'SENTINEL',
          'SET',
          'm1',
          'quorum',
          `${1 + random.int(3)}`,
          'failover-timeout',
          `${1 + random.int(9000)}`,
        ),
      () => this.#command('SENTINEL', 'CONFIG', 'SET', 'resolve-hostnames', random.pick(['yes', 'no'])),
      () => this.#command('SENTINEL', 'CONFIG', 'SET', 'announce-hostnames', random.pick(['yes', 'no'])),
      () =>
        random.chance(0.2) &&
        this.#command(
          'SENTINEL',
          'DEBUG',
          random.pick([
            'info-period',
            'ping-period',
            'ask-period',
            'publish-period',
            'tilt-period',
            'election-timeout',
            'min-link-reconnect-period',
          ]),
          `${1 + random.int(3000)}`,
        ),
      () =>
        this.#command(
          'SENTINEL',
          random.pick(['MASTERS', 'REPLICAS', 'SENTINELS', 'CKQUORUM', 'PENDING-SCRIPTS', 'INFO-CACHE']),
          'm1',
        ),
      () => stage.sentinel.snapshot(stage.now),
      () => {
        const run = random.int(500);
        stage.feed(
          random.chance(0.3)
            ? { kind: 'script-started', run, pid: 7 }
            : { kind: 'script-ended', run, exitCode: random.int(3), signal: random.int(2) * 9 },
        );
      },
    ];
    random.pick(actions)();
    this.#check();
  }

  #noteVote(leader: string, epoch: string): void {
    const before = this.#votes.get(epoch);
    assert.ok(before === undefined || before === leader, `two votes in epoch ${epoch}: ${before}, ${leader}`);
    this.#votes.set(epoch, leader);
  }

  #check(): void {
    const { stage } = this;
    // Our own vote is told right after the attempt it is for; votes for others are seen in the answers.
    let mine = false;
    for (const { effect } of stage.effects) {
      if (effect.kind !== 'event') continue;
      const [first = '', second = ''] = effect.text.split(' ');
      if (mine && effect.name === '+vote-for-leader') this.#noteVote(first, second);
      mine = effect.name === '+try-failover' && second === 'm1';
    }
    // Keep only what the answers still under way need.
    stage.effects.length = 0;
    stage.sends.length = 0;
    const { conf } = stage.sentinel.stateToPersist();
    const epochs = [conf.currentEpoch, conf.masters.find(({ name }) => name === 'm1')?.configEpoch ?? 0n];
    for (const [index, epoch] of epochs.entries())
      assert.ok(epoch >= (this.#epochs[index] ?? 0n), 'an epoch went back');
    this.#epochs = epochs;
    for (const master of stage.sentinel.snapshot(stage.now).masters) {
      assert.ok(master.sentinels.length <= IDS.length, 'as many sentinels as ids');
      assert.ok(master.replicas.length <= 100, 'as many replicas as addresses');
      const names = master.replicas.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length);
    }
    assert.ok(stage.wires.size <= 400, `${stage.wires.size} connections`);
    const deadline = stage.sentinel.deadline();
    assert.ok(Number.isInteger(deadline), `deadline ${deadline}`);
    assert.ok(deadline <= stage.now + 250, 'it looks up often enough to notice a freeze');
  }
}

describe('the machine', () => {
  for (let seed = 1; seed <= LIVES; seed += 1) {
    it(`lives through random life ${seed}`, () => {
      const life = new Life(seed);
      for (let step = 0; step < STEPS; step += 1) life.act();
    });
  }
});
