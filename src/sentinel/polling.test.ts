// How often PING, INFO and the hello go out, that they go together, and that none is forgotten.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { error } from '../resp/reply.ts';
import { crash, nodeOf, PEER_1, PEER_1_ID, PRIMARY, REPLICA_1, REPLICA_2, trio } from './test-cast.ts';
import { MY_ID } from './test-kit.ts';

/** Distances between the times of `times` that lie after `from`. */
function gaps(times: readonly number[], from = 0): number[] {
  const late = times.filter((at) => at >= from);
  return late.slice(1).map((at, index) => at - (late[index] as number));
}

describe('PING', () => {
  it('goes to a primary ten times in its down-after', () => {
    const { stage } = trio();
    stage.pass(5000);
    for (const gap of gaps(stage.sentAt(PRIMARY, 'PING'), 200)) assert.equal(gap, 100);
  });

  it('goes to a primary with a short down-after each 50 ms, with a long one each ping-period', () => {
    for (const [downAfterMs, spacing] of [
      [60, 50],
      [60_000, 1000],
    ] as const) {
      const { stage } = trio({ downAfterMs });
      stage.pass(10_000);
      for (const gap of gaps(stage.sentAt(PRIMARY, 'PING'), 2000)) assert.equal(gap, spacing);
    }
  });

  it('goes to replicas and sentinels each second, down to 50 ms early (sentinel.md §4.3)', () => {
    const { stage } = trio({ downAfterMs: 5000 });
    stage.pass(20_000);
    for (const to of [REPLICA_1, PEER_1]) {
      const spacings = gaps(stage.sentAt(to, 'PING'), 200);
      assert.ok(spacings.length >= 18);
      for (const gap of spacings) assert.ok(gap >= 950 && gap <= 1000, `${gap}`);
    }
  });

  it('goes out twice as often while it is not answered (sentinel.md §4.3)', () => {
    const { stage, cast } = trio({ downAfterMs: 20_000 });
    stage.pass(3000);
    nodeOf(cast, REPLICA_1).mute = true;
    stage.pass(8000);
    for (const gap of gaps(stage.sentAt(REPLICA_1, 'PING'), 5000)) assert.equal(gap, 500);
  });

  it('with odd periods is due at whole milliseconds', () => {
    const { stage } = trio({ downAfterMs: 1005 });
    stage.ask('SENTINEL', 'DEBUG', 'ping-period', '3', 'info-period', '7', 'publish-period', '1');
    for (let step = 0; step < 500; step += 1) {
      assert.ok(Number.isInteger(stage.sentinel.deadline()), `${stage.sentinel.deadline()}`);
      stage.pass(1);
    }
  });
});

describe('INFO', () => {
  it('goes out each ten seconds, and is not repeated before it is answered', () => {
    const { stage, cast } = trio({ downAfterMs: 100_000 });
    stage.pass(35_000);
    for (const gap of gaps(stage.sentAt(REPLICA_1, 'INFO'), 200)) assert.ok(gap >= 9950 && gap <= 10_000);
    nodeOf(cast, REPLICA_1).mute = true;
    const from = stage.now;
    stage.pass(40_000);
    assert.equal(stage.sentAt(REPLICA_1, 'INFO').filter((at) => at > from).length, 1);
  });

  it('that was lost with its connection is asked for on the next one (sentinel.md §4.3)', () => {
    const { stage, cast } = trio({ downAfterMs: 100_000 });
    stage.pass(3000);
    nodeOf(cast, REPLICA_1).mute = true;
    stage.pass(9000);
    nodeOf(cast, REPLICA_1).mute = false;
    stage.kill(REPLICA_1);
    stage.pass(3000);
    stage.isListening = () => true;
    const from = stage.now;
    stage.pass(1000);
    for (const command of ['INFO', 'PUBLISH']) {
      assert.equal(stage.sentAt(REPLICA_1, command).filter((at) => at > from).length, 1, command);
    }
  });

  it('of a replica whose link is down is asked each second (sentinel.md §4.3)', () => {
    const { stage, cast } = trio();
    nodeOf(cast, REPLICA_1).info.push('master_link_down_since_seconds:-1');
    stage.pass(11_000);
    const from = stage.now;
    stage.pass(10_000);
    assert.ok(stage.sentAt(REPLICA_1, 'INFO').filter((at) => at > from).length >= 9);
  });

  it('of replicas becomes urgent in the step that makes their primary objectively down', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    cast.opinion = () => null;
    crash(stage, cast);
    stage.pass(4000);
    assert.ok(stage.events().includes('+sdown') && !stage.events().includes('+odown'));
    for (const name of [REPLICA_1, REPLICA_2]) nodeOf(cast, name).priority = 0;
    stage.ask('SENTINEL', 'SET', 'm1', 'quorum', '1');
    assert.ok(stage.events().includes('+odown'));
    const from = stage.now;
    stage.pass(3000);
    const first = stage.sentAt(REPLICA_1, 'INFO').find((at) => at > from + 100) ?? NaN;
    assert.ok(first - from <= 1050, `${first - from}`);
  });
});

