// A member's snapshot, in words.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MasterSnapshot, Snapshot } from '../sentinel/snapshot.ts';
import { concernsOf } from './concerns.ts';
import { Names } from './names.ts';

const names = new Names([
  { name: 'redis-1', port: 20_001 },
  { name: 'redis-2', port: 20_002 },
  { name: 'baton-2', port: 21_002 },
]);
const company = { replicas: 1, otherMembers: 1 };

const replica = (flags: string) => ({
  name: '127.0.0.1:20002',
  address: '127.0.0.1:20002',
  flags,
  offset: 1,
  lagBytes: 0,
  link: 'up' as const,
  authProblem: null,
});
const voter = (flags: string) => ({
  runId: '0'.repeat(40),
  address: '127.0.0.1:21002',
  flags,
  authProblem: null,
});

function concerns(master: Partial<MasterSnapshot>, tilt = false): string[] {
  const snapshot: Snapshot = {
    myId: '1'.repeat(40),
    currentEpoch: '0',
    tilt,
    port: 21_001,
    uptimeMs: 1,
    masters: [],
    counters: {},
    persist: { version: 1, persistedVersion: 1, problem: null },
  };
  const whole: MasterSnapshot = {
    name: 'demo',
    status: 'ok',
    address: '127.0.0.1:20001',
    configEpoch: '0',
    failoverState: 'none',
    quorum: 2,
    authProblem: null,
    replicas: [replica('slave')],
    sentinels: [voter('sentinel')],
  };
  return concernsOf(snapshot, { ...whole, ...master }, names, company);
}

it('a member without a worry has none', () => {
  assert.deepEqual(concerns({}), []);
});

it('a member says who is down, for itself or for the quorum', () => {
  assert.deepEqual(concerns({ status: 'sdown' }), ['redis-1 is down']);
  assert.deepEqual(concerns({ status: 'odown' }), ['redis-1 is down, and 2 of us agree']);
  assert.deepEqual(concerns({ replicas: [replica('s_down,slave,disconnected')] }), ['redis-2 is down']);
  assert.deepEqual(concerns({ sentinels: [voter('s_down,sentinel')] }), ['baton-2 is down']);
});

it('a member says what it does in a failover, and that it does not know everybody yet', () => {
  assert.deepEqual(concerns({ failoverState: 'wait_start' }), ['stands for election']);
  assert.deepEqual(concerns({ replicas: [], sentinels: [] }), [
    'has yet to meet 1 member',
    'has yet to find 1 replica',
  ]);
  assert.deepEqual(concerns({}, true), ['judges nobody: its clock jumped (TILT)']);
});
