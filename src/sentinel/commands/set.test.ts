// SENTINEL SET: options, their errors, what is told and saved.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { error, OK } from '../../resp/reply.ts';
import { fieldsOf, PEER_1, PRIMARY, REPLICA_1, trio } from '../test-cast.ts';
import type { Stage } from '../test-kit.ts';

const set = (stage: Stage, ...words: string[]): unknown => stage.ask('SENTINEL', 'SET', 'm1', ...words);
const confOf = (stage: Stage) => stage.sentinel.stateToPersist().conf.masters[0];

describe('SENTINEL SET', () => {
  it('of an unknown master is an error', () => {
    const { stage } = trio();
    const reply = stage.ask('SENTINEL', 'SET', 'm2', 'quorum', '1');
    assert.deepEqual(reply, error('ERR No such master with that name'));
  });

  it('takes several options, tells of each, flushes once, then answers (sentinel.md §9)', () => {
    const { stage } = trio();
    const before = stage.effects.length;
    const reply = set(stage, 'quorum', '3', 'Parallel-Syncs', '4', 'failover-timeout', '5000');
    assert.deepEqual(reply, OK);
    const order = stage.effects
      .slice(before)
      .flatMap(({ effect }) =>
        effect.kind === 'event'
          ? [effect.text]
          : ['persist', 'answer'].includes(effect.kind)
            ? [effect.kind]
            : [],
      );
    assert.deepEqual(order, [
      'master m1 10.0.1.1 6379 quorum 3',
      'master m1 10.0.1.1 6379 Parallel-Syncs 4',
      'master m1 10.0.1.1 6379 failover-timeout 5000',
      'persist',
      'answer',
    ]);
    const { quorum, parallelSyncs, failoverTimeoutMs } = confOf(stage) ?? {};
    assert.deepEqual([quorum, parallelSyncs, failoverTimeoutMs], [3, 4, 5000]);
  });

  it('keeps what came before a wrong option, and saves it (sentinel.md §9)', () => {
    const { stage } = trio();
    const before = stage.effects.length;
    const reply = set(stage, 'quorum', '3', 'parallel-syncs', '0');
    assert.deepEqual(reply, error("ERR Invalid argument '0' for SENTINEL SET 'parallel-syncs'"));
    assert.equal(confOf(stage)?.quorum, 3);
    assert.ok(stage.effects.slice(before).some(({ effect }) => effect.kind === 'persist'));
  });

  it('names what is wrong, and saves nothing then (sentinel.md §9)', () => {
    const { stage } = trio();
    const before = stage.effects.length;
    const invalid = (option: string, value: string): void =>
      assert.deepEqual(
        set(stage, option, value),
        error(`ERR Invalid argument '${value}' for SENTINEL SET '${option}'`),
      );
    for (const option of ['down-after-milliseconds', 'failover-timeout', 'parallel-syncs', 'quorum']) {
      for (const value of ['0', '-1', 'x', '1.5', ' 1', '01', '']) invalid(option, value);
    }
    invalid('master-reboot-down-after-period', '-1');
    const unknown = (option: string, ...values: string[]): void =>
      assert.deepEqual(
        set(stage, option, ...values),
        error(`ERR Unknown option or number of arguments for SENTINEL SET '${option}'`),
      );
    unknown('colour', 'red');
    unknown('rename-command', 'PING');
    for (const word of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) unknown(word, 'x');
    assert.deepEqual(
      set(stage, 'rename-command', '', 'x'),
      error("ERR Invalid argument '' for SENTINEL SET 'rename-command'"),
    );
    assert.ok(!stage.effects.slice(before).some(({ effect }) => effect.kind === 'persist'));
  });

  it('refuses control characters, wherever they are, as a whole (sentinel.md §10.2)', () => {
    const { stage } = trio();
    const refusal = error('ERR Invalid argument: it must not contain control characters');
    for (const words of [
      ['auth-user', 'a\nb'],
      ['auth-pass', 'a\x7fb'],
      ['rename-command', 'PING', 'a\tb'],
      ['auth\0user', 'x'],
      ['notification-script', '/bin/true\r/bin/false'],
    ]) {
      assert.deepEqual(set(stage, 'quorum', '3', ...words), refusal);
    }
    const { authUser, authPass, quorum } = confOf(stage) ?? {};
    assert.deepEqual([authUser, authPass, quorum], [null, null, 2]);
  });

  it('down-after-milliseconds holds for replicas and sentinels, too (sentinel.md §2.3)', () => {
    const { stage } = trio();
    set(stage, 'down-after-milliseconds', '777');
    for (const what of ['REPLICAS', 'SENTINELS']) {
      const reply = stage.ask('SENTINEL', what, 'm1');
      assert.ok(reply?.kind === 'array' && reply.items.length === 2);
      for (const item of reply.items) assert.equal(fieldsOf(item).get('down-after-milliseconds'), '777');
    }
  });

  it('auth-pass is hidden, redials the data nodes at once, and an empty one removes it (sentinel.md §7.3, §9)', () => {
    const { stage } = trio();
    stage.pass(500);
    const from = stage.sends.length;
    set(stage, 'auth-user', 'me', 'auth-pass', 'secret word');
    stage.pass(1);
    const logins = stage.sends.slice(from).filter(({ args }) => args[0] === 'AUTH');
    assert.deepEqual([...new Set(logins.map(({ to }) => to))].sort(), [PRIMARY, REPLICA_1, '10.0.1.3:6379']);
    assert.ok(!logins.some(({ to }) => to === PEER_1));
    assert.deepEqual(logins[0]?.args, ['AUTH', 'me', 'secret word']);
    assert.ok(stage.told().includes('+set master m1 10.0.1.1 6379 auth-user me'));
    assert.ok(stage.told().includes('+set master m1 10.0.1.1 6379 auth-pass ******'));
    assert.ok(!JSON.stringify([stage.told(), stage.logged()]).includes('secret'));
    set(stage, 'auth-pass', '');
    assert.equal(confOf(stage)?.authPass, null);
  });

  it('rename-command is used in every command, also for sentinels; back to itself removes it (sentinel.md §7.5)', () => {
    const { stage } = trio();
    set(stage, 'rename-command', 'ping', 'KNOCK', 'rename-command', 'SENTINEL', 'GUARD');
    assert.ok(stage.told().includes('+set master m1 10.0.1.1 6379 rename-command ping KNOCK'));
    const from = stage.now;
    stage.pass(3000);
    assert.equal(stage.sentAt(PRIMARY, 'PING').filter((at) => at > from).length, 0);
    assert.ok(stage.sentAt(PRIMARY, 'KNOCK').length > 0);
    assert.ok(stage.sentAt(PEER_1, 'KNOCK').length > 0);
    set(stage, 'rename-command', 'PING', 'ping');
    assert.deepEqual([...(confOf(stage)?.renamedCommands ?? [])], [['SENTINEL', 'GUARD']]);
  });

  it('rename-command keeps one entry for a command, in the case it was last given in', () => {
    const { stage } = trio();
    set(stage, 'rename-command', 'config', 'A', 'rename-command', 'CONFIG', 'B');
    assert.deepEqual([...(confOf(stage)?.renamedCommands ?? [])], [['CONFIG', 'B']]);
  });

  it('scripts are refused while deny-scripts-reconfig is yes, and taken away by an empty path (sentinel.md §8)', () => {
    const denied = trio().stage;
    const reply = denied.ask('SENTINEL', 'SET', 'm1', 'notification-script', '/bin/true');
    assert.ok(reply?.kind === 'error' && reply.text.startsWith('ERR '));
    const { stage } = trio({}, { conf: { denyScriptsReconfig: false } });
    assert.deepEqual(set(stage, 'notification-script', '/bin/true'), OK);
    assert.equal(confOf(stage)?.notificationScript, '/bin/true');
    assert.deepEqual(set(stage, 'notification-script', ''), OK);
    assert.equal(confOf(stage)?.notificationScript, null);
  });

  it('the +set that installs a notification script is delivered to it (sentinel.md §8)', () => {
    const { stage } = trio({}, { conf: { denyScriptsReconfig: false } });
    const before = stage.effects.length;
    set(stage, 'notification-script', '/bin/true');
    const runs = stage.effects.slice(before).filter(({ effect }) => effect.kind === 'run-script');
    assert.deepEqual(
      runs.map(({ effect }) => effect),
      [
        {
          kind: 'run-script',
          run: 1,
          path: '/bin/true',
          args: ['+set', 'master m1 10.0.1.1 6379 notification-script /bin/true'],
        },
      ],
    );
  });

  it('primary-reboot-down-after-period is the same setting as master-reboot-down-after-period (sentinel.md §10.1)', () => {
    const { stage } = trio();
    assert.deepEqual(set(stage, 'primary-reboot-down-after-period', '700'), OK);
    assert.equal(confOf(stage)?.masterRebootDownAfterMs, 700);
    assert.deepEqual(set(stage, 'master-reboot-down-after-period', '0'), OK);
    assert.equal(confOf(stage)?.masterRebootDownAfterMs, 0);
  });
});
