// What the settings of a vrrp_instance mean together: defaults, conflicts, and what can never have an effect
// (vrrp.md §1.7, §1.9, §2.3, §7). Where keepalived corrects a setting with a log line, so do we, with a warning.

import { familyOf, isLinkLocal } from '../ip-address.ts';
import {
  PRIORITY_DEFAULT,
  PRIORITY_OWNER,
  type Tracking,
  type UnicastPeer,
  type VirtualAddress,
} from '../router-conf.ts';
import type { AddressDraft } from './addresses.ts';
import type { InstanceConf } from './conf.ts';
import type { InstanceDefaults } from './global-defs.ts';
import { familyOfDraft, type InstanceDraft } from './instance.ts';
import { wantsMail } from './mail.ts';
import { omit } from './omit.ts';
import { type Place, type Report, show, whereOf } from './problems.ts';
import type { KnownInterface } from './surroundings.ts';
import type { PlacedTracking } from './tracking.ts';

export interface FinishContext {
  readonly report: Report;
  readonly defaults: InstanceDefaults;
  readonly dynamicInterfaces: boolean;
  readonly interfaces: readonly KnownInterface[] | null;
}

/** An advert's count of addresses is one byte. */
const ADDRESSES_MAX = 255;
/** What unicast IPv6 leaves with when nobody says; the kernel's own default (vrrp.md §1.5). */
const UNICAST_HOP_LIMIT_IPV6 = 64;
const TTL_MAX = 255;

/** The instance, or null where it lacks what it cannot be without; everything wrong with it is reported. */
export function finishInstance(draft: InstanceDraft, context: FinishContext): InstanceConf | null {
  const { report, defaults } = context;
  const { nameWord, virtualRouterId } = draft;
  const say = (keyword: string): Place => draft.statements.get(keyword)?.keyword ?? nameWord;
  if (virtualRouterId === null && !draft.broken.has('virtual_router_id')) {
    report.error(nameWord, 'no-virtual-router-id', `${nameOf(draft)} has no virtual_router_id`);
  }
  const interfaceName = chooseInterface(draft, context);
  const family = familyOfDraft(draft);
  const version = chooseVersion(draft, family, context);
  checkAddresses(draft, family, version, report);
  const password = checkAuthentication(draft, version, report);
  // state MASTER without a priority makes an owner: keepalived does so, and so must a pair that we are half of.
  const priority =
    draft.priority ??
    (draft.state === 'MASTER' && !draft.broken.has('priority') ? PRIORITY_OWNER : PRIORITY_DEFAULT);
  if (draft.priority === null && priority === PRIORITY_OWNER) {
    const sentence = `${nameOf(draft)} is state MASTER without a priority, which makes it 255, the owner of the addresses: say priority`;
    report.warn(say('state'), 'owner-by-state', sentence);
  }
  const wantsMaster = priority === PRIORITY_OWNER || draft.state === 'MASTER';
  const { preempt, preemptDelayMs } = checkPreemption(draft, wantsMaster, priority, report);
  const unicast = checkUnicast(draft, family, report);
  const delayMs = draft.garpDelayMs ?? defaults.garpDelayMs;
  const repeat = draft.garpRepeat ?? defaults.garpRepeat;
  checkTracking(draft, priority, preempt, report);
  checkSource(draft, family, report);
  if (draft.promoteBeforeAdvertise !== null && draft.hooks.master === null) {
    const sentence = `${nameOf(draft)} has no notify_master that could finish before the adverts`;
    report.warn(say('promote_before_advertise'), 'no-hook', sentence);
  }
  if (virtualRouterId === null || interfaceName === null) return null;
  const multicastGroup = family === 'ipv4' ? defaults.multicastGroup4 : defaults.multicastGroup6;
  return {
    name: draft.name,
    where: whereOf(nameWord),
    wantsMaster,
    interface: interfaceName,
    virtualRouterId,
    family,
    version,
    priority,
    advertIntervalMs: roundInterval(draft, version, report),
    downTimerAdverts: draft.downTimerAdverts ?? defaults.downTimerAdverts,
    preempt,
    preemptDelayMs,
    password,
    addresses: draft.addresses.map((one) => placed(one, interfaceName)),
    excludedAddresses: draft.excludedAddresses.map((one) => placed(one, interfaceName)),
    sourceAddress: draft.sourceAddress,
    trackSource: draft.trackSource || draft.sourceAddress === null,
    multicastGroup: draft.multicastGroup ?? multicastGroup,
    unicastPeers: unicast,
    unicastTtl: draft.unicastTtl ?? (family === 'ipv6' ? UNICAST_HOP_LIMIT_IPV6 : TTL_MAX),
    checkUnicastSource: draft.checkUnicastSource ?? defaults.checkUnicastSource ?? true,
    checksumAsVersion2: draft.checksumAsVersion2 ?? defaults.checksumAsVersion2,
    oldUnicastChecksum: draft.oldUnicastChecksum,
    announcing: {
      repeat,
      delayMs,
      refreshMs: draft.garpRefreshMs ?? defaults.garpRefreshMs,
      refreshRepeat: draft.garpRefreshRepeat ?? defaults.garpRefreshRepeat,
      lowerPriorityRepeat: draft.garpLowerRepeat ?? defaults.garpLowerRepeat ?? repeat,
      lowerPriorityDelayMs: draft.garpLowerDelayMs ?? defaults.garpLowerDelayMs ?? delayMs,
      spacingMs: family === 'ipv4' ? defaults.garpIntervalMs : defaults.gnaIntervalMs,
    },
    lowerPrioritySendsAdvert: !(draft.lowerPrioNoAdvert ?? defaults.lowerPrioNoAdvert),
    higherPrioritySendsAdvert: draft.higherPrioSendAdvert ?? defaults.higherPrioSendAdvert,
    ownerIgnoresAdverts: draft.ownerIgnoresAdverts ?? defaults.ownerIgnoresAdverts,
    tracksInterface: !draft.dontTrackPrimary,
    tracking: [...draft.tracking.map(plain), ...draft.redis.map(redisTracking)],
    hooks: draft.hooks,
    sendsMail: wantsMail(draft.smtpAlert, defaults),
    tellPriorityChanges: draft.tellPriorityChanges ?? defaults.tellPriorityChanges,
    promoteBeforeAdvertise: draft.promoteBeforeAdvertise,
    guard: draft.guard ?? defaults.guard,
  };
}

