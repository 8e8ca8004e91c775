// Who may carry out a failover: when to stand for election, and how votes are counted (sentinel.md §6.5, §6.6).

import { fnv1a } from '../base/fnv.ts';
import type { Core } from './core.ts';
import type { Master } from './instance.ts';

/**
 * Between the candidacies of members that see the same death at the same time. Milliseconds.
 *
 * Differs from Sentinel: there a tick of 52 to 100 ms keeps candidates apart; with exact timers all would stand in the
 * same millisecond and split the vote. So members stand in an order that each can compute.
 */
export const RANK_SPACING_MS = 30;

/**
 * An election without a majority is given up after this. Milliseconds.
 *
 * Differs from Sentinel: which waits 10 s for votes and then twice the failover timeout before it tries again, leaving
 * everybody without a primary over one split vote.
 */
export const ELECTION_LASTS_MS = 500;

/** Our place in the line of candidates for this master: 0 stands at once. Voters that are down are not waited for. */
export function rankOf(core: Core, master: Master): number {
  // Any even spread will do, as long as all members compute the same.
  const order = (runId: string): number => fnv1a(`${master.name}/${runId}`);
  const mine = order(core.myId);
  let rank = 0;
  for (const peer of master.peers.values()) {
    if (peer.sdown) continue;
    const theirs = order(peer.name);
    if (theirs < mine || (theirs === mine && peer.name < core.myId)) rank += 1;
  }
  return rank;
}

/** When we may stand by ourselves; Infinity while there is no reason to. */
export function candidacyDueAt(core: Core, master: Master): number {
  const { failover } = master;
  if (!master.odown || master.odownSince === null || failover.state !== 'none') return Infinity;
  if (failover.preparing || master.voteInFlight !== null) return Infinity;
  return Math.max(
    master.odownSince + rankOf(core, master) * RANK_SPACING_MS,
    failover.startedAt + 2 * master.failoverTimeoutMs,
    failover.retryAt,
  );
}

/** After a lost election: the more were lost in a row, the longer the wait, so that two candidates part. */
export function retryDelayMs(core: Core, master: Master): number {
  const delay = (150 + core.random.int(451)) * master.failover.attempts;
  return Math.min(delay, 2 * master.failoverTimeoutMs);
}

/** When an election that has no winner yet is given up. */
export function electionEndsAt(core: Core, master: Master): number {
  const { electionTimeout } = core.tunables;
  return (
    master.failover.stateChangedAt + Math.min(ELECTION_LASTS_MS, electionTimeout, master.failoverTimeoutMs)
  );
}

export interface Tally {
  /** The id with most votes, or null. */
  readonly first: string | null;
  readonly votes: number;
  readonly voters: number;
  /** A majority of the voters, and not fewer than the quorum. */
  readonly needed: number;
}

/**
 * Counts the votes of the election that runs: those given in the failover's epoch, as far as we were told of them.
 */
export function countVotes(core: Core, master: Master): Tally {
  const voters = core.policy.voters(master, core.view());
  const votes = new Map<string, number>();
  for (const voter of voters) {
    const peer = master.peers.get(voter);
    if (peer === undefined || peer.leader === null || peer.leaderEpoch !== master.failover.epoch) continue;
    votes.set(peer.leader, (votes.get(peer.leader) ?? 0) + 1);
  }
  if (master.leader !== null && master.leaderEpoch === master.failover.epoch && voters.includes(core.myId)) {
    votes.set(master.leader, (votes.get(master.leader) ?? 0) + 1);
  }
  let first: string | null = null;
  let most = 0;
  for (const [id, count] of votes) {
    if (count > most) [first, most] = [id, count];
  }
  return {
    first,
    votes: most,
    voters: voters.length,
    needed: Math.max(Math.floor(voters.length / 2) + 1, master.quorum),
  };
}
