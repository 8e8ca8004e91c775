// The question to peers and our answer to theirs; what a PING reply says; who is down.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { array, bulk, error, integer, simple, type Reply } from '../resp/reply.ts';
import {
  crash,
  fieldsOf,
  nodeOf,
  PEER_1,
  PEER_1_ID,
  PEER_2,
  PEER_2_ID,
  PRIMARY,
  REPLICA_1,
  trio,
} from './test-cast.ts';
import type { Stage } from './test-kit.ts';

const asked = (stage: Stage, to: string): { at: number; args: readonly string[] }[] =>
  stage.sends.filter((send) => send.to === to && send.args[0] === 'SENTINEL');
const isUp: Reply = array([integer(0), bulk('*'), integer(0)]);

describe('asking', () => {
  it('starts with +sdown and goes on after 20, 40, 80 … ms up to ask-period while not objectively down', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.opinion = () => isUp;
    crash(stage, cast);
    stage.pass(8000);
    const times = asked(stage, PEER_1).map(({ at }) => at);
    const downAt = stage.effects.find(
      ({ effect }) => effect.kind === 'event' && effect.name === '+sdown',
    )?.at;
    assert.equal(times[0], downAt);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    assert.deepEqual(gaps.slice(0, 8), [20, 40, 80, 160, 320, 640, 1000, 1000]);
  });

  it('names the address, the epoch and nobody (sentinel.md §6.3)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.opinion = () => isUp;
    crash(stage, cast);
    stage.pass(1200);
    assert.deepEqual(asked(stage, PEER_1)[0]?.args, [
      'SENTINEL',
      'is-master-down-by-addr',
      '10.0.1.1',
      '6379',
      '0',
      '*',
    ]);
  });

  it('has one question under way per peer', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    stage.actor = (to, args, wire) => (to === PEER_1 ? null : cast.actor(to, args, wire));
    crash(stage, cast);
    stage.pass(10_000);
    assert.equal(asked(stage, PEER_1).length, 1);
  });

  it('asks for the vote as soon as the older answer is here', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.opinion = (peer) => (peer === PEER_1 ? null : array([integer(1), bulk('*'), integer(0)]));
    crash(stage, cast);
    stage.pass(1200);
    assert.ok(stage.events().includes('+try-failover'));
    assert.equal(asked(stage, PEER_1).length, 1);
    const wire = [...stage.wires.values()].find(({ to }) => to === PEER_1);
    const behind = stage.effects.length;
    // The PINGs sent meanwhile have been answered by the stage; the question is the oldest unanswered.
    stage.feed({ kind: 'reply', connection: wire?.id ?? 0, reply: isUp });
    const next = stage.effects.slice(behind).find(({ effect }) => effect.kind === 'send')?.effect;
    assert.ok(next?.kind === 'send' && next.args[1] === 'is-master-down-by-addr' && next.args[5] !== '*');
  });

  it('goes only to peers, and stops when the master is up again', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.opinion = () => isUp;
    nodeOf(cast, PRIMARY).mute = true;
    stage.pass(2000);
    nodeOf(cast, PRIMARY).mute = false;
    stage.pass(500);
    assert.ok(stage.events().includes('-sdown'));
    const count = stage.sends.filter(({ args }) => args[0] === 'SENTINEL').length;
    stage.pass(5000);
    assert.equal(stage.sends.filter(({ args }) => args[0] === 'SENTINEL').length, count);
    assert.ok(!stage.sends.some(({ to, args }) => args[0] === 'SENTINEL' && to !== PEER_1 && to !== PEER_2));
  });
});

