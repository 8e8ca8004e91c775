// Promote before advertise: notify_master ends, or its time is up, before the address is taken and adverts begin, so
// that clients never reach a Redis that is still a replica. Meanwhile the virtual router is a backup that listens: a
// better advert ends the attempt.
//
// Differs from keepalived: it starts the hook after the address is there (vrrp.md §3.1). Only where asked for.

import { outcomeText, type Core } from './core.ts';
import { tellState } from './notices.ts';
import { teamOf, type Promotion, type Router } from './router.ts';

/** Nothing keeps it from taking the address. */
export function isPromoted(router: Router): boolean {
  return router.promotion?.isDone ?? !asksForPromotion(router);
}

function asksForPromotion({ conf }: Router): boolean {
  return conf.promoteBeforeAdvertise !== null && conf.hooks.master !== null;
}

/** Stops waiting for the hook when its time is up. */
export function attendPromotion(core: Core, router: Router): void {
  const { promotion } = router;
  if (promotion === null || promotion.isDone || core.now < promotion.timeoutAt) return;
  promotion.isDone = true;
  core.tell(
    'alarm',
    'promotion-timeout',
    router.conf.name,
    `${router.conf.name} takes its addresses although notify_master has not ended`,
  );
}

/** Starts the hook, once, where it is asked for: nothing else keeps its virtual router from taking over. */
export function beginPromotion(core: Core, router: Router): void {
  const { conf } = router;
  const command = conf.hooks.master;
  if (router.promotion !== null || command === null || conf.promoteBeforeAdvertise === null) return;
  const promotion: Promotion = { isDone: false, timeoutAt: core.now + conf.promoteBeforeAdvertise.timeoutMs };
  router.promotion = promotion;
  core.decide(router, `${conf.name} runs notify_master first, then takes its addresses`);
  router.hooks.tell({
    state: 'MASTER',
    calls: [
      {
        command,
        args: [],
        ended: (outcome) => {
          promotion.isDone = true;
          core.touch(router);
          if (outcome !== null && (outcome.exitCode !== 0 || outcome.signal !== 0)) {
            core.tell('alarm', 'hook-failed', conf.name, `notify_master: ${outcomeText(outcome)}`);
          }
        },
      },
    ],
  });
}

/** Somebody is active after all: it waits again, and its whole team is told what holds instead of a promotion. */
export function abandonTakeOver(core: Core, router: Router): void {
  router.wantsActive = false;
  for (const member of teamOf(router)) {
    if (member.state === 'backup' && abandonPromotion(core, member)) tellState(core, member);
  }
}

/** True if its hook was called, or would have been: it must be told what holds instead. */
export function abandonPromotion(core: Core, router: Router): boolean {
  if (router.promotion === null) return false;
  router.promotion = null;
  core.decide(router, `${router.conf.name} gives its promotion up`);
  return true;
}
