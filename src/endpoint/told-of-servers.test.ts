// What tells of a server besides its check: an agent, one that it tracks, its clients' connections; how it comes back; and
// one that all clients stay with.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAgentLine } from './agent.ts';
import type { CheckConf } from './checks/check-conf.ts';
import type { BackendConf, ServerConf } from './endpoint-conf.ts';
import { backendConf, endpointsConf, serverConf, Stage, target, TIMING } from './test-kit.ts';

const TCP: CheckConf = { kind: 'tcp', host: null, port: null, tls: null };
const A = '10.0.0.1:6379';
const B = '10.0.0.2:6379';
const CHECKED = { checks: [{ check: TCP, timing: TIMING }] };

const web = (servers: readonly ServerConf[], more: Partial<BackendConf> = {}): BackendConf =>
  backendConf({ role: { kind: 'any' }, servers, ...more });

/** Checks find `up`; agents say nothing until the test does. */
function stageOf(...backends: readonly BackendConf[]): { stage: Stage; down: Set<string> } {
  const stage = new Stage(endpointsConf(...backends));
  const down = new Set<string>();
  stage.checkFinds = (address) => ({ isUp: !down.has(address) });
  stage.pass(10);
  return { stage, down };
}

describe('an agent', () => {
  it('says health, state, weight and a limit, of which the later word wins (HAProxy 2.6)', () => {
    const nothing = { isUp: null, adminState: null, percent: null, connectionsMax: null };
    for (const [line, says] of [
      ['up', { isUp: true }],
      ['UP', { isUp: true }],
      ['down', { isUp: false }],
      ['stopped', { isUp: false }],
      ['fail', { isUp: false }],
      ['20% down up', { isUp: true, percent: 20 }],
      ['drain,10%\tup', { isUp: true, adminState: 'drain', percent: 10 }],
      ['ready maxconn:30', { adminState: 'ready', connectionsMax: 30 }],
      ['maint', { adminState: 'maint' }],
      ['down#gone fishing', {}],
      ['banana', {}],
      ['', {}],
    ] as const) {
      assert.deepEqual(parseAgentLine(line), { ...nothing, ...says }, line);
    }
  });

  it('takes its server out and back, and sets its weight; what it does not say stays', () => {
    const agent = { host: null, port: 9_999, send: 'hi\n', timing: TIMING };
    const stage = new Stage(
      endpointsConf(
        web([serverConf('a', A, { ...CHECKED, agent, weight: 10 }), serverConf('b', B, CHECKED)]),
      ),
    );
    let line: string | null = 'up';
    stage.checkFinds = (_, kind) =>
      kind === 'agent' ? { isUp: line !== null, detail: line ?? 'refused' } : { isUp: true };
    const weights = (): readonly number[] => stage.routes.at(-1)?.servers.map(({ weight }) => weight) ?? [];
    stage.pass(10);
    for (const [said, led, expected] of [
      ['up', [A, B], [10, 1]],
      ['down', [B], [1]],
      ['75%', [B], [1]],
      ['ready', [B], [1]],
      [null, [B], [1]],
      ['up', [A, B], [7, 1]],
      ['drain', [B], [1]],
      ['up', [B], [1]],
      ['ready 100% maxconn:5', [A, B], [10, 1]],
      ['maint', [B], [1]],
      ['ready', [A, B], [10, 1]],
      ['0%', [B], [1]],
    ] as const) {
      line = said;
      stage.pass(TIMING.intervalMs);
      assert.deepEqual(stage.leadsTo(), led, String(said));
      assert.deepEqual(weights(), expected, String(said));
    }
  });
});

describe('a reload', () => {
  it('keeps what an operator ordered, what an agent said, and how far a weight has grown', () => {
    const agent = { host: null, port: 9_999, send: '', timing: TIMING };
    const servers = [
      serverConf('a', A, CHECKED),
      serverConf('b', B, { ...CHECKED, agent, weight: 10 }),
      serverConf('c', '10.0.0.3:1', { ...CHECKED, isDisabled: true }),
      serverConf('d', '10.0.0.4:1', CHECKED),
    ];
    const stage = new Stage(endpointsConf(web(servers)));
    let line: string | null = '50% maxconn:7';
    stage.checkFinds = (_, kind) =>
      kind === 'agent' ? { isUp: line !== null, detail: line ?? '' } : { isUp: true };
    stage.pass(1_000);
    stage.feed({ kind: 'set-state', backend: 'redis', server: 'a', state: 'maint' });
    stage.feed({ kind: 'set-state', backend: 'redis', server: 'd', state: 'drain' });
    // From now on nobody can ask the agent.
    line = null;
    stage.feed({ kind: 'reload', conf: endpointsConf(web(servers, { connectMsMax: 77 })) });
    stage.pass(5_000);
    const [only] = stage.routes.at(-1)?.servers ?? [];
    assert.deepEqual([stage.leadsTo(), only?.weight, only?.connectionsMax], [[B], 5, 7]);
    const states = stage.backend().servers.map(({ adminState }) => adminState);
    assert.deepEqual(states, ['maint', 'ready', 'maint', 'drain']);
    line = 'down';
    stage.pass(1_000);
    line = null;
    stage.feed({ kind: 'reload', conf: endpointsConf(web(servers.slice(0, 2), { connectMsMax: 78 })) });
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), []);
  });
});

