// What an advert does to a virtual router (vrrp.md §1.8, §1.9; RFC 9568 §6.4.2, §6.4.3).

import { announceAgainstRival } from './announcing.ts';
import type { Core } from './core.ts';
import { compareAddresses, isMulticast } from './ip-address.ts';
import { stepDown } from './life.ts';
import { tellLowerPriority } from './notices.ts';
import { abandonTakeOver } from './promotion.ts';
import { judgePacket, type Packet, type Reception } from './receive.ts';
import { PRIORITY_RELEASE } from './router-conf.ts';
import { downMs, preempts, teamOf, type Router } from './router.ts';
import { sendAdvert } from './send-advert.ts';
import { skewMs } from './timing.ts';

/** Finds whom a packet is for, judges it, and lets it act. What is dropped touches nothing but counters. */
export function receivePacket(core: Core, packet: Packet): void {
  const virtualRouterId = packet.bytes[1] ?? 0;
  const router = findRouter(core, packet, virtualRouterId);
  if (router === null) {
    core.unknownIds += 1;
    if (core.conf.logUnknownIds) {
      core.log('notice', `advert from ${packet.source} for VRID ${virtualRouterId}, which is not ours`);
    }
    return;
  }
  if (router.state !== 'backup' && router.state !== 'active') return;
  router.statistics.advertsReceived += 1;
  const judged = judgePacket(router.conf, packet);
  if (!judged.ok) {
    router.drops[judged.problem.kind] += 1;
    core.logOnce(router, judged.problem.kind, judged.problem.sentence);
    return;
  }
  core.touch(router);
  mention(core, router, judged.value, packet.source);
  if (router.state === 'backup') receiveAsBackup(core, router, judged.value, packet.source);
  else receiveAsActive(core, router, judged.value, packet.source);
}

/** By VRID, family and interface; of a multicast and a unicast one with the same VRID, the one it was sent to. */
function findRouter(core: Core, packet: Packet, virtualRouterId: number): Router | null {
  let found: Router | null = null;
  for (const router of core.routers) {
    const { conf } = router;
    if (conf.virtualRouterId !== virtualRouterId || conf.family !== packet.family) continue;
    if (conf.interface !== '' && conf.interface !== packet.interface) continue;
    const isSentSo = isMulticast(packet.destination) === (conf.unicast === null);
    if (found === null || isSentSo) found = router;
  }
  return found;
}

/** Oddities that change nothing, said once. */
function mention(core: Core, router: Router, reception: Reception, source: string): void {
  const { advert, checksum } = reception;
  const { conf } = router;
  if (reception.addressesDiffer) {
    router.statistics.addressListsDiffered += 1;
    if (!router.logged.has('addresses')) {
      router.logged.add('addresses');
      const list = advert.addresses.join(', ');
      core.tell(
        'alarm',
        'address-list-differs',
        conf.name,
        `${source} moves [${list}], we [${conf.addresses.map(({ address }) => address).join(', ')}]: make them equal`,
      );
    }
  }
  if (reception.intervalDiffers) {
    const theirs = `its interval is ${advert.intervalMs} ms, ours ${conf.advertIntervalMs} ms`;
    core.logOnce(router, 'interval-differs', `${source}: ${theirs}`);
  }
  if (conf.version === 3 && conf.family === 'ipv4' && checksum !== router.checksum) {
    core.logOnce(router, `checksum ${checksum}`, `the checksum of ${source} covers: ${checksum}`);
    // An old keepalived understands no other; as keepalived, for good (vrrp.md §1.4).
    const isOld = checksum === 'multicast-pseudo-header';
    if (isOld && conf.unicast !== null && conf.adoptOldChecksum) router.checksum = checksum;
  }
}

function receiveAsBackup(core: Core, router: Router, { advert }: Reception, source: string): void {
  const { priority } = advert;
  if (source === core.sourceOf(router)) {
    duplicateSource(core, router, source);
    return;
  }
  if (priority === PRIORITY_RELEASE) {
    router.statistics.releasesReceived += 1;
    if (!router.wantsActive) {
      router.downAt =
        core.now + skewMs(router.conf.version, router.effectivePriority, router.activeIntervalMs);
    }
    core.decide(router, `${router.conf.name} waits for its skew only: ${source} leaves`);
    return;
  }
  if (!isAccepted(core, router, priority)) {
    core.log('debug', `${router.conf.name}: ignored priority ${priority} of ${source}, under our own`);
    return;
  }
  if (router.peer !== null && router.peer.address !== source) router.logged.clear();
  router.peer = { address: source, priority };
  if (router.conf.version === 3) router.activeIntervalMs = advert.intervalMs;
  router.hasListenedLonger = false;
  abandonTakeOver(core, router);
  router.downAt = core.now + downMs(router);
}

/**
 * Whether a backup bows to it: its priority is ours or more, or we never preempt, or not yet. The first lower advert
 * begins the delay, and a higher one ends it (vrrp.md §1.9).
 */
function isAccepted(core: Core, router: Router, priority: number): boolean {
  if (priority >= router.effectivePriority) {
    router.preemptAt = null;
    return true;
  }
  if (!preempts(router)) return true;
  if (router.conf.preemptDelayMs === 0) return false;
  router.preemptAt ??= core.now + router.conf.preemptDelayMs;
  return core.now < router.preemptAt;
}

function receiveAsActive(core: Core, router: Router, reception: Reception, source: string): void {
  const { priority } = reception.advert;
  const own = core.sourceOf(router);
  if (own === source) {
    duplicateSource(core, router, source);
    return;
  }
  if (priority === PRIORITY_RELEASE) {
    router.statistics.releasesReceived += 1;
    sendAdvert(core, router);
    announceAgainstRival(core, router);
    return;
  }
  const ours = router.effectivePriority;
  const loses = priority > ours || (priority === ours && own !== null && compareAddresses(source, own) > 0);
  if (loses) {
    if (router.conf.higherPrioritySendsAdvert) sendAdvert(core, router);
    if (router.conf.version === 3) router.activeIntervalMs = reception.advert.intervalMs;
    stepDown(core, router, {
      when: 'better-advert',
      detail: `${source} with priority ${priority}, ours is ${ours}`,
    });
    router.peer = { address: source, priority };
    return;
  }
  receiveRival(core, router, source, priority);
}

/** Another is active and must give way: tell it, tell the neighbours, tell the operator. */
function receiveRival(core: Core, router: Router, source: string, priority: number): void {
  const { conf } = router;
  router.statistics.rivalsHeard += 1;
  const isKnown = router.rival?.address === source && core.now - router.rival.heardAt < downMs(router);
  router.rival = { address: source, heardAt: core.now };
  if (!isKnown) {
    core.tell(
      'alarm',
      'second-active',
      conf.name,
      `${source} (priority ${priority}) is active, too; we are ${core.sourceOf(router)} (priority ${router.effectivePriority})`,
    );
  }
  if (conf.lowerPrioritySendsAdvert) sendAdvert(core, router);
  for (const mate of teamOf(router)) if (mate.state === 'active') announceAgainstRival(core, mate);
  tellLowerPriority(core, router);
}

/** A looped packet, or a machine with our address: nothing can be decided by it. */
function duplicateSource(core: Core, router: Router, source: string): void {
  if (router.logged.has('duplicate')) return;
  router.logged.add('duplicate');
  core.tell(
    'alarm',
    'duplicate-source',
    router.conf.name,
    `an advert came from our own address ${source}: looped, or another machine has it`,
  );
}
