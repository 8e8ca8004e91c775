// What the kernel tells of interfaces and addresses, and what of it matters to a virtual router (vrrp.md §1.8, §5).

import { announceTaken } from './announcing.ts';
import type { Core } from './core.ts';
import { hasExpired, restoreAddresses } from './holding.ts';
import type { Event, InterfaceState } from './io.ts';
import { stall, stepDown } from './life.ts';
import { addressKey, type Router } from './router.ts';

type AddressEvent = Extract<Event, { readonly kind: 'address-added' | 'address-removed' }>;

/** An interface changed. A link that was down took its IPv6 addresses with it: they are put back. */
export function observeInterface(core: Core, name: string, state: InterfaceState | null): void {
  const wasUp = core.interfaces.get(name)?.isUp === true;
  if (state === null) {
    core.interfaces.delete(name);
    core.addresses.delete(name);
  } else {
    core.interfaces.set(name, state);
  }
  if (!wasUp && state?.isUp === true) {
    for (const router of core.routers) {
      if (router.state === 'active' && restoreAddresses(core, router, name)) announceTaken(core, router);
    }
  }
  core.touchAll();
}

export function observeAddressAdded(core: Core, event: Omit<AddressEvent, 'kind'>): void {
  const list = core.addresses.get(event.interface) ?? [];
  core.addresses.set(event.interface, list);
  const isKnown = list.some(
    (one) => one.address === event.address && one.prefixLength === event.prefixLength,
  );
  if (isKnown) return;
  list.push({ address: event.address, prefixLength: event.prefixLength });
  if (!core.isVirtual(event.address)) core.touchAll();
}

export function observeAddressRemoved(core: Core, event: Omit<AddressEvent, 'kind'>): void {
  const list = core.addresses.get(event.interface);
  const index = list?.findIndex(
    (one) => one.address === event.address && one.prefixLength === event.prefixLength,
  );
  if (index !== undefined && index >= 0) list?.splice(index, 1);
  for (const router of core.routers) loseAddress(core, router, event);
  if (!core.isVirtual(event.address)) core.touchAll();
}

/**
 * One of its addresses is gone. In this order: we removed it; its link is down (it comes back with it); it expired, so
 * we were frozen; somebody deleted it, so it is given up and taken again after our skew, as keepalived does.
 */
function loseAddress(core: Core, router: Router, event: Omit<AddressEvent, 'kind'>): void {
  const key = addressKey(event);
  const toCome = router.removalsToCome.get(key) ?? 0;
  if (toCome > 0) {
    if (toCome === 1) router.removalsToCome.delete(key);
    else router.removalsToCome.set(key, toCome - 1);
    return;
  }
  const lost = router.held.find((address) => addressKey(address) === key);
  if (router.state !== 'active' || lost === undefined || lost.untracked) return;
  if (core.interfaces.get(event.interface)?.isUp !== true) return;
  const text = `${lost.address} on ${lost.interface}`;
  if (hasExpired(core, router)) {
    core.tell('alarm', 'address-lost', router.conf.name, `${text} expired`);
    stall(core, router, 'address-expired', text);
    return;
  }
  core.tell('alarm', 'address-lost', router.conf.name, `somebody deleted ${text}`);
  stepDown(core, router, { when: 'address-deleted', detail: text, releases: true });
}