function nameOf(draft: InstanceDraft): string {
  return `vrrp_instance ${draft.name}`;
}

export function plain({ kind, name, weight, reverse }: PlacedTracking): Tracking {
  return { kind, name, weight, reverse };
}

/** Without a weight: a dead Redis is a fault. */
export function redisTracking({ name }: { readonly name: string }): Tracking {
  return { kind: 'redis', name, weight: 0, reverse: false };
}

function placed(address: AddressDraft, fallback: string): VirtualAddress {
  return { ...omit(address, 'place'), interface: address.interface ?? fallback };
}

function chooseInterface(draft: InstanceDraft, context: FinishContext): string | null {
  const { report, interfaces } = context;
  if (draft.interface === null) {
    if (draft.broken.has('interface')) return null;
    const source = draft.sourceAddress;
    const holder = interfaces?.find((one) => source !== null && one.addresses.includes(source));
    if (holder !== undefined && draft.unicastPeers.length > 0) return holder.name;
    report.error(draft.nameWord, 'no-interface', `${nameOf(draft)} has no interface`);
    return null;
  }
  const word = draft.statements.get('interface')?.values[0] ?? draft.nameWord;
  const named = new Map([[draft.interface, word as Place]]);
  for (const { interface: dev, place } of [...draft.addresses, ...draft.excludedAddresses]) {
    if (dev !== null && !named.has(dev)) named.set(dev, place);
  }
  for (const [name, place] of interfaces === null ? [] : named) {
    const known = interfaces?.find((one) => one.name === name);
    if (known === undefined && !context.dynamicInterfaces) {
      const names = (interfaces ?? []).filter((one) => !one.isLoopback).map((one) => one.name);
      const sentence = `there is no interface ${show(name)}; there are ${names.join(', ') || 'none'} (dynamic_interfaces in global_defs waits for it)`;
      report.error(place, 'unknown-interface', sentence);
    } else if (known?.isLoopback === true && name === draft.interface) {
      report.error(place, 'loopback', `no adverts can be sent on the loopback interface ${show(name)}`);
    }
  }
  return draft.interface;
}

function chooseVersion(
  draft: InstanceDraft,
  family: 'ipv4' | 'ipv6',
  { report, defaults }: FinishContext,
): 2 | 3 {
  const asked = draft.version ?? defaults.version;
  if (family === 'ipv4' || asked === 3) return asked;
  if (draft.version === 2) {
    const word = draft.statements.get('version')?.keyword ?? draft.nameWord;
    report.warn(word, 'version', 'IPv6 needs version 3, which is used');
  }
  return 3;
}

