import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  command,
  groupConf,
  NO_HOOKS,
  routerConf,
  scriptConf,
  virtualAddress,
  vrrpConf,
} from './test-conf.ts';
import { activeStage, interfaceState, OWN_ADDRESS, Stage, stageOf } from './test-kit.ts';
import { TRANSITIONS, type State } from './transitions.ts';

const UNICAST = {
  peers: [
    { address: '10.99.0.1', ttlMin: 0, ttlMax: 255 },
    { address: '10.99.0.2', ttlMin: 0, ttlMax: 255 },
  ],
  ttl: 64,
  checkSource: true,
};

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

describe('an active router (vrrp.md §1.8)', () => {
  it('sends adverts on the grid of its interval, with its addresses in order', () => {
    const stage = activeStage();
    const times = stage.of('send-advert').map(({ at }) => at - 3609.375);
    assert.deepEqual(times, [0, 1000, 2000, 3000, 4000, 5000, 6000]);
    const [advert] = stage.of('send-advert');
    assert.equal(advert?.source, OWN_ADDRESS);
    assert.equal(advert?.destination, '224.0.0.18');
    assert.equal(advert?.ttl, 255);
  });

  it('sends one advert to each peer with a checksum of its own, and its own TTL', () => {
    const stage = activeStage({ version: 3, unicast: UNICAST });
    const adverts = stage.of('send-advert').slice(0, 2);
    assert.deepEqual(
      adverts.map(({ destination, ttl }) => `${destination} ${ttl}`),
      ['10.99.0.1 64', '10.99.0.2 64'],
    );
    assert.notDeepEqual(adverts[0]?.bytes, adverts[1]?.bytes);
  });

  it('bows to a higher priority without a word, addresses first, then the hook', () => {
    const stage = activeStage({ hooks: { ...NO_HOOKS, backup: command('/b') } });
    stage.endHook();
    stage.hear({ priority: 101 });
    assert.equal(stage.state, 'backup');
    assert.deepEqual(stage.kinds(10_000), ['remove-address', 'run-hook']);
    assert.deepEqual(stage.view().peer, { address: '10.99.0.1', priority: 101 });
    stage.pass(3609);
    assert.equal(stage.state, 'backup');
    stage.pass(1);
    assert.equal(stage.state, 'active');
  });

  it('with higher_prio_send_advert sends one more advert before it bows', () => {
    const stage = activeStage({ higherPrioritySendsAdvert: true });
    stage.hear({ priority: 101 });
    assert.deepEqual(stage.adverts(10_000), ['10000 100']);
    assert.equal(stage.state, 'backup');
  });

  it('at equal priority bows to the higher address only, also with nopreempt (vrrp.md §1.8)', () => {
    for (const preempt of [true, false]) {
      const higher = activeStage({ preempt });
      higher.hear({ priority: 100, source: '10.99.0.10' });
      assert.equal(higher.state, 'backup');
      const lower = activeStage({ preempt });
      lower.hear({ priority: 100, source: '10.99.0.4' });
      assert.equal(lower.state, 'active');
    }
  });

  it('settles two owners by address as well', () => {
    const stage = activeStage({ priority: 255 });
    stage.hear({ priority: 255, source: '10.99.0.6' });
    assert.equal(stage.state, 'backup');
  });

  it('answers a lower priority at once with an advert, announcements twice, a hook and an alarm with both addresses', () => {
    const stage = activeStage({ hooks: { ...NO_HOOKS, masterRxLowerPriority: command('/l') } });
    stage.hear({ priority: 99 });
    assert.equal(stage.state, 'active');
    assert.deepEqual(stage.adverts(10_000), ['10000 100']);
    assert.equal(stage.of('send-frame', 10_000).length, 5);
    assert.deepEqual(stage.hooks(10_000), ['10000 /l']);
    const [alarm] = stage.of('event', 10_000);
    assert.equal(alarm?.name, 'second-active');
    assert.match(alarm?.text ?? '', /10\.99\.0\.1 .*10\.99\.0\.5 /);
    stage.pass(1000);
    assert.deepEqual(stage.adverts(10_001), ['11000 100']);
    stage.pass(4000);
    assert.equal(stage.of('send-frame', 10_001).length, 5);
  });

  it('tells of a rival once while it stays', () => {
    const stage = activeStage();
    for (let second = 0; second < 5; second++) {
      stage.hear({ priority: 99 });
      stage.pass(1000);
    }
    assert.deepEqual(stage.events(), ['second-active']);
    stage.pass(5000);
    stage.hear({ priority: 99 });
    assert.equal(stage.events().length, 2);
  });

  it('with lower_prio_no_advert only announces', () => {
    const stage = activeStage({ lowerPrioritySendsAdvert: false });
    stage.hear({ priority: 99 });
    assert.deepEqual(stage.adverts(10_000), []);
    assert.equal(stage.of('send-frame', 10_000).length, 5);
  });

  it('answers priority 0 with an advert, and announces: somebody else was active', () => {
    const stage = activeStage();
    stage.hear({ priority: 0 });
    assert.deepEqual(stage.adverts(10_000), ['10000 100']);
    assert.equal(stage.of('send-frame', 10_000).length, 5);
  });

  it('only warns of its own address in an advert', () => {
    const stage = activeStage();
    stage.hear({ priority: 200, source: OWN_ADDRESS });
    stage.hear({ priority: 200, source: OWN_ADDRESS });
    assert.equal(stage.state, 'active');
    assert.deepEqual(stage.events(), ['duplicate-source']);
  });

  it('steps down before another advert when it was frozen past the down time of a peer', () => {
    const stage = activeStage();
    const last = stage.of('send-advert').at(-1)?.at ?? 0;
    stage.passTo(last);
    stage.freeze(3008);
    assert.equal(stage.state, 'backup');
    assert.deepEqual(stage.adverts(last + 1), []);
    assert.deepEqual(stage.events(), ['stalled']);
    assert.deepEqual(stage.kinds(last + 1), ['event', 'remove-address']);
  });

  it('steps down on a packet after such a freeze, too, before it answers', () => {
    const stage = activeStage({ addressLifetimeSeconds: null });
    stage.passTo(10_000);
    stage.now += 5000;
    stage.hear({ priority: 50 });
    assert.equal(stage.state, 'backup');
    assert.deepEqual(stage.adverts(10_001), []);
  });

  it('goes on after a shorter freeze', () => {
    const stage = activeStage({ addressLifetimeSeconds: null });
    const last = stage.of('send-advert').at(-1)?.at ?? 0;
    stage.passTo(last);
    stage.freeze(3007);
    assert.equal(stage.state, 'active');
    assert.equal(stage.adverts(last + 1).length, 1);
  });

  it('takes the end of its own address for a stall: no advert', () => {
    const stage = activeStage();
    const last = stage.of('set-address').at(-1)?.at ?? 0;
    stage.passTo(last);
    stage.now += 2030;
    stage.feed({ kind: 'address-removed', interface: 'eth0', address: '10.99.0.100', prefixLength: 32 });
    assert.equal(stage.state, 'backup');
    assert.deepEqual(stage.adverts(last + 1), []);
    assert.deepEqual(stage.events(), ['address-lost', 'stalled']);
  });

  it('gives up and comes back after its skew when somebody deletes an address (vrrp.md §1.8)', () => {
    const stage = activeStage({
      priority: 150,
      addresses: [virtualAddress('10.99.0.100'), virtualAddress('10.99.0.101')],
    });
    stage.feed({ kind: 'address-removed', interface: 'eth0', address: '10.99.0.101', prefixLength: 32 });
    assert.equal(stage.state, 'backup');
    assert.deepEqual(stage.adverts(10_000), ['10000 0']);
    assert.equal(stage.of('remove-address', 10_000).length, 2);
    stage.pass(415);
    assert.equal(stage.state, 'active');
  });

  it("does not mistake its own removal, told late, for somebody else's", () => {
    const stage = activeStage({ priority: 150 });
    const address = { interface: 'eth0', address: '10.99.0.100', prefixLength: 32 };
    stage.feed({ kind: 'address-added', ...address });
    stage.hear({ priority: 200 });
    stage.hear({ priority: 0 });
    stage.pass(500);
    assert.equal(stage.state, 'active');
    stage.feed({ kind: 'address-removed', ...address });
    assert.equal(stage.state, 'active');
    stage.feed({ kind: 'address-removed', ...address });
    assert.equal(stage.state, 'backup');
  });

  it('lets a no_track address go', () => {
    const stage = activeStage({ addresses: [virtualAddress('10.99.0.100', { untracked: true })] });
    stage.feed({ kind: 'address-removed', interface: 'eth0', address: '10.99.0.100', prefixLength: 32 });
    assert.equal(stage.state, 'active');
  });

  it('refreshes its addresses so that they live while it does', () => {
    const stage = activeStage();
    const times = stage.of('set-address').map(({ at, isNew }) => `${(at - 3609.375).toFixed(0)} ${isNew}`);
    assert.deepEqual(times.slice(0, 5), ['0 true', '508 false', '1000 false', '1508 false', '2000 false']);
    assert.ok(stage.of('set-address').every(({ lifetimeSeconds }) => lifetimeSeconds === 2));
  });

  it('announces again after garp_master_delay, and as often as garp_master_refresh (vrrp.md §4)', () => {
    const stage = activeStage({
      announcing: {
        repeat: 2,
        delayMs: 1000,
        refreshMs: 2000,
        refreshRepeat: 1,
        lowerPriorityRepeat: 0,
        lowerPriorityDelayMs: 0,
        spacingMs: 0,
      },
    });
    assert.deepEqual(
      stage.of('send-frame').map(({ at }) => at - 3609.375),
      [0, 0, 1000, 1000, 2000, 4000, 6000],
    );
  });

  it('spaces the rounds of a batch where asked', () => {
    const stage = activeStage({
      announcing: {
        repeat: 3,
        delayMs: 0,
        refreshMs: 0,
        refreshRepeat: 1,
        lowerPriorityRepeat: 0,
        lowerPriorityDelayMs: 0,
        spacingMs: 100,
      },
    });
    assert.deepEqual(
      stage.of('send-frame').map(({ at }) => at - 3609.375),
      [0, 100, 200],
    );
  });

  it('puts IPv6 addresses back, and announces them, when a link that is not tracked is up again', () => {
    const stage = activeStage({
      addresses: [virtualAddress('fd00::100')],
      trackInterfaces: false,
      sourceAddress: 'fe80::5',
    });
    stage.feed({ kind: 'interface', name: 'eth0', state: interfaceState('eth0', { isUp: false }) });
    stage.feed({ kind: 'address-removed', interface: 'eth0', address: 'fd00::100', prefixLength: 128 });
    assert.equal(stage.state, 'active');
    stage.pass(100);
    stage.feed({ kind: 'interface', name: 'eth0', state: interfaceState('eth0') });
    assert.deepEqual(
      stage.of('set-address', 10_100).map(({ isNew }) => isNew),
      [true],
    );
    assert.equal(stage.of('send-frame', 10_100).length, 5);
  });

  it('says it leaves twice and lets go when its link fails, and comes back as a backup (vrrp.md §1.8)', () => {
    const stage = activeStage({ hooks: { ...NO_HOOKS, fault: command('/f') } });
    stage.feed({ kind: 'interface', name: 'eth0', state: interfaceState('eth0', { isUp: false }) });
    assert.equal(stage.state, 'fault');
    assert.deepEqual(stage.adverts(10_000), ['10000 0', '10000 0']);
    assert.deepEqual(stage.kinds(10_000), ['send-advert', 'remove-address', 'run-hook']);
    stage.hear({ priority: 0 });
    stage.pass(10_000);
    assert.equal(stage.state, 'fault');
    stage.feed({ kind: 'interface', name: 'eth0', state: interfaceState('eth0') });
    assert.equal(stage.state, 'backup');
    stage.pass(3610);
    assert.equal(stage.state, 'active');
  });

  it('announces its own address to peers when it leaves the fault state (vrrp.md §1.8)', () => {
    const stage = activeStage({ unicast: UNICAST });
    stage.feed({ kind: 'interface', name: 'eth0', state: null });
    stage.pass(100);
    stage.feed({ kind: 'interface', name: 'eth0', state: interfaceState('eth0') });
    assert.equal(stage.state, 'fault');
    stage.feed({ kind: 'address-added', interface: 'eth0', address: OWN_ADDRESS, prefixLength: 24 });
    assert.equal(stage.state, 'backup');
    assert.deepEqual(
      stage.of('send-frame', 10_100).map(({ address }) => address),
      [OWN_ADDRESS],
    );
  });

  it('counts what it drops by kind, logs it once until the active router changes, and changes nothing else', () => {
    const stage = stageOf();
    stage.pass(1000);
    for (let times = 0; times < 3; times++) stage.hear({ password: 'x' });
    assert.equal(stage.view().drops['authentication-type'], 3);
    assert.equal(stage.view().statistics.advertsReceived, 3);
    const logged = (): number => stage.of('log').filter(({ text }) => text.includes('dropped')).length;
    assert.equal(logged(), 1);
    stage.hear();
    stage.hear({ password: 'x' });
    assert.equal(logged(), 1);
    stage.hear({ source: '10.99.0.2' });
    stage.hear({ password: 'x' });
    assert.equal(logged(), 2);
    stage.hear({ virtualRouterId: 99 });
    assert.equal(stage.vrrp.snapshot(stage.now).unknownIds, 1);
  });

  it('warns of another list of addresses, once (vrrp.md §0.4)', () => {
    const stage = stageOf();
    stage.hear({ addresses: ['10.99.0.7'] });
    stage.hear({ addresses: ['10.99.0.7'] });
    assert.deepEqual(stage.events(), ['address-list-differs']);
    assert.equal(stage.view().statistics.addressListsDiffered, 2);
    stage.pass(3600);
    assert.equal(stage.state, 'backup');
  });

  it('answers an old keepalived in its own checksum from then on (vrrp.md §1.4)', () => {
    const stage = stageOf({ version: 3, unicast: UNICAST, priority: 200 });
    stage.hear({ priority: 100, checksum: 'multicast-pseudo-header' });
    stage.passTo(5000);
    stage.hear({ priority: 100, source: '10.99.0.2' });
    const modern = stageOf({ version: 3, unicast: UNICAST, priority: 200 });
    modern.passTo(5000);
    assert.notDeepEqual(stage.of('send-advert')[0]?.bytes, modern.of('send-advert')[0]?.bytes);
  });
});

