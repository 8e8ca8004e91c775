// A failover's states, its elections, and what ends it early.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { array, bulk, integer, OK, type Reply } from '../resp/reply.ts';
import { FAILOVER_TRANSITIONS } from './failover-state.ts';
import type { FailoverState } from './instance.ts';
import {
  crash,
  fieldsOf,
  nodeOf,
  PEER_1,
  PEER_1_ID,
  PEER_2_ID,
  PRIMARY,
  REPLICA_1,
  REPLICA_2,
  trio,
} from './test-cast.ts';
import type { Stage } from './test-kit.ts';

const vote = (leader: string, epoch: number): Reply => array([integer(1), bulk(leader), integer(epoch)]);
const stateOf = (stage: Stage): string => stage.sentinel.snapshot(stage.now).masters[0]?.failoverState ?? '';
const timeOf = (stage: Stage, name: string): number =>
  stage.effects.findLast(({ effect }) => effect.kind === 'event' && effect.name === name)?.at ?? NaN;

describe('the table of states', () => {
  it('reaches every state from none, and leaves every other state', () => {
    const states = new Set<FailoverState>(FAILOVER_TRANSITIONS.flatMap(({ from, to }) => [from, to]));
    const reached = new Set<FailoverState>(['none']);
    for (let before = 0; before !== reached.size;) {
      before = reached.size;
      for (const { from, to } of FAILOVER_TRANSITIONS) if (reached.has(from)) reached.add(to);
    }
    assert.deepEqual([...reached].sort(), [...states].sort());
    for (const state of states)
      assert.ok(
        FAILOVER_TRANSITIONS.some(({ from }) => from === state),
        state,
      );
  });

  it('never gives up once a primary was made (sentinel.md §6.6)', () => {
    const next = FAILOVER_TRANSITIONS.filter(({ from }) => from === 'reconf_slaves').map(({ to }) => to);
    assert.deepEqual(next, ['update_config']);
  });
});

describe('an election', () => {
  it('that nobody won is tried again in a new epoch after 150 to 600 ms, then later and later', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.opinion = (peer, epoch) => vote(peer === PEER_1 ? PEER_1_ID : PEER_2_ID, Number(epoch));
    crash(stage, cast);
    stage.pass(10_000);
    const tries = stage.effects.flatMap(({ at, effect }) =>
      effect.kind === 'event' && effect.name === '+try-failover' ? [at] : [],
    );
    assert.ok(tries.length >= 3, `tried ${tries.length} times`);
    for (const [index, at] of tries.slice(1).entries()) {
      const attempts = index + 1;
      const gap = at - (tries[index] ?? 0) - 500;
      assert.ok(gap >= 150 * attempts && gap <= 600 * attempts, `${gap} after ${attempts}`);
    }
    assert.ok(!stage.events().includes('+elected-leader'));
  });

  it('that another is known to have won is left to it for twice failover-timeout (sentinel.md §6.5)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.opinion = (_peer, epoch) => vote(PEER_1_ID, Number(epoch));
    crash(stage, cast);
    stage.pass(18_000);
    assert.equal(stage.events().filter((name) => name === '+try-failover').length, 1);
    assert.ok(stage.events().includes('-failover-abort-not-elected'));
    stage.pass(6000);
    assert.equal(stage.events().filter((name) => name === '+try-failover').length, 2);
  });

  it('needs the quorum, too, where that is more than a majority (sentinel.md §6.6)', () => {
    const { stage, cast } = trio({ quorum: 3 });
    stage.pass(3000);
    cast.opinion = (peer, epoch, candidate) =>
      peer === PEER_1 ? vote(candidate, candidate === '*' ? 0 : Number(epoch)) : vote('*', 0);
    crash(stage, cast);
    stage.pass(3000);
    assert.ok(stage.events().includes('+odown'));
    assert.ok(!stage.events().includes('+elected-leader'));
  });

  it('counts votes of the current epoch only (sentinel.md §6.6)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.opinion = (_peer, epoch, candidate) => vote(candidate, Math.max(0, Number(epoch) - 1));
    crash(stage, cast);
    stage.pass(3000);
    assert.ok(stage.events().includes('+try-failover'));
    assert.ok(!stage.events().includes('+elected-leader'));
  });

  it('after the last epoch is not held: there is no other', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    const last = '18446744073709551615';
    stage.ask('PUBLISH', '__sentinel__:hello', `10.0.9.2,26379,${PEER_1_ID},${last},m1,10.0.1.1,6379,0`);
    const reply = stage.ask('SENTINEL', 'FAILOVER', 'm1');
    assert.ok(reply?.kind === 'error' && reply.text.includes('no epoch after'));
    crash(stage, cast);
    stage.pass(20_000);
    assert.ok(stage.events().includes('+odown'));
    assert.ok(!stage.events().includes('+try-failover'));
    assert.equal(stage.sentinel.snapshot(stage.now).currentEpoch, last);
  });
});

