// Which replica to promote (sentinel.md §6.7). The drop-in keeps Sentinel's order: priority, then data, then run id.

import type { Master, Replica } from './instance.ts';
import type { PolicyView, Selection } from './policy.ts';

/** How many ping periods a replica's last acceptable PING reply may be old. */
const AVAILABLE_WITHIN_PINGS = 5;

/**
 * Why `replica` can't be promoted, or null if it can. In this order:
 * 1. down: it would not answer;
 * 2. disconnected: we could not tell it;
 * 3. no acceptable PING reply lately: likewise, before the down-timer says so;
 * 4. priority 0: its operator said never;
 * 5. old INFO: what we know of its data is too old to judge by;
 * 6. its own link to the primary was down too long before the primary's death: its data is old.
 */
export function whyNotPromote(master: Master, replica: Replica, view: PolicyView): string | null {
  const { now } = view;
  if (replica.sdown) return 'it is down';
  if (replica.link.disconnected) return 'it is disconnected';
  const silentMs = now - replica.link.lastAvailableAt;
  if (silentMs > AVAILABLE_WITHIN_PINGS * view.pingPeriodMs) {
    return `its last good PING reply is ${Math.round(silentMs / 1000)} s old`;
  }
  if (replica.priority === 0) return 'its priority is 0';
  const infoValidMs = master.sdown ? 5 * view.pingPeriodMs : 3 * view.infoPeriodMs;
  if (replica.infoAt === null) return 'it has not answered INFO yet';
  const infoAgeMs = now - replica.infoAt;
  if (infoAgeMs > infoValidMs) return `INFO is ${Math.round(infoAgeMs / 1000)} s old`;
  const masterDownMs = master.sdown && master.sdownSince !== null ? now - master.sdownSince : 0;
  if (replica.masterLinkDownMs > masterDownMs + 10 * master.downAfterMs) {
    return `its link to the primary was down for ${Math.round(replica.masterLinkDownMs / 1000)} s`;
  }
  return null;
}

/** Lower priority first, then more data, then the smaller run id, an unknown one last. */
function compareCandidates(a: Replica, b: Replica): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.offset !== b.offset) return a.offset > b.offset ? -1 : 1;
  if (a.runId === b.runId) return 0;
  if (a.runId === null) return 1;
  if (b.runId === null) return -1;
  return a.runId.toLowerCase() < b.runId.toLowerCase() ? -1 : 1;
}

function whyBetter(best: Replica, other: Replica): string {
  if (best.priority !== other.priority) return `its priority ${other.priority} is behind ${best.priority}`;
  if (best.offset !== other.offset)
    return `its offset is ${best.offset - other.offset} bytes behind ${best.name}`;
  return `its run id sorts after that of ${best.name}`;
}

/** Sentinel's choice among the replicas of `master`. */
export function selectReplica(master: Master, view: PolicyView): Selection {
  const passedOver: { replica: Replica; because: string }[] = [];
  const candidates: Replica[] = [];
  for (const replica of master.replicas.values()) {
    const because = whyNotPromote(master, replica, view);
    if (because === null) candidates.push(replica);
    else passedOver.push({ replica, because });
  }
  candidates.sort(compareCandidates);
  const [best, ...others] = candidates;
  if (best === undefined) return { replica: null, passedOver };
  for (const replica of others) passedOver.push({ replica, because: whyBetter(best, replica) });
  return { replica: best, passedOver };
}
