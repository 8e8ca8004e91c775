// What a virtual router depends on, put together: reasons for a fault, what is still unknown, and the priority that
// weighted trackers leave it with (vrrp.md §1.11). All of it is computed from what is known now; nothing is remembered.

import type { Core } from './core.ts';
import type { Tracking } from './router-conf.ts';
import { allAddresses, isOwner, type Router } from './router.ts';

const PRIORITY_MIN = 1;
const PRIORITY_MAX = 254;
/** A tracked file's value times its weight at or under this is a fault. */
const FILE_FAULT = -254;

/** What one tracker says. null: nothing known yet. */
function verdictOf(core: Core, { kind, name }: Tracking): boolean | null {
  switch (kind) {
    case 'interface':
      return core.interfaces.get(name)?.isUp ?? false;
    case 'script':
      return scriptVerdict(core, name);
    case 'process':
      return core.processes.get(name)?.isUp ?? null;
    case 'redis':
      return core.redis.get(name)?.isUp ?? null;
    case 'file':
      return null;
  }
}

/** A connection beside a script speaks with it: either's bad news counts, at once. */
function scriptVerdict(core: Core, name: string): boolean | null {
  const script = core.scripts.get(name)?.isUp ?? null;
  for (const redis of core.redis.values()) {
    if (redis.conf.besideScript === name && redis.isUp === false) return false;
  }
  return script;
}

/** Its own and its group's, with weights where they count. */
function* trackings(router: Router): Generator<Tracking> {
  yield* router.conf.tracking;
  if (router.group !== null) yield* router.group.conf.tracking;
}

/** Why it must not take part, of itself; empty: it may. Sentences without an end. */
function ownFaults(core: Core, router: Router): string[] {
  const { conf } = router;
  const faults: string[] = [];
  if (conf.trackInterfaces) {
    const names = new Set([conf.interface]);
    for (const address of allAddresses(conf)) if (!address.untracked) names.add(address.interface);
    for (const name of names) {
      const state = core.interfaces.get(name);
      if (name === '' || state?.isUp === true) continue;
      faults.push(state === undefined ? `there is no interface ${name}` : `the link of ${name} is down`);
    }
  }
  if (core.sourceOf(router) === null) {
    faults.push(
      conf.sourceAddress === null
        ? `${conf.interface} has no ${conf.family === 'ipv4' ? 'IPv4' : 'link-local IPv6'} address to send from`
        : `the source address ${conf.sourceAddress} is gone`,
    );
  }
  for (const tracking of trackings(router)) {
    const fault = faultOf(core, tracking);
    if (fault !== null) faults.push(fault);
  }
  return faults;
}

function faultOf(core: Core, tracking: Tracking): string | null {
  const { kind, name, weight, reverse } = tracking;
  if (kind === 'file') {
    const value = core.files.get(name) ?? 0;
    const isFault = weight === 0 ? value !== 0 : value * weight <= FILE_FAULT;
    return isFault ? `file ${name} says ${value}` : null;
  }
  if (weight !== 0) return null;
  const isUp = verdictOf(core, tracking);
  if (isUp === null || isUp !== reverse) return null;
  return `${kind} ${name} is ${isUp ? 'up' : 'down'}`;
}

/** Why it must not take part: of itself, or because another member of its group must not. */
export function faultsOf(core: Core, router: Router): string[] {
  const faults = ownFaults(core, router);
  for (const mate of router.group?.members ?? []) {
    if (mate === router) continue;
    for (const fault of ownFaults(core, mate)) faults.push(`${mate.conf.name} of its group: ${fault}`);
  }
  return faults;
}

/** What may be a fault has not told its first result: it must not begin yet. */
export function isPending(core: Core, router: Router): boolean {
  for (const member of router.group?.members ?? [router]) {
    for (const tracking of trackings(member)) {
      // A file can be a fault whatever its weight.
      const isUnknown =
        tracking.kind === 'file'
          ? !core.files.has(tracking.name)
          : tracking.weight === 0 && verdictOf(core, tracking) === null;
      if (isUnknown) return true;
    }
  }
  return false;
}

/** Its priority with all weights added, within 1..254; an owner's stays. */
export function effectivePriority(core: Core, router: Router): number {
  if (isOwner(router)) return router.conf.priority;
  let priority = router.conf.priority;
  if (router.group === null || router.group.conf.tracksWeights) {
    for (const tracking of trackings(router)) priority += weightOf(core, tracking);
  }
  return Math.max(PRIORITY_MIN, Math.min(PRIORITY_MAX, priority));
}

function weightOf(core: Core, tracking: Tracking): number {
  const { kind, name, weight } = tracking;
  const sign = tracking.reverse ? -1 : 1;
  if (kind === 'file') {
    const product = (core.files.get(name) ?? 0) * weight;
    return sign * Math.max(-253, Math.min(253, product));
  }
  const isUp = verdictOf(core, tracking);
  // A bonus while it is up, a penalty while it is down; neither while nothing is known.
  return isUp === weight > 0 ? sign * weight : 0;
}