describe('a failover', () => {
  it('without a replica to promote is given up, and tried again after twice failover-timeout (sentinel.md §6.6)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    for (const name of [REPLICA_1, REPLICA_2]) nodeOf(cast, name).priority = 0;
    stage.pass(11_000);
    crash(stage, cast);
    stage.pass(2000);
    assert.ok(stage.events().includes('-failover-abort-no-good-slave'));
    stage.pass(17_000);
    assert.equal(stage.events().filter((name) => name === '+try-failover').length, 1);
    stage.pass(4000);
    assert.equal(stage.events().filter((name) => name === '+try-failover').length, 2);
  });

  it('whose candidate does not become a primary is given up after failover-timeout (sentinel.md §6.6)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    nodeOf(cast, REPLICA_1).obeys = false;
    assert.deepEqual(stage.ask('SENTINEL', 'FAILOVER', 'm1'), OK);
    stage.pass(15_000);
    assert.equal(
      timeOf(stage, '-failover-abort-slave-timeout') - timeOf(stage, '+failover-state-wait-promotion'),
      10_001,
    );
    assert.equal(stateOf(stage), 'none');
    const reply = fieldsOf(stage.ask('SENTINEL', 'MASTER', 'm1'));
    assert.equal(reply.get('flags'), 'master');
    assert.ok(!reply.has('failover-state'));
  });

  it('shows its state and its flags while it runs (sentinel.md §1.4)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    nodeOf(cast, REPLICA_1).obeys = false;
    stage.ask('SENTINEL', 'FAILOVER', 'm1');
    stage.pass(100);
    const reply = fieldsOf(stage.ask('SENTINEL', 'MASTER', 'm1'));
    assert.equal(reply.get('failover-state'), 'wait_promotion');
    assert.equal(reply.get('flags'), 'master,failover_in_progress,force_failover');
    const flags = stage.sentinel.snapshot(stage.now).masters[0]?.replicas.map((replica) => replica.flags);
    assert.deepEqual(flags, ['slave,promoted', 'slave']);
  });

  it('sends the transaction in one order, and INFO right behind it (sentinel.md §7.2)', () => {
    const { stage } = trio();
    stage.pass(3000);
    const from = stage.sends.length;
    stage.ask('SENTINEL', 'FAILOVER', 'm1');
    const sent = stage.sends.slice(from).filter(({ to }) => to === REPLICA_1);
    const multi = sent.findIndex(({ args }) => args[0] === 'MULTI');
    assert.deepEqual(
      sent.slice(multi, multi + 7).map(({ args }) => args.join(' ')),
      [
        'MULTI',
        'SLAVEOF NO ONE',
        'CONFIG REWRITE',
        'CLIENT KILL TYPE normal',
        'CLIENT KILL TYPE pubsub',
        'EXEC',
        'INFO',
      ],
    );
  });

  it('advertises, answers and saves the new address from the promotion on (sentinel.md §12.10)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    nodeOf(cast, REPLICA_2).linkUp = false;
    stage.ask('SENTINEL', 'FAILOVER', 'm1');
    stage.pass(200);
    assert.equal(stateOf(stage), 'reconf_slaves');
    assert.deepEqual(
      stage.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'm1'),
      array([bulk('10.0.1.2'), bulk('6379')]),
    );
    assert.equal(fieldsOf(stage.ask('SENTINEL', 'MASTER', 'm1')).get('ip'), '10.0.1.1');
    const saved = stage.sentinel.stateToPersist().conf.masters[0];
    assert.equal(saved?.host, '10.0.1.2');
    assert.equal(saved.configEpoch, 1n);
    assert.deepEqual(
      saved.knownReplicas.map(({ host }) => host),
      ['10.0.1.1', '10.0.1.3'],
    );
    assert.match(JSON.stringify(stage.ask('INFO', 'sentinel')), /address=10\.0\.1\.1:6379/);
  });

  it('goes on although its primary comes back (sentinel.md §6.6)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    const primary = nodeOf(cast, PRIMARY);
    nodeOf(cast, REPLICA_1).obeys = false;
    primary.mute = true;
    stage.pass(2000);
    assert.equal(stateOf(stage), 'wait_promotion');
    primary.mute = false;
    stage.pass(2000);
    assert.ok(stage.events().includes('-sdown'));
    nodeOf(cast, REPLICA_1).obeys = true;
    Object.assign(nodeOf(cast, REPLICA_1), { role: 'master', follows: '' });
    stage.pass(2000);
    assert.ok(stage.events().includes('+switch-master'));
  });

  it('calls the reconfiguration script once, as leader, when the promotion is seen (sentinel.md §8)', () => {
    const { stage, cast } = trio({ clientReconfigScript: '/reconf' });
    stage.pass(3000);
    crash(stage, cast);
    stage.pass(3000);
    const runs = stage.effects.flatMap(({ effect }) => (effect.kind === 'run-script' ? [effect.args] : []));
    assert.deepEqual(runs, [['m1', 'leader', 'start', '10.0.1.1', '6379', '10.0.1.2', '6379']]);
  });

  it('leaves the old primary alone when a hello tells of a newer one, and forgets its own', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    nodeOf(cast, REPLICA_1).obeys = false;
    stage.ask('SENTINEL', 'FAILOVER', 'm1');
    stage.pass(100);
    stage.ask('PUBLISH', '__sentinel__:hello', `10.0.9.2,26379,${PEER_1_ID},9,m1,10.0.1.3,6379,9`);
    assert.equal(stateOf(stage), 'none');
    assert.ok(stage.told().includes('+switch-master m1 10.0.1.1 6379 10.0.1.3 6379'));
    stage.pass(15_000);
    assert.ok(!stage.events().includes('-failover-abort-slave-timeout'));
  });
});

