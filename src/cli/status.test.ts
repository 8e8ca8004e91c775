import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Status } from '../daemon/sentinel-daemon.ts';
import { duration } from './show-status.ts';
import { describeStatus } from './status.ts';

const STATUS: Status = {
  kind: 'sentinel',
  pid: 42,
  configFile: '/etc/sentinel.conf',
  listening: ['0.0.0.0:26379'],
  at: 0,
  snapshot: {
    myId: `abcdef01${'0'.repeat(32)}`,
    currentEpoch: '18446744073709551615',
    tilt: true,
    port: 26379,
    uptimeMs: 3_725_000,
    masters: [
      {
        name: 'my\u001b[2Jmaster',
        status: 'odown',
        address: '127.0.0.1:7000',
        configEpoch: '3',
        failoverState: 'wait_start',
        quorum: 2,
        authProblem: null,
        replicas: [
          {
            name: '127.0.0.1:7001',
            address: '127.0.0.1:7001',
            flags: 'slave',
            offset: 12_345,
            lagBytes: 0,
            link: 'up',
            authProblem: 'WRONGPASS',
          },
          {
            name: '[::1]:7002',
            address: '[::1]:7002',
            flags: 's_down,slave',
            offset: 7,
            lagBytes: null,
            link: 'down',
            authProblem: null,
          },
        ],
        sentinels: [
          { runId: 'b'.repeat(40), address: '127.0.0.1:26380', flags: 'sentinel', authProblem: null },
        ],
      },
    ],
    counters: {},
    persist: { version: 9, persistedVersion: 7, problem: 'ENOSPC' },
  },
  decisions: [],
  events: [],
};

it('says what matters in lines that line up, and lets no name steer the terminal', () => {
  assert.deepEqual(describeStatus(STATUS), [
    'sentinel abcdef01  on 0.0.0.0:26379  pid 42  up 1h 2min  epoch 18446744073709551615',
    'TILT: it noticed that time jumped, and judges nobody for now',
    'its state is not saved (7 of 9): ENOSPC',
    '',
    'mymaster  primary 127.0.0.1:7000  down for the quorum (odown)  config epoch 3  quorum 2 of 2  failover: wait_start',
    '  127.0.0.1:7001 refuses our credentials: WRONGPASS',
    '  REPLICA         LINK  OFFSET  BEHIND  FLAGS',
    '  127.0.0.1:7001  up     12345       0  slave',
    '  [::1]:7002      down       7       ?  s_down,slave',
    '  VOTER            ID        FLAGS',
    '  127.0.0.1:26380  bbbbbbbb  sentinel',
  ]);
});

it('shows the last decisions and events', () => {
  const lines = describeStatus({
    ...STATUS,
    snapshot: { ...STATUS.snapshot, masters: [] },
    decisions: [{ at: Date.now(), master: 'm', sentence: 'not promoting b: its offset is 1 MB behind a' }],
    events: [
      { at: 0, level: 'warning', name: '+sdown', text: 'master m 127.0.0.1 7000' },
      { at: 0, level: 'debug', name: '+script-child', text: '7' },
    ],
  });
  assert.ok(lines.some((line) => /^\d\d:\d\d:\d\d  m +not promoting b/.test(line)));
  assert.ok(lines.some((line) => /^\d{4}-\d\d-\d\d .*\+sdown  master m/.test(line)));
  assert.ok(!lines.join('\n').includes('+script-child'));
});

it('names durations by their two largest units', () => {
  assert.deepEqual([0, 999, 61_000, 90_061_000].map(duration), ['0s', '0s', '1min 1s', '1d 1h']);
});
