// Fields and their order, and the answers of the commands that only look: clients index into them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { array, bulk, bulks, error, integer, NULL_ARRAY, simple, type Reply } from '../../resp/reply.ts';
import { crash, fieldsOf, nodeOf, PEER_1, PEER_1_ID, PEER_2, REPLICA_1, trio } from '../test-cast.ts';
import { MY_ID } from '../test-kit.ts';

const HEAD = ['name', 'ip', 'port', 'runid', 'flags', 'link-pending-commands', 'link-refcount'];
const PINGS = ['last-ping-sent', 'last-ok-ping-reply', 'last-ping-reply'];
const INFO = ['info-refresh', 'role-reported', 'role-reported-time'];
const MASTER = [
  'config-epoch',
  'num-slaves',
  'num-other-sentinels',
  'quorum',
  'failover-timeout',
  'parallel-syncs',
];
const REPLICA = [
  'master-link-down-time',
  'master-link-status',
  'master-host',
  'master-port',
  'slave-priority',
  'slave-repl-offset',
  'replica-announced',
];
const PEER = ['last-hello-message', 'voted-leader', 'voted-leader-epoch'];
const keys = (reply: Reply | null | undefined): string[] => [...fieldsOf(reply ?? null).keys()];
const items = (reply: Reply | null): readonly Reply[] => (reply?.kind === 'array' ? reply.items : []);

describe('SENTINEL MASTER', () => {
  it('has 20 fields in one order (sentinel.md §1.4)', () => {
    const { stage } = trio();
    stage.pass(3000);
    const reply = stage.ask('SENTINEL', 'MASTER', 'm1');
    assert.deepEqual(keys(reply), [...HEAD, ...PINGS, 'down-after-milliseconds', ...INFO, ...MASTER]);
    assert.equal(keys(reply).length, 20);
    assert.deepEqual(items(stage.ask('SENTINEL', 'MASTERS')), [reply]);
    assert.deepEqual(stage.ask('SENTINEL', 'PRIMARY', 'm1'), reply);
    assert.deepEqual(stage.ask('SENTINEL', 'MASTER', 'm2'), error('ERR No such master with that name'));
    const fields = fieldsOf(reply);
    assert.equal(fields.get('flags'), 'master');
    assert.equal(fields.get('num-slaves'), '2');
    assert.equal(fields.get('num-other-sentinels'), '2');
    assert.equal(fields.get('last-ping-sent'), '0');
  });

  it('puts the fields that come and go where the reference puts them (sentinel.md §1.4)', () => {
    const { stage, cast } = trio({ notificationScript: '/n', clientReconfigScript: '/c' });
    stage.pass(3000);
    nodeOf(cast, REPLICA_1).obeys = false;
    crash(stage, cast);
    stage.pass(2000);
    const reply = stage.ask('SENTINEL', 'MASTER', 'm1');
    assert.deepEqual(keys(reply), [
      ...HEAD,
      'failover-state',
      ...PINGS,
      's-down-time',
      'o-down-time',
      'down-after-milliseconds',
      ...INFO,
      ...MASTER,
      'notification-script',
      'client-reconfig-script',
    ]);
    assert.equal(fieldsOf(reply).get('flags'), 's_down,o_down,master,disconnected,failover_in_progress');
  });
});

describe('SENTINEL REPLICAS and SENTINELS', () => {
  it('have 21 and 14 fields in one order (sentinel.md §1.4)', () => {
    const { stage } = trio();
    stage.pass(3000);
    const replicas = items(stage.ask('SENTINEL', 'REPLICAS', 'm1'));
    assert.deepEqual(keys(replicas[0]), [...HEAD, ...PINGS, 'down-after-milliseconds', ...INFO, ...REPLICA]);
    assert.equal(keys(replicas[0]).length, 21);
    assert.deepEqual(items(stage.ask('SENTINEL', 'SLAVES', 'm1')), replicas);
    const sentinels = items(stage.ask('SENTINEL', 'SENTINELS', 'm1'));
    assert.deepEqual(keys(sentinels[0]), [...HEAD, ...PINGS, 'down-after-milliseconds', ...PEER]);
    assert.equal(keys(sentinels[0]).length, 14);
    assert.equal(fieldsOf(sentinels[0] ?? null).get('name'), PEER_1_ID);
    assert.equal(fieldsOf(sentinels[0] ?? null).get('voted-leader'), '?');
  });

  it('leave out replicas that are not announced, but count them (sentinel.md §1.3)', () => {
    const { stage, cast } = trio();
    nodeOf(cast, REPLICA_1).info.push('replica_announced:0');
    stage.pass(11_000);
    assert.equal(items(stage.ask('SENTINEL', 'REPLICAS', 'm1')).length, 1);
    assert.equal(fieldsOf(stage.ask('SENTINEL', 'MASTER', 'm1')).get('num-slaves'), '2');
  });
});