describe('a hello with a newer configuration while a failover runs', () => {
  const hello = (stage: Stage, host: string, epoch: number): void => {
    stage.ask(
      'PUBLISH',
      '__sentinel__:hello',
      `10.0.9.2,26379,${PEER_1_ID},${epoch},m1,${host},6379,${epoch}`,
    );
  };

  it('about the same primary ends it before the promotion', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    nodeOf(cast, REPLICA_1).obeys = false;
    stage.ask('SENTINEL', 'FAILOVER', 'm1');
    hello(stage, '10.0.1.1', 9);
    assert.equal(stateOf(stage), 'none');
    Object.assign(nodeOf(cast, REPLICA_1), { role: 'master', follows: '' });
    stage.pass(2000);
    assert.ok(!stage.events().includes('+promoted-slave'));
    assert.equal(stage.sentinel.stateToPersist().conf.masters[0]?.configEpoch, 9n);
  });

  it('ends it also while our vote is on its way to disk', () => {
    const { stage } = trio();
    stage.pass(3000);
    stage.disk = null;
    assert.equal(stage.ask('SENTINEL', 'FAILOVER', 'm1'), null);
    const other = { client: 2, address: '127.0.0.1:2', localAddress: '127.0.0.1:1', isLocal: true, fd: 10 };
    stage.feed({ kind: 'client-connected', ...other });
    const payload = `10.0.9.2,26379,${PEER_1_ID},9,m1,10.0.1.1,6379,9`;
    stage.feed({ kind: 'command', client: 2, args: ['PUBLISH', '__sentinel__:hello', payload] });
    stage.disk = 'ok';
    stage.feed({ kind: 'persisted', version: stage.sentinel.stateToPersist().version, problem: null });
    stage.pass(2000);
    assert.ok(!stage.events().includes('+try-failover'));
  });

  it('about the old primary takes back what was promoted', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    nodeOf(cast, REPLICA_2).linkUp = false;
    stage.ask('SENTINEL', 'FAILOVER', 'm1');
    stage.pass(200);
    assert.equal(stateOf(stage), 'reconf_slaves');
    hello(stage, '10.0.1.1', 9);
    assert.ok(stage.told().includes('+switch-master m1 10.0.1.2 6379 10.0.1.1 6379'));
    const saved = stage.sentinel.stateToPersist().conf.masters[0];
    assert.deepEqual([saved?.host, saved?.configEpoch], ['10.0.1.1', 9n]);
  });
});

