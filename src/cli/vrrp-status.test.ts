import assert from 'node:assert/strict';
import { it } from 'node:test';
import { backendConf, endpointsConf, serverConf, Stage } from '../endpoint/test-kit.ts';
import { activeStage } from '../vrrp/test-kit.ts';
import { describeVrrpStatus } from './vrrp-status.ts';

it('says for how long two may hold an address, and whether the nft guard closes that', () => {
  const remark = (guard: boolean, problem?: string | null): string => {
    const stage = activeStage({ version: 3, advertIntervalMs: 100, addressLifetimeSeconds: 1, guard });
    if (problem !== undefined) stage.feed({ kind: 'guard-reported', problem });
    const snapshot = stage.vrrp.snapshot(stage.now);
    const status = {
      kind: 'vrrp',
      pid: 1,
      at: 0,
      snapshot,
      decisions: [],
      events: [],
      servers: null,
    } as const;
    const lines = describeVrrpStatus(status);
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

it('shows virtual servers, alone where no virtual routers run', () => {
  const stage = new Stage(
    endpointsConf(
      backendConf({
        name: '10.0.0.100:80',
        role: { kind: 'any' },
        servers: [serverConf('10.0.0.1:80', '10.0.0.1:80')],
        virtual: {
          label: '[10.0.0.100]:tcp:80',
          up: null,
          down: null,
          sendsMail: false,
          routerId: 'lb1',
          quorum: 1,
          hysteresis: 0,
          sorry: null,
          tellsStop: false,
          hasFifo: false,
        },
      }),
    ),
  );
  stage.pass(100);
  const servers = {
    kind: 'endpoint',
    pid: 1,
    at: 0,
    snapshot: stage.endpoints.snapshot(stage.now),
    chosen: [],
    paths: [],
    decisions: [],
    events: [],
  } as const;
  const status = { kind: 'vrrp', pid: 1, at: 0, snapshot: null, decisions: [], events: [], servers } as const;
  const lines = describeVrrpStatus(status);
  assert.equal(lines[0], 'vrrp  pid 1');
  assert.ok(lines.includes('10.0.0.100:80 (any, quorum reached): 1 of 1 servers serve'), lines.join('\n'));
});
