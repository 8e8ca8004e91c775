// Sending a virtual router's adverts: to the group, or to each peer (RFC 9568 §7.2, vrrp.md §1.10).

import { encodeAdvert } from './advert.ts';
import type { Core } from './core.ts';
import { guardAddresses } from './guard.ts';
import { refreshAddresses } from './holding.ts';
import { refreshesWithAdvert } from './lifetime.ts';
import { PRIORITY_RELEASE } from './router-conf.ts';
import type { Router } from './router.ts';

const TTL = 255;

/** Sends one advert with its priority; the next is due an interval later. Refreshes the addresses where that is due, too. */
export function sendAdvert(core: Core, router: Router): void {
  const { advertIntervalMs, addressLifetimeSeconds } = router.conf;
  emitAdvert(core, router, router.effectivePriority);
  router.lastAdvertAt = core.now;
  router.advertAt = core.now + advertIntervalMs;
  guardAddresses(core, router);
  if (addressLifetimeSeconds === null || router.held.length === 0) return;
  if (refreshesWithAdvert(router.refreshedAt, addressLifetimeSeconds * 1000, core.now, advertIntervalMs)) {
    refreshAddresses(core, router);
  }
}

/** Says "I am leaving", so that a peer waits for its skew only. */
export function sendRelease(core: Core, router: Router): void {
  emitAdvert(core, router, PRIORITY_RELEASE);
  router.statistics.releasesSent += 1;
}

function emitAdvert(core: Core, router: Router, priority: number): void {
  const { conf } = router;
  const source = core.sourceOf(router) ?? conf.sourceAddress;
  // The address to send from has just gone: there is nobody left to say it as.
  if (source === null) return;
  const destinations = conf.unicast?.peers.map(({ address }) => address) ?? [conf.multicastGroup];
  const content = {
    version: conf.version,
    family: conf.family,
    virtualRouterId: conf.virtualRouterId,
    priority,
    intervalMs: conf.advertIntervalMs,
    addresses: conf.addresses.map(({ address }) => address),
    password: conf.password,
    checksum: router.checksum,
  };
  for (const destination of destinations) {
    core.emit({
      kind: 'send-advert',
      router: conf.name,
      interface: conf.interface,
      family: conf.family,
      source,
      destination,
      ttl: conf.unicast?.ttl ?? TTL,
      bytes: encodeAdvert(content, { source, destination }),
    });
  }
  router.statistics.advertsSent += 1;
}