describe('an answer', () => {
  it('that is not integer, bulk, integer counts for nothing (sentinel.md §12.3)', () => {
    const wrong: Reply[] = [
      error('ERR no'),
      simple('OK'),
      array([]),
      array([integer(1), bulk('*')]),
      array([integer(1), bulk('*'), integer(0), integer(0)]),
      array([bulk('1'), bulk('*'), integer(0)]),
      array([integer(1), simple('*'), integer(0)]),
      array([integer(1), bulk('*'), bulk('0')]),
    ];
    for (const reply of wrong) {
      const { stage, cast } = trio();
      stage.pass(3000);
      cast.opinion = () => reply;
      crash(stage, cast);
      stage.pass(3000);
      assert.ok(!stage.events().includes('+odown'), JSON.stringify(reply));
    }
  });

  it('is forgotten after five ask periods without another (sentinel.md §6.2)', () => {
    const { stage, cast } = trio({ quorum: 3 });
    stage.pass(3000);
    cast.opinion = (peer) =>
      peer === PEER_1
        ? array([integer(1), bulk(PEER_2_ID), integer(1)])
        : array([integer(0), bulk('*'), integer(0)]);
    crash(stage, cast);
    stage.pass(1500);
    const fields = (): Map<string, string> => {
      const reply = stage.ask('SENTINEL', 'SENTINELS', 'm1');
      return fieldsOf(reply?.kind === 'array' ? (reply.items[0] ?? null) : null);
    };
    assert.equal(fields().get('flags'), 'sentinel,master_down');
    assert.equal(fields().get('voted-leader'), PEER_2_ID);
    cast.opinion = () => error('ERR no');
    stage.pass(5500);
    assert.equal(fields().get('flags'), 'sentinel');
    assert.equal(fields().get('voted-leader'), '?');
    assert.equal(fields().get('voted-leader-epoch'), '1');
  });

  it('without a leader leaves the one told before (sentinel.md §6.3)', () => {
    const { stage, cast } = trio({ quorum: 3 });
    stage.pass(3000);
    let first = true;
    cast.opinion = () => {
      const reply = array([integer(0), bulk(first ? PEER_2_ID : '*'), integer(first ? 4 : 0)]);
      first = false;
      return reply;
    };
    crash(stage, cast);
    stage.pass(1500);
    const reply = stage.ask('SENTINEL', 'SENTINELS', 'm1');
    const fields = fieldsOf(reply?.kind === 'array' ? (reply.items[0] ?? null) : null);
    assert.deepEqual([fields.get('voted-leader'), fields.get('voted-leader-epoch')], [PEER_2_ID, '4']);
  });
});

describe('our answer', () => {
  const ask = (stage: Stage, ...args: string[]): Reply | null =>
    stage.ask('SENTINEL', 'is-master-down-by-addr', ...args);

  it('says down only while we hold it down and are not tilted (sentinel.md §6.3, §4.4)', () => {
    const { stage, cast } = trio({ quorum: 3 });
    stage.pass(3000);
    cast.opinion = () => null;
    const down = (): unknown => {
      const reply = ask(stage, '10.0.1.1', '6379', '0', '*');
      return reply?.kind === 'array' ? reply.items[0] : null;
    };
    assert.deepEqual(down(), integer(0));
    crash(stage, cast);
    stage.pass(1100);
    assert.deepEqual(down(), integer(1));
    stage.now += 3000;
    stage.feed({ kind: 'tick' });
    assert.deepEqual(down(), integer(0));
    const vote = ask(stage, '10.0.1.1', '6379', '1', PEER_1_ID);
    assert.deepEqual(vote, array([integer(0), bulk(PEER_1_ID), integer(1)]));
  });

  it('needs integers for port and epoch; an address nobody is at is no master (sentinel.md §1.3)', () => {
    const { stage } = trio();
    const notInteger = error('ERR value is not an integer or out of range');
    assert.deepEqual(ask(stage, '10.0.1.1', 'x', '0', '*'), notInteger);
    assert.deepEqual(ask(stage, '10.0.1.1', '6379', 'x', '*'), notInteger);
    const nobody = array([integer(0), bulk('*'), integer(0)]);
    assert.deepEqual(ask(stage, '10.0.1.1', '70000', '0', PEER_1_ID), nobody);
    assert.deepEqual(ask(stage, 'no such host', '6379', '0', PEER_1_ID), nobody);
  });

  it('does not name our vote to who does not ask for one', () => {
    const { stage } = trio();
    ask(stage, '10.0.1.1', '6379', '3', PEER_1_ID);
    assert.deepEqual(ask(stage, '10.0.1.1', '6379', '3', '*'), array([integer(0), bulk('*'), integer(0)]));
  });

  it('after a restart gives the epoch of the last vote and no name, and no second vote (sentinel.md §6.4)', () => {
    const { stage } = trio({ leaderEpoch: 5n }, { conf: { currentEpoch: 5n } });
    const reply = ask(stage, '10.0.1.1', '6379', '5', PEER_1_ID);
    assert.deepEqual(reply, array([integer(0), bulk('*'), integer(5)]));
  });
});

