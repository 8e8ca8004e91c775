// One virtual router's state: plain data that the other files of this room read and change.

import type { HookQueue } from './hook-queue.ts';
import type { ToldState } from './notices.ts';
import { DROP_KINDS, type DropKind } from './receive.ts';
import {
  PRIORITY_OWNER,
  type ChecksumKind,
  type GroupConf,
  type RouterConf,
  type VirtualAddress,
} from './router-conf.ts';
import { activeDownMs } from './timing.ts';
import type { State } from './transitions.ts';

/** Counts since the start, under the names of keepalived's statistics where it has them (vrrp.md §1.12). */
export interface Statistics {
  advertsReceived: number;
  advertsSent: number;
  becameActive: number;
  releasedActive: number;
  releasesReceived: number;
  releasesSent: number;
  addressListsDiffered: number;
  rivalsHeard: number;
  stalls: number;
}

/** The wait for notify_master before the address is taken. */
export interface Promotion {
  isDone: boolean;
  readonly timeoutAt: number;
}

/** When to announce the addresses again; Infinity: not. */
export interface Announcer {
  /** Rounds of the batch under way still to come, and when the next is. */
  roundsLeft: number;
  roundAt: number;
  /** The second batch after becoming active. */
  againAt: number;
  /** The second batch after a rival. */
  rivalAgainAt: number;
  refreshAt: number;
}

export interface Router {
  conf: RouterConf;
  /** What identifies it over a reload (vrrp.md §1.12). */
  readonly key: string;
  group: Group | null;
  state: State;
  /** When that state was entered. */
  since: number;
  effectivePriority: number;
  readonly hooks: HookQueue;

  /** Backup: when to stop waiting for the active router. */
  downAt: number;
  /** Backup: stopped waiting; takes over as soon as its group and its promotion let it. */
  wantsActive: boolean;
  promotion: Promotion | null;
  /** Backup: until when a lower active router is tolerated; null: none was heard yet. */
  preemptAt: number | null;
  /** Backup: was woken late once and listened a little longer. */
  hasListenedLonger: boolean;
  /** The router that is active, as heard. */
  peer: { readonly address: string; readonly priority: number } | null;
  /** The active router's interval (version 3), else our own. */
  activeIntervalMs: number;

  /** Active: the last advert that went out, and when the next is due. */
  lastAdvertAt: number;
  advertAt: number;
  /** Active: another that is, too, and when it was last heard. */
  rival: { readonly address: string; readonly heardAt: number } | null;
  readonly announcer: Announcer;
  /** The addresses it put on the interfaces. */
  held: readonly VirtualAddress[];
  refreshedAt: number;
  /** The guard has been told of its addresses. */
  isGuarded: boolean;
  /** Removals we asked for that the kernel has yet to tell, by address key. */
  readonly removalsToCome: Map<string, number>;

  checksum: ChecksumKind;
  readonly drops: Record<DropKind, number>;
  /** What was logged already; forgotten when the active router changes. */
  readonly logged: Set<string>;
  readonly statistics: Statistics;
  /** What the last mail said. */
  mailedState: ToldState | null;
  /** When to look at it next. */
  dueAt: number;
}

/** Virtual routers that change state together. */
export interface Group {
  conf: GroupConf;
  members: Router[];
  /** Told last. */
  state: State;
  readonly hooks: HookQueue;
  /** What the last mail said. */
  mailedState: ToldState | null;
}

/** Instances are matched by VRID, family, interface and unicast source on a reload (vrrp.md §1.12). */
export function routerKey(conf: RouterConf): string {
  const source = conf.unicast === null ? 'multicast' : (conf.sourceAddress ?? 'unicast');
  return `${conf.family} ${conf.interface} ${source} ${conf.virtualRouterId}`;
}

export function createRouter(conf: RouterConf, hooks: HookQueue, now: number): Router {
  return {
    conf,
    key: routerKey(conf),
    group: null,
    state: 'initialize',
    since: now,
    effectivePriority: conf.priority,
    hooks,
    downAt: Infinity,
    wantsActive: false,
    promotion: null,
    preemptAt: null,
    hasListenedLonger: false,
    peer: null,
    activeIntervalMs: conf.advertIntervalMs,
    lastAdvertAt: -Infinity,
    advertAt: Infinity,
    rival: null,
    announcer: quietAnnouncer(),
    held: [],
    refreshedAt: -Infinity,
    isGuarded: false,
    removalsToCome: new Map(),
    checksum: conf.checksum,
    drops: noDrops(),
    logged: new Set(),
    statistics: {
      advertsReceived: 0,
      advertsSent: 0,
      becameActive: 0,
      releasedActive: 0,
      releasesReceived: 0,
      releasesSent: 0,
      addressListsDiffered: 0,
      rivalsHeard: 0,
      stalls: 0,
    },
    mailedState: null,
    dueAt: Infinity,
  };
}

export function quietAnnouncer(): Announcer {
  return { roundsLeft: 0, roundAt: Infinity, againAt: Infinity, rivalAgainAt: Infinity, refreshAt: Infinity };
}

export function noDrops(): Record<DropKind, number> {
  return Object.fromEntries(DROP_KINDS.map((kind) => [kind, 0])) as Record<DropKind, number>;
}

export function isOwner(router: Router): boolean {
  return router.conf.priority === PRIORITY_OWNER;
}

/** Takes over from a living router of lower priority; an owner always does (vrrp.md §1.9). */
export function preempts(router: Router): boolean {
  return router.conf.preempt || isOwner(router);
}

/** How long it waits for the active router's next advert. */
export function downMs(router: Router): number {
  return activeDownMs(router.conf, router.effectivePriority, router.activeIntervalMs);
}

/** Itself and those it changes state with. */
export function teamOf(router: Router): readonly Router[] {
  return router.group?.members ?? [router];
}

/** All addresses it moves, advertised or not. */
export function allAddresses(conf: RouterConf): readonly VirtualAddress[] {
  return [...conf.addresses, ...conf.excludedAddresses];
}

/** One address on one interface at one prefix length. */
export function addressKey(address: {
  readonly interface: string;
  readonly address: string;
  readonly prefixLength: number;
}): string {
  return `${address.address}/${address.prefixLength} ${address.interface}`;
}
