// One primary and its replicas as the machine watches them, for all backends that lead to them: the sentinels that are
// asked, the servers with their standing connections, and who of them is the primary now.

import { chooseByClaims, chooseBySentinels, claims, type PrimaryChoice } from './choose-primary.ts';
import { OffsetHistory } from './choose-replicas.ts';
import { namingOf, type Core, type Naming } from './core.ts';
import type { BackendConf, HostPort, TlsClientConf } from './endpoint-conf.ts';
import type { AdminState, ConnectionId } from './io.ts';
import { describeServer, RedisServer } from './redis-server.ts';
import { isSameTarget, targetText, type Target } from './route.ts';
import { SentinelSource } from './sentinel-source.ts';
import type { StandingLink } from './standing-link.ts';

/** What a found server is taken for; the primary's replicas can be named by any sentinel. */
const WEIGHT_DEFAULT = 1;
/** A server nobody names any more is watched for so long, so that a moment without answers forgets nobody. */
const FORGET_MS = 60_000;
/** Between two questions to each server while nobody is the primary. */
const WAITING_INTERVAL_MS = 50;

/** Backends whose groups are the same in these share one. */
export function groupKey(conf: BackendConf): string {
  const { source, servers, credentials, tls, sendsProxyProtocol, timing, role } = conf;
  const asked = role.kind === 'primary' ? [role.preferred, role.wantsReplica === true] : [null, false];
  return JSON.stringify([source, servers, credentials, tls, sendsProxyProtocol ?? null, timing, asked]);
}

export interface GroupOptions {
  readonly leaseMs: number;
  readonly refreshMs: number;
  /** What it replaces after a reload; null: nothing was known. */
  readonly after: Group | null;
}

/** A primary as it was last led to. */
interface Reign {
  /** A process that is started begins a history of its own. */
  readonly history: string;
  /** The connection over which it said so. */
  readonly over: ConnectionId | null;
}

export class Group {
  readonly conf: BackendConf;
  readonly source: SentinelSource | null;
  readonly offsets = new OffsetHistory();
  /** In the configuration's order, or that of their discovery. */
  servers: RedisServer[] = [];
  primary: PrimaryChoice;
  /** While an ordered switch is under way two may claim to be the primary. */
  isSwitching = false;
  /** The one that was last led to. */
  #current: RedisServer | null = null;
  /** Before a reload this one was the primary, and it stays in use while it claims to be. */
  #inUse: Target | null = null;
  /** Of the current one; null: it has said since that it is no primary. */
  #reign: Reign | null = null;
  readonly #core: Core;
  readonly #leaseMs: number;
  readonly #refreshMs: number;
  /** Of servers that are not watched yet, from before a reload. */
  readonly #orders = new Map<string, AdminState>();
  readonly #namedAt = new Map<RedisServer, number>();
  #toldAlarm: NonNullable<PrimaryChoice['alarm']>['name'] | null = null;
  #isTouched = true;
  #isWaiting = false;
  readonly #startedAt: number;
  /** When people are told that a start has found no primary; Infinity: they were, or it has. */
  #tellNobodyAt: number;

