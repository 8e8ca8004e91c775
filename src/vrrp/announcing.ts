// Telling the neighbours where the addresses are: on taking them, once more later, on every sign of a rival, and as
// often as asked (vrrp.md §4).

import type { Core } from './core.ts';
import { announcementFrame } from './frames.ts';
import { quietAnnouncer, type Router } from './router.ts';

/** Sends one frame for one address; interfaces without neighbour resolution get none. */
export function announceAddress(core: Core, router: Router, name: string, address: string): void {
  const on = core.interfaces.get(name);
  if (on === undefined || on.macAddress === null || !on.resolvesNeighbours || !on.isUp) return;
  core.emit({
    kind: 'send-frame',
    router: router.conf.name,
    interface: name,
    address,
    frame: announcementFrame(address, on.macAddress, on.forwards),
  });
}

function announceRound(core: Core, router: Router): void {
  for (const { interface: name, address } of router.held) announceAddress(core, router, name, address);
}

/** Begins a batch of rounds: all at once, or spaced. */
function announceBatch(core: Core, router: Router, rounds: number): void {
  const { announcer } = router;
  const { spacingMs } = router.conf.announcing;
  if (rounds === 0) return;
  if (spacingMs === 0) {
    for (let round = 0; round < rounds; round++) announceRound(core, router);
    return;
  }
  announceRound(core, router);
  announcer.roundsLeft = Math.max(announcer.roundsLeft, rounds - 1);
  announcer.roundAt = announcer.roundsLeft > 0 ? core.now + spacingMs : Infinity;
}

/** On taking the addresses, or putting lost ones back. */
export function announceTaken(core: Core, router: Router): void {
  const { announcing } = router.conf;
  const { announcer } = router;
  announceBatch(core, router, announcing.repeat);
  announcer.againAt = announcing.delayMs > 0 ? core.now + announcing.delayMs : Infinity;
  announcer.refreshAt = announcing.refreshMs > 0 ? core.now + announcing.refreshMs : Infinity;
}

/** On any sign that another router was active: neighbours may have believed it (vrrp.md §7.3). */
export function announceAgainstRival(core: Core, router: Router): void {
  const { lowerPriorityRepeat, lowerPriorityDelayMs } = router.conf.announcing;
  announceBatch(core, router, lowerPriorityRepeat);
  if (lowerPriorityRepeat > 0 && lowerPriorityDelayMs > 0) {
    router.announcer.rivalAgainAt = core.now + lowerPriorityDelayMs;
  }
}

export function announcingDueAt({ announcer }: Router): number {
  return Math.min(announcer.roundAt, announcer.againAt, announcer.rivalAgainAt, announcer.refreshAt);
}

/** Sends what is due. */
export function attendAnnouncing(core: Core, router: Router): void {
  const { announcer, conf } = router;
  const { announcing } = conf;
  if (announcer.roundAt <= core.now) {
    announceRound(core, router);
    announcer.roundsLeft -= 1;
    announcer.roundAt = announcer.roundsLeft > 0 ? core.now + announcing.spacingMs : Infinity;
  }
  if (announcer.againAt <= core.now) {
    announcer.againAt = Infinity;
    announceBatch(core, router, announcing.repeat);
  }
  if (announcer.rivalAgainAt <= core.now) {
    announcer.rivalAgainAt = Infinity;
    announceBatch(core, router, announcing.lowerPriorityRepeat);
  }
  if (announcer.refreshAt <= core.now) {
    announcer.refreshAt = core.now + announcing.refreshMs;
    announceBatch(core, router, announcing.refreshRepeat);
  }
}

export function stopAnnouncing(router: Router): void {
  Object.assign(router.announcer, quietAnnouncer());
}
