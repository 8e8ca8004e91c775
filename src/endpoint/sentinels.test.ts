// A primary endpoint that follows the sentinels it was told of.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BackendConf, EndpointsConf } from './endpoint-conf.ts';
import { backendConf, endpointsConf, REPLICA, Stage, target, TIMING } from './test-kit.ts';

const A = '10.0.0.1:6379';
const B = '10.0.0.2:6379';
const SENTINELS = ['10.0.1.1:26379', '10.0.1.2:26379', '10.0.1.3:26379'];

function confOf(more: Partial<BackendConf> = {}, sentinels = SENTINELS): EndpointsConf {
  const source = {
    kind: 'sentinels',
    sentinels: sentinels.map(target),
    group: 'mymaster',
    credentials: null,
    tls: null,
  } as const;
  return endpointsConf(
    backendConf({ source, servers: [], ...more }),
    backendConf({ name: 'readers', source, servers: [], role: REPLICA, ...more }),
  );
}

/** Watches everything anew. */
const OTHER_PACE: Partial<BackendConf> = { timing: { ...TIMING, fall: 5 } };

function fleet(): Stage {
  const stage = new Stage(confOf());
  stage.model(A, { role: 'master' });
  stage.model(B);
  for (const address of SENTINELS) stage.model(address, { group: { primary: A, epoch: 3, replicas: [B] } });
  return stage;
}

function name(stage: Stage, primary: string, epoch: number, ...which: readonly number[]): void {
  for (const index of which) {
    stage.model(SENTINELS[index] ?? '').group = { primary, epoch, replicas: [primary === A ? B : A] };
  }
}