function checkAddresses(draft: InstanceDraft, family: 'ipv4' | 'ipv6', version: 2 | 3, report: Report): void {
  const [first] = draft.addresses;
  if (first === undefined && version === 3 && !draft.noVirtualAddress) {
    const sentence = `${nameOf(draft)} has no virtual_ipaddress, which version 3 needs (or no_virtual_ipaddress)`;
    report.error(draft.nameWord, 'no-address', sentence);
  } else if (first === undefined && !draft.noVirtualAddress) {
    report.warn(draft.nameWord, 'no-address', `${nameOf(draft)} has no virtual_ipaddress: no address moves`);
  }
  if (first !== undefined && family === 'ipv6' && !isLinkLocal(first.address)) {
    const sentence = `the first IPv6 address should be link-local (fe80::/10), unlike ${first.address} (RFC 9568 §5.2.9)`;
    report.warn(first.place, 'not-link-local', sentence);
  }
  const seen = new Set<string>();
  for (const one of [...draft.addresses, ...draft.excludedAddresses]) {
    if (seen.has(one.address))
      report.error(one.place, 'duplicate-address', `${one.address} stands twice in ${nameOf(draft)}`);
    seen.add(one.address);
  }
  for (const one of draft.addresses) {
    if (familyOf(one.address) === family) continue;
    const sentence = `${one.address} is of another family than ${first?.address ?? 'the peers'}: put it into virtual_ipaddress_excluded`;
    report.error(one.place, 'mixed-families', sentence);
  }
  if (draft.addresses.length > ADDRESSES_MAX) {
    const sentence = `an advert has room for ${ADDRESSES_MAX} addresses: put the rest into virtual_ipaddress_excluded`;
    report.error(draft.nameWord, 'too-many-addresses', sentence);
  }
}

function checkAuthentication(draft: InstanceDraft, version: 2 | 3, report: Report): string | null {
  const statement = draft.statements.get('authentication');
  if (statement === undefined) return null;
  if (version === 3) {
    report.warn(statement.keyword, 'no-authentication', 'version 3 has no authentication: it is ignored');
    return null;
  }
  if (draft.authType === 'PASS' && draft.password === null) {
    report.warn(
      statement.keyword,
      'no-password',
      'auth_type PASS without auth_pass: no authentication is used',
    );
  }
  if (draft.authType === null && draft.password !== null) {
    report.warn(
      statement.keyword,
      'no-auth-type',
      'auth_pass without auth_type PASS: no authentication is used',
    );
  }
  return draft.authType === 'PASS' ? draft.password : null;
}

function checkPreemption(
  draft: InstanceDraft,
  wantsMaster: boolean,
  priority: number,
  report: Report,
): { readonly preempt: boolean; readonly preemptDelayMs: number } {
  const at = (keyword: string): Place => draft.statements.get(keyword)?.keyword ?? draft.nameWord;
  const because = priority === PRIORITY_OWNER ? 'priority 255' : 'state MASTER';
  const nopreempt = draft.nopreempt && !wantsMaster;
  if (draft.nopreempt && wantsMaster) {
    const sentence = `nopreempt is ignored with ${because}: write state BACKUP and a priority below 255`;
    report.warn(at('nopreempt'), 'nopreempt-ignored', sentence);
  }
  const delays = draft.preemptDelayMs > 0;
  if (delays && nopreempt) {
    report.warn(at('preempt_delay'), 'preempt-delay-ignored', 'preempt_delay is ignored with nopreempt');
  } else if (delays && wantsMaster) {
    report.warn(at('preempt_delay'), 'preempt-delay-ignored', `preempt_delay is ignored with ${because}`);
  }
  return {
    preempt: !nopreempt,
    preemptDelayMs: delays && !nopreempt && !wantsMaster ? draft.preemptDelayMs : 0,
  };
}

