// MONITOR, REMOVE, RESET and FAILOVER: what they answer, and what must not live on behind them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { error, integer, OK } from '../../resp/reply.ts';
import { crash, nodeOf, PEER_1_ID, PRIMARY, REPLICA_1, REPLICA_2, trio } from '../test-cast.ts';
import type { Stage } from '../test-kit.ts';

/** Lets the disk answer for everything that was asked of it. */
function letDiskAnswer(stage: Stage): void {
  stage.disk = 'ok';
  stage.feed({ kind: 'persisted', version: stage.sentinel.stateToPersist().version, problem: null });
}

const NO_SUCH_MASTER = error('ERR No such master with that name');
const SAVE_FAILED = error('ERR Failed to save config file. Check server logs.');

describe('SENTINEL MONITOR', () => {
  it('checks quorum, port, quorum again, address, then name and port range (sentinel.md §9)', () => {
    const { stage } = trio();
    const cases: [name: string, host: string, port: string, quorum: string, text: string][] = [
      ['m1', 'bad host', 'x', 'x', 'ERR Invalid quorum'],
      ['m1', 'bad host', 'x', '0', 'ERR Invalid port'],
      ['m1', 'bad host', '1', '0', 'ERR Quorum must be 1 or greater.'],
      ['m1', 'bad host', '1', '1', 'ERR Invalid IP address or hostname specified'],
      ['m1', 'name.example', '1', '1', 'ERR Invalid IP address or hostname specified'],
      ['m1', '10.0.2.1', '70000', '1', 'ERR Duplicate master name'],
      ['m2', '10.0.2.1', '70000', '1', 'ERR Invalid port number'],
      ['m2', '10.0.2.1', '-1', '1', 'ERR Invalid port number'],
      ['m2', '10.0.2.1', '06379', '1', 'ERR Invalid port'],
    ];
    for (const [name, host, port, quorum, text] of cases) {
      assert.deepEqual(stage.ask('SENTINEL', 'MONITOR', name, host, port, quorum), error(text));
    }
    assert.equal(stage.sentinel.snapshot(stage.now).masters.length, 1);
  });

  it('refuses control characters (sentinel.md §10.2)', () => {
    const { stage } = trio();
    for (const [name, host] of [
      ['m\n2', '10.0.2.1'],
      ['m2', '10.0.2.1\t'],
    ] as const) {
      const reply = stage.ask('SENTINEL', 'MONITOR', name, host, '1', '1');
      assert.deepEqual(reply, error('ERR Invalid argument: it must not contain control characters'));
    }
  });

  it('flushes, answers, then tells of it; the defaults apply (sentinel.md §9)', () => {
    const { stage } = trio();
    const before = stage.effects.length;
    assert.deepEqual(stage.ask('SENTINEL', 'MONITOR', 'm2', '10.0.2.1', '6379', '3'), OK);
    const order = stage.effects
      .slice(before)
      .map(({ effect }) => effect)
      .flatMap((effect) =>
        effect.kind === 'event'
          ? [effect.name]
          : ['persist', 'answer'].includes(effect.kind)
            ? [effect.kind]
            : [],
      );
    assert.deepEqual(order, ['persist', 'answer', '+monitor']);
    assert.ok(stage.told().includes('+monitor master m2 10.0.2.1 6379 quorum 3'));
    assert.equal(stage.sentinel.stateToPersist().conf.masters[1]?.downAfterMs, 30_000);
  });

  it('keeps the master when the file can’t be saved, and says that (sentinel.md §9)', () => {
    const { stage } = trio();
    stage.disk = 'ENOSPC';
    assert.deepEqual(stage.ask('SENTINEL', 'MONITOR', 'm2', '10.0.2.1', '6379', '1'), SAVE_FAILED);
    assert.equal(stage.sentinel.snapshot(stage.now).masters.length, 2);
  });

  it('takes port 0 and never dials it (sentinel.md §9)', () => {
    const { stage } = trio();
    stage.ask('SENTINEL', 'MONITOR', 'm2', '10.0.2.1', '0', '1');
    stage.pass(5000);
    assert.ok(!stage.effects.some(({ effect }) => effect.kind === 'connect' && effect.port === 0));
  });
});

