// What the VRRP machine knows, as plain data for `baton vrrp status`, the API, the dumps and the simulator. It can be
// printed as JSON; there is no point in time in it, only ages. Text is byte strings.

import type { Core } from './core.ts';
import { isGuarded } from './guard.ts';
import { bothHoldMs } from './lifetime.ts';
import type { DropKind } from './receive.ts';
import { allAddresses, preempts, type Router, type Statistics } from './router.ts';
import { faultsOf } from './tracking.ts';
import type { RedisReport } from './trackers/redis.ts';
import type { State } from './transitions.ts';

export interface RouterSnapshot {
  readonly name: string;
  readonly interface: string;
  readonly family: string;
  readonly virtualRouterId: number;
  readonly version: 2 | 3;
  readonly state: State;
  /** How long it has been in it. */
  readonly stateAgeMs: number;
  readonly group: string | null;
  readonly basePriority: number;
  readonly effectivePriority: number;
  readonly preempt: boolean;
  readonly advertIntervalMs: number;
  /** The active router's, which a backup of version 3 adopts. */
  readonly activeIntervalMs: number;
  readonly sourceAddress: string | null;
  /** The active router as a backup hears it. */
  readonly peer: { readonly address: string; readonly priority: number } | null;
  /** Another that is active while we are. */
  readonly rival: string | null;
  readonly addresses: readonly string[];
  readonly isHolding: boolean;
  readonly addressLifetimeSeconds: number | null;
  /** For how long two may hold the addresses after a crash; null: until somebody removes one (see lifetime.ts). */
  readonly bothHoldMs: number | null;
  /**
   * Whether the nft guard keeps one of the two silent in that time. `off`: it is not asked for, or there is no such
   * time; `pending`: its rules are not known to stand yet; `failed`: see `guardProblem`.
   */
  readonly guard: 'off' | 'pending' | 'stands' | 'failed';
  /** Waits for notify_master before it takes the addresses. */
  readonly isPromoting: boolean;
  readonly isHookRunning: boolean;
  /** Why it is in fault, or would be. */
  readonly faults: readonly string[];
  readonly statistics: Readonly<Statistics>;
  readonly drops: Readonly<Record<DropKind, number>>;
}

export interface TrackerSnapshot {
  readonly kind: 'script' | 'process' | 'file' | 'redis';
  readonly name: string;
  /** null: nothing known yet. */
  readonly isUp: boolean | null;
  readonly detail: string;
  readonly redis: RedisReport | null;
}

export interface Snapshot {
  readonly routers: readonly RouterSnapshot[];
  readonly groups: readonly {
    readonly name: string;
    readonly state: State;
    readonly members: readonly string[];
  }[];
  readonly trackers: readonly TrackerSnapshot[];
  readonly unknownIds: number;
  /** Why the nft guard does not stand; null: it does, or it was not needed yet. */
  readonly guardProblem: string | null;
}

export function takeSnapshot(core: Core): Snapshot {
  return {
    routers: core.routers.map((router) => routerSnapshot(core, router)),
    groups: core.groups.map(({ conf, state, members }) => ({
      name: conf.name,
      state,
      members: members.map((member) => member.conf.name),
    })),
    trackers: [...trackerSnapshots(core)],
    unknownIds: core.unknownIds,
    guardProblem: core.guardProblem ?? null,
  };
}

function routerSnapshot(core: Core, router: Router): RouterSnapshot {
  const { conf } = router;
  const both = bothHoldMs(conf);
  return {
    name: conf.name,
    interface: conf.interface,
    family: conf.family,
    virtualRouterId: conf.virtualRouterId,
    version: conf.version,
    state: router.state,
    stateAgeMs: core.now - router.since,
    group: router.group?.conf.name ?? null,
    basePriority: conf.priority,
    effectivePriority: router.effectivePriority,
    preempt: preempts(router),
    advertIntervalMs: conf.advertIntervalMs,
    activeIntervalMs: router.activeIntervalMs,
    sourceAddress: core.sourceOf(router),
    peer: router.peer,
    rival: router.rival?.address ?? null,
    addresses: allAddresses(conf).map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    isHolding: router.held.length > 0,
    addressLifetimeSeconds: conf.addressLifetimeSeconds,
    bothHoldMs: both === Infinity ? null : both,
    guard: guardState(core, router),
    isPromoting: router.promotion !== null,
    isHookRunning: router.hooks.run !== null,
    faults: faultsOf(core, router),
    statistics: { ...router.statistics },
    drops: { ...router.drops },
  };
}

function guardState(core: Core, { conf }: Router): RouterSnapshot['guard'] {
  if (!isGuarded(conf)) return 'off';
  if (core.guardProblem === undefined) return 'pending';
  return core.guardProblem === null ? 'stands' : 'failed';
}

function* trackerSnapshots(core: Core): Generator<TrackerSnapshot> {
  for (const { conf, isUp, lastResult } of core.scripts.values()) {
    yield { kind: 'script', name: conf.name, isUp, detail: lastResult, redis: null };
  }
  for (const { conf, isUp } of core.processes.values()) {
    yield { kind: 'process', name: conf.name, isUp, detail: conf.process, redis: null };
  }
  for (const { name, path } of core.conf.files) {
    yield {
      kind: 'file',
      name,
      isUp: null,
      detail: `${path}: ${core.files.get(name) ?? 'no number'}`,
      redis: null,
    };
  }
  for (const { conf, isUp, state, report } of core.redis.values()) {
    yield {
      kind: 'redis',
      name: conf.name,
      isUp,
      detail: `${conf.host}:${conf.port} ${state}`,
      redis: report,
    };
  }
}
