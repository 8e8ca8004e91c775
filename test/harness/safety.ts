// What must hold in every run, read from the events that voters published.

import assert from 'node:assert/strict';
import type { Fleet } from './fleet.ts';
import { type Voter, concerns } from './voter.ts';
import { until } from './wait.ts';

/** The order of a failover at the voter that leads it (sentinel.md §6.6). */
const LEADERS_ORDER = [
  '+sdown',
  '+odown',
  '+try-failover',
  '+elected-leader',
  '+failover-state-select-slave',
  '+selected-slave',
  '+failover-state-send-slaveof-noone',
  '+failover-state-wait-promotion',
  '+promoted-slave',
  '+failover-state-reconf-slaves',
  '+switch-master',
];

/**
 * - A voter votes once in an epoch, restarts included (sentinel.md §6.4).
 * - An epoch has at most one elected leader (§6.6).
 * - A leader goes through the phases of a failover in order (§6.6).
 * - All running voters end at the same configuration epoch (§5.2).
 */
export async function assertSafety(fleet: Fleet): Promise<void> {
  // With several groups each has votes of its own in the same epoch, and the event does not say whose.
  if (fleet.groups.size === 1) fleet.voters.forEach(assertOneVoteAnEpoch);
  for (const group of fleet.groups.keys()) {
    const leaderOfEpoch = new Map<string, string>();
    for (const voter of fleet.voters) {
      const { name } = voter.process;
      let current = '0';
      // Of the failover under way: a newer epoch may be heard of before the votes for this one have come.
      let epoch = '0';
      for (const event of voter.events) {
        if (event.name === '+new-epoch') current = event.text;
        if (event.name === '+try-failover' && concerns(event, group)) epoch = current;
        if (event.name !== '+elected-leader' || !concerns(event, group)) continue;
        const other = leaderOfEpoch.get(epoch);
        assert.equal(other, undefined, `both ${other} and ${name} led epoch ${epoch} of ${group}`);
        leaderOfEpoch.set(epoch, name);
      }
    }
    const epochs = await Promise.all(
      fleet.runningVoters().map(async (voter) => (await voter.master(group))['config-epoch']),
    );
    assert.equal(
      new Set(epochs).size,
      1,
      `the voters are at different epochs of ${group}: ${epochs.join(', ')}`,
    );
  }
}

/** Some voter leads a failover of `group` from beginning to end, in order; waits for its end. */
export async function assertLedInOrder(fleet: Fleet, group = 'mymaster'): Promise<void> {
  const leader = await until(
    `the leader of ${group} ends its failover`,
    () =>
      fleet.voters.find(
        (voter) =>
          voter.hasPublished('+elected-leader', group) && voter.hasPublished('+switch-master', group),
      ),
    fleet.story,
  );
  const names = leader.events.filter((event) => concerns(event, group)).map((event) => event.name);
  let from = 0;
  for (const name of LEADERS_ORDER) {
    const at = names.indexOf(name, from);
    assert.ok(at >= 0, `${leader.process.name}: ${name} is missing or too early in ${names.join(' ')}`);
    from = at + 1;
  }
}

function assertOneVoteAnEpoch(voter: Voter): void {
  const votes = new Map<string, string>();
  for (const event of voter.events) {
    if (event.name !== '+vote-for-leader') continue;
    const [candidate = '', epoch = ''] = event.text.split(' ');
    const earlier = votes.get(epoch) ?? candidate;
    assert.equal(candidate, earlier, `${voter.process.name} voted for both in epoch ${epoch}`);
    votes.set(epoch, candidate);
  }
}