describe('SENTINEL REMOVE', () => {
  it('tells, forgets and flushes (sentinel.md §9)', () => {
    const { stage } = trio();
    assert.deepEqual(stage.ask('SENTINEL', 'REMOVE', 'm2'), NO_SUCH_MASTER);
    assert.deepEqual(stage.ask('SENTINEL', 'REMOVE', 'm1'), OK);
    assert.deepEqual(stage.told().at(-1), '-monitor master m1 10.0.1.1 6379');
    assert.equal(stage.wires.size, 0);
    assert.deepEqual(stage.sentinel.stateToPersist().conf.masters, []);
    const { length } = stage.sends;
    stage.pass(20_000);
    assert.equal(stage.sends.length, length);
  });

  it('of a master that is down, while its vote is being written, leaves nothing that goes on', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    crash(stage, cast);
    stage.disk = null;
    stage.pass(1500);
    assert.ok(stage.events().includes('+odown'));
    assert.ok(!stage.events().includes('+try-failover'));
    stage.ask('SENTINEL', 'REMOVE', 'm1');
    const before = stage.events().length;
    letDiskAnswer(stage);
    stage.pass(5000);
    assert.deepEqual(stage.events().slice(before), []);
  });
});

describe('SENTINEL RESET', () => {
  it('answers how many masters matched, and does not flush (sentinel.md §9)', () => {
    const { stage } = trio();
    stage.pass(3000);
    stage.actor = () => null;
    const before = stage.effects.length;
    assert.deepEqual(stage.ask('SENTINEL', 'RESET', 'M*'), integer(0));
    assert.deepEqual(stage.ask('SENTINEL', 'RESET', 'm?'), integer(1));
    assert.ok(!stage.effects.slice(before).some(({ effect }) => effect.kind === 'persist'));
    assert.equal(stage.told().at(-1), '+reset-master master m1 10.0.1.1 6379');
  });

  it('forgets replicas and sentinels; replicas come back with the next INFO (sentinel.md §6.10)', () => {
    const { stage } = trio();
    stage.pass(3000);
    stage.actor = () => null;
    stage.ask('SENTINEL', 'RESET', '*');
    const [master] = stage.sentinel.snapshot(stage.now).masters;
    assert.deepEqual([master?.replicas.length, master?.sentinels.length], [0, 0]);
  });

  it('keeps the epochs, so that no vote is given twice (sentinel.md §6.10)', () => {
    const { stage } = trio();
    stage.ask('SENTINEL', 'is-master-down-by-addr', '10.0.1.1', '6379', '7', PEER_1_ID);
    stage.ask('SENTINEL', 'RESET', '*');
    const reply = stage.ask('SENTINEL', 'is-master-down-by-addr', '10.0.1.1', '6379', '7', 'd'.repeat(40));
    assert.deepEqual(reply?.kind === 'array' ? reply.items[1] : null, { kind: 'bulk', value: '*' });
    assert.equal(stage.sentinel.stateToPersist().conf.masters[0]?.leaderEpoch, 7n);
  });

  it('ends a failover that runs', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    nodeOf(cast, REPLICA_1).obeys = false;
    stage.ask('SENTINEL', 'FAILOVER', 'm1');
    stage.pass(100);
    assert.equal(stage.sentinel.snapshot(stage.now).masters[0]?.failoverState, 'wait_promotion');
    stage.ask('SENTINEL', 'RESET', '*');
    stage.pass(30_000);
    assert.equal(stage.sentinel.snapshot(stage.now).masters[0]?.failoverState, 'none');
    assert.ok(!stage.events().includes('+promoted-slave'));
  });
});