describe('priorities and weights (vrrp.md §1.11)', () => {
  const weighted = (weight: number, reverse = false): Stage =>
    stageOf(
      { tracking: [{ kind: 'script', name: 'check', weight, reverse }], tellPriorityChanges: true },
      { scripts: [scriptConf()], fifos: [{ path: '/f', script: null }] },
    );

  it('adds a positive weight while up, a negative one while down, the other way round in reverse', () => {
    for (const [weight, reverse, up, down] of [
      [20, false, 120, 100],
      [-20, false, 100, 80],
      [20, true, 80, 100],
      [-20, true, 100, 120],
      [253, false, 254, 100],
      [-253, false, 100, 1],
    ] as const) {
      const stage = weighted(weight, reverse);
      assert.equal(stage.view().effectivePriority, 100);
      stage.endScript(0);
      assert.equal(stage.view().effectivePriority, up, `${weight} up`);
      stage.pass(1000);
      stage.endScript(1);
      assert.equal(stage.view().effectivePriority, down, `${weight} down`);
    }
  });

  it('never changes state by itself; the next advert tells it, the timer shifts by the skew, the FIFO hears', () => {
    const stage = weighted(-20);
    stage.endScript(1);
    assert.equal(stage.of('write-fifo').at(-1)?.line, 'INSTANCE "VI_1" BACKUP_PRIORITY 80\n');
    stage.passTo(3687);
    assert.equal(stage.state, 'backup');
    stage.passTo(3688);
    assert.equal(stage.state, 'active');
    assert.deepEqual(stage.adverts(), ['3687.5 80']);
  });

  it('leaves an owner alone', () => {
    const stage = stageOf(
      { priority: 255, tracking: [{ kind: 'script', name: 'check', weight: -20, reverse: false }] },
      { scripts: [scriptConf()] },
    );
    stage.endScript(1);
    assert.equal(stage.view().effectivePriority, 255);
  });

  it('takes a tracked file as a number, and as a switch with weight 0', () => {
    const file = (weight: number): Stage =>
      stageOf(
        { tracking: [{ kind: 'file', name: 'drain', weight, reverse: false }] },
        { files: [{ name: 'drain', path: '/d', initial: null }] },
      );
    const number = file(-10);
    number.feed({ kind: 'file-value', tracker: 'drain', value: 5 });
    assert.equal(number.view().effectivePriority, 50);
    number.feed({ kind: 'file-value', tracker: 'drain', value: 26 });
    assert.equal(number.state, 'fault');
    number.feed({ kind: 'file-value', tracker: 'drain', value: null });
    assert.equal(number.state, 'backup');
    const drain = file(0);
    drain.feed({ kind: 'file-value', tracker: 'drain', value: 1 });
    assert.deepEqual(drain.view().faults, ['file drain says 1']);
  });

  it('follows another interface', () => {
    const stage = stageOf({ tracking: [{ kind: 'interface', name: 'eth1', weight: 30, reverse: false }] });
    stage.feed({ kind: 'interface', name: 'eth1', state: interfaceState('eth1') });
    assert.equal(stage.view().effectivePriority, 130);
  });

  it("hears of a dead Redis beside a script at once, by the script's own weight", () => {
    const redis = {
      name: 'check redis',
      host: '127.0.0.1',
      port: 6390,
      authFile: null,
      intervalMs: 1000,
      rise: 1,
      fall: 3,
      besideScript: 'check',
    };
    const stage = stageOf(
      { tracking: [{ kind: 'script', name: 'check', weight: 0, reverse: false }] },
      { scripts: [scriptConf({ fall: 3 })], redis: [redis] },
    );
    stage.endScript(0);
    stage.feed({ kind: 'redis-connected', connection: 1 });
    stage.feed({ kind: 'redis-answer', connection: 1, answer: { kind: 'pong' } });
    stage.passTo(500);
    assert.equal(stage.state, 'backup');
    stage.feed({ kind: 'redis-disconnected', connection: 1, reason: 'reset' });
    assert.equal(stage.state, 'backup');
    stage.feed({ kind: 'redis-disconnected', connection: 2, reason: 'refused' });
    assert.equal(stage.state, 'fault');
  });
});

