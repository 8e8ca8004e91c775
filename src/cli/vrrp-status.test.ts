import assert from 'node:assert/strict';
import { it } from 'node:test';
import { activeStage } from '../vrrp/test-kit.ts';
import { describeVrrpStatus } from './vrrp-status.ts';

it('says for how long two may hold an address, and whether the nft guard closes that', () => {
  const remark = (guard: boolean, problem?: string | null): string => {
    const stage = activeStage({ version: 3, advertIntervalMs: 100, addressLifetimeSeconds: 1, guard });
    if (problem !== undefined) stage.feed({ kind: 'guard-reported', problem });
    const snapshot = stage.vrrp.snapshot(stage.now);
    const lines = describeVrrpStatus({ kind: 'vrrp', pid: 1, at: 0, snapshot, decisions: [], events: [] });
    return lines.find((line) => line.startsWith('VI_1: after')) ?? '';
  };
  const window = 'VI_1: after a crash two may hold its addresses for 1200 ms';
  assert.equal(remark(false), `${window}: the guard is off`);
  assert.equal(remark(true), `${window}, as the nft guard is not set up yet`);
  assert.equal(remark(true, null), `${window}, but the nft guard closes that`);
  assert.equal(
    remark(true, 'nft is not installed'),
    `${window}, as there is no nft guard: nft is not installed`,
  );
});
