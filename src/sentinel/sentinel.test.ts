// The machine as a whole on a stage: one sentinel, and everybody else played by the test.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { array, bulk, integer, OK, simple, type Reply } from '../resp/reply.ts';
import { MY_ID, type Stage } from './test-kit.ts';
import { PEER_1, PEER_1_ID, PEER_2, PEER_2_ID, PRIMARY, REPLICA_1, REPLICA_2, trio } from './test-cast.ts';

describe('a crash of the primary', () => {
  it('is found, agreed on, and ends in the promotion of the best replica (sentinel.md §3, leader order)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    const killedAt = stage.now;
    cast.nodes.delete(PRIMARY);
    stage.kill(PRIMARY);
    stage.pass(1500);
    assert.deepEqual(
      stage.events(killedAt).filter((name) => !name.includes('link-reconnection')),
      [
        '+sdown',
        '+odown',
        '+new-epoch',
        '+try-failover',
        '+vote-for-leader',
        '+elected-leader',
        '+failover-state-select-slave',
        '+selected-slave',
        '+failover-state-send-slaveof-noone',
        '+failover-state-wait-promotion',
        '-role-change',
        '+promoted-slave',
        '+failover-state-reconf-slaves',
        '+slave-reconf-sent',
        '+slave-reconf-inprog',
        '+slave-reconf-done',
        '+failover-end',
        '+switch-master',
        '+slave',
        '+slave',
      ],
    );
    assert.ok(stage.told().includes('+switch-master m1 10.0.1.1 6379 10.0.1.2 6379'));
    assert.equal(cast.nodes.get(REPLICA_2)?.follows, REPLICA_1);
    assert.deepEqual(
      stage.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'm1'),
      array([bulk('10.0.1.2'), bulk('6379')]),
    );
  });

  it('says why the other replicas were not promoted', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.nodes.delete(PRIMARY);
    stage.kill(PRIMARY);
    stage.pass(1500);
    const sentences = stage.decisions();
    assert.ok(sentences.includes('not promoting 10.0.1.3:6379: its offset is 10 bytes behind 10.0.1.2:6379'));
    assert.ok(sentences.some((text) => text.startsWith('elected to fail over m1 in epoch 1: ')));
  });

  it('with --fast-crash is proven by two closed connections and a closed port, before down-after', () => {
    const { stage, cast } = trio({ downAfterMs: 30_000 }, { fastCrash: true });
    stage.pass(3000);
    const killedAt = stage.now;
    cast.nodes.delete(PRIMARY);
    stage.kill(PRIMARY);
    stage.pass(100);
    assert.ok(stage.events(killedAt).includes('+switch-master'));
  });

  it('without --fast-crash waits for down-after', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.nodes.delete(PRIMARY);
    stage.kill(PRIMARY);
    stage.pass(900);
    assert.ok(!stage.events().includes('+sdown'));
  });

  it('is not taken back when the node is redialled in vain', () => {
    const { stage, cast } = trio();
    stage.pass(3050);
    cast.opinion = () => null;
    // The pub/sub half is the first to end: it is redialled alone, and the other half only a second later.
    const command = [...stage.wires.values()].find(({ to }) => to === PRIMARY);
    assert.ok(command);
    stage.wires.delete(command.id);
    stage.wires.set(command.id, command);
    stage.kill(PRIMARY);
    stage.pass(10_000);
    const told = stage.told().filter((text) => text.includes('sdown master'));
    assert.deepEqual(told, ['+sdown master m1 10.0.1.1 6379']);
  });

  it('is not failed over without a majority of votes, and tried again soon in a new epoch', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.opinion = (_peer, _epoch, candidate) =>
      candidate === '*' ? array([integer(1), bulk('*'), integer(0)]) : null;
    stage.kill(PRIMARY);
    stage.pass(6000);
    assert.ok(!stage.events().includes('+elected-leader'));
    const tries = stage.told().filter((text) => text.startsWith('+new-epoch'));
    assert.ok(tries.length >= 3, `tried ${tries.length} times`);
    assert.deepEqual(tries, [...new Set(tries)]);
  });

  it('keeps out of the way of a member it voted for', () => {
    const { stage } = trio();
    stage.pass(3000);
    stage.kill(PRIMARY);
    stage.ask('SENTINEL', 'is-master-down-by-addr', '10.0.1.1', '6379', '1', PEER_1_ID);
    stage.pass(10_000);
    assert.ok(!stage.events().includes('+try-failover'));
  });
});

