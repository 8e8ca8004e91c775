// What `baton endpoint status` shows, as plain data. Secrets are not in it.

import type { Backend } from './backend.ts';
import { lagOf, whyNotFollowing } from './choose-replicas.ts';
import type { EndpointsConf, FrontendConf } from './endpoint-conf.ts';
import { isHostName, targetText, type Balance, type Target } from './route.ts';
import type { HistorySnapshot } from './server-history.ts';
import type { Switchover } from './switchover.ts';
import type { Health, Thresholds } from './verdict.ts';

export interface ServerSnapshot {
  readonly name: string;
  readonly target: Target;
  /** The same as text. */
  readonly address: string;
  readonly health: Health;
  readonly adminState: 'ready' | 'drain' | 'maint';
  /** That it has now: none while it is drained. */
  readonly weight: number;
  /** That it was given, and that its configuration says. */
  readonly weightSet: number;
  readonly weightInitially: number;
  readonly connectionsMax: number | null;
  /** The name that its address was found by; null: it is an address itself. */
  readonly hostName: string | null;
  readonly thresholds: Thresholds;
  readonly history: HistorySnapshot;
  readonly isBackup: boolean;
  /** `master`, `slave`; null: unknown, or no Redis. */
  readonly role: 'master' | 'slave' | null;
  readonly offset: number | null;
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
  /** Why it is not up, or what the last check said. */
  readonly reason: string;
  /** Clients are led to it. */
  readonly isServing: boolean;
}

export interface SentinelSnapshot {
  readonly address: string;
  readonly primary: string | null;
  readonly configEpoch: number | null;
  /** Since its last answer; null: none yet. */
  readonly ageMs: number | null;
  readonly problem: string | null;
}

export interface BackendSnapshot {
  readonly name: string;
  readonly balance: Balance;
  readonly role: 'primary' | 'replica' | 'any';
  readonly generation: number;
  /** Addresses that clients are led to. */
  readonly leadsTo: readonly string[];
  readonly because: string;
  /** Until the route lapses unless it is confirmed; null: it does not. */
  readonly expiresInMs: number | null;
  readonly alarm: string | null;
  /** The ordered switch that is under way, as a sentence; null: there is none. */
  readonly switching: string | null;
  /** Of a virtual server; null: it is none. */
  readonly hasQuorum: boolean | null;
  readonly servers: readonly ServerSnapshot[];
  readonly sentinels: readonly SentinelSnapshot[];
}

export interface FrontendSnapshot {
  readonly name: string;
  readonly backend: string;
  readonly mode: FrontendConf['mode'];
  readonly connectionsMax: number | null;
  /** The one that its clients come to; null: itself. */
  readonly branchOf: string | null;
}

export interface EndpointsSnapshot {
  readonly frontends: readonly FrontendSnapshot[];
  readonly backends: readonly BackendSnapshot[];
}

export function takeSnapshot(
  {
    conf,
    backends,
    switchovers,
  }: {
    readonly conf: EndpointsConf;
    readonly backends: readonly Backend[];
    readonly switchovers: readonly Switchover[];
  },
  now: number,
): EndpointsSnapshot {
  return {
    frontends: conf.frontends.map(({ name, backend, mode, connectionsMax, branchOf = null }) => ({
      name,
      backend,
      mode,
      connectionsMax,
      branchOf,
    })),
    backends: backends.map((backend) => ({
      ...backendSnapshot(backend, now),
      switching: switchovers.find(({ group }) => group === backend.group)?.describe() ?? null,
    })),
  };
}

const nameIn = (host: string): string | null => (isHostName(host) ? host : null);

const thresholdsOf = ({ rise, fall }: Thresholds): Thresholds => ({ rise, fall });

function backendSnapshot(backend: Backend, now: number): Omit<BackendSnapshot, 'switching'> {
  const { conf, group, servers, deadline } = backend;
  const isServing = (name: string): boolean => servers.some((one) => one.name === name);
  const watched = (group?.servers ?? []).map((server): ServerSnapshot => {
    const lag = group === null ? null : lagOf(server, group.offsets, now);
    const broken = server.info === null ? null : whyNotFollowing(server.info);
    return {
      name: server.name,
      target: server.target,
      address: targetText(server.target),
      health: server.verdict.health,
      adminState: server.adminState,
      weight: server.weight,
      weightSet: server.weight,
      weightInitially: server.conf.weight,
      connectionsMax: server.conf.connectionsMax,
      hostName: nameIn(server.conf.where.host),
      thresholds: thresholdsOf(server.conf.timing),
      history: server.history.snapshot(now),
      isBackup: server.conf.isBackup,
      role: server.info?.role ?? null,
      offset: server.info?.offset ?? null,
      lagBytes: lag?.bytes ?? null,
      lagMs: lag === null || lag.ms === Infinity ? null : lag.ms,
      reason: server.link.authProblem ?? (server.verdict.reason || (broken ?? '')),
      isServing: isServing(server.name),
    };
  });
  const checked = backend.allChecked.map((server): ServerSnapshot => ({
    name: server.name,
    target: server.target,
    address: targetText(server.target),
    health: server.health,
    adminState: server.adminState,
    weight: server.effectiveWeight,
    weightSet: server.weight,
    weightInitially: server.conf.weight,
    connectionsMax: server.connectionsMax,
    hostName: nameIn(server.conf.host),
    thresholds: thresholdsOf(server.conf.checks[0]?.timing ?? conf.timing),
    history: server.history.snapshot(now),
    isBackup: server.conf.isBackup,
    role: null,
    offset: null,
    lagBytes: null,
    lagMs: null,
    reason: server.reason,
    isServing: isServing(server.name),
  }));
  return {
    name: conf.name,
    role: conf.role.kind,
    balance: conf.balance,
    generation: backend.generation,
    leadsTo: servers.map(targetText),
    because: backend.because,
    expiresInMs: servers.length === 0 || deadline === Infinity ? null : Math.max(0, deadline - now),
    alarm: group?.primary.alarm?.text ?? null,
    hasQuorum: backend.quorum?.isUp ?? null,
    servers: [...watched, ...checked],
    sentinels: (group?.source?.sentinels ?? []).map(({ where, answer, problem }) => ({
      address: targetText(where),
      primary: answer === null ? null : targetText(answer.primary),
      configEpoch: answer?.configEpoch ?? null,
      ageMs: answer === null ? null : now - answer.askedAt,
      problem,
    })),
  };
}
