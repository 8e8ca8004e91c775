// The self-expiring address: it is put on the interface with an end, and the end is moved on while we live. So a daemon
// that was killed, froze or hangs loses its address to the kernel, with nobody having to notice (vrrp.md §5).
//
// A peer takes over no sooner than its down time after our last advert. The address is gone at latest
// lifetime + {@link KERNEL_LATENESS_MS} after its last refresh. So if refreshes are made only in the window
//
//     [last advert, last advert + down time - lifetime - kernel's lateness]
//
// two machines never hold it at once after a crash. Where adverts are so fast that the window is empty, refreshes go
// out together with adverts, and both hold it for {@link bothHoldMs}.

import { peerDownMsMin } from './timing.ts';
import type { RouterConf } from './router-conf.ts';

/** How late the kernel may take an expired address away; measured: IPv4 up to 0.26 s, IPv6 up to 0.48 s. */
export const KERNEL_LATENESS_MS = 500;

/** Longer buys nothing: refreshes are cheap. */
const LIFETIME_SECONDS_MAX = 3;
/** How many refreshes fit into a lifetime, so that one or two may be late or lost. */
const REFRESHES_PER_LIFETIME = 3;

type Timed = Pick<RouterConf, 'version' | 'downTimerAdverts' | 'advertIntervalMs'>;

/** The longest lifetime that ends before a peer takes over, within 1..3 whole seconds: 2 for adverts every second. */
export function defaultLifetimeSeconds(conf: Timed): number {
  const seconds = Math.floor((peerDownMsMin(conf) - KERNEL_LATENESS_MS) / 1000);
  return Math.max(1, Math.min(LIFETIME_SECONDS_MAX, seconds));
}

/**
 * For how long two machines may hold the address after a crash of one: 0 where the lifetime ends before a peer's down
 * time; Infinity where the address never ends by itself. For `--check` and `status`.
 */
export function bothHoldMs(conf: Timed & Pick<RouterConf, 'addressLifetimeSeconds'>): number {
  if (conf.addressLifetimeSeconds === null) return Infinity;
  return Math.max(0, conf.addressLifetimeSeconds * 1000 + KERNEL_LATENESS_MS - peerDownMsMin(conf));
}

export interface Holding {
  readonly lifetimeMs: number;
  readonly refreshedAt: number;
  readonly lastAdvertAt: number;
  readonly nextAdvertAt: number;
  readonly peerDownMsMin: number;
}

/**
 * When to refresh next apart from adverts, Infinity: with an advert (see {@link refreshesWithAdvert}). A third of the
 * lifetime after the last time, but not after the window closes; then at its very end instead, if an advert is not
 * sooner.
 */
export function refreshDueAt(holding: Holding): number {
  const wantedAt = holding.refreshedAt + holding.lifetimeMs / REFRESHES_PER_LIFETIME;
  const windowEndsAt = holding.lastAdvertAt + holding.peerDownMsMin - holding.lifetimeMs - KERNEL_LATENESS_MS;
  const at = Math.min(wantedAt, windowEndsAt);
  return at > holding.refreshedAt && at < holding.nextAdvertAt ? at : Infinity;
}

/** Whether an advert that goes out now takes a refresh along: if waiting for the one after it would be later than wanted. */
export function refreshesWithAdvert(
  refreshedAt: number,
  lifetimeMs: number,
  now: number,
  intervalMs: number,
): boolean {
  return now + intervalMs > refreshedAt + lifetimeMs / REFRESHES_PER_LIFETIME;
}
