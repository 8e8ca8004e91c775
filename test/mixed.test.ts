// Fleets of both kinds: whoever sees the death first asks, wins, and leads; the other kind grants and follows.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startFleet } from './harness/fleet.ts';
import { fleetsUnderTest } from './harness/fleets-under-test.ts';
import { assertLedInOrder, assertSafety } from './harness/safety.ts';

for (const [name, voters] of fleetsUnderTest()) {
  describe(`a fleet of ${name}`, () => {
    for (const kind of new Set(voters)) {
      it(`elects a ${kind} voter that sees the death before the others, which vote for it`, async (t) => {
        // A quorum of one lets the eager voter act alone; a majority of votes it needs all the same.
        const fleet = await startFleet(t, { voters, quorum: 1, downAfterMs: 5_000 });
        const [old] = fleet.nodes();
        const eager = fleet.voters.find((voter) => voter.kind === kind);
        assert.ok(old && eager);
        await eager.ask('SENTINEL', 'SET', 'mymaster', 'down-after-milliseconds', '600');
        await old.server.kill();
        await fleet.failedOver(old);
        await assertLedInOrder(fleet);
        assert.equal(eager.hasPublished('+elected-leader', 'mymaster'), true);
        const id = await eager.ask('SENTINEL', 'MYID');
        const votes = fleet.voters.filter((voter) =>
          voter.events.some(
            (event) => event.name === '+vote-for-leader' && event.text.startsWith(String(id)),
          ),
        );
        assert.ok(votes.length >= 2, `a majority voted for it\n${fleet.story()}`);
        await assertSafety(fleet);
      });
    }
  });
}
