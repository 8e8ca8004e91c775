// After a promotion: the other replicas are told to follow the new primary, a few at a time, and watched until they do
// (sentinel.md §6.7).

import type { Core } from './core.ts';
import type { Master, Replica } from './instance.ts';
import { makeReplicaOf } from './reconfigure.ts';

function isUnderWay(replica: Replica): boolean {
  return replica.reconfiguration === 'sent' || replica.reconfiguration === 'in-progress';
}

function stuckAt(core: Core, replica: Replica): number {
  if (replica.reconfiguration !== 'sent') return Infinity;
  return replica.reconfigurationSentAt + core.tunables.slaveReconfTimeout + 1;
}

function send(
  core: Core,
  replica: Replica,
  promoted: Replica,
  event: '+slave-reconf-sent' | '+slave-reconf-sent-be',
): boolean {
  if (!makeReplicaOf(core, replica, promoted.address)) return false;
  replica.reconfiguration = 'sent';
  replica.reconfigurationSentAt = core.now;
  core.event(event, replica);
  return true;
}

/**
 * Tells whom it may, and says whether this phase is over: every replica is promoted, done or down, or the failover
 * timeout has passed (then the rest is told once more, as well as it goes).
 *
 * Differs from Sentinel: a replica stuck in `sent` is given up after slave-reconf-timeout also when parallel-syncs is
 * used up, because otherwise one such replica holds up all others until the failover timeout; and the timeout also runs
 * while the promoted replica is down, because otherwise nothing ever ends this phase.
 */
export function reconfigureReplicas(core: Core, master: Master, promoted: Replica): boolean {
  const { failover } = master;
  const others = [...master.replicas.values()].filter((replica) => replica !== promoted);
  const timeIsUp = core.now - failover.stateChangedAt > master.failoverTimeoutMs;

  if (!promoted.sdown) {
    for (const replica of others) {
      if (core.now < stuckAt(core, replica)) continue;
      core.event('-slave-reconf-sent-timeout', replica);
      replica.reconfiguration = 'done';
    }
    let underWay = others.filter(isUnderWay).length;
    for (const replica of others) {
      if (underWay >= master.parallelSyncs) break;
      if (replica.reconfiguration !== 'none' || replica.link.disconnected) continue;
      if (send(core, replica, promoted, '+slave-reconf-sent')) underWay += 1;
    }
    if (others.every((replica) => replica.reconfiguration === 'done' || replica.sdown)) {
      core.event('+failover-end', master);
      core.decide(master, `failover of ${master.name} is complete: the primary is ${promoted.name}`);
      return true;
    }
  }
  if (!timeIsUp) return false;
  core.event('+failover-end-for-timeout', master);
  for (const replica of others) {
    if (replica.reconfiguration === 'none' && !replica.link.disconnected) {
      send(core, replica, promoted, '+slave-reconf-sent-be');
    }
  }
  core.event('+failover-end', master);
  core.decide(master, `failover of ${master.name} ends by timeout: the primary is ${promoted.name}`);
  return true;
}

/** When {@link reconfigureReplicas} is to be called again if nothing happens. */
export function reconfigureDueAt(core: Core, master: Master): number {
  let due = master.failover.stateChangedAt + master.failoverTimeoutMs + 1;
  if (master.failover.promoted?.sdown !== true) {
    for (const replica of master.replicas.values()) due = Math.min(due, stuckAt(core, replica));
  }
  return due;
}
