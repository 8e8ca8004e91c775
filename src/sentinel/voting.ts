// Votes: at most one for each master in each epoch, and on disk before anybody hears of it (sentinel.md §6.4).

import { assert } from '../base/assert.ts';
import type { Core } from './core.ts';
import type { Master } from './instance.ts';

/** Added to the time of a vote or an own attempt, so that members do not move in step. Milliseconds. */
const DESYNC_MAX_MS = 1000;

export function desync(core: Core): number {
  return core.random.int(DESYNC_MAX_MS);
}

/**
 * Writes a vote down; `then` learns whether it is on disk, and only in that case it was given. Until then nobody is
 * told of it, and other requests for this master wait.
 */
export function writeVote(
  core: Core,
  master: Master,
  candidate: string,
  epoch: bigint,
  then: (given: boolean) => void,
): void {
  assert(master.voteInFlight === null, 'one vote is written at a time');
  assert(epoch > master.leaderEpoch, 'a vote is never given twice in an epoch');
  const waiting: (() => void)[] = [];
  master.voteInFlight = { candidate, epoch, waiting };
  core.persistence.save((saved) => {
    master.voteInFlight = null;
    if (saved) {
      master.leader = candidate;
      master.leaderEpoch = epoch;
    } else {
      core.counters.votesRefused += 1;
    }
    then(saved);
    for (const next of waiting) next();
    core.touch(master);
  });
}

/** Takes over a higher epoch that was told us with regard to `master`. True if it was higher. */
export function raiseEpoch(core: Core, master: Master, epoch: bigint): boolean {
  if (epoch <= core.currentEpoch) return false;
  core.currentEpoch = epoch;
  core.announce('+new-epoch', `${epoch}`, master);
  return true;
}

/**
 * A candidate asks for our vote; `answer` is called once the answer can be given, with whatever vote is on disk then.
 *
 * The rule: an epoch higher than ours is taken over. If we have not voted for this master in that epoch or a later
 * one, and its configuration is not of that epoch or a later one, the candidate has our vote. In any case the answer is
 * the last vote we gave. The voter need not hold the master down itself.
 *
 * Differs from Sentinel: which also refuses when it has met a later epoch elsewhere. All masters share one counter, so
 * of fifty that fail at once most elections would be outrun by the others'; votes are counted for each master alone.
 */
export function requestVote(
  core: Core,
  master: Master,
  epoch: bigint,
  candidate: string,
  answer: () => void,
): void {
  if (master.voteInFlight !== null) {
    master.voteInFlight.waiting.push(() => requestVote(core, master, epoch, candidate, answer));
    return;
  }
  const raised = raiseEpoch(core, master, epoch);
  if (master.leaderEpoch >= epoch || master.configEpoch >= epoch) {
    if (raised) core.persistence.save();
    answer();
    return;
  }
  const verdict = core.policy.mayVote(master, candidate, epoch, core.view());
  if (!verdict.allowed) {
    core.counters.votesRefused += 1;
    core.decide(master, `no vote for ${candidate} in epoch ${epoch}: ${verdict.because}`);
    if (raised) core.persistence.save();
    answer();
    return;
  }
  writeVote(core, master, candidate, epoch, (given) => {
    if (given) {
      core.announce('+vote-for-leader', `${candidate} ${epoch}`, master);
      // Whoever votes for another leaves the failover to it for twice the failover timeout.
      if (candidate.toLowerCase() !== core.myId.toLowerCase())
        master.failover.startedAt = core.now + desync(core);
    } else {
      core.decide(master, `no vote for ${candidate} in epoch ${epoch}: it could not be saved`);
    }
    answer();
  });
}