it('conditions count the servers that could serve, also where one of them has all clients', () => {
  const when = {
    isNegated: false,
    anyOf: [
      [
        {
          isNegated: false,
          tests: [{ kind: 'servers-up', backend: 'redis', server: null, ranges: [[2, Infinity]] }],
        },
      ],
    ],
  } as const;
  const backends = [
    web([serverConf('a', A, CHECKED), serverConf('b', B, CHECKED)], { staysWithOne: true }),
    web([serverConf('x', '10.0.0.3:1')], { name: 'other', serverRules: [{ when, server: 'x' }] }),
  ];
  const { stage, down } = stageOf(...backends);
  const facts = (): unknown =>
    stage.effects.flatMap(({ effect }) => (effect.kind === 'servers-up' ? [effect.facts] : [])).at(-1);
  assert.deepEqual([stage.leadsTo(), facts()], [[A], { redis: 2 }]);
  stage.feed({
    kind: 'reload',
    conf: endpointsConf({ ...(backends[0] as BackendConf), connectMsMax: 77 }, backends[1] as BackendConf),
  });
  assert.deepEqual(facts(), { redis: 2 }, 'before anybody is looked at anew');
  down.add(B);
  stage.pass(3_000);
  assert.deepEqual([stage.leadsTo(), facts()], [[A], { redis: 1 }]);
});

it('a server that tracks another is as well as that, and taken out with it', () => {
  const tracks = { backend: 'redis', server: 'a' };
  const { stage, down } = stageOf(
    web([serverConf('x', B, { tracks }), serverConf('y', '10.0.0.3:1')], { name: 'other' }),
    web([serverConf('a', A, CHECKED)]),
  );
  assert.deepEqual(stage.leadsTo('to-other'), [B, '10.0.0.3:1']);
  down.add(A);
  stage.pass(2_000);
  assert.deepEqual(stage.leadsTo('to-other'), ['10.0.0.3:1']);
  assert.match(stage.backend('other').because, /not x: as redis\/a, which it tracks/);
  down.clear();
  stage.pass(2_000);
  assert.deepEqual(stage.leadsTo('to-other'), [B, '10.0.0.3:1']);
  stage.feed({ kind: 'set-state', backend: 'redis', server: 'a', state: 'drain' });
  assert.deepEqual(stage.leadsTo('to-other'), ['10.0.0.3:1']);
});

describe('connections of clients', () => {
  const observed = (onError: 'fastinter' | 'fail-check' | 'sudden-death' | 'mark-down'): Stage => {
    const { stage } = stageOf(
      web([serverConf('a', A, { ...CHECKED, observe: { errorLimit: 2, onError } }), serverConf('b', B)]),
    );
    assert.deepEqual(stage.leadsTo(), [A, B]);
    return stage;
  };
  const fails = (stage: Stage, isMade = false): void =>
    stage.feed({ kind: 'connection-seen', endpoint: 'to-redis', server: target(A), isMade });

  it('that cannot be made take a server down as they are told to, if enough come in a row', () => {
    const stage = observed('mark-down');
    fails(stage);
    fails(stage, true);
    fails(stage);
    assert.deepEqual(stage.leadsTo(), [A, B]);
    fails(stage);
    assert.deepEqual(stage.leadsTo(), [B]);
    // Its check brings it back.
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [A, B]);
  });

  it('count as a failed check, make the next one the last, or make it come at once', () => {
    const failing = observed('fail-check');
    for (let count = 0; count < 2; count++) fails(failing);
    assert.deepEqual(failing.leadsTo(), [A, B]);
    for (let count = 0; count < 2; count++) fails(failing);
    assert.deepEqual(failing.leadsTo(), [B]);
    const dying = observed('sudden-death');
    for (let count = 0; count < 2; count++) fails(dying);
    assert.deepEqual(dying.leadsTo(), [A, B]);
    dying.checkFinds = (address) => ({ isUp: address !== A });
    dying.pass(TIMING.intervalMs + 10);
    assert.deepEqual(dying.leadsTo(), [B]);
  });
});

it('a server that was down gets its weight back step by step', () => {
  const { stage, down } = stageOf(
    web([
      serverConf('a', A, { ...CHECKED, slowStartMs: 20_000, weight: 2 }),
      serverConf('b', B, { weight: 2 }),
    ]),
  );
  const weights = (): readonly number[] => stage.routes.at(-1)?.servers.map(({ weight }) => weight) ?? [];
  assert.deepEqual(weights(), [2, 2]);
  down.add(A);
  stage.pass(3_000);
  assert.deepEqual(stage.leadsTo(), [B]);
  down.clear();
  stage.pass(600);
  assert.deepEqual(weights(), [2, 40]);
  const decisions = (): number => stage.effects.filter(({ effect }) => effect.kind === 'decision').length;
  const before = decisions();
  stage.pass(10_000);
  assert.deepEqual(weights(), [22, 40]);
  stage.pass(10_000);
  assert.deepEqual(weights(), [2, 2]);
  assert.ok(decisions() - before <= 1, 'each step is no news');
});

describe('one that all clients stay with', () => {
  const backend = web([serverConf('a', A, CHECKED), serverConf('b', B, { ...CHECKED, isBackup: true })], {
    staysWithOne: true,
  });

  it('is kept when the one before it comes back, also a backup, and over a reload', () => {
    const { stage, down } = stageOf(backend);
    assert.deepEqual(stage.leadsTo(), [A]);
    down.add(A);
    stage.pass(3_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    down.clear();
    stage.pass(3_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    stage.feed({ kind: 'reload', conf: endpointsConf({ ...backend, connectMsMax: 77 }) });
    stage.pass(3_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    down.add(B);
    stage.pass(3_000);
    assert.deepEqual(stage.leadsTo(), [A]);
  });
});
