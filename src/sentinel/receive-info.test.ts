// What an INFO reply does to the machine: who else there is, reboots, roles, and the repairs outside of a failover.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bulk, error } from '../resp/reply.ts';
import { Cast, crash, fieldsOf, nodeOf, PRIMARY, REPLICA_1, REPLICA_2, trio } from './test-cast.ts';
import { Stage, stageConf } from './test-kit.ts';

describe('a replica', () => {
  it('that a primary lists is added, told of and saved, once (sentinel.md §6.11, §2.6)', () => {
    const { stage } = trio();
    stage.pass(30_000);
    assert.deepEqual(
      stage.told().filter((text) => text.startsWith('+slave ')),
      [
        '+slave slave 10.0.1.2:6379 10.0.1.2 6379 @ m1 10.0.1.1 6379',
        '+slave slave 10.0.1.3:6379 10.0.1.3 6379 @ m1 10.0.1.1 6379',
      ],
    );
    const { knownReplicas } = stage.sentinel.stateToPersist().conf.masters[0] ?? {};
    assert.deepEqual(knownReplicas, [
      { host: '10.0.1.2', port: 6379 },
      { host: '10.0.1.3', port: 6379 },
    ]);
  });

  it('with an IPv6 address is named in brackets (sentinel.md §0)', () => {
    const { stage, cast } = trio();
    nodeOf(cast, PRIMARY).info.push('slave7:ip=fd00::2,port=6379,state=online,offset=1,lag=0');
    stage.pass(11_000);
    assert.ok(stage.told().includes('+slave slave [fd00::2]:6379 fd00::2 6379 @ m1 10.0.1.1 6379'));
  });

  it('with a hostname is passed over while resolve-hostnames is off (sentinel.md §6.12)', () => {
    const { stage, cast } = trio();
    nodeOf(cast, PRIMARY).info.push('slave7:ip=replica.example,port=6379,state=online');
    stage.pass(11_000);
    assert.ok(!stage.told().some((text) => text.includes('replica.example')));
  });

  it('is listed by a master that became a replica itself, too (sentinel.md §6.11)', () => {
    const { stage, cast } = trio();
    const primary = nodeOf(cast, PRIMARY);
    Object.assign(primary, { role: 'slave', follows: '10.0.1.9:6379' });
    primary.info.push('slave0:ip=10.0.1.4,port=6379,state=online');
    stage.pass(11_000);
    assert.ok(stage.told().includes('+slave slave 10.0.1.4:6379 10.0.1.4 6379 @ m1 10.0.1.1 6379'));
  });
});

describe('a run id', () => {
  it('that changes is a reboot (sentinel.md §6.11)', () => {
    const { stage, cast } = trio();
    nodeOf(cast, REPLICA_1).info.push(`run_id:${'9'.repeat(40)}`);
    stage.pass(11_000);
    assert.ok(stage.told().includes('+reboot slave 10.0.1.2:6379 10.0.1.2 6379 @ m1 10.0.1.1 6379'));
  });

  it('of a rebooted primary that does not say PONG makes it down after master-reboot-down-after-period (§6.2)', () => {
    const { stage, cast } = trio({ masterRebootDownAfterMs: 3000, downAfterMs: 60_000 });
    cast.pong = (to) =>
      to === PRIMARY ? error('LOADING Redis is loading the dataset in memory') : bulk('x');
    nodeOf(cast, PRIMARY).info.push(`run_id:${'9'.repeat(40)}`);
    stage.pass(15_000);
    const rebootedAt = stage.effects.find(
      ({ effect }) => effect.kind === 'event' && effect.name === '+reboot',
    );
    const downAt = stage.effects.find(({ effect }) => effect.kind === 'event' && effect.name === '+sdown');
    assert.equal((downAt?.at ?? 0) - (rebootedAt?.at ?? 0), 3001);
    assert.match(fieldsOf(stage.ask('SENTINEL', 'MASTER', 'm1')).get('flags') ?? '', /master_reboot$/);
  });

  it('of a rebooted primary without master-reboot-down-after-period changes nothing: LOADING is alive', () => {
    const { stage, cast } = trio();
    cast.pong = () => error('LOADING Redis is loading the dataset in memory');
    nodeOf(cast, PRIMARY).info.push(`run_id:${'9'.repeat(40)}`);
    stage.pass(30_000);
    assert.ok(stage.events().includes('+reboot'));
    assert.ok(!stage.events().includes('+sdown'));
  });
});