describe('the hello', () => {
  it('goes out each publish period, once at a time (sentinel.md §5.1)', () => {
    const { stage, cast } = trio({ downAfterMs: 100_000 });
    stage.pass(20_000);
    for (const gap of gaps(stage.sentAt(PRIMARY, 'PUBLISH'))) assert.ok(gap >= 1950 && gap <= 2000);
    nodeOf(cast, PRIMARY).mute = true;
    const from = stage.now;
    stage.pass(20_000);
    assert.equal(stage.sentAt(PRIMARY, 'PUBLISH').filter((at) => at > from).length, 1);
  });

  it('is kept from a node that hands over until that has ended, because it would hold everything back', () => {
    const { stage, cast } = trio();
    const node = nodeOf(cast, REPLICA_1);
    node.info.push('master_failover_state:failover-in-progress');
    stage.pass(12_000);
    const from = stage.now;
    stage.pass(20_000);
    assert.equal(stage.sentAt(REPLICA_1, 'PUBLISH').filter((at) => at > from).length, 0);
    assert.ok(stage.sentAt(PRIMARY, 'PUBLISH').filter((at) => at > from).length >= 9);
    node.info.splice(0, 1, 'master_failover_state:no-failover');
    stage.pass(14_000);
    assert.ok(stage.sentAt(REPLICA_1, 'PUBLISH').filter((at) => at > from).length >= 1);
  });

  it('that is refused is not repeated before its time', () => {
    const { stage } = trio();
    const { actor } = stage;
    stage.actor = (to, args, wire) => (args[0] === 'PUBLISH' ? error('NOPERM') : actor(to, args, wire));
    stage.pass(10_000);
    for (const gap of gaps(stage.sentAt(PRIMARY, 'PUBLISH'))) assert.ok(gap >= 1950);
  });

  it('waits for our own address, and goes out as soon as it is known', () => {
    const { stage } = trio({}, { conf: { announceIp: null } });
    stage.pass(5000);
    assert.match(stage.sends.findLast(({ args }) => args[0] === 'PUBLISH')?.args[2] ?? '', /^10\.0\.9\.1,/);
    stage.kill(PEER_1);
    stage.pass(5000);
    stage.isListening = () => true;
    const from = stage.now;
    stage.pass(1500);
    const first = stage.sentAt(PEER_1, 'PUBLISH').find((at) => at > from) ?? NaN;
    assert.ok(first - from <= 1050, `${first - from}`);
  });

  it('of a promotion reaches a peer that was away as soon as it is back (sentinel.md §5.1)', () => {
    const { stage } = trio();
    stage.pass(3000);
    stage.kill(PEER_1);
    stage.ask('SENTINEL', 'FAILOVER', 'm1');
    stage.pass(500);
    assert.ok(stage.events().includes('+promoted-slave'));
    stage.isListening = () => true;
    const from = stage.now;
    stage.pass(600);
    assert.ok(stage.sentAt(PEER_1, 'PUBLISH').some((at) => at > from));
  });

  it('gives announce-ip and announce-port, else our address on the connection and our port (sentinel.md §5.1)', () => {
    const { stage } = trio({}, { conf: { announceIp: '192.0.2.1', announcePort: 7 } });
    stage.pass(3000);
    const payload = stage.sends.findLast(({ args }) => args[0] === 'PUBLISH')?.args[2];
    assert.equal(payload, `192.0.2.1,7,${MY_ID},0,m1,10.0.1.1,6379,0`);
  });
});