describe('an endpoint that follows sentinels', () => {
  it('leads to the primary they name, and to the replicas they know', () => {
    const stage = fleet();
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    assert.deepEqual(stage.leadsTo('to-readers'), [B]);
    assert.match(stage.backend().because, /3 of 3 sentinels answer, config epoch 3/);
    assert.equal(stage.backend().sentinels.length, 3);
  });

  it('tells which servers it has, those that it learned of included', () => {
    const stage = fleet();
    stage.pass(2_000);
    const told = stage.effects.flatMap(({ effect }) => (effect.kind === 'servers-known' ? [effect] : []));
    assert.deepEqual(
      told
        .findLast(({ endpoints }) => endpoints.includes('to-redis'))
        ?.servers.map(({ host }) => host)
        .sort(),
      ['10.0.0.1', '10.0.0.2'],
    );
    // Not with every refresh.
    assert.ok(told.length <= 4, `${told.length} times`);
  });

  it('follows +switch-master at once, when one sentinel knows of it and the new one says role:master', () => {
    const stage = fleet();
    stage.pass(1_900);
    name(stage, B, 4, 0);
    stage.model(B).role = 'master';
    stage.publish(SENTINELS[0] ?? '', 'mymaster 10.0.0.1 6379 10.0.0.2 6379');
    stage.pass(10);
    assert.deepEqual(stage.leadsTo(), [B]);
  });

  it('leads to the promoted one while the leader of the failover waits for replicas, though a sentinel is gone', () => {
    const stage = fleet();
    stage.pass(1_000);
    stage.kill(A);
    stage.kill(SENTINELS[2] ?? '');
    stage.model(SENTINELS[0] ?? '').group = { primary: A, epoch: 4, replicas: [B], promoted: B };
    stage.model(B).role = 'master';
    // It is asked before the other one hears of it.
    stage.pass(1_000);
    name(stage, B, 4, 1);
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [B]);
  });

  it('hears one voice of a sentinel that is named twice', () => {
    const [real = ''] = SENTINELS;
    const stage = new Stage(confOf({}, [real, 'one.example:26379', '10.0.1.9:26379']));
    stage.names.set('one.example', [real.split(':')[0] ?? '']);
    stage.model(A, { role: 'master' });
    stage.model(B);
    stage.model(real, { group: { primary: A, epoch: 3, replicas: [B] } });
    stage.pass(3_000);
    assert.deepEqual(stage.leadsTo(), []);
    assert.match(stage.backend().because, /1 of 3 sentinels answer/);
  });

  it('goes by what a sentinel tells of the group where it may not ask for the address alone', () => {
    const stage = fleet();
    for (const address of SENTINELS) stage.model(address).refusesAddress = true;
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    name(stage, B, 4, 0, 1);
    stage.model(B).role = 'master';
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [B]);
  });

  it('leads nowhere while the named one does not say role:master itself', () => {
    const stage = fleet();
    stage.pass(1_900);
    name(stage, B, 4, 0, 1, 2);
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), []);
    assert.match(
      stage.backend().because,
      /10.0.0.2:6379 is to be the primary .* but it still says role:slave/,
    );
    stage.model(B).role = 'master';
    stage.pass(600);
    assert.deepEqual(stage.leadsTo(), [B]);
  });

  it('believes no server that only claims to be the primary', () => {
    const stage = fleet();
    stage.model(B).role = 'master';
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), [A]);
  });

  it('does not go back to an older epoch that a sentinel tells after it was away', () => {
    const stage = fleet();
    name(stage, B, 4, 0, 1);
    name(stage, A, 3, 2);
    stage.model(A).role = 'master';
    stage.model(B).role = 'master';
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    stage.kill(SENTINELS[0] ?? '');
    name(stage, A, 3, 1, 2);
    stage.pass(6_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    stage.model(SENTINELS[0] ?? '').isAlive = true;
    name(stage, A, 3, 0);
    stage.pass(6_000);
    assert.deepEqual(stage.leadsTo(), [A], 'all tell it: somebody began anew');
  });

  it('does not believe an older epoch after a reload either, unless the sentinels are all others', () => {
    const stage = fleet();
    name(stage, B, 4, 0, 1);
    stage.model(B).role = 'master';
    stage.pass(2_000);
    stage.kill(SENTINELS[0] ?? '');
    name(stage, A, 3, 1, 2);
    stage.feed({ kind: 'reload', conf: confOf(OTHER_PACE) });
    stage.pass(6_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    const others = SENTINELS.map((address) => address.replace('10.0.1.', '10.0.9.'));
    for (const address of others.slice(0, 2))
      stage.model(address, { group: { primary: A, epoch: 1, replicas: [B] } });
    stage.feed({ kind: 'reload', conf: confOf({}, others) });
    stage.pass(6_000);
    assert.deepEqual(stage.leadsTo(), [A]);
  });

  it('keeps the present primary without a majority while it says role:master, and raises an alarm', () => {
    const stage = fleet();
    stage.pass(2_000);
    stage.kill(SENTINELS[0] ?? '');
    stage.kill(SENTINELS[1] ?? '');
    stage.pass(10_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    assert.deepEqual(
      stage.alarms().filter((text) => text.startsWith('sentinels')),
      [
        'sentinels: 1 of 3 sentinels answer, and it takes a majority (10.0.1.1:26379: refused; 10.0.1.2:26379: refused)',
      ],
    );
    stage.model(A).role = 'slave';
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), []);
  });

  function lonely(): Stage {
    const stage = fleet();
    stage.pass(2_000);
    stage.kill(SENTINELS[0] ?? '');
    stage.kill(SENTINELS[1] ?? '');
    stage.pass(5_000);
    return stage;
  }

  it('does not take back a primary that was restarted before a majority vouches for it', () => {
    const stage = lonely();
    stage.kill(A);
    stage.pass(1_000);
    stage.model(A, { isAlive: true, history: 'h2' });
    stage.pass(10_000);
    assert.deepEqual(stage.leadsTo(), []);
    assert.match(
      stage.backend().because,
      /10.0.0.1:6379 began anew, and nobody knows .*: 1 of 3 sentinels answer/,
    );
    stage.model(SENTINELS[1] ?? '').isAlive = true;
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    stage.kill(SENTINELS[1] ?? '');
    stage.pass(10_000);
    assert.deepEqual(stage.leadsTo(), [A], 'it is the present one again');
  });

  it('takes back a primary that was only cut off, also one whose history began anew before our eyes', () => {
    const stage = lonely();
    stage.model(A).isFrozen = true;
    stage.pass(10_000);
    assert.deepEqual(stage.leadsTo(), []);
    stage.model(A).isFrozen = false;
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    // As when its first replica comes.
    stage.model(A).history = 'h2';
    stage.pass(2_000);
    stage.cut(A);
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [A]);
  });

  it('does not take back a primary that was demoted and promoted without a majority', () => {
    const stage = lonely();
    stage.model(A).role = 'slave';
    stage.pass(1_000);
    stage.model(A, { role: 'master', history: 'h2' });
    stage.pass(1_000);
    stage.cut(A);
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), []);
  });

  it('keeps the present primary through a reload without a majority, unless it was restarted meanwhile', () => {
    const stage = lonely();
    const before = stage.backend().generation;
    stage.feed({ kind: 'reload', conf: confOf(OTHER_PACE) });
    stage.pass(10_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    assert.equal(stage.backend().generation, before, 'nobody is reset');
    stage.kill(A);
    stage.feed({ kind: 'reload', conf: confOf() });
    stage.model(A, { isAlive: true, history: 'h2' });
    stage.pass(10_000);
    assert.deepEqual(stage.leadsTo(), []);
  });

  it('leads on after a reload until the sentinels could be heard, though the primary is', () => {
    const stage = fleet();
    stage.pass(2_000);
    const before = stage.backend().generation;
    for (const address of SENTINELS) stage.model(address).isFrozen = true;
    stage.feed({ kind: 'reload', conf: confOf(OTHER_PACE) });
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    assert.equal(stage.backend().generation, before);
  });

  it('tells the end of an alarm that began before a reload, and tells the alarm once', () => {
    const stage = lonely();
    stage.feed({ kind: 'reload', conf: confOf(OTHER_PACE) });
    stage.pass(5_000);
    stage.model(SENTINELS[0] ?? '').isAlive = true;
    stage.pass(5_000);
    const told = stage.effects.flatMap(({ effect }) =>
      effect.kind === 'event' && effect.name === 'sentinels' ? [effect.level] : [],
    );
    assert.deepEqual(told, ['alarm', 'info']);
  });

  it('tells the end of an alarm whose servers a reload leaves out', () => {
    const stage = lonely();
    stage.feed({ kind: 'reload', conf: endpointsConf() });
    const told = stage.effects.flatMap(({ effect }) =>
      effect.kind === 'event' && effect.name === 'sentinels' ? [effect.text] : [],
    );
    assert.deepEqual(told.slice(1), ['is not watched any more']);
  });

  it('leads nowhere at a cold start without a majority', () => {
    const stage = fleet();
    stage.model(SENTINELS[0] ?? '').isAlive = false;
    stage.model(SENTINELS[1] ?? '').isFrozen = true;
    stage.pass(10_000);
    assert.deepEqual(stage.leadsTo(), []);
    stage.model(SENTINELS[0] ?? '').isAlive = true;
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [A]);
  });

  it('leads nowhere when they name two primaries at one epoch, unless one is in use', () => {
    const cold = fleet();
    cold.model(B).role = 'master';
    name(cold, B, 3, 0);
    cold.kill(SENTINELS[2] ?? '');
    cold.pass(5_000);
    assert.deepEqual(cold.leadsTo(), []);
    const warm = fleet();
    warm.pass(2_000);
    warm.model(B).role = 'master';
    name(warm, B, 3, 0);
    warm.kill(SENTINELS[2] ?? '');
    warm.pass(8_000);
    assert.deepEqual(warm.leadsTo(), [A]);
  });

  it('leads nowhere the moment the primary dies, and says whom it waits for', () => {
    const stage = fleet();
    stage.pass(2_000);
    stage.kill(A);
    stage.pass(5);
    assert.deepEqual(stage.leadsTo(), []);
    assert.match(stage.backend().because, /it is not up: refused/);
  });

  it('asks at once when a path saw the primary refuse writes', () => {
    const stage = fleet();
    stage.pass(1_600);
    stage.model(A).role = 'slave';
    stage.model(B).role = 'master';
    name(stage, B, 4, 1);
    stage.feed({ kind: 'demoted', endpoint: 'to-redis', server: target(A), text: 'READONLY' });
    stage.pass(10);
    assert.deepEqual(stage.leadsTo(), [B]);
  });

  it('survives nonsense from a sentinel', () => {
    const stage = fleet();
    stage.model(SENTINELS[0] ?? '', { group: null });
    stage.model(SENTINELS[1] ?? '').group = { primary: 'x:99999', epoch: Number.NaN, replicas: [] };
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), [], 'one good answer of three is no majority');
    assert.match(stage.backend().sentinels[0]?.problem ?? '', /No such master/);
  });
});