describe('a master that says it is a replica', () => {
  it('is sent nothing, and down after down-after + 2 info periods (sentinel.md §6.2, §6.9)', () => {
    const { stage, cast } = trio({ quorum: 3 });
    cast.opinion = () => null;
    Object.assign(nodeOf(cast, PRIMARY), { role: 'slave', follows: '10.0.1.9:6379' });
    stage.pass(40_000);
    const at = (name: string): number =>
      stage.effects.find(({ effect }) => effect.kind === 'event' && effect.name === name)?.at ?? NaN;
    assert.equal(at('+sdown') - at('-role-change'), 21_001);
    assert.equal(stage.sentAt(PRIMARY, 'SLAVEOF').length, 0);
  });
});

describe('a replica that says it is a primary', () => {
  it('is made a replica after four hello periods of a sane primary (sentinel.md §6.9)', () => {
    const { stage, cast } = trio();
    Object.assign(nodeOf(cast, REPLICA_1), { role: 'master', follows: '' });
    stage.pass(30_000);
    const [first = NaN, ...more] = stage.sentAt(REPLICA_1, 'SLAVEOF');
    const saidAt = stage.effects.find(
      ({ effect }) => effect.kind === 'event' && effect.name === '-role-change',
    )?.at;
    assert.ok(first - (saidAt ?? NaN) > 8000);
    assert.deepEqual(more, []);
    assert.deepEqual(
      stage.events().filter((name) => /role-change|convert/.test(name)),
      ['-role-change', '+convert-to-slave', '+role-change'],
    );
  });

  it('is not made a replica again when another member has promoted it meanwhile, unseen between two INFOs', () => {
    const { stage, cast } = trio();
    const node = Object.assign(nodeOf(cast, REPLICA_1), { role: 'master', follows: '' });
    node.info = [`master_replid:${'1'.repeat(40)}`];
    stage.pass(15_000);
    const from = stage.now;
    assert.equal(stage.sentAt(REPLICA_1, 'SLAVEOF').length, 0, 'not before the second INFO');
    node.info = [`master_replid:${'2'.repeat(40)}`];
    stage.pass(7_000);
    assert.ok(stage.sentAt(REPLICA_1, 'INFO').some((at) => at > from));
    assert.equal(stage.sentAt(REPLICA_1, 'SLAVEOF').length, 0);
  });

  it('and refuses to be told otherwise is told once an info period, not with every answer', () => {
    const { stage, cast } = trio();
    Object.assign(nodeOf(cast, REPLICA_1), { role: 'master', follows: '', obeys: false });
    stage.pass(65_000);
    const times = stage.sentAt(REPLICA_1, 'SLAVEOF');
    assert.ok(times.length >= 4 && times.length <= 6, `told ${times.length} times`);
    for (const [index, at] of times.slice(1).entries()) assert.ok(at - (times[index] ?? 0) >= 9_900);
  });

  it('is left alone while the primary is down (sentinel.md §6.9)', () => {
    const { stage, cast } = trio({ quorum: 3 });
    cast.opinion = () => null;
    Object.assign(nodeOf(cast, REPLICA_1), { role: 'master', follows: '' });
    nodeOf(cast, PRIMARY).mute = true;
    stage.pass(40_000);
    assert.equal(stage.sentAt(REPLICA_1, 'SLAVEOF').length, 0);
  });
});