function roundInterval(draft: InstanceDraft, version: 2 | 3, report: Report): number {
  const asked = draft.advertIntervalMs ?? 1000;
  const [step, min, max] = version === 2 ? [1000, 1000, 255_000] : [10, 10, 40_950];
  const rounded = Math.min(max, Math.max(min, Math.round(asked / step) * step));
  if (rounded !== asked) {
    const unit = version === 2 ? 'whole seconds, 1 to 255' : 'steps of 0.01 s, 0.01 to 40.95';
    const word = draft.statements.get('advert_int')?.values[0] ?? draft.nameWord;
    report.warn(word, 'rounded', `version ${version} has ${unit}: advert_int becomes ${rounded / 1000} s`);
  }
  return rounded;
}

function checkUnicast(draft: InstanceDraft, family: 'ipv4' | 'ipv6', report: Report): readonly UnicastPeer[] {
  const seen = new Set<string>();
  const peers = draft.unicastPeers.filter(({ address, place }) => {
    if (familyOf(address) !== family) {
      report.error(
        place,
        'mixed-families',
        `the peer ${address} is of another family than the addresses of ${nameOf(draft)}`,
      );
      return false;
    }
    if (seen.has(address)) report.warn(place, 'duplicate-peer', `the peer ${address} stands twice`);
    if (address === draft.sourceAddress)
      report.error(place, 'own-peer', `the peer ${address} is our own unicast_src_ip`);
    const isNew = !seen.has(address);
    seen.add(address);
    return isNew;
  });
  const keyword = ['unicast_src_ip', 'unicast_ttl', 'unicast_peer', 'old_unicast_checksum'].find((one) =>
    draft.statements.has(one),
  );
  if (peers.length > 0) return peers.map((peer) => omit(peer, 'place'));
  const place = draft.statements.get(keyword ?? '')?.keyword ?? draft.nameWord;
  if (draft.unicastFaultNoPeer) {
    report.error(
      place,
      'no-peer',
      `${nameOf(draft)} has no unicast_peer, and unicast_fault_no_peer would keep it in FAULT`,
    );
  } else if (keyword !== undefined && draft.unicastPeers.length === 0) {
    report.warn(place, 'no-peer', `${keyword} without any peer in unicast_peer: adverts are multicast`);
  }
  return [];
}

function checkSource(draft: InstanceDraft, family: 'ipv4' | 'ipv6', report: Report): void {
  const { sourceAddress, multicastGroup } = draft;
  const at = (...keywords: string[]): Place =>
    keywords.map((one) => draft.statements.get(one)?.keyword).find((one) => one !== undefined) ??
    draft.nameWord;
  if (sourceAddress !== null && familyOf(sourceAddress) !== family) {
    const sentence = `${sourceAddress} is of another family than the addresses of ${nameOf(draft)}`;
    report.error(at('unicast_src_ip', 'mcast_src_ip'), 'mixed-families', sentence);
  }
  if (multicastGroup !== null && familyOf(multicastGroup) !== family) {
    const sentence = `${multicastGroup} is of another family than the addresses of ${nameOf(draft)}`;
    report.error(at('mcast_dst_ip'), 'mixed-families', sentence);
  }
  if (draft.addresses.some(({ address }) => address === sourceAddress)) {
    const sentence = `${sourceAddress} moves with ${nameOf(draft)}, so it cannot be the source of its adverts`;
    report.error(at('unicast_src_ip', 'mcast_src_ip'), 'virtual-source', sentence);
  }
}

/** Weights that can never change who is master (vrrp.md §7). */
function checkTracking(draft: InstanceDraft, priority: number, preempt: boolean, report: Report): void {
  const seen = new Set<string>();
  for (const { kind, name, weight, reverse, place } of draft.tracking) {
    const id = `${kind} ${name}`;
    if (seen.has(id))
      report.error(place, 'duplicate-tracker', `${show(name)} is tracked twice in ${nameOf(draft)}`);
    seen.add(id);
    if (weight === 0) continue;
    const raises = weight > 0 !== reverse;
    const shown = `the weight ${reverse ? -weight : weight} of ${show(name)}`;
    if (priority === PRIORITY_OWNER) {
      report.warn(place, 'weight-without-effect', `${shown} changes nothing: priority 255 has no weights`);
    } else if (raises ? priority === 254 : priority === 1) {
      const sentence = `${shown} changes nothing: the priority ${priority} cannot become ${raises ? 'higher' : 'lower'}`;
      report.warn(place, 'weight-without-effect', sentence);
    } else if (!preempt) {
      const sentence = `with nopreempt on both sides ${shown} never moves the address: a backup lets any living master be; without a weight a failure is a fault, which does`;
      report.warn(place, 'weight-with-nopreempt', sentence);
    }
  }
}
