import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { command, NO_HOOKS, routerConf, scriptConf, virtualAddress, vrrpConf } from './test-conf.ts';
import { interfaceState, OWN_ADDRESS, Stage, stageOf } from './test-kit.ts';
import { TRANSITIONS, type State } from './transitions.ts';

describe('the table of states', () => {
  it('reaches every state, and leaves every state but the last', () => {
    const reached = new Set<State>(['initialize']);
    for (let round = 0; round < TRANSITIONS.length; round++) {
      for (const { from, to } of TRANSITIONS) if (reached.has(from)) reached.add(to);
    }
    assert.deepEqual([...reached].toSorted(), ['active', 'backup', 'fault', 'initialize', 'stopped']);
    const left = new Set(TRANSITIONS.map(({ from }) => from));
    assert.deepEqual([...left].toSorted(), ['active', 'backup', 'fault', 'initialize']);
  });

  it('has one row for a step', () => {
    const rows = TRANSITIONS.map(({ from, to, when }) => `${from} ${to} ${when}`);
    assert.equal(new Set(rows).size, rows.length);
  });
});

describe('the start (vrrp.md §1.8)', () => {
  it('first removes what an earlier run left, at any prefix length', () => {
    const stage = stageOf({ excludedAddresses: [virtualAddress('fd00::9')] });
    assert.deepEqual(
      stage.of('clear-address').map(({ address }) => address.address),
      ['10.99.0.100', 'fd00::9'],
    );
  });

  it('waits its whole down time as a backup, even with state MASTER (vrrp.md §0.5)', () => {
    for (const wantsActive of [false, true]) {
      const stage = stageOf({ wantsActive });
      assert.equal(stage.state, 'backup');
      stage.passTo(3609);
      assert.equal(stage.state, 'backup');
      stage.passTo(3610);
      assert.equal(stage.state, 'active');
    }
  });

  it('is active at once as the owner of the addresses', () => {
    const stage = stageOf({ priority: 255, wantsActive: true });
    assert.equal(stage.state, 'active');
    assert.deepEqual(stage.adverts(), ['0 255']);
  });

  it('is in fault while the link is down, the interface missing, or no source address there', () => {
    const down = new Stage(vrrpConf([routerConf()]), {
      interfaces: [interfaceState('eth0', { isUp: false })],
    });
    assert.deepEqual(down.view().faults, ['the link of eth0 is down']);
    assert.equal(down.state, 'fault');
    const missing = new Stage(vrrpConf([routerConf()]), { interfaces: [] });
    assert.equal(missing.view().faults[0], 'there is no interface eth0');
    const bare = new Stage(vrrpConf([routerConf()]), { addresses: ['10.99.0.100'] });
    assert.deepEqual(bare.view().faults, ['eth0 has no IPv4 address to send from']);
    bare.feed({ kind: 'address-added', interface: 'eth0', address: OWN_ADDRESS, prefixLength: 24 });
    assert.equal(bare.state, 'backup');
  });

  it('holds still for vrrp_startup_delay, deaf and mute', () => {
    const stage = stageOf({}, { startupDelayMs: 5000 });
    stage.hear({ priority: 0 });
    stage.passTo(4999);
    assert.equal(stage.state, 'initialize');
    stage.passTo(5000);
    assert.equal(stage.state, 'backup');
    assert.equal(stage.view().statistics.advertsReceived, 0);
  });

  it('waits for the first result of a check that decides, without a word (vrrp.md §1.8)', () => {
    const tracking = [{ kind: 'script', name: 'check', weight: 0, reverse: false }] as const;
    const hooks = { ...NO_HOOKS, any: command('/n') };
    const begin = (): Stage => stageOf({ tracking, hooks }, { scripts: [scriptConf()] });
    const good = begin();
    good.passTo(50);
    assert.equal(good.state, 'initialize');
    assert.deepEqual(good.hooks(), []);
    good.endScript(0);
    assert.equal(good.state, 'backup');
    const bad = begin();
    bad.endScript(1);
    assert.equal(bad.state, 'fault');
    assert.deepEqual(bad.hooks(), ['0 /n INSTANCE VI_1 FAULT 100']);
  });

  it('begins once all of two checks have a result, whichever is first (keepalived issue 2304)', () => {
    const tracking = ['a', 'b'].map((name) => ({ kind: 'script', name, weight: 0, reverse: false }) as const);
    const stage = stageOf({ tracking }, { scripts: [scriptConf({ name: 'a' }), scriptConf({ name: 'b' })] });
    stage.endScript(1, 1);
    assert.equal(stage.state, 'fault');
    stage.pass(900);
    stage.endScript(0, 2);
    assert.equal(stage.state, 'fault');
    stage.pass(200);
    stage.endScript(0, 3);
    assert.equal(stage.state, 'backup');
  });
});

