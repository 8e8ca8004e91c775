// For tests and the simulator: configurations with everything at keepalived's defaults but what the test names.

import { familyOf } from './ip-address.ts';
import {
  MULTICAST_GROUP_IPV4,
  MULTICAST_GROUP_IPV6,
  type Announcing,
  type Command,
  type GroupConf,
  type Hooks,
  type RouterConf,
  type ScriptConf,
  type VirtualAddress,
  type VrrpConf,
} from './router-conf.ts';

export function command(...argv: string[]): Command {
  return { argv, user: null, group: null };
}

export const NO_HOOKS: Hooks = {
  master: null,
  backup: null,
  fault: null,
  stop: null,
  deleted: null,
  masterRxLowerPriority: null,
  any: null,
  timeoutMs: 60_000,
};

/** keepalived's (vrrp.md §2.3). */
export const KEEPALIVED_ANNOUNCING: Announcing = {
  repeat: 5,
  delayMs: 5000,
  refreshMs: 0,
  refreshRepeat: 1,
  lowerPriorityRepeat: 5,
  lowerPriorityDelayMs: 5000,
  spacingMs: 0,
};

export function virtualAddress(address: string, more: Partial<VirtualAddress> = {}): VirtualAddress {
  const isIpv6 = familyOf(address) === 'ipv6';
  return {
    address,
    prefixLength: isIpv6 ? 128 : 32,
    interface: 'eth0',
    broadcast: null,
    label: null,
    scope: 0,
    peer: null,
    nodad: isIpv6,
    home: false,
    manageTemporary: false,
    noPrefixRoute: false,
    autojoin: false,
    deprecated: isIpv6,
    untracked: false,
    ...more,
  };
}

export function routerConf(more: Partial<RouterConf> = {}): RouterConf {
  const addresses = more.addresses ?? [virtualAddress('10.99.0.100')];
  const family = familyOf(addresses[0]?.address ?? '');
  return {
    name: 'VI_1',
    interface: 'eth0',
    virtualRouterId: 51,
    family,
    version: family === 'ipv6' ? 3 : 2,
    priority: 100,
    wantsActive: false,
    advertIntervalMs: 1000,
    downTimerAdverts: 3,
    preempt: true,
    preemptDelayMs: 0,
    password: null,
    addresses,
    excludedAddresses: [],
    sourceAddress: null,
    trackSource: false,
    multicastGroup: family === 'ipv6' ? MULTICAST_GROUP_IPV6 : MULTICAST_GROUP_IPV4,
    unicast: null,
    checksum: 'pseudo-header',
    adoptOldChecksum: true,
    announcing: KEEPALIVED_ANNOUNCING,
    lowerPrioritySendsAdvert: true,
    higherPrioritySendsAdvert: false,
    ownerIgnoresAdverts: false,
    trackInterfaces: true,
    tracking: [],
    hooks: NO_HOOKS,
    promoteBeforeAdvertise: null,
    tellPriorityChanges: false,
    sendsMail: false,
    addressLifetimeSeconds: 2,
    guard: false,
    ...more,
  };
}

export function scriptConf(more: Partial<ScriptConf> = {}): ScriptConf {
  return {
    name: 'check',
    command: command('/check'),
    intervalMs: 1000,
    timeoutMs: 1000,
    initFail: false,
    rise: 1,
    fall: 1,
    ...more,
  };
}

export function groupConf(
  name: string,
  members: readonly string[],
  more: Partial<GroupConf> = {},
): GroupConf {
  return { name, members, tracking: [], tracksWeights: false, hooks: NO_HOOKS, sendsMail: false, ...more };
}

export function vrrpConf(routers: readonly RouterConf[], more: Partial<VrrpConf> = {}): VrrpConf {
  return {
    routerId: 'stage',
    routers,
    groups: [],
    scripts: [],
    processes: [],
    files: [],
    redis: [],
    fifos: [],
    mail: null,
    mailsFaults: true,
    startupDelayMs: 0,
    logUnknownIds: false,
    tellStatesOnReload: false,
    stopTimeoutMs: 1000,
    ...more,
  };
}
