// Pulled cables: machines that fall silent, with everything on them alive and believing itself in the right.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startFleet } from './harness/fleet.ts';
import { fleetsUnderTest } from './harness/fleets-under-test.ts';
import { Network, runInsideNetwork } from './harness/namespaces.ts';
import { lacksNetworkNamespaces } from './harness/requirements.ts';
import { assertLedInOrder, assertSafety } from './harness/safety.ts';
import { pause } from './harness/wait.ts';

const network = Network.around();
// The other half of a process that is told to end: what it started ends with it (the fleets see to that on exit).
if (network !== null) process.once('SIGTERM', () => process.exit(1));

if (network === null) {
  describe('on a network of three machines', () => {
    it('the tests of this file pass inside it', { skip: lacksNetworkNamespaces() }, () =>
      runInsideNetwork(3),
    );
  });
} else {
  for (const [name, voters] of fleetsUnderTest()) {
    describe(`a fleet of ${name}, a voter and a data node on each machine`, () => {
      it('replaces a primary cut off with its voter, which elects nobody and gives in once it is back', async (t) => {
        const place = network.machine;
        const fleet = await startFleet(t, { voters, placeOfNode: place, placeOfVoter: place });
        const [old] = fleet.nodes();
        const [lonely] = fleet.voters;
        assert.ok(old && lonely);
        network.cut(0);
        fleet.unreachable.add(place(0).host);
        await fleet.failedOver(old);
        await assertLedInOrder(fleet);

        network.join(0);
        fleet.unreachable.clear();
        const primary = await fleet.converged();
        assert.notEqual(primary, old);
        await assertSafety(fleet);
        assert.equal(lonely.hasPublished('+elected-leader'), false);
      });

      it('stays as it is when a replica and its voter are cut off, and takes them back', async (t) => {
        const place = network.machine;
        const fleet = await startFleet(t, { voters, placeOfNode: place, placeOfVoter: place });
        const [primary] = fleet.nodes();
        assert.ok(primary);
        network.cut(2);
        fleet.unreachable.add(place(2).host);
        await pause(4_000);
        assert.equal(await fleet.converged(), primary);

        network.join(2);
        fleet.unreachable.clear();
        assert.equal(await fleet.converged(), primary);
        await assertSafety(fleet);
        for (const voter of fleet.voters) assert.equal(voter.hasPublished('+elected-leader'), false);
      });
    });
  }
}