describe('a backup (vrrp.md §1.8)', () => {
  it('becomes active by advert, addresses, announcements and hooks, in this order (vrrp.md §3.1)', () => {
    const stage = stageOf(
      { hooks: { ...NO_HOOKS, master: command('/m'), any: command('/n') } },
      { fifos: [{ path: '/f', script: null }] },
    );
    stage.endHook();
    stage.passTo(3700);
    assert.deepEqual(stage.kinds(3000), [
      'send-advert',
      'set-address',
      'send-frame',
      'write-fifo',
      'run-hook',
    ]);
    assert.equal(stage.of('send-frame', 3000).length, 5);
    assert.deepEqual(stage.hooks(3000), ['3609.375 /m']);
    stage.endHook();
    assert.deepEqual(stage.hooks(3000), ['3609.375 /m', '3700 /n INSTANCE VI_1 MASTER 100']);
  });

  it('waits again with every advert that is not under its own priority', () => {
    const stage = stageOf();
    for (let second = 1; second <= 10; second++) {
      stage.passTo(second * 1000);
      stage.hear({ priority: 100 });
    }
    stage.passTo(13_609);
    assert.equal(stage.state, 'backup');
    stage.passTo(13_610);
    assert.equal(stage.state, 'active');
  });

  it('ignores lower priorities and so takes over when its timer runs out (vrrp.md §0.6)', () => {
    const stage = stageOf({ priority: 150 });
    for (let second = 1; second <= 3; second++) {
      stage.passTo(second * 1000);
      stage.hear({ priority: 149 });
    }
    stage.passTo(3415);
    assert.equal(stage.state, 'active');
  });

  it('waits for its skew only after priority 0', () => {
    const stage = stageOf();
    stage.passTo(1000);
    stage.hear({ priority: 0 });
    stage.passTo(1609);
    assert.equal(stage.state, 'backup');
    stage.passTo(1610);
    assert.equal(stage.state, 'active');
  });

  it('with nopreempt accepts any living router, but takes over from a silent one (vrrp.md §1.9)', () => {
    const stage = stageOf({ priority: 200, preempt: false });
    for (let second = 1; second <= 10; second++) {
      stage.passTo(second * 1000);
      stage.hear({ priority: 1 });
      assert.equal(stage.state, 'backup');
    }
    stage.pass(3300);
    assert.equal(stage.state, 'active');
  });

  it('lets an owner preempt whatever it says', () => {
    const stage = stageOf({ priority: 255, preempt: false }, { startupDelayMs: 1 });
    stage.passTo(1);
    assert.equal(stage.state, 'active');
  });

  it('with preempt_delay tolerates a lower router until then, and then waits its down time (vrrp.md §1.9)', () => {
    const stage = stageOf({ priority: 150, preemptDelayMs: 4000 });
    for (let second = 1; second <= 8; second++) {
      stage.passTo(second * 1000);
      if (stage.state === 'backup') stage.hear({ priority: 100 });
    }
    // First heard at 1 s; heard for the last time before the delay ended at 4 s; 3.414 s later:
    const became = stage.of('set-address').at(0)?.at;
    assert.equal(became, 4000 + 3414.0625);
  });

  it('begins preempt_delay anew after a higher advert', () => {
    const stage = stageOf({ priority: 150, preemptDelayMs: 1500 });
    stage.hear({ priority: 100 });
    stage.pass(1000);
    stage.hear({ priority: 150 });
    stage.pass(1000);
    stage.hear({ priority: 100 });
    stage.pass(1000);
    stage.hear({ priority: 100 });
    stage.pass(3400);
    assert.equal(stage.state, 'backup');
    stage.pass(20);
    assert.equal(stage.state, 'active');
  });

  it('adopts the interval of version 3 (vrrp.md §0.3)', () => {
    const stage = stageOf({ version: 3 });
    stage.hear({ priority: 200, intervalMs: 5000 });
    stage.passTo(18_046);
    assert.equal(stage.state, 'backup');
    stage.passTo(18_047);
    assert.equal(stage.state, 'active');
    assert.equal(stage.view().drops.interval, 0);
    // Its own again as the active one.
    stage.pass(1000);
    assert.equal(stage.adverts().length, 2);
  });

  it('waits as many intervals as down_timer_adverts says', () => {
    const stage = stageOf({ downTimerAdverts: 1 });
    stage.passTo(1610);
    assert.equal(stage.state, 'active');
  });

  it('listens once more when it was woken late, but does take over', () => {
    const stage = stageOf();
    stage.freeze(6000);
    assert.equal(stage.state, 'backup');
    stage.pass(1500);
    assert.equal(stage.state, 'backup');
    stage.pass(200);
    assert.equal(stage.state, 'active');
  });

  it('does not believe an advert from its own address', () => {
    const stage = stageOf();
    stage.pass(2000);
    stage.hear({ source: OWN_ADDRESS });
    assert.deepEqual(stage.events(), ['duplicate-source']);
    stage.pass(2000);
    assert.equal(stage.state, 'active');
  });
});