describe('a link', () => {
  it('logs in, gives its name, and pings or subscribes, without waiting (sentinel.md §4.3)', () => {
    const { stage } = trio({ authPass: 'secret', authUser: 'me' });
    const byConnection = [...stage.wires.values()].filter(({ to }) => to === PRIMARY).map(({ sent }) => sent);
    const name = `sentinel-${MY_ID.slice(0, 8)}`;
    assert.deepEqual(byConnection[0]?.slice(0, 3), [
      ['AUTH', 'me', 'secret'],
      ['CLIENT', 'SETNAME', `${name}-cmd`],
      ['PING'],
    ]);
    assert.deepEqual(byConnection[1], [
      ['AUTH', 'me', 'secret'],
      ['CLIENT', 'SETNAME', `${name}-pubsub`],
      ['SUBSCRIBE', '__sentinel__:hello'],
    ]);
    assert.equal([...stage.wires.values()].filter(({ to }) => to === PEER_1).length, 1);
  });

  it('whose SUBSCRIBE is refused shows as disconnected, and is not down (sentinel.md §4.3)', () => {
    const { stage, cast } = trio({ downAfterMs: 3000 });
    stage.actor = (to, args, wire) =>
      args[0] === 'SUBSCRIBE' && to === PRIMARY ? error('NOPERM') : cast.actor(to, args, wire);
    stage.kill(PRIMARY);
    stage.isListening = () => true;
    stage.pass(20_000);
    assert.ok(!stage.events().includes('+sdown'));
    const reply = stage.ask('SENTINEL', 'MASTER', 'm1');
    assert.ok(JSON.stringify(reply).includes('master,disconnected'));
  });

  it('with a silent command half is dialled anew after 15 s, and the silence counts on (sentinel.md §4.3)', () => {
    const { stage, cast } = trio({ downAfterMs: 25_000 });
    stage.pass(3000);
    nodeOf(cast, PRIMARY).mute = true;
    const from = stage.now;
    stage.pass(26_100);
    const dialled = stage.effects.filter(
      ({ at, effect }) => at > from && effect.kind === 'connect' && effect.ip === '10.0.1.1',
    );
    assert.ok(dialled.length >= 1);
    assert.ok(stage.events().includes('+sdown'));
  });

  it('is given at most 100 unanswered commands, and goes on when there is room (sentinel.md §4.1)', () => {
    const { stage, cast } = trio({ downAfterMs: 3_600_000 });
    stage.pass(3000);
    nodeOf(cast, REPLICA_1).mute = true;
    stage.pass(600_000);
    const wire = [...stage.wires.values()].find(({ to }) => to === REPLICA_1);
    assert.ok(wire !== undefined);
    const from = stage.now;
    stage.pass(10_000);
    assert.deepEqual(
      stage.sentAt(REPLICA_1, 'PING').filter((at) => at > from),
      [],
    );
    nodeOf(cast, REPLICA_1).mute = false;
    stage.feed({ kind: 'reply', connection: wire.id, reply: { kind: 'simple', text: 'PONG' } });
    stage.pass(1000);
    assert.ok(stage.sentAt(REPLICA_1, 'PING').some((at) => at >= from + 10_000));
  });
});

describe('sentinels of several masters that are one process', () => {
  it('share one link, known from the file as well as from hellos (sentinel.md §4.3)', () => {
    const { stage } = trio();
    stage.ask('SENTINEL', 'MONITOR', 'm2', '10.0.2.1', '6379', '2');
    stage.ask('PUBLISH', '__sentinel__:hello', `10.0.9.2,26379,${PEER_1_ID},0,m2,10.0.2.1,6379,0`);
    stage.pass(1000);
    assert.equal([...stage.wires.values()].filter(({ to }) => to === PEER_1).length, 1);
    const reply = JSON.stringify(stage.ask('SENTINEL', 'SENTINELS', 'm2'));
    assert.ok(reply.includes('{"kind":"bulk","value":"link-refcount"},{"kind":"bulk","value":"2"}'));
    stage.ask('SENTINEL', 'REMOVE', 'm1');
    stage.pass(3000);
    assert.equal([...stage.wires.values()].filter(({ to }) => to === PEER_1).length, 1);
    const hellos = stage.sends.filter(({ to, args }) => to === PEER_1 && args[2]?.includes(',m2,') === true);
    assert.ok(hellos.length >= 1);
  });

  it('move together when one hello says so (sentinel.md §5.2)', () => {
    const { stage } = trio();
    stage.ask('SENTINEL', 'MONITOR', 'm2', '10.0.2.1', '6379', '2');
    stage.ask('PUBLISH', '__sentinel__:hello', `10.0.9.2,26379,${PEER_1_ID},0,m2,10.0.2.1,6379,0`);
    stage.ask('PUBLISH', '__sentinel__:hello', `10.0.9.8,26379,${PEER_1_ID},0,m2,10.0.2.1,6379,0`);
    stage.pass(10);
    assert.deepEqual(
      stage.told().filter((text) => text.startsWith('+sentinel')),
      [
        `+sentinel sentinel ${PEER_1_ID} 10.0.9.2 26379 @ m2 10.0.2.1 6379`,
        `+sentinel-address-switch master m2 10.0.2.1 6379 ip 10.0.9.8 port 26379 for ${PEER_1_ID}`,
        `+sentinel-address-update sentinel ${PEER_1_ID} 10.0.9.8 26379 @ m2 10.0.2.1 6379 1 additional matching instances`,
      ],
    );
    assert.equal([...stage.wires.values()].filter(({ to }) => to === PEER_1).length, 0);
    assert.equal([...stage.wires.values()].filter(({ to }) => to === '10.0.9.8:26379').length, 1);
  });
});