describe('a PING reply', () => {
  const alive: Reply[] = [
    simple('PONG'),
    error('LOADING Redis is loading the dataset in memory'),
    error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
  ];
  const notAlive: Reply[] = [
    bulk('PONG'),
    error('BUSY Redis is busy running a script'),
    error('NOAUTH Authentication required.'),
    error('ERR unknown'),
    error('MISCONF x'),
    integer(1),
  ];
  for (const reply of [...alive, ...notAlive]) {
    const isAlive = alive.includes(reply);
    it(`${JSON.stringify(reply)} counts as ${isAlive ? 'alive' : 'silence'} (sentinel.md §6.1)`, () => {
      const { stage, cast } = trio({ quorum: 3 });
      cast.pong = (to) => (to === PRIMARY ? reply : simple('PONG'));
      stage.pass(5000);
      assert.equal(stage.told().includes('+sdown master m1 10.0.1.1 6379'), !isAlive);
      const age = Number(fieldsOf(stage.ask('SENTINEL', 'MASTER', 'm1')).get('last-ping-reply'));
      assert.ok(age < 200, 'any reply is a reply');
    });
  }

  it('BUSY of a node that is down for it has its script killed, once (sentinel.md §6.1)', () => {
    const { stage, cast } = trio({ quorum: 3 });
    cast.pong = (to) => (to === REPLICA_1 ? error('BUSY Redis is busy running a script') : simple('PONG'));
    stage.pass(8000);
    assert.equal(stage.sentAt(REPLICA_1, 'SCRIPT').length, 1);
    assert.match(stage.sentinel.snapshot(stage.now).masters[0]?.replicas[0]?.flags ?? '', /script_kill_sent/);
    cast.pong = () => simple('PONG');
    stage.pass(2000);
    assert.equal(stage.sentinel.snapshot(stage.now).masters[0]?.replicas[0]?.flags, 'slave');
  });
});

describe('objectively down', () => {
  it('names votes and quorum, and ends when too few agree (sentinel.md §3, §6.2)', () => {
    const { stage, cast } = trio({ quorum: 3 });
    stage.pass(3000);
    cast.opinion = (_peer, _epoch, candidate) =>
      candidate === '*'
        ? array([integer(1), bulk('*'), integer(0)])
        : array([integer(0), bulk('*'), integer(0)]);
    crash(stage, cast);
    stage.pass(2500);
    assert.ok(stage.told().includes('+odown master m1 10.0.1.1 6379 #quorum 3/3'));
    assert.ok(stage.told().includes('-odown master m1 10.0.1.1 6379'));
  });

  it('with quorum 1 needs nobody else', () => {
    const { stage, cast } = trio({ quorum: 1 });
    stage.pass(3000);
    cast.opinion = () => null;
    crash(stage, cast);
    stage.pass(1200);
    assert.ok(stage.told().includes('+odown master m1 10.0.1.1 6379 #quorum 1/1'));
  });
});
