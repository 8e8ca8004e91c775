// The life of a virtual router: every change of its state, and what its timers do (vrrp.md §1.8, RFC 9568 §6.4).
//
// A step of a state goes in this order, as keepalived's do (vrrp.md §3.1). To active: advert, addresses, announcements,
// then hooks. From active: release (where there is one to send), addresses away, then hooks.

import {
  announceAddress,
  announcingDueAt,
  announceTaken,
  attendAnnouncing,
  stopAnnouncing,
} from './announcing.ts';
import type { Core } from './core.ts';
import { hasExpired, holdingDueAt, refreshAddresses, releaseAddresses, takeAddresses } from './holding.ts';
import { tellPriority, tellState } from './notices.ts';
import { abandonPromotion, attendPromotion, beginPromotion, isPromoted } from './promotion.ts';
import { PRIORITY_OWNER } from './router-conf.ts';
import { downMs, isOwner, teamOf, type Router } from './router.ts';
import { sendAdvert, sendRelease } from './send-advert.ts';
import { peerDownMsMin, skewMs } from './timing.ts';
import { effectivePriority, faultsOf, isPending } from './tracking.ts';
import { transition, type Cause, type State } from './transitions.ts';

/** One step of the table, with its sentence. `detail` says more than the row. */
function enter(core: Core, router: Router, to: State, when: Cause, detail = ''): void {
  const row = transition(router.state, to, when);
  const more = detail === '' ? '' : ` (${detail})`;
  core.decide(router, `${router.conf.name} is ${to}, not ${row.from} any more: ${row.because}${more}`);
  router.state = to;
  router.since = core.now;
  router.downAt = Infinity;
  router.wantsActive = false;
  router.preemptAt = null;
  router.hasListenedLonger = false;
  router.rival = null;
  router.advertAt = Infinity;
  router.logged.clear();
  for (const mate of teamOf(router)) core.touch(mate);
}

/** Looks at what it depends on, then at its timers. */
export function attend(core: Core, router: Router): void {
  if (router.state === 'stopped') return;
  attendPriority(core, router);
  if (!attendFaults(core, router)) return;
  switch (router.state) {
    case 'backup':
      attendBackup(core, router);
      break;
    case 'active':
      attendActive(core, router);
      break;
    default:
  }
}

/** When to look again, but for what events bring. */
export function dueAt(core: Core, router: Router): number {
  const hooks = router.hooks.dueAt();
  switch (router.state) {
    case 'initialize':
      return Math.min(hooks, core.heldUntil > core.now ? core.heldUntil : Infinity);
    case 'backup':
      return Math.min(
        hooks,
        router.downAt,
        isPromoted(router) ? Infinity : (router.promotion?.timeoutAt ?? Infinity),
      );
    case 'active':
      return Math.min(hooks, router.advertAt, announcingDueAt(router), holdingDueAt(router));
    default:
      return hooks;
  }
}

/** A change is told with the next advert; a backup's timer shifts by the difference of skews (vrrp.md §1.11). */
function attendPriority(core: Core, router: Router): void {
  const priority = effectivePriority(core, router);
  const before = router.effectivePriority;
  if (priority === before) return;
  router.effectivePriority = priority;
  const skew = (of: number): number => skewMs(router.conf.version, of, router.activeIntervalMs);
  if (router.state === 'backup') router.downAt += skew(priority) - skew(before);
  core.log('notice', `${router.conf.name}: priority ${before} -> ${priority}`);
  tellPriority(core, router);
}

/** Into and out of the fault state; false: there is nothing more to look at. */
function attendFaults(core: Core, router: Router): boolean {
  const { state } = router;
  if (state === 'initialize' && core.now < core.heldUntil) return false;
  const faults = faultsOf(core, router);
  if (faults.length > 0) {
    if (state !== 'fault') becomeFault(core, router, faults.join('; '));
    return false;
  }
  if (state === 'initialize' && !isPending(core, router)) begin(core, router, 'ready');
  else if (state === 'fault') begin(core, router, 'recovered');
  return true;
}

/** Joins in. An owner is active at once, unless its group is not. */
function begin(core: Core, router: Router, when: 'ready' | 'recovered'): void {
  const { conf, group } = router;
  router.activeIntervalMs = conf.advertIntervalMs;
  router.peer = null;
  if (when === 'recovered') announceSource(core, router);
  if (isOwner(router) && group === null) {
    becomeActive(core, router, 'owner');
    return;
  }
  enter(core, router, 'backup', when);
  // A group that wants to be active waits as its owner would (vrrp.md §1.8).
  const isWanted = when === 'ready' && group?.members.every((member) => member.conf.wantsActive) === true;
  router.downAt =
    core.now +
    (isWanted
      ? conf.advertIntervalMs + skewMs(conf.version, PRIORITY_OWNER, conf.advertIntervalMs)
      : downMs(router));
  tellState(core, router);
}

/** Peers reached by unicast may know a stale hardware address of us (vrrp.md §1.8). */
function announceSource(core: Core, router: Router): void {
  const source = core.sourceOf(router);
  if (router.conf.unicast !== null && source !== null) {
    announceAddress(core, router, router.conf.interface, source);
  }
}

function becomeFault(core: Core, router: Router, reasons: string): void {
  const wasActive = router.state === 'active';
  if (wasActive) {
    // Twice, as keepalived does: one may be lost, and the peer would wait its whole down time.
    sendRelease(core, router);
    sendRelease(core, router);
    leaveActive(core, router);
  }
  abandonPromotion(core, router);
  enter(core, router, 'fault', 'fault', reasons);
  tellState(core, router);
}

