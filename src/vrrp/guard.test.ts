import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GUARD_SLACK_MS, isGuarded } from './guard.ts';
import { groupConf, routerConf, virtualAddress, vrrpConf } from './test-conf.ts';
import { activeStage, Stage, stageOf } from './test-kit.ts';
import { peerDownMsMin } from './timing.ts';

const FAST = { version: 3, advertIntervalMs: 100, addressLifetimeSeconds: 1, guard: true } as const;
const UNTIL_MS = peerDownMsMin(routerConf(FAST)) - GUARD_SLACK_MS;

describe('the guard', () => {
  it('is for those whose address may outlive them past a takeover, and only where asked for', () => {
    const guarded = (more: Parameters<typeof routerConf>[0]): boolean =>
      isGuarded(routerConf({ ...FAST, ...more }));
    assert.ok(guarded({}));
    assert.ok(guarded({ advertIntervalMs: 490 }));
    assert.ok(!guarded({ advertIntervalMs: 500 }));
    assert.ok(!guarded({ guard: false }));
    assert.ok(!guarded({ addressLifetimeSeconds: null }));
    assert.ok(guarded({ version: 2, advertIntervalMs: 1000, addressLifetimeSeconds: 3 }));
  });

  it('lets an address answer until a peer may take over after the last advert, and moves that with each', () => {
    const stage = activeStage(FAST);
    const adverts = stage.of('send-advert').map(({ at }) => at);
    const guards = stage.of('guard-addresses');
    assert.deepEqual(
      guards.map(({ at, aliveUntil, heldUntil }) => [aliveUntil, heldUntil - at]),
      adverts.map((at) => [at + UNTIL_MS, 2000]),
    );
    assert.deepEqual(guards[0]?.addresses, ['10.99.0.100']);
    // The rules take a moment to stand, so they are asked for before the address is there.
    const kinds = stage.kinds();
    assert.ok(kinds.indexOf('guard-addresses') < kinds.indexOf('set-address'));
  });

  it('is not moved by what is no advert', () => {
    const stage = activeStage(FAST);
    const last = stage.of('guard-addresses').at(-1);
    stage.now += 50;
    const since = stage.now;
    const eth0 = { name: 'eth0', macAddress: new Uint8Array(6), resolvesNeighbours: true, forwards: false };
    stage.feed({ kind: 'interface', name: 'eth0', state: { ...eth0, isUp: true } });
    stage.feed({ kind: 'guard-reported', problem: 'broken' });
    stage.feed({ kind: 'guard-reported', problem: null });
    for (const { aliveUntil } of stage.of('guard-addresses', since)) {
      assert.equal(aliveUntil, last?.aliveUntil);
    }
  });

  it('ends once the addresses are away, however that comes', () => {
    for (const end of [
      (stage: Stage) => stage.hear({ priority: 200 }),
      (stage: Stage) => stage.freeze(5000),
      (stage: Stage) => stage.feed({ kind: 'interface', name: 'eth0', state: null }),
      (stage: Stage) => stage.feed({ kind: 'stop' }),
    ]) {
      const stage = activeStage(FAST);
      const since = (stage.now += 1);
      end(stage);
      const kinds = stage.kinds(since);
      const at = kinds.indexOf('remove-address');
      assert.ok(at >= 0);
      assert.equal(kinds[at + 1], 'unguard-addresses', kinds.join(' '));
      assert.deepEqual(stage.of('guard-addresses', since), []);
    }
  });

  it('is past before a frozen router would wake as active: it steps down without an advert', () => {
    const stage = activeStage(FAST);
    const since = stage.now + 1;
    stage.freeze(peerDownMsMin(routerConf(FAST)) + 1);
    assert.equal(stage.state, 'backup');
    assert.deepEqual(stage.adverts(since), []);
    assert.deepEqual(stage.of('guard-addresses', since), []);
  });

  it('goes and comes with a reload', () => {
    const stage = activeStage(FAST);
    const change = (more: Parameters<typeof routerConf>[0]): number => {
      const since = (stage.now += 1);
      stage.feed({ kind: 'reload', conf: vrrpConf([routerConf({ ...FAST, ...more })]) });
      return since;
    };
    const off = change({ guard: false });
    assert.equal(stage.of('unguard-addresses', off).length, 1);
    assert.deepEqual(stage.of('reset-clients', off).at(-1)?.addresses, []);
    assert.equal(stage.view().guard, 'off');
    const on = change({ name: 'renamed' });
    assert.equal(stage.of('guard-addresses', on).at(-1)?.key, stage.of('unguard-addresses', off)[0]?.key);
    assert.equal(stage.of('reset-clients', on).at(-1)?.addresses.length, 1);
  });

  it('resets the clients of every address that can expire, held or not', () => {
    const slow = routerConf({ guard: true, excludedAddresses: [virtualAddress('10.99.0.101')] });
    const immortal = routerConf({
      name: 'VI_2',
      virtualRouterId: 52,
      addresses: [virtualAddress('10.99.0.102')],
      addressLifetimeSeconds: null,
      guard: true,
    });
    const stage = new Stage(vrrpConf([slow, immortal], { groups: [groupConf('g', ['VI_1', 'VI_2'])] }));
    assert.deepEqual(
      stage.of('reset-clients').map(({ addresses }) => addresses.map(({ address }) => address)),
      [['10.99.0.100', '10.99.0.101']],
    );
    assert.deepEqual(stageOf({ guard: false }).of('reset-clients'), []);
  });

  it('says what is open without it, once, and when it is back', () => {
    const stage = activeStage(FAST);
    assert.equal(stage.view().guard, 'pending');
    const report = (problem: string | null): string[] => {
      const since = (stage.now += 1);
      stage.feed({ kind: 'guard-reported', problem });
      return stage.of('event', since).map(({ level, text }) => `${level} ${text}`);
    };
    assert.deepEqual(report('nft is not installed'), [
      'alarm there is no nft guard: nft is not installed; after a crash two machines may hold an address for 1200 ms',
    ]);
    assert.equal(stage.view().guard, 'failed');
    assert.equal(stage.vrrp.snapshot(stage.now).guardProblem, 'nft is not installed');
    assert.deepEqual(report('nft is not installed'), []);
    assert.deepEqual(report(null), ['info the nft guard stands again']);
    assert.equal(stage.view().guard, 'stands');
    const slow = activeStage({ guard: true });
    slow.feed({ kind: 'guard-reported', problem: 'nft is not installed' });
    assert.match(slow.of('event').at(-1)?.text ?? '', /clients of an address that was lost are not reset$/);
    assert.equal(slow.of('event').at(-1)?.level, 'info');
  });
});
