import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { command, NO_HOOKS, virtualAddress } from './test-conf.ts';
import { activeStage, interfaceState, OWN_ADDRESS, stageOf } from './test-kit.ts';

const UNICAST = {
  peers: [
    { address: '10.99.0.1', ttlMin: 0, ttlMax: 255 },
    { address: '10.99.0.2', ttlMin: 0, ttlMax: 255 },
  ],
  ttl: 64,
  checkSource: true,
};

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