describe('SENTINEL FAILOVER', () => {
  it('of an unknown master, with an unknown option, and while one runs is refused', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    assert.deepEqual(stage.ask('SENTINEL', 'FAILOVER', 'm2'), NO_SUCH_MASTER);
    assert.equal(stage.ask('SENTINEL', 'FAILOVER', 'm1', 'gently')?.kind, 'error');
    nodeOf(cast, REPLICA_1).obeys = false;
    assert.deepEqual(stage.ask('SENTINEL', 'FAILOVER', 'm1'), OK);
    const again = stage.ask('SENTINEL', 'FAILOVER', 'm1');
    assert.ok(again?.kind === 'error' && again.text.startsWith('INPROG '));
  });

  it('that can’t save its vote answers that, and does not start', () => {
    const { stage } = trio();
    stage.pass(3000);
    stage.disk = 'ENOSPC';
    assert.deepEqual(stage.ask('SENTINEL', 'FAILOVER', 'm1'), SAVE_FAILED);
    stage.pass(2000);
    assert.ok(!stage.events().includes('+try-failover'));
  });

  it('that a reset overtakes while its vote is being written answers INPROG, and does not start', () => {
    const { stage } = trio();
    stage.pass(3000);
    stage.disk = null;
    assert.equal(stage.ask('SENTINEL', 'FAILOVER', 'm1'), null);
    const before = stage.effects.length;
    // The client that ordered it is held; another one resets.
    const other = {
      client: 2,
      address: '127.0.0.1:2',
      localAddress: '127.0.0.1:26379',
      isLocal: true,
      fd: 10,
    };
    stage.feed({ kind: 'client-connected', ...other });
    stage.feed({ kind: 'command', client: 2, args: ['SENTINEL', 'RESET', 'm1'] });
    letDiskAnswer(stage);
    const answers = stage.answered(before);
    assert.deepEqual(answers[0], integer(1));
    assert.ok(answers[1]?.kind === 'error' && answers[1].text.startsWith('INPROG '));
    assert.ok(!stage.events().includes('+try-failover'));
  });

  it('that waits behind a vote for another does not start once its master is removed', () => {
    const { stage } = trio();
    stage.pass(3000);
    stage.disk = null;
    const client = (id: number): void =>
      stage.feed({
        kind: 'client-connected',
        client: id,
        address: `127.0.0.1:${id}`,
        localAddress: '127.0.0.1:26379',
        isLocal: true,
        fd: 9 + id,
      });
    client(2);
    client(3);
    stage.ask('SENTINEL', 'is-master-down-by-addr', '10.0.1.1', '6379', '7', PEER_1_ID);
    stage.feed({ kind: 'command', client: 2, args: ['SENTINEL', 'FAILOVER', 'm1'] });
    stage.feed({ kind: 'command', client: 3, args: ['SENTINEL', 'REMOVE', 'm1'] });
    letDiskAnswer(stage);
    stage.pass(3000);
    assert.ok(!stage.events().includes('+try-failover'));
  });

  it('needs a candidate with priority, link and INFO: NOGOODSLAVE otherwise (sentinel.md §6.8)', () => {
    const { stage, cast } = trio();
    stage.pass(3000);
    for (const name of [REPLICA_1, REPLICA_2]) crash(stage, cast, name);
    const reply = stage.ask('SENTINEL', 'FAILOVER', 'm1');
    assert.ok(reply?.kind === 'error' && reply.text.startsWith('NOGOODSLAVE '));
  });

  it('does not ask the peers, who learn of it by the hello (sentinel.md §6.8)', () => {
    const { stage } = trio();
    stage.pass(3000);
    const from = stage.sends.length;
    stage.ask('SENTINEL', 'FAILOVER', 'm1');
    stage.pass(1000);
    const sends = stage.sends.slice(from);
    assert.ok(!sends.some(({ args }) => args[0] === 'SENTINEL'));
    const hellos = sends.filter(({ args }) => args[2]?.endsWith(',1,m1,10.0.1.2,6379,1') === true);
    assert.equal(new Set(hellos.map(({ to }) => to)).size, 5);
  });

  it('in TILT is taken, and moves when TILT ends (sentinel.md §6.8)', () => {
    const { stage } = trio();
    stage.pass(3000);
    stage.now += 3000;
    stage.feed({ kind: 'tick' });
    assert.ok(stage.events().includes('+tilt'));
    assert.deepEqual(stage.ask('SENTINEL', 'FAILOVER', 'm1'), OK);
    stage.pass(25_000);
    assert.ok(!stage.events().includes('+elected-leader'));
    stage.pass(6000);
    assert.ok(stage.events().includes('+switch-master'));
    assert.ok(stage.told().includes('+switch-master m1 10.0.1.1 6379 10.0.1.2 6379'));
  });

  it('COORDINATED of a primary that shows no master_failover_state is NOGOODPRIMARY (sentinel.md §10.2)', () => {
    const { stage } = trio();
    stage.pass(3000);
    const reply = stage.ask('SENTINEL', 'FAILOVER', 'm1', 'COORDINATED');
    assert.ok(reply?.kind === 'error' && reply.text.startsWith('NOGOODPRIMARY '));
    assert.equal(stage.sentAt(PRIMARY, 'FAILOVER').length, 0);
  });
});
