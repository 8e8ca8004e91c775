// What people who run the reference count on besides the failover itself: who was away catches up, what counts as
// down and as up again, and settings that are changed while everything runs.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type Fleet, startFleet } from './harness/fleet.ts';
import { fleetsUnderTest } from './harness/fleets-under-test.ts';
import { assertSafety } from './harness/safety.ts';
import { until } from './harness/wait.ts';
import { toRecord } from './harness/wire.ts';

/** Makes voters look often enough for a test. */
async function hurry(fleet: Fleet): Promise<void> {
  for (const voter of fleet.voters) await voter.ask('SENTINEL', 'DEBUG', 'info-period', '500');
}

/** Waits until every voter says of the primary that it is down, or that it is not. */
async function everybodySays(fleet: Fleet, state: 'down' | 'up'): Promise<void> {
  for (const voter of fleet.runningVoters()) {
    await until(
      `${voter.process.name} says ${state}`,
      async () => {
        const { flags = '' } = await voter.master('mymaster');
        return state === 'up' ? flags === 'master' : flags.includes('s_down');
      },
      fleet.story,
    );
  }
}

for (const [name, voters] of fleetsUnderTest()) {
  describe(`a fleet of ${name}`, () => {
    it('tells a voter and a replica that were away who leads now', async (t) => {
      const fleet = await startFleet(t, { voters });
      const [old, , replica] = fleet.nodes();
      const absent = fleet.voters.at(-1);
      assert.ok(old && replica && absent);
      await absent.process.kill();
      await replica.server.kill();
      await old.server.kill();
      const primary = await fleet.failedOver(old);

      await absent.startAgain();
      await until(
        'the voter knows',
        async () => (await absent.primaryOf('mymaster')) === primary.address,
        fleet.story,
      );
      await replica.server.restart();
      await old.server.restart();
      assert.equal(await fleet.converged(), primary);
      await assertSafety(fleet);
    });

    it('takes a primary for down that is frozen, follows somebody, or answers PING with errors', async (t) => {
      const nodeLines = ['enable-protected-configs yes'];
      const fleet = await startFleet(t, { voters, nodeLines, quorum: voters.length + 1 });
      const [primary] = fleet.nodes();
      assert.ok(primary);
      await hurry(fleet);

      primary.server.freeze();
      await everybodySays(fleet, 'down');
      primary.server.thaw();
      await everybodySays(fleet, 'up');

      await primary.ask('REPLICAOF', '127.0.0.1', '1');
      await everybodySays(fleet, 'down');
      await primary.ask('REPLICAOF', 'NO', 'ONE');
      await everybodySays(fleet, 'up');

      // A primary that can't save refuses writes, and PING with them.
      await primary.ask('CONFIG', 'SET', 'dir', '/proc');
      await primary.ask('CONFIG', 'SET', 'save', '1000000 1000000');
      await primary.ask('BGSAVE');
      await everybodySays(fleet, 'down');
      await primary.ask('CONFIG', 'SET', 'save', '');
      await everybodySays(fleet, 'up');

      for (const voter of fleet.voters)
        await voter.ask('SENTINEL', 'SET', 'mymaster', 'rename-command', 'PING', 'NOSUCHCOMMAND');
      await everybodySays(fleet, 'down');
      for (const voter of fleet.voters)
        await voter.ask('SENTINEL', 'SET', 'mymaster', 'rename-command', 'PING', 'PING');
      await everybodySays(fleet, 'up');
      for (const voter of fleet.voters) assert.equal(voter.hasPublished('+try-failover'), false);
    });

    it('replaces a primary that comes back at once but takes long to load', async (t) => {
      const nodeLines = ['enable-debug-command yes'];
      const fleet = await startFleet(t, { voters, nodeLines, downAfterMs: 5_000 });
      const [old] = fleet.nodes();
      assert.ok(old);
      await hurry(fleet);
      for (const voter of fleet.voters)
        await voter.ask('SENTINEL', 'SET', 'mymaster', 'master-reboot-down-after-period', '1000');
      await old.ask('DEBUG', 'POPULATE', '5000');
      await old.ask('SAVE');
      await old.ask('CONFIG', 'SET', 'key-load-delay', '2000');
      await old.ask('CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024');
      await old.ask('CONFIG', 'REWRITE');

      await old.server.kill();
      await Promise.all([old.server.restart(), fleet.failedOver(old)]);
      await fleet.converged();
      await assertSafety(fleet);
    });

    it('counts a voter that comes back under another id once', async (t) => {
      const fleet = await startFleet(t, { voters });
      const [changed, ...others] = fleet.voters;
      assert.ok(changed);
      const before = await changed.ask('SENTINEL', 'MYID');
      await changed.process.stop();
      const text = readFileSync(changed.confFile, 'latin1');
      writeFileSync(changed.confFile, text.replace(/^sentinel myid .*\n/m, ''), 'latin1');
      await changed.startAgain();
      const after = await changed.ask('SENTINEL', 'MYID');
      assert.notEqual(after, before);
      for (const voter of others) {
        await until(
          `${voter.process.name} knows it by its new id only`,
          async () => {
            const peers = await voter.ask('SENTINEL', 'SENTINELS', 'mymaster');
            assert.ok(Array.isArray(peers));
            const ids = peers.map((peer) => toRecord(peer)['runid']);
            return ids.length === voters.length - 1 && ids.includes(String(after));
          },
          fleet.story,
        );
      }
    });

    it('does not show replicas that are not announced, until they are', async (t) => {
      const fleet = await startFleet(t, { voters });
      const [, shy] = fleet.nodes();
      assert.ok(shy);
      await hurry(fleet);
      for (const [announced, count] of [
        ['no', 1],
        ['yes', 2],
      ] as const) {
        await shy.ask('CONFIG', 'SET', 'replica-announced', announced);
        for (const voter of fleet.voters) {
          const shown = async (): Promise<boolean> => {
            const replicas = await voter.ask('SENTINEL', 'REPLICAS', 'mymaster');
            return Array.isArray(replicas) && replicas.length === count;
          };
          await until(`${voter.process.name} shows ${count}`, shown, fleet.story);
        }
      }
    });

    // Valkey's sentinels do since 9; a redis-sentinel leaves it as it is.
    if (!voters.includes('baton')) return;
    it('frees a primary that is stuck handing over to a frozen replica (sentinel.md §10.2)', async (t) => {
      const fleet = await startFleet(t, { voters, failoverTimeoutMs: 3_000 });
      const [old, target] = fleet.nodes();
      assert.ok(old && target);
      await hurry(fleet);
      target.server.freeze();
      const { host, port } = target.target;
      await old.ask('FAILOVER', 'TO', host, `${port}`, 'TIMEOUT', '10', 'FORCE');
      const isStuck = async (): Promise<boolean> =>
        (await old.replication())['master_failover_state'] === 'failover-in-progress';
      await until('the hand-over hangs', isStuck, fleet.story);
      await fleet.failedOver(old);
      target.server.thaw();
      await fleet.converged();
      await assertSafety(fleet);
    });
  });
}
