// The guard: where two machines could hold an address at once after a crash, the kernel is told until when it may answer
// for it, to the millisecond. So a killed or frozen daemon's machine falls silent before a peer takes over, though its
// kernel goes on listing the address for a while. What "silent" is in rules: guard-rules.ts.
//
//                last advert                    deadline  peer's soonest
//     ───────────────┼──────────── answers ────────┼┄┄┄┄┄┄┄┄┼┄┄┄┄ silent ┄┄┄┄┄┄┄┄┼── address gone
//                    └────────────── peerDownMsMin ──────────┘
//
// The deadline hangs on the last advert and on nothing else: whatever else makes the shell set the rules anew in between
// sets the same deadline. A daemon that wakes past the peer's soonest takeover has stalled (life.ts) and steps down
// without an advert; one that wakes between the deadline and that is in time still, and its advert lets it answer again.

import type { Core } from './core.ts';
import { bothHoldMs, KERNEL_LATENESS_MS } from './lifetime.ts';
import type { RouterConf } from './router-conf.ts';
import { allAddresses, type Router } from './router.ts';
import { peerDownMsMin } from './timing.ts';

/**
 * How long before a peer's soonest takeover it falls silent. It pays for nft's reaction, from the advert to the rule
 * (0.5 ms when idle; a loaded machine takes longer), and for clocks that differ. The kernel cuts timeouts to whole
 * ticks, so they end up to two ticks early and never late. More: an active router whose adverts are late falls silent
 * sooner without need.
 */
export const GUARD_SLACK_MS = 10;
/** How much longer than the address the rules that silence it stay. */
const GUARD_OUTLIVES_MS = 500;

type Guarded = Pick<
  RouterConf,
  'guard' | 'version' | 'downTimerAdverts' | 'advertIntervalMs' | 'addressLifetimeSeconds'
>;

/** Whether it falls silent by a deadline: asked for, and needed. */
export function isGuarded(conf: Guarded): boolean {
  return conf.guard && conf.addressLifetimeSeconds !== null && bothHoldMs(conf) > 0;
}

/** Lets its addresses answer until a peer may take over. After each advert, and on taking them. */
export function guardAddresses(core: Core, router: Router): void {
  const { conf } = router;
  if (!isGuarded(conf) || router.held.length === 0) {
    unguardAddresses(core, router);
    return;
  }
  router.isGuarded = true;
  core.emit({
    kind: 'guard-addresses',
    key: router.key,
    addresses: router.held.map(({ address }) => address),
    aliveUntil: router.lastAdvertAt + peerDownMsMin(conf) - GUARD_SLACK_MS,
    heldUntil: core.now + (conf.addressLifetimeSeconds ?? 0) * 1000 + KERNEL_LATENESS_MS + GUARD_OUTLIVES_MS,
  });
}

/** Once the addresses are away: whoever has one of them here later is none of the guard's business. */
export function unguardAddresses(core: Core, router: Router): void {
  if (!router.isGuarded) return;
  router.isGuarded = false;
  core.emit({ kind: 'unguard-addresses', key: router.key });
}

/** Says whose clients are to be reset where an address was lost. Of all that can be lost: those with a lifetime. */
export function setResets(core: Core): void {
  const addresses = core.routers
    .filter(({ conf }) => conf.guard && conf.addressLifetimeSeconds !== null)
    .flatMap(({ conf }) => allAddresses(conf));
  if (addresses.length === 0 && !core.hasResets) return;
  core.hasResets = true;
  core.emit({ kind: 'reset-clients', addresses });
}

/** What came of the rules; null: they stand. */
export function guardReported(core: Core, problem: string | null): void {
  const before = core.guardProblem;
  core.guardProblem = problem;
  if (problem === before) return;
  if (problem === null) {
    if (before !== undefined) core.tell('info', 'guard', '', 'the nft guard stands again');
    return;
  }
  const open = core.routers.filter(({ conf }) => isGuarded(conf));
  const window = Math.max(0, ...open.map(({ conf }) => Math.ceil(bothHoldMs(conf))));
  const cost =
    window > 0
      ? `after a crash two machines may hold an address for ${window} ms`
      : 'clients of an address that was lost are not reset';
  core.tell(window > 0 ? 'alarm' : 'info', 'guard', '', `there is no nft guard: ${problem}; ${cost}`);
}