describe('small queries', () => {
  it('answer in the shapes of sentinel.md §1.3', () => {
    const { stage } = trio();
    stage.pass(3000);
    assert.deepEqual(stage.ask('SENTINEL', 'MYID'), bulk(MY_ID));
    const address = bulks(['10.0.1.1', '6379']);
    assert.deepEqual(stage.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'm1'), address);
    assert.deepEqual(stage.ask('SENTINEL', 'GET-PRIMARY-ADDR-BY-NAME', 'm1'), address);
    assert.deepEqual(stage.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'M1'), NULL_ARRAY);
    assert.deepEqual(stage.ask('ROLE'), array([bulk('sentinel'), bulks(['m1'])]));
    assert.deepEqual(stage.ask('SENTINEL', 'PENDING-SCRIPTS'), array([]));
  });

  it('INFO-CACHE has age and text of the master first, then its replicas (sentinel.md §9)', () => {
    const { stage } = trio();
    stage.pass(3000);
    const reply = items(stage.ask('SENTINEL', 'INFO-CACHE', 'm2', 'm1', 'm1'));
    assert.deepEqual(reply[0], bulk('m1'));
    assert.equal(reply.length, 2);
    const nodes = items(reply[1] ?? null).map((node) => items(node));
    assert.equal(nodes.length, 3);
    for (const [age, text] of nodes) {
      assert.ok(age?.kind === 'integer' && age.value > 0);
      assert.ok(text?.kind === 'bulk' && text.value.startsWith('run_id:'));
    }
  });

  it('CKQUORUM counts who is up, for the quorum and for the majority (sentinel.md §9)', () => {
    const { stage } = trio();
    const ok = simple('OK 3 usable Sentinels. Quorum and failover authorization can be reached');
    assert.deepEqual(stage.ask('SENTINEL', 'CKQUORUM', 'm1'), ok);
    stage.kill(PEER_1);
    stage.kill(PEER_2);
    stage.pass(1500);
    const reply = stage.ask('SENTINEL', 'CKQUORUM', 'm1');
    assert.ok(reply?.kind === 'error');
    assert.match(reply.text, /^NOQUORUM 1 usable Sentinels\. .*quorum.*\. .*majority/);
    stage.ask('SENTINEL', 'SET', 'm1', 'quorum', '1');
    const majorityOnly = stage.ask('SENTINEL', 'CKQUORUM', 'm1');
    assert.ok(majorityOnly?.kind === 'error' && !majorityOnly.text.includes('specified quorum'));
  });

  it('INFO has the sections asked for, in its own order (sentinel.md §1.5)', () => {
    const { stage } = trio();
    const heads = (...sections: string[]): string[] => {
      const reply = stage.ask('INFO', ...sections);
      return reply?.kind === 'bulk' ? (reply.value.match(/^# \w+/gm) ?? []) : [];
    };
    const all = ['# Server', '# Clients', '# Stats', '# CPU', '# Sentinel'];
    assert.deepEqual(heads(), all);
    assert.deepEqual(heads('nothing', 'EVERYTHING'), all);
    assert.deepEqual(heads('sentinel', 'server'), ['# Server', '# Sentinel']);
    assert.deepEqual(stage.ask('INFO', 'nothing'), bulk(''));
  });

  it('INFO lists what it watches (sentinel.md §1.5)', () => {
    const { stage } = trio();
    const reply = stage.ask('INFO', 'sentinel');
    assert.deepEqual(reply?.kind === 'bulk' ? reply.value.split('\r\n') : [], [
      '# Sentinel',
      'sentinel_masters:1',
      'sentinel_tilt:0',
      'sentinel_tilt_since_seconds:-1',
      'sentinel_running_scripts:0',
      'sentinel_scripts_queue_length:0',
      'sentinel_simulate_failure_flags:0',
      'master0:name=m1,status=ok,address=10.0.1.1:6379,slaves=2,sentinels=3',
      '',
    ]);
    assert.deepEqual(stage.ask('PUBLISH', 'elsewhere', 'x')?.kind, 'error');
    assert.deepEqual(stage.ask('PUBLISH', '__sentinel__:hello', 'garbage'), integer(1));
  });
});
