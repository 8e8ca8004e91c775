// VRRP's timers as pure arithmetic (vrrp.md §1.7, RFC 9568 §6.1, RFC 3768 §6.1). Milliseconds, fractions kept: the
// skew of priority 100 at one second is 609.375.

import type { RouterConf } from './router-conf.ts';

/** The highest priority a peer can have that does not own the addresses. */
const PRIORITY_PEER_MAX = 254;

/** Skew_Time: who has more priority waits less. In version 2 it does not depend on the interval. */
export function skewMs(version: 2 | 3, priority: number, activeIntervalMs: number): number {
  return ((256 - priority) * (version === 2 ? 1000 : activeIntervalMs)) / 256;
}

/** Active_Down_Interval: after this much silence a backup takes over. */
export function activeDownMs(
  conf: Pick<RouterConf, 'version' | 'downTimerAdverts'>,
  priority: number,
  activeIntervalMs: number,
): number {
  return conf.downTimerAdverts * activeIntervalMs + skewMs(conf.version, priority, activeIntervalMs);
}

/**
 * The soonest any peer may take over after our last advert: what it waits if it has the highest priority short of the
 * owner's. Frozen for longer, we must take it that one did.
 */
export function peerDownMsMin(
  conf: Pick<RouterConf, 'version' | 'downTimerAdverts' | 'advertIntervalMs'>,
): number {
  return activeDownMs(conf, PRIORITY_PEER_MAX, conf.advertIntervalMs);
}
