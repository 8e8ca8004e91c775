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
import { interfaceState, Stage } from './test-kit.ts';

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
