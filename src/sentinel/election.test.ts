// Ranks and the counting of votes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Random } from '../base/random.ts';
import { numericAddress } from './address.ts';
import { Core } from './core.ts';
import { countVotes, rankOf, retryDelayMs } from './election.ts';
import { newMaster, newPeer, type Master } from './instance.ts';
import { SENTINEL_POLICY } from './sentinel-policy.ts';
import { BARE_HOST, stageConf } from './test-kit.ts';

const SETTINGS = { quorum: 2, downAfterMs: 1000, failoverTimeoutMs: 1000 };

/** What the member `myId` knows of a master that `ids` watch. */
function member(myId: string, ids: readonly string[], name = 'm1'): { core: Core; master: Master } {
  const core = new Core({
    conf: stageConf([], { myId }),
    host: BARE_HOST,
    random: new Random(1),
    policy: SENTINEL_POLICY,
    fastCrash: false,
  });
  const master = newMaster(name, numericAddress('10.0.0.1', 6379), SETTINGS, 0);
  for (const id of ids) {
    if (id !== myId) master.peers.set(id, newPeer(master, id, numericAddress('10.0.0.2', 26379), 0));
  }
  core.masters.set(name, master);
  return { core, master };
}

const runId = fc.stringMatching(/^[0-9a-f]{40}$/);
const members = fc.uniqueArray(runId, { minLength: 1, maxLength: 9 });

describe('rank', () => {
  it('is a different one for each member, from 0 up, as each computes it for itself', () => {
    fc.assert(
      fc.property(members, fc.string(), (ids, name) => {
        const ranks = ids.map((id) => {
          const { core, master } = member(id, ids, name);
          return rankOf(core, master);
        });
        assert.deepEqual(
          ranks.sort((a, b) => a - b),
          ids.map((_, index) => index),
        );
      }),
    );
  });

  it('does not wait for voters that are down', () => {
    fc.assert(
      fc.property(members, (ids) => {
        const { core, master } = member(ids[0] as string, ids);
        for (const peer of master.peers.values()) peer.sdown = true;
        assert.equal(rankOf(core, master), 0);
      }),
    );
  });

  it('is spread over the members from master to master', () => {
    const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(40));
    let first = 0;
    for (let index = 0; index < 300; index += 1) {
      const { core, master } = member(ids[0] as string, ids, `m${index}`);
      if (rankOf(core, master) === 0) first += 1;
    }
    assert.ok(first > 50 && first < 150, `${first} of 300`);
  });
});

describe('the tally', () => {
  it('never counts a voter twice or one of another epoch, and needs a majority and the quorum (sentinel.md §6.6)', () => {
    const ballot = fc.record({ leader: fc.option(fc.nat(8)), epoch: fc.bigInt(4n, 6n) });
    fc.assert(
      fc.property(
        members,
        fc.array(ballot, { minLength: 9, maxLength: 9 }),
        fc.nat(9),
        (ids, ballots, quorum) => {
          const { core, master } = member(ids[0] as string, ids);
          master.quorum = quorum;
          core.currentEpoch = 5n;
          master.failover.epoch = 5n;
          const expected = new Map<string, number>();
          for (const [index, id] of ids.entries()) {
            const { leader, epoch } = ballots[index] as { leader: number | null; epoch: bigint };
            const candidate = leader === null ? null : (ids[leader % ids.length] as string);
            const voter = index === 0 ? master : master.peers.get(id);
            assert.ok(voter !== undefined);
            voter.leader = candidate;
            voter.leaderEpoch = epoch;
            if (candidate !== null && epoch === 5n)
              expected.set(candidate, (expected.get(candidate) ?? 0) + 1);
          }
          const tally = countVotes(core, master);
          assert.equal(tally.voters, ids.length);
          assert.equal(tally.needed, Math.max(Math.floor(ids.length / 2) + 1, quorum));
          assert.equal(tally.votes, Math.max(0, ...expected.values()));
          if (tally.first !== null) assert.equal(expected.get(tally.first), tally.votes);
        },
      ),
    );
  });
});

describe('the pause after a lost election', () => {
  it('is 150 to 600 ms for each lost one, and never more than twice failover-timeout', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 100_000 }),
        (attempts, timeout) => {
          const { core, master } = member('a'.repeat(40), []);
          master.failover.attempts = attempts;
          master.failoverTimeoutMs = timeout;
          const delay = retryDelayMs(core, master);
          assert.ok(delay >= Math.min(150 * attempts, 2 * timeout));
          assert.ok(delay <= Math.min(600 * attempts, 2 * timeout));
        },
      ),
    );
  });
});