describe('a replica of another primary', () => {
  it('is put right after failover-timeout, and again each info period until it obeys (sentinel.md §6.9)', () => {
    const { stage, cast } = trio();
    Object.assign(nodeOf(cast, REPLICA_2), { follows: '10.0.1.9:6379', obeys: false });
    stage.pass(45_000);
    const times = stage.sentAt(REPLICA_2, 'SLAVEOF');
    assert.ok((times[0] ?? 0) > 10_000);
    assert.ok(times.length >= 2 && times.length <= 4, `told ${times.length} times`);
    nodeOf(cast, REPLICA_2).obeys = true;
    stage.pass(20_000);
    assert.equal(nodeOf(cast, REPLICA_2).follows, PRIMARY);
    assert.ok(stage.events().includes('+fix-slave-config'));
  });

  it('is left alone in TILT (sentinel.md §4.4)', () => {
    const { stage, cast } = trio({ failoverTimeoutMs: 1000 });
    stage.now += 3000;
    stage.feed({ kind: 'tick' });
    Object.assign(nodeOf(cast, REPLICA_2), { follows: '10.0.1.9:6379' });
    stage.pass(29_000);
    assert.ok(!stage.events().includes('+fix-slave-config'));
    stage.pass(15_000);
    assert.ok(stage.events().includes('+fix-slave-config'));
  });
});

describe('an INFO reply', () => {
  it('that is an error leaves the last one as old as it is (sentinel.md §6.11)', () => {
    const { stage } = trio();
    const { actor } = stage;
    stage.pass(10_000);
    stage.actor = (to, args, wire) => (args[0] === 'INFO' ? error('NOPERM') : actor(to, args, wire));
    stage.pass(25_000);
    const age = Number(fieldsOf(stage.ask('SENTINEL', 'MASTER', 'm1')).get('info-refresh'));
    assert.ok(age > 24_000, `${age}`);
  });

  it('without a role line says nothing about the role', () => {
    const { stage } = trio();
    const { actor } = stage;
    stage.actor = (to, args, wire) => (args[0] === 'INFO' ? bulk('# Server\r\n') : actor(to, args, wire));
    stage.pass(60_000);
    assert.ok(!stage.events().some((name) => name.includes('role-change')));
    assert.ok(!stage.events().includes('+sdown'));
  });

  it('of the old primary whose names are still being looked up is not taken for the new one’s', () => {
    const cast = new Cast();
    const stage = new Stage({ conf: stageConf([{}], { resolveHostnames: true }), actor: cast.actor });
    stage.pass(100);
    nodeOf(cast, PRIMARY).info.push(`run_id:${'9'.repeat(40)}`, 'slave7:ip=replica.example,port=6379');
    stage.pass(10_500);
    assert.ok(stage.effects.some(({ effect }) => effect.kind === 'resolve'));
    const hello = `10.0.9.2,26379,${'b'.repeat(40)},3,m1,10.0.1.2,6379,3`;
    stage.actor = () => null;
    stage.ask('PUBLISH', '__sentinel__:hello', hello);
    stage.feed({ kind: 'resolved', host: 'replica.example', ip: '10.0.1.7' });
    assert.equal(fieldsOf(stage.ask('SENTINEL', 'MASTER', 'm1')).get('runid'), '');
    assert.ok(!stage.told().some((text) => text.includes('10.0.1.7')));
  });

  it('is asked of replicas every second while their primary is objectively down (sentinel.md §4.3)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    // Nobody to promote, so no failover gets under way for long.
    for (const name of [REPLICA_1, REPLICA_2]) nodeOf(cast, name).priority = 0;
    crash(stage, cast);
    stage.pass(2000);
    assert.ok(stage.events().includes('+odown'));
    const from = stage.now;
    stage.pass(5000);
    const asked = stage.sentAt(REPLICA_1, 'INFO').filter((at) => at >= from);
    assert.ok(asked.length >= 4 && asked.length <= 6, `asked ${asked.length} times`);
  });
});