  constructor(core: Core, conf: BackendConf, options: GroupOptions) {
    this.#core = core;
    this.#startedAt = core.now;
    this.conf = conf;
    this.#leaseMs = options.leaseMs;
    this.#refreshMs = options.refreshMs;
    this.#tellNobodyAt = options.after === null ? core.now + options.leaseMs : Infinity;
    this.primary = { server: null, since: -Infinity, because: 'nothing is known yet', alarm: null };
    const timing = { intervalMs: options.refreshMs, timeoutMs: options.leaseMs, leaseMs: options.leaseMs };
    this.source =
      conf.source.kind === 'sentinels'
        ? new SentinelSource(core, conf.source, timing, () => this.#touch())
        : null;
    for (const server of conf.servers) {
      const { linkTls = server.tls, sendsProxyProtocol } = server;
      this.#watch(server.name, server, { ...server, tls: linkTls, sendsProxyProtocol });
    }
    if (options.after !== null) this.#goOnAfter(options.after);
  }

  get name(): string {
    return this.conf.source.kind === 'sentinels' ? this.conf.source.group : this.conf.name;
  }

  dueAt(): number {
    if (this.#isTouched) return this.#core.now;
    const links = this.#links().map((link) => link.dueAt());
    return Math.min(this.#tellNobodyAt, ...links, this.source?.staleAt() ?? Infinity);
  }

  attend(): void {
    for (const link of this.#links()) link.attend();
    const isStale = (this.source?.staleAt() ?? Infinity) <= this.#core.now;
    if (!this.#isTouched && !isStale && this.#core.now < this.#tellNobodyAt) return;
    this.#isTouched = false;
    this.#discover();
    this.#choose();
  }

  /** A path saw `target` refuse as no primary does: looks at it, and asks the sentinels, at once. */
  doubt(target: Target): void {
    this.source?.hurry();
    for (const server of this.servers) if (isSameTarget(server.target, target)) server.link.hurry();
  }

  serverAt(where: HostPort): RedisServer | null {
    return (
      this.servers.find((server) => isSameTarget(server.conf.where, where)) ??
      this.servers.find((server) => isSameTarget(server.target, where)) ??
      null
    );
  }

  /** Until when the primary's right stands that was last confirmed. */
  primaryUntil(): number {
    return this.primary.since + this.#leaseMs;
  }

  serverChanged(server: RedisServer): void {
    const { info } = server;
    // Also while it is not led to: of what happened meanwhile replicas' ages are told.
    if (info?.role === 'master' && server === this.#current) {
      this.offsets.add(info.history, server.askedAt, info.offset);
    }
    if (info?.role === 'slave' && server === this.#current) this.#reign = null;
    this.#touch();
  }

  serverSays(sentence: string, isUp: boolean): void {
    this.#core.tell(isUp ? 'info' : 'alarm', 'server', this.name, sentence);
  }

  /** After an ordered switch `server` is the one in use. */
  prefer(server: RedisServer): void {
    this.#current = server;
    this.#touch();
  }

  /** Maintenance and drain stand through a reload, also of servers that have yet to be found; weights do not. */
  inheritOrders(before: Group): void {
    for (const { name, adminState } of before.servers) {
      const wasDisabled = before.conf.servers.some((one) => one.name === name && one.isDisabled);
      if (adminState !== 'ready' && !wasDisabled) this.#orders.set(name, adminState);
    }
    for (const server of this.servers) this.#obey(server);
  }

  /** An operator's order counts at once. */
  changed(): void {
    this.#touch();
  }

  close(): void {
    this.#endAlarm('is not watched any more');
    this.source?.close();
    for (const server of this.servers) server.close();
  }

  /** What was known before a reload is not less true after it: who is in use, what was believed, what was told. */
  #goOnAfter(before: Group): void {
    const [was, is] = [before.conf.source, this.conf.source];
    if (was.kind === 'sentinels' && is.kind === 'sentinels' && was.group !== is.group) return;
    const { server } = before.primary;
    this.#inUse = server?.target ?? null;
    this.#reign = before.#reign;
    if (before.source !== null) this.source?.goOnAfter(before.source);
    // Without a majority nobody would name it.
    if (this.source !== null && server !== null) this.#watchNamed(server.conf.where);
    if (was.kind !== is.kind || before.name !== this.name) return;
    this.#toldAlarm = before.#toldAlarm;
    before.#toldAlarm = null;
  }

  #links(): StandingLink[] {
    return [...(this.source?.links ?? []), ...this.servers.map(({ link }) => link)];
  }

  #touch(): void {
    this.#isTouched = true;
  }

  /** What was ordered of it before a reload. */
  #obey(server: RedisServer): void {
    server.adminState = this.#orders.get(server.name) ?? server.adminState;
    this.#orders.delete(server.name);
  }

  #watch(
    name: string,
    where: HostPort,
    given: {
      readonly weight: number;
      readonly isBackup: boolean;
      readonly connectionsMax: number | null;
      readonly isDisabled: boolean;
      readonly tls: TlsClientConf | null;
      readonly sendsProxyProtocol: 1 | 2 | null;
    } & Naming,
  ): RedisServer {
    const { credentials, timing, role } = this.conf;
    // What the route stands on is confirmed as often as the route is.
    const intervalMs =
      this.source === null ? timing.intervalMs : Math.min(timing.intervalMs, this.#refreshMs);
    const { host, port } = where;
    const server = new RedisServer(
      this.#core,
      {
        name,
        where: { host, port },
        naming: namingOf(given),
        weight: given.weight,
        isBackup: given.isBackup,
        connectionsMax: given.connectionsMax,
        credentials,
        tls: given.tls,
        proxyVersion: given.sendsProxyProtocol,
        timing: { ...timing, intervalMs },
        wantsReplica: role.kind === 'primary' && role.wantsReplica === true,
      },
      this,
    );
    if (given.isDisabled) server.adminState = 'maint';
    this.#obey(server);
    this.servers.push(server);
    return server;
  }

  /** With sentinels: watches whom they name, and forgets whom they don't. */
  #discover(): void {
    const { source } = this;
    if (source === null) return;
    const opinion = source.opinion();
    const named = [...(opinion.kind === 'primary' ? [opinion.where] : []), ...source.replicas()];
    for (const where of named) this.#watchNamed(where);
    this.servers = this.servers.filter((server) => {
      const namedAt = this.#namedAt.get(server) ?? this.#core.now;
      if (server === this.#current || this.#core.now - namedAt < FORGET_MS) return true;
      server.close();
      this.#namedAt.delete(server);
      return false;
    });
  }

  #watchNamed(where: HostPort): void {
    const server =
      this.serverAt(where) ??
      this.#watch(targetText(where), where, {
        weight: WEIGHT_DEFAULT,
        isBackup: false,
        connectionsMax: null,
        isDisabled: false,
        tls: this.conf.tls,
        sendsProxyProtocol: this.conf.sendsProxyProtocol ?? null,
      });
    this.#namedAt.set(server, this.#core.now);
  }

  /** The one that was led to last is not the process that it was, or was something else meanwhile. */
  #beganAnew(current: RedisServer): boolean {
    const history = current.info?.history;
    return this.#reign?.history !== history && (this.#reign?.over ?? null) !== current.askedOver;
  }

  #choose(): void {
    const { source, conf } = this;
    if (this.#inUse !== null) {
      this.#current = this.serverAt(this.#inUse);
      if (this.#current !== null) this.#inUse = null;
    }
    const choice =
      source === null
        ? chooseByClaims(
            // While one is promoted in the other's place both may say so, and that is in order.
            this.isSwitching && this.#current !== null ? [this.#current] : this.servers,
            this.#current,
            conf.role.kind === 'primary' ? conf.role.preferred : null,
          )
        : chooseBySentinels(
            { opinion: source.opinion(), named: source.sentinels.length, group: source.conf.group },
            this.#current === null || source.isAsking
              ? null
              : { server: this.#current, beganAnew: this.#beganAnew(this.#current) },
            (where) => this.serverAt(where),
          );
    if (choice.server?.info?.role === 'master')
      this.#reign = { history: choice.server.info.history, over: choice.server.askedOver };
    if (choice.server !== null && choice.server !== this.#current) {
      this.#current = choice.server;
      const { info } = choice.server;
      if (info !== null && claims(choice.server))
        this.offsets.add(info.history, choice.server.askedAt, info.offset);
    }
    if (choice.server !== this.primary.server) {
      this.#core.decide(this.name, choice.because);
      const from = this.primary.server === null ? 'nobody' : describeServer(this.primary.server);
      const to = choice.server === null ? 'nobody' : describeServer(choice.server);
      this.#core.tell(
        choice.server === null ? 'alarm' : 'info',
        'route',
        this.name,
        `primary: ${from} -> ${to}`,
      );
    }
    this.#tellAlarm(choice);
    this.#tellNobody(choice);
    this.primary = choice;
    this.#setPace(choice.server === null);
  }

  /** A start that finds no primary changes no route, and would say nothing but that it waits. */
  #tellNobody({ server, alarm, because }: PrimaryChoice): void {
    if (server === null && this.#core.now < this.#tellNobodyAt) return;
    if (server === null && alarm === null && this.#tellNobodyAt < Infinity) {
      this.#core.decide(this.name, because);
      this.#core.tell('alarm', 'route', this.name, `primary: nobody since the start: ${because}`);
    }
    this.#tellNobodyAt = Infinity;
  }

  /** While clients wait for a primary, servers are asked often who they are. */
  #setPace(isWaiting: boolean): void {
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    for (const { link } of this.servers) {
      link.setPace(
        isWaiting ? Math.min(WAITING_INTERVAL_MS, link.conf.timing.intervalMs) : link.conf.timing.intervalMs,
      );
      if (isWaiting) link.hurry();
    }
  }

  /** Once when it begins, once when it is over. */
  #tellAlarm({ alarm }: PrimaryChoice): void {
    const kind = alarm?.name ?? null;
    if (this.isSwitching || kind === this.#toldAlarm) return;
    // Before everybody could have been heard there is nothing to be alarmed about, and nothing is known to be over.
    const isEarly = this.#core.now - this.#startedAt < this.#leaseMs;
    if (isEarly && (kind !== 'two-primaries' || this.#current === null)) return;
    this.#endAlarm(
      this.#toldAlarm === 'sentinels' ? 'a majority of the sentinels answers again' : 'one primary again',
    );
    if (alarm === null) return;
    this.#core.tell('alarm', alarm.name, this.name, alarm.text);
    this.#toldAlarm = alarm.name;
  }

  #endAlarm(why: string): void {
    if (this.#toldAlarm !== null) this.#core.tell('info', this.#toldAlarm, this.name, why);
    this.#toldAlarm = null;
  }
}