describe('a silent death', () => {
  it('is found within a tenth of down-after: the primary is pinged ten times in it', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    const node = cast.nodes.get(PRIMARY);
    assert.ok(node);
    node.mute = true;
    const frozenAt = stage.now;
    stage.pass(1101);
    assert.ok(stage.events(frozenAt).includes('+sdown'));
  });

  it('of a peer is found with the peer’s own down-after, and it is not asked any more', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.pong = (to) => (to === PEER_1 ? null : simple('PONG'));
    stage.pass(2500);
    assert.ok(stage.told().some((text) => text.startsWith(`+sdown sentinel ${PEER_1_ID}`)));
  });
});

describe('a vote', () => {
  const request = (stage: Stage, epoch: number, candidate: string): Reply | null =>
    stage.ask('SENTINEL', 'is-master-down-by-addr', '10.0.1.1', '6379', `${epoch}`, candidate);

  it('is on disk before it is told (sentinel.md §12.1)', () => {
    const { stage } = trio();
    stage.disk = null;
    assert.equal(request(stage, 5, PEER_1_ID), null);
    assert.equal(stage.sentinel.stateToPersist().conf.masters[0]?.leaderEpoch, 5n);
    stage.disk = 'ok';
    const before = stage.effects.length;
    const { version } = stage.sentinel.stateToPersist();
    stage.feed({ kind: 'persisted', version, problem: null });
    const answers = stage.effects.slice(before).filter(({ effect }) => effect.kind === 'answer');
    assert.equal(answers.length, 1);
  });

  it('is given once an epoch; later candidates learn of the first', () => {
    const { stage } = trio();
    assert.deepEqual(request(stage, 5, PEER_1_ID), array([integer(0), bulk(PEER_1_ID), integer(5)]));
    assert.deepEqual(request(stage, 5, PEER_2_ID), array([integer(0), bulk(PEER_1_ID), integer(5)]));
    assert.deepEqual(request(stage, 4, PEER_2_ID), array([integer(0), bulk(PEER_1_ID), integer(5)]));
    assert.deepEqual(request(stage, 6, PEER_2_ID), array([integer(0), bulk(PEER_2_ID), integer(6)]));
  });

  it('is not given when it can’t be saved: the answer is the last vote on disk', () => {
    const { stage } = trio();
    request(stage, 5, PEER_1_ID);
    stage.disk = 'ENOSPC: no space left on device';
    assert.deepEqual(request(stage, 6, PEER_2_ID), array([integer(0), bulk(PEER_1_ID), integer(5)]));
    assert.ok(stage.logged().some((text) => text.includes('no space left on device')));
    stage.disk = 'ok';
    assert.deepEqual(request(stage, 6, PEER_2_ID), array([integer(0), bulk(PEER_2_ID), integer(6)]));
  });

  it('for a master that is not watched at that address is no vote (sentinel.md §12.2)', () => {
    const { stage } = trio();
    const reply = stage.ask('SENTINEL', 'is-master-down-by-addr', '10.0.1.9', '6379', '7', PEER_1_ID);
    assert.deepEqual(reply, array([integer(0), bulk('*'), integer(0)]));
    assert.equal(stage.sentinel.snapshot(stage.now).currentEpoch, '0');
  });

  it('asked for with nonsense changes nothing', () => {
    const { stage } = trio();
    for (const [port, epoch] of [
      ['x', '1'],
      ['6379', 'x'],
      ['6379', '-1'],
      ['6379', '99999999999999999999'],
    ]) {
      const reply = stage.ask(
        'SENTINEL',
        'is-master-down-by-addr',
        '10.0.1.1',
        port ?? '',
        epoch ?? '',
        PEER_1_ID,
      );
      assert.equal(reply?.kind, 'error');
    }
    request(stage, 9, 'not a run id');
    assert.equal(stage.sentinel.snapshot(stage.now).currentEpoch, '0');
  });
});

describe('a disk that refuses', () => {
  it('starts no election, says so, and follows a newer configuration all the same', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    stage.disk = 'EROFS: read-only file system';
    cast.nodes.delete(PRIMARY);
    stage.kill(PRIMARY);
    stage.pass(20_000);
    assert.ok(stage.events().includes('+odown'));
    assert.ok(!stage.events().includes('+try-failover'));
    assert.ok(stage.decisions().some((text) => text.startsWith('not standing for election')));
    stage.ask('PUBLISH', '__sentinel__:hello', `10.0.9.2,26379,${PEER_1_ID},9,m1,10.0.1.3,6379,9`);
    assert.ok(stage.told().includes('+switch-master m1 10.0.1.1 6379 10.0.1.3 6379'));
  });

  it('is complained of each minute', () => {
    const { stage } = trio();
    stage.disk = 'EROFS: read-only file system';
    stage.ask('SENTINEL', 'FLUSHCONFIG');
    stage.pass(125_000);
    assert.equal(stage.logged().filter((text) => text.includes('EROFS')).length, 3);
  });
});

