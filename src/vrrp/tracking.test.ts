import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scriptConf } from './test-conf.ts';
import { interfaceState, stageOf, type Stage } from './test-kit.ts';

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
    assert.equal(drain.state, 'initialize', 'it began before it knew');
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