describe('groups (vrrp.md §1.10)', () => {
  const pair = (more = {}, rest = {}): Stage =>
    new Stage(
      vrrpConf(
        [
          routerConf({ name: 'A', virtualRouterId: 1, addresses: [virtualAddress('10.99.0.101')] }),
          routerConf({
            name: 'B',
            virtualRouterId: 2,
            addresses: [virtualAddress('10.99.0.102', { interface: 'eth1' })],
            interface: 'eth1',
            sourceAddress: '10.99.1.5',
          }),
        ],
        {
          groups: [groupConf('G', ['A', 'B'], { hooks: { ...NO_HOOKS, any: command('/g') }, ...more })],
          ...rest,
        },
      ),
      { interfaces: [interfaceState('eth0'), interfaceState('eth1')] },
    );
  const states = (stage: Stage): string => `${stage.view('A').state} ${stage.view('B').state}`;

  it('become active together, or not at all', () => {
    const stage = pair();
    for (let second = 1; second <= 6; second++) {
      stage.passTo(second * 1000);
      stage.hear({ virtualRouterId: 1 });
    }
    assert.equal(states(stage), 'backup backup');
    stage.pass(3700);
    assert.equal(states(stage), 'active active');
    assert.equal(stage.hooks().at(0), '0 /g GROUP G BACKUP 0');
    stage.endHook();
    assert.equal(stage.hooks().at(-1)?.split(' ').slice(1).join(' '), '/g GROUP G MASTER 0');
  });

  it('are in fault together, saying whose fault it is', () => {
    const stage = pair();
    stage.passTo(5000);
    assert.equal(states(stage), 'active active');
    stage.feed({ kind: 'interface', name: 'eth1', state: interfaceState('eth1', { isUp: false }) });
    assert.equal(states(stage), 'fault fault');
    assert.deepEqual(stage.view('A').faults, ['B of its group: the link of eth1 is down']);
    stage.feed({ kind: 'interface', name: 'eth1', state: interfaceState('eth1') });
    assert.equal(states(stage), 'backup backup');
  });

  it('bow together', () => {
    const stage = pair();
    stage.passTo(5000);
    stage.hear({ virtualRouterId: 1 });
    assert.equal(states(stage), 'backup backup');
    assert.deepEqual(stage.adverts(5000), []);
  });

  it('ignore weights unless sync_group_tracking_weight is set', () => {
    const tracking = [{ kind: 'script', name: 'check', weight: -20, reverse: false }] as const;
    for (const tracksWeights of [false, true]) {
      const stage = pair({ tracking, tracksWeights }, { scripts: [scriptConf()] });
      stage.endScript(1);
      assert.equal(stage.view('B').effectivePriority, tracksWeights ? 80 : 100);
    }
  });

  it('that want to be active begin as fast as an owner', () => {
    const members = [1, 2].map((id) =>
      routerConf({
        name: `R${id}`,
        virtualRouterId: id,
        wantsActive: true,
        addresses: [virtualAddress(`10.99.0.10${id}`)],
      }),
    );
    const stage = new Stage(vrrpConf(members, { groups: [groupConf('G', ['R1', 'R2'])] }));
    stage.passTo(1004);
    assert.equal(stage.state, 'active');
  });
});
