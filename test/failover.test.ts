// Failovers of real data nodes by real voters: what ends it, and what must not begin.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startFleet } from './harness/fleet.ts';
import { fleetsUnderTest } from './harness/fleets-under-test.ts';
import { assertLedInOrder, assertSafety } from './harness/safety.ts';
import { pause, until } from './harness/wait.ts';

for (const [name, voters] of fleetsUnderTest()) {
  describe(`a fleet of ${name}`, () => {
    it('promotes a replica when the primary crashes, and takes it back as a replica', async (t) => {
      const fleet = await startFleet(t, { voters });
      const [old] = fleet.nodes();
      assert.ok(old);
      await old.ask('SET', 'before', 'the crash');
      await old.ask('WAIT', '2', '2000');
      await old.server.kill();

      const primary = await fleet.failedOver(old);
      assert.equal(await primary.ask('GET', 'before'), 'the crash');
      await assertLedInOrder(fleet);

      await old.server.restart();
      await fleet.converged();
      await assertSafety(fleet);
    });

    it('promotes a replica when the primary freezes, and demotes it when it thaws', async (t) => {
      const fleet = await startFleet(t, { voters });
      const [old] = fleet.nodes();
      assert.ok(old);
      old.server.freeze();
      await fleet.failedOver(old);
      await assertLedInOrder(fleet);
      old.server.thaw();
      await fleet.converged();
      await assertSafety(fleet);
    });

    it('elects nobody without a majority, even with a quorum of one, until voters return', async (t) => {
      const fleet = await startFleet(t, { voters, quorum: 1, failoverTimeoutMs: 2_000 });
      const [old] = fleet.nodes();
      const [survivor, ...others] = fleet.voters;
      assert.ok(old && survivor);
      for (const voter of others) await voter.process.kill();
      await old.server.kill();
      await until('the survivor tries', () => survivor.hasPublished('+try-failover'), fleet.story);
      await pause(3_000);
      assert.equal(survivor.hasPublished('+elected-leader'), false);
      assert.equal(survivor.hasPublished('+switch-master'), false);
      assert.equal(await survivor.primaryOf('mymaster'), old.address);

      for (const voter of others) await voter.startAgain();
      await fleet.failedOver(old);
      await assertSafety(fleet);
    });

    it('does nothing while the quorum is out of reach, and acts once it is lowered', async (t) => {
      const fleet = await startFleet(t, { voters, quorum: 4 });
      const [old] = fleet.nodes();
      assert.ok(old);
      await old.server.kill();
      for (const voter of fleet.voters) {
        await until('the voter sees it down', () => voter.hasPublished('+sdown', 'mymaster'), fleet.story);
      }
      await pause(3_000);
      for (const voter of fleet.voters) {
        assert.equal(voter.hasPublished('+odown'), false);
        assert.equal(voter.hasPublished('+try-failover'), false);
        await assert.rejects(voter.ask('SENTINEL', 'CKQUORUM', 'mymaster'), /^ErrorReply: NOQUORUM/);
      }

      for (const voter of fleet.voters) await voter.ask('SENTINEL', 'SET', 'mymaster', 'quorum', '2');
      await fleet.failedOver(old);
      await assertSafety(fleet);
    });

    it('completes a failover though the voter that began it is killed and restarted', async (t) => {
      const fleet = await startFleet(t, { voters, failoverTimeoutMs: 3_000 });
      const [old] = fleet.nodes();
      assert.ok(old);
      await old.server.kill();
      const first = await until(
        'somebody begins',
        () => fleet.voters.find((voter) => voter.hasPublished('+try-failover')),
        fleet.story,
      );
      await first.process.kill();
      await first.startAgain();
      await fleet.failedOver(old);
      await assertSafety(fleet);
    });

    it('fails over one group and leaves the other alone, then the other', async (t) => {
      const fleet = await startFleet(t, { voters, groups: ['orders', 'carts'], replicas: 1 });
      const [orders] = fleet.nodes('orders');
      const [carts] = fleet.nodes('carts');
      assert.ok(orders && carts);
      await orders.server.kill();
      await fleet.failedOver(orders, 'orders');
      for (const voter of fleet.voters) {
        assert.equal(await voter.primaryOf('carts'), carts.address);
        assert.equal(voter.hasPublished('+sdown', 'carts'), false);
      }
      await carts.server.kill();
      await fleet.failedOver(carts, 'carts');
      await assertSafety(fleet);
    });

    it('obeys SENTINEL FAILOVER with the primary alive, which then follows', async (t) => {
      const fleet = await startFleet(t, { voters });
      const [old] = fleet.nodes();
      const voter = fleet.voters.at(-1);
      assert.ok(old && voter);
      assert.equal(await voter.ask('SENTINEL', 'FAILOVER', 'mymaster'), 'OK');
      await fleet.failedOver(old);
      await assertSafety(fleet);
    });
  });
}