export function becomeActive(core: Core, router: Router, when: 'owner' | 'down-timer'): void {
  const promoted = router.promotion !== null;
  router.promotion = null;
  enter(core, router, 'active', when);
  router.statistics.becameActive += 1;
  router.activeIntervalMs = router.conf.advertIntervalMs;
  router.peer = null;
  sendAdvert(core, router);
  takeAddresses(core, router);
  announceTaken(core, router);
  tellState(core, router, promoted);
}

function leaveActive(core: Core, router: Router): void {
  router.statistics.releasedActive += 1;
  releaseAddresses(core, router);
  stopAnnouncing(router);
}

/** How an active router steps down. */
export interface SteppingDown {
  readonly when: Extract<Cause, 'better-advert' | 'stall' | 'address-expired' | 'address-deleted' | 'group'>;
  readonly detail?: string;
  /** Tell peers that we leave, and wait for our skew only. */
  readonly releases?: boolean;
}

/** From active to backup, and with it the group's other active members. */
export function stepDown(core: Core, router: Router, { when, detail, releases }: SteppingDown): void {
  if (releases === true) sendRelease(core, router);
  leaveActive(core, router);
  enter(core, router, 'backup', when, detail);
  const { version } = router.conf;
  router.downAt =
    core.now +
    (releases === true ? skewMs(version, router.effectivePriority, router.activeIntervalMs) : downMs(router));
  tellState(core, router);
  for (const mate of teamOf(router)) {
    if (mate.state === 'active') stepDown(core, mate, { when: 'group', detail: router.conf.name });
  }
}

/**
 * Steps down if it was frozen past the soonest down time of a peer: somebody may be active since, and another advert
 * of ours would take clients away from it. Called before anything else happens in a step.
 *
 * Differs from keepalived: always on (there: timer_expired_backup, with nopreempt only).
 */
export function checkStall(core: Core, router: Router): void {
  if (router.state !== 'active') return;
  const silentMs = core.now - router.lastAdvertAt;
  if (silentMs < peerDownMsMin(router.conf) || silentMs <= router.conf.advertIntervalMs) return;
  stall(core, router, 'stall', `no advert for ${Math.round(silentMs)} ms`);
}

/** Steps down without a word to peers: whoever is active now must not be disturbed. */
export function stall(core: Core, router: Router, when: 'stall' | 'address-expired', detail: string): void {
  router.statistics.stalls += 1;
  core.tell('alarm', 'stalled', router.conf.name, `${router.conf.name} steps down: ${detail}`);
  stepDown(core, router, { when, detail });
}

function attendBackup(core: Core, router: Router): void {
  attendPromotion(core, router);
  if (router.downAt <= core.now && !listensLonger(core, router)) {
    router.downAt = Infinity;
    router.wantsActive = true;
    if (teamOf(router).some((mate) => !isWanting(mate))) {
      core.decide(
        router,
        `${router.conf.name} waits to be active until all of ${router.group?.conf.name} can`,
      );
    }
  }
  if (router.wantsActive) takeOver(core, router);
}

/**
 * Woken late by more than an interval, it first listens to whether somebody is active: for one interval and its skew.
 * Adverts that came while a machine slept were lost, and a frozen backup must not wake up as a second active router.
 * Only once, so that a busy machine still takes over.
 */
function listensLonger(core: Core, router: Router): boolean {
  const lateMs = core.now - router.downAt;
  if (lateMs <= router.activeIntervalMs || router.hasListenedLonger) return false;
  router.hasListenedLonger = true;
  const { conf } = router;
  router.downAt =
    core.now +
    router.activeIntervalMs +
    skewMs(conf.version, router.effectivePriority, router.activeIntervalMs);
  core.decide(router, `${conf.name} listens once more: it was woken ${Math.round(lateMs)} ms late`);
  return true;
}

function isWanting(router: Router): boolean {
  return router.state === 'active' || (router.state === 'backup' && router.wantsActive);
}

/** All members of a group or none, and none before every promotion is through. */
function takeOver(core: Core, router: Router): void {
  const team = teamOf(router);
  if (!team.every(isWanting)) return;
  const waiting = team.filter(({ state }) => state === 'backup');
  for (const member of waiting) beginPromotion(core, member);
  if (!waiting.every(isPromoted)) return;
  for (const member of waiting) becomeActive(core, member, 'down-timer');
}

function attendActive(core: Core, router: Router): void {
  if (hasExpired(core, router)) {
    core.tell('alarm', 'address-lost', router.conf.name, 'the addresses were not refreshed in time');
    stall(
      core,
      router,
      'address-expired',
      `not refreshed for ${Math.round(core.now - router.refreshedAt)} ms`,
    );
    return;
  }
  const { advertAt, conf } = router;
  if (advertAt <= core.now) {
    sendAdvert(core, router);
    // On the grid, so that lateness does not add up.
    if (core.now - advertAt < conf.advertIntervalMs) router.advertAt = advertAt + conf.advertIntervalMs;
  }
  if (holdingDueAt(router) <= core.now) refreshAddresses(core, router);
  attendAnnouncing(core, router);
}

/** For good. An active router says so once (vrrp.md §1.12). */
export function stopRouter(core: Core, router: Router): void {
  if (router.state === 'stopped') return;
  if (router.state === 'active') {
    sendRelease(core, router);
    leaveActive(core, router);
  }
  router.promotion = null;
  enter(core, router, 'stopped', 'stop');
}