describe('re-pointing the replicas', () => {
  it('goes parallel-syncs at a time (sentinel.md §6.7)', () => {
    const { stage, cast } = trio({ parallelSyncs: 1 });
    for (const last of [4, 5])
      cast.nodes.set(`10.0.1.${last}:6379`, { ...nodeOf(cast, REPLICA_2), info: [] });
    stage.pass(12_000);
    for (const node of cast.nodes.values()) node.linkUp = false;
    crash(stage, cast);
    stage.pass(1500);
    assert.equal(stage.events().filter((name) => name === '+slave-reconf-sent').length, 1);
    for (const node of cast.nodes.values()) node.linkUp = true;
    stage.pass(3000);
    assert.equal(stage.events().filter((name) => name === '+slave-reconf-done').length, 3);
    assert.ok(stage.events().includes('+failover-end'));
  });

  it('gives up one that is stuck after slave-reconf-timeout, also when no other may start (sentinel.md §6.7)', () => {
    const { stage, cast } = trio({ failoverTimeoutMs: 60_000 });
    stage.pass(3000);
    nodeOf(cast, REPLICA_2).obeys = false;
    crash(stage, cast);
    stage.pass(13_000);
    assert.equal(timeOf(stage, '-slave-reconf-sent-timeout') - timeOf(stage, '+slave-reconf-sent'), 10_001);
    assert.ok(stage.events().includes('+switch-master'));
  });

  it('ends by failover-timeout, telling the rest once more (sentinel.md §6.7)', () => {
    const { stage, cast } = trio({ failoverTimeoutMs: 5000, parallelSyncs: 1 });
    cast.nodes.set('10.0.1.4:6379', { ...nodeOf(cast, REPLICA_2), info: [] });
    stage.pass(12_000);
    for (const node of cast.nodes.values()) node.linkUp = false;
    crash(stage, cast);
    stage.pass(8000);
    const names = stage.events().filter((name) => /reconf-sent|failover-end|switch/.test(name));
    assert.deepEqual(names, [
      '+slave-reconf-sent',
      '+failover-end-for-timeout',
      '+slave-reconf-sent-be',
      '+failover-end',
      '+switch-master',
    ]);
  });

  it('goes on with a replica as soon as it is reachable again', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    nodeOf(cast, REPLICA_1).obeys = true;
    stage.kill(REPLICA_2);
    stage.ask('SENTINEL', 'FAILOVER', 'm1');
    stage.pass(500);
    assert.equal(stateOf(stage), 'reconf_slaves');
    stage.isListening = () => true;
    stage.pass(600);
    assert.equal(nodeOf(cast, REPLICA_2).follows, REPLICA_1);
  });
});

describe('a coordinated failover (sentinel.md §10.2)', () => {
  it('is elected, has the primary hand over, and lets writers through before it publishes', () => {
    const { stage, cast } = trio();
    for (const node of cast.nodes.values()) node.info.push('master_failover_state:no-failover');
    stage.pass(11_000);
    const from = stage.sends.length;
    assert.deepEqual(stage.ask('SENTINEL', 'FAILOVER', 'm1', 'coordinated'), OK);
    stage.pass(30);
    const orders = (): string[] =>
      stage.sends
        .slice(from)
        .filter(({ to, args }) => to === PRIMARY && !/^(?:PING|INFO)$/.test(args[0] ?? ''))
        .map(({ args }) => args.join(' '));
    assert.deepEqual(orders(), [
      'MULTI',
      'CLIENT PAUSE 10000 WRITE',
      'FAILOVER TO 10.0.1.2 6379 TIMEOUT 10000',
      'EXEC',
    ]);
    assert.ok(stage.events().includes('+elected-leader'));
    assert.match(fieldsOf(stage.ask('SENTINEL', 'MASTER', 'm1')).get('flags') ?? '', /coordinated_failover$/);
    Object.assign(nodeOf(cast, REPLICA_1), { role: 'master', follows: '' });
    Object.assign(nodeOf(cast, PRIMARY), { role: 'slave', follows: REPLICA_1 });
    stage.pass(3000);
    assert.deepEqual(orders().slice(4, 10), [
      'MULTI',
      'CONFIG REWRITE',
      'CLIENT KILL TYPE normal',
      'CLIENT KILL TYPE pubsub',
      'CLIENT UNPAUSE',
      'EXEC',
    ]);
    assert.match(orders()[10] ?? '', /^PUBLISH /);
    assert.ok(stage.told().includes('+switch-master m1 10.0.1.1 6379 10.0.1.2 6379'));
  });

  it('asks the candidate twenty times a second while writers wait for it', () => {
    const { stage, cast } = trio();
    for (const node of cast.nodes.values()) node.info.push('master_failover_state:no-failover');
    stage.pass(11_000);
    stage.ask('SENTINEL', 'FAILOVER', 'm1', 'coordinated');
    stage.pass(500);
    const from = stage.sends.length;
    stage.pass(1_000);
    const asked = stage.sends.slice(from).filter(({ to, args }) => to === REPLICA_1 && args[0] === 'INFO');
    assert.equal(asked.length, 20);
  });

  it('that loses its election is given up, and not tried again by itself', () => {
    const { stage, cast } = trio();
    for (const node of cast.nodes.values()) node.info.push('master_failover_state:no-failover');
    stage.pass(11_000);
    cast.opinion = () => array([integer(0), bulk(PEER_1_ID), integer(1)]);
    stage.ask('SENTINEL', 'FAILOVER', 'm1', 'COORDINATED');
    stage.pass(30_000);
    assert.equal(stage.events().filter((name) => name === '+try-failover').length, 1);
    assert.ok(stage.events().includes('-failover-abort-not-elected'));
  });
});
