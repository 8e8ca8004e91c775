// Reading INFO: real lines, old lines, and any bytes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { INFO_BYTES_MAX, parseInfo } from './info.ts';

describe('INFO', () => {
  it('of a primary lists its replicas, in the shape of today and of before 2.8 (sentinel.md §6.11)', () => {
    const info = parseInfo(
      [
        '# Server',
        `run_id:${'1'.repeat(40)}`,
        '# Replication',
        'role:master',
        'connected_slaves:2',
        'slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=0,type=replica',
        'slave1:10.0.0.3,6380,online',
        'slave2:ip=fd00::4,port=6381,state=online',
        'slave3:ip=,port=6381',
        'slave4:ip=10.0.0.9,port=0',
        'slavery:ip=10.0.0.9,port=1',
        'master_repl_offset:15',
        'master_failover_state:no-failover',
      ].join('\r\n'),
    );
    assert.equal(info.runId, '1'.repeat(40));
    assert.equal(info.role, 'master');
    assert.deepEqual(info.replicas, [
      { host: '10.0.0.2', port: 6379 },
      { host: '10.0.0.3', port: 6380 },
      { host: 'fd00::4', port: 6381 },
    ]);
    assert.equal(info.primaryOffset, 15n);
    assert.equal(info.failoverState, 'no-failover');
  });

  it('of a replica says whom it follows and how well (sentinel.md §6.11)', () => {
    const info = parseInfo(
      'role:slave\r\nmaster_host:h\r\nmaster_port:1\r\nmaster_link_status:down\r\n' +
        'master_link_down_since_seconds:-1\r\nslave_priority:7\r\nslave_repl_offset:9007199254740993\r\n' +
        'replica_announced:0\r\n',
    );
    assert.deepEqual(
      [info.role, info.masterHost, info.masterPort, info.masterLinkUp, info.masterLinkDownMs],
      ['slave', 'h', 1, false, -1000],
    );
    assert.deepEqual([info.priority, info.offset, info.announced], [7, 9007199254740993n, false]);
  });

  it('without a link-down line means 0 (sentinel.md §0)', () => {
    assert.equal(parseInfo('role:slave\r\n').masterLinkDownMs, 0);
  });

  it('of any bytes is read without a word, and nothing in it is out of range', () => {
    const key = fc.constantFrom(
      'run_id',
      'role',
      'slave0',
      'master_port',
      'slave_priority',
      'slave_repl_offset',
      'x',
    );
    const lines = fc.array(
      fc.tuple(key, fc.string({ unit: 'binary' })).map(([name, value]) => `${name}:${value}`),
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5000 }),
      lines.map((all) => all.join('\r\n')),
      lines.map((all) => all.join('\n')),
    );
    fc.assert(
      fc.property(text, (each) => {
        const info = parseInfo(each);
        assert.ok(info.runId === null || info.runId.length === 40);
        for (const replica of info.replicas) assert.ok(replica.port > 0 && replica.port <= 65535);
        for (const number of [info.masterPort ?? 0, info.masterLinkDownMs, info.priority ?? 0]) {
          assert.ok(Number.isInteger(number));
        }
      }),
    );
  });

  it('is not read beyond its limit', () => {
    assert.equal(parseInfo(`${'x'.repeat(INFO_BYTES_MAX)}\r\nrole:master\r\n`).role, null);
  });
});