describe('time', () => {
  it('lost by us is not held against others: answers that wait in the sockets are read before anybody is judged', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    const silent: (() => void)[] = [];
    const { actor } = stage;
    // A process that is frozen reads nothing: what comes in meanwhile is there when it wakes.
    stage.actor = (to, args, wire) => {
      const reply = actor(to, args, wire);
      if (reply !== null) silent.push(() => stage.feed({ kind: 'reply', connection: wire.id, reply }));
      return null;
    };
    stage.now = stage.sentinel.deadline();
    stage.feed({ kind: 'tick' });
    stage.now += 1500;
    stage.actor = cast.actor;
    for (const arrive of silent) arrive();
    stage.feed({ kind: 'tick' });
    stage.pass(500);
    assert.deepEqual(
      stage.events().filter((name) => name === '+sdown'),
      [],
    );
  });

  it('lost for longer than tilt-trigger is TILT, and nobody is judged for tilt-period (sentinel.md §4.4)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    stage.now += 2600;
    stage.feed({ kind: 'tick' });
    assert.ok(stage.told().includes('+tilt #tilt mode entered'));
    cast.nodes.delete(PRIMARY);
    stage.kill(PRIMARY);
    stage.pass(29_000);
    assert.ok(!stage.events().includes('+sdown'));
    stage.pass(2_000);
    assert.ok(stage.told().includes('-tilt #tilt mode exited'));
    assert.ok(stage.events().includes('+sdown'));
  });
});

describe('SENTINEL FAILOVER', () => {
  it('promotes without votes and tells the old primary at once to follow', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.opinion = () => null;
    assert.deepEqual(stage.ask('SENTINEL', 'FAILOVER', 'm1'), OK);
    stage.pass(200);
    assert.equal(cast.nodes.get(PRIMARY)?.follows, REPLICA_1);
    assert.ok(stage.told().includes('+switch-master m1 10.0.1.1 6379 10.0.1.2 6379'));
  });

  it('is refused while one runs, and when nobody can be promoted', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    for (const name of [REPLICA_1, REPLICA_2]) Object.assign(cast.nodes.get(name) ?? {}, { priority: 0 });
    stage.pass(11_000);
    const reply = stage.ask('SENTINEL', 'FAILOVER', 'm1');
    assert.ok(reply?.kind === 'error' && reply.text.startsWith('NOGOODSLAVE'));
    assert.equal(stage.ask('SENTINEL', 'FAILOVER', 'nobody')?.kind, 'error');
  });
});

