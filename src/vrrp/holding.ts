// Putting addresses on interfaces, keeping them alive, and taking them away (vrrp.md §5, lifetime.ts).

import type { Core } from './core.ts';
import { guardAddresses, unguardAddresses } from './guard.ts';
import { refreshDueAt } from './lifetime.ts';
import type { VirtualAddress } from './router-conf.ts';
import { addressKey, allAddresses, type Router } from './router.ts';
import { peerDownMsMin } from './timing.ts';

function setAddress(core: Core, router: Router, address: VirtualAddress, isNew: boolean): void {
  const lifetimeSeconds = router.conf.addressLifetimeSeconds;
  core.emit({ kind: 'set-address', router: router.conf.name, address, lifetimeSeconds, isNew });
}

/** Takes all its addresses. */
export function takeAddresses(core: Core, router: Router): void {
  router.held = allAddresses(router.conf);
  router.refreshedAt = core.now;
  // First: the rules take a moment to stand.
  guardAddresses(core, router);
  for (const address of router.held) setAddress(core, router, address, true);
}

/** Moves the end of all its addresses on. */
export function refreshAddresses(core: Core, router: Router): void {
  router.refreshedAt = core.now;
  if (router.conf.addressLifetimeSeconds === null) return;
  for (const address of router.held) setAddress(core, router, address, false);
}

/** Puts those of one interface back, which lost them with its link; true if there are any. */
export function restoreAddresses(core: Core, router: Router, name: string): boolean {
  const lost = router.held.filter((address) => address.interface === name);
  for (const address of lost) setAddress(core, router, address, true);
  return lost.length > 0;
}

export function releaseAddresses(core: Core, router: Router): void {
  for (const address of router.held) removeAddress(core, router, address);
  router.held = [];
  unguardAddresses(core, router);
}

function removeAddress(core: Core, router: Router, address: VirtualAddress): void {
  core.emit({ kind: 'remove-address', router: router.conf.name, address });
  const isThere = core.addresses
    .get(address.interface)
    ?.some((one) => one.address === address.address && one.prefixLength === address.prefixLength);
  // The kernel will tell of it, perhaps only when we hold the address again: that must not look like somebody else.
  if (isThere === true) {
    const key = addressKey(address);
    router.removalsToCome.set(key, (router.removalsToCome.get(key) ?? 0) + 1);
  }
}

/** Changes what it holds to `addresses` without touching what stays; true if some are new (vrrp.md §1.12). */
export function changeAddresses(core: Core, router: Router, addresses: readonly VirtualAddress[]): boolean {
  const wanted = new Set(addresses.map(addressKey));
  const had = new Set(router.held.map(addressKey));
  for (const address of router.held)
    if (!wanted.has(addressKey(address))) removeAddress(core, router, address);
  router.held = addresses;
  router.refreshedAt = core.now;
  let hasNew = false;
  for (const address of addresses) {
    const isNew = !had.has(addressKey(address));
    hasNew ||= isNew;
    // Also what stays: its lifetime may be another now.
    setAddress(core, router, address, isNew);
  }
  return hasNew;
}

/** Removes what an earlier run left, at any prefix length: a leftover /24 beside our /32 would never expire. */
export function clearLeftovers(core: Core, router: Router): void {
  for (const address of allAddresses(router.conf)) {
    core.emit({ kind: 'clear-address', router: router.conf.name, address });
  }
}

/** When to refresh apart from adverts. */
export function holdingDueAt(router: Router): number {
  const { addressLifetimeSeconds } = router.conf;
  if (router.state !== 'active' || addressLifetimeSeconds === null) return Infinity;
  return refreshDueAt({
    lifetimeMs: addressLifetimeSeconds * 1000,
    refreshedAt: router.refreshedAt,
    lastAdvertAt: router.lastAdvertAt,
    nextAdvertAt: router.advertAt,
    peerDownMsMin: peerDownMsMin(router.conf),
  });
}

/** Nothing was refreshed for a lifetime: what the kernel takes now, it takes because we were too slow. */
export function hasExpired(core: Core, router: Router): boolean {
  const { addressLifetimeSeconds } = router.conf;
  return addressLifetimeSeconds !== null && core.now - router.refreshedAt >= addressLifetimeSeconds * 1000;
}