describe('hello', () => {
  const hello = (stage: Stage, text: string): Reply | null =>
    stage.ask('PUBLISH', '__sentinel__:hello', text);

  it('introduces a sentinel, once', () => {
    const { stage } = trio({ knownSentinels: [] });
    for (let times = 0; times < 3; times += 1) {
      assert.deepEqual(hello(stage, `10.0.9.2,26379,${PEER_1_ID},0,m1,10.0.1.1,6379,0`), integer(1));
    }
    assert.deepEqual(
      stage.told().filter((text) => text.startsWith('+sentinel')),
      [`+sentinel sentinel ${PEER_1_ID} 10.0.9.2 26379 @ m1 10.0.1.1 6379`],
    );
  });

  it('moves a sentinel that comes from another address', () => {
    const { stage } = trio();
    hello(stage, `10.0.9.7,26379,${PEER_1_ID},0,m1,10.0.1.1,6379,0`);
    assert.ok(
      stage
        .told()
        .includes(`+sentinel-address-switch master m1 10.0.1.1 6379 ip 10.0.9.7 port 26379 for ${PEER_1_ID}`),
    );
  });

  it('of a new id at a known address removes the old id', () => {
    const { stage } = trio();
    hello(stage, `10.0.9.2,26379,${'d'.repeat(40)},0,m1,10.0.1.1,6379,0`);
    assert.ok(stage.events().includes('+sentinel-invalid-addr'));
    assert.equal(stage.sentinel.snapshot(stage.now).masters[0]?.sentinels.length, 2);
  });

  it('with an unusable address forgets nobody', () => {
    const { stage } = trio();
    hello(stage, `some-host,26379,${PEER_1_ID},0,m1,10.0.1.1,6379,0`);
    assert.equal(stage.sentinel.snapshot(stage.now).masters[0]?.sentinels.length, 2);
  });

  it('with a higher configuration epoch moves the master; with an equal or lower one it does not', () => {
    const { stage } = trio();
    hello(stage, `10.0.9.2,26379,${PEER_1_ID},3,m1,10.0.1.2,6379,3`);
    assert.ok(stage.told().includes('+switch-master m1 10.0.1.1 6379 10.0.1.2 6379'));
    hello(stage, `10.0.9.2,26379,${PEER_1_ID},3,m1,10.0.1.3,6379,3`);
    hello(stage, `10.0.9.2,26379,${PEER_1_ID},3,m1,10.0.1.3,6379,2`);
    assert.equal(stage.sentinel.snapshot(stage.now).masters[0]?.address, '10.0.1.2:6379');
  });

  it('with nonsense in it changes nothing and is counted', () => {
    const { stage } = trio();
    const before = JSON.stringify(stage.sentinel.stateToPersist(), (_key, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    const nonsense = [
      '',
      ',,,,,,,',
      `10.0.9.2,26379,${PEER_1_ID},99,m1,10.0.1.3,6379`,
      `10.0.9.2,26379,${PEER_1_ID},99,m1,10.0.1.3,6379,99,1`,
      `10.0.9.2,x,${PEER_1_ID},99,m1,10.0.1.3,6379,99`,
      `10.0.9.2,26379,short,99,m1,10.0.1.3,6379,99`,
      `10.0.9.2,26379,${PEER_1_ID},99x,m1,10.0.1.3,6379,99`,
      `10.0.9.2,26379,${PEER_1_ID},99,m1,10.0.1.3,6379,-1`,
      `10.0.9.2,26379,${PEER_1_ID},18446744073709551616,m1,10.0.1.3,6379,99`,
    ];
    for (const text of nonsense) hello(stage, text);
    const after = JSON.stringify(stage.sentinel.stateToPersist(), (_key, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    assert.equal(after, before);
    assert.equal(stage.sentinel.snapshot(stage.now).counters['hellosMalformed'], nonsense.length);
  });

  it('is repeated in quick succession after a promotion: those who listen at the nodes were just disconnected', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    const killedAt = stage.now;
    cast.nodes.delete(PRIMARY);
    stage.kill(PRIMARY);
    stage.pass(1500);
    const news = stage.sends.filter(
      ({ at, to, args }) =>
        at > killedAt && to === REPLICA_1 && args[0] === 'PUBLISH' && args[2]?.endsWith(',1'),
    );
    assert.ok(news.length >= 3, `${news.length} hellos`);
  });

  it('is sent to every node and peer each publish period, in the form of sentinel.md §5.1', () => {
    const { stage } = trio();
    stage.pass(10_000);
    for (const to of [PRIMARY, REPLICA_1, REPLICA_2, PEER_1, PEER_2]) {
      const times = stage.sentAt(to, 'PUBLISH').length;
      assert.ok(times >= 4 && times <= 6, `${times} hellos to ${to}`);
    }
    const last = stage.sends.findLast(({ args }) => args[0] === 'PUBLISH');
    assert.deepEqual(last?.args, [
      'PUBLISH',
      '__sentinel__:hello',
      `10.0.9.1,26379,${MY_ID},0,m1,10.0.1.1,6379,0`,
    ]);
  });
});

describe('credentials that are refused', () => {
  it('are not said to be accepted because a PONG comes: a node may let anybody ping', () => {
    const { stage, cast } = trio({ authPass: 'wrong' });
    stage.actor = (to, args, wire) =>
      args[0] === 'AUTH' && to === PRIMARY
        ? { kind: 'error', text: 'ERR AUTH called without any password configured' }
        : cast.actor(to, args, wire);
    stage.kill(PRIMARY);
    stage.isListening = () => true;
    stage.pass(5000);
    const about = stage.logged().filter((text) => text.includes('our credentials'));
    assert.equal(about.length, 1);
    assert.match(about[0] ?? '', /refuses our credentials: ERR AUTH called/);
  });

  it('are named as that, and do not look like a death only', () => {
    const { stage, cast } = trio({ authPass: 'wrong' });
    const { actor } = cast;
    stage.actor = (to, args, wire) => {
      if (args[0] === 'AUTH') return { kind: 'error', text: 'WRONGPASS invalid username-password pair' };
      if (args[0] === 'PING' && to === PRIMARY)
        return { kind: 'error', text: 'NOAUTH Authentication required.' };
      return actor(to, args, wire);
    };
    stage.kill(PRIMARY);
    stage.isListening = () => true;
    stage.pass(900);
    assert.ok(
      stage.logged().some((text) => text.includes('master m1 at 10.0.1.1:6379 refuses our credentials: ')),
    );
    assert.ok(!stage.logged().join().includes("wrong'"));
    assert.match(stage.sentinel.snapshot(stage.now).masters[0]?.authProblem ?? '', /^(WRONGPASS|NOAUTH)/);
  });
});
