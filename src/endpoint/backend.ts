// One backend: turns what is known of its servers into routes for the frontends that lead to it, and renews them while the
// knowledge stands.

import { CheckedServer, type Follow } from './checked-server.ts';
import { capShares, chooseReplicas } from './choose-replicas.ts';
import type { Core } from './core.ts';
import type { BackendConf } from './endpoint-conf.ts';
import type { Group } from './group.ts';
import type { HookLines } from './hook-lines.ts';
import { Quorum } from './quorum.ts';
import type { RedisServer } from './redis-server.ts';
import { isSameTarget, targetText, type RouteServer, type Target } from './route.ts';

/** HAProxy's, too, is between 10 and 20. */
const FINER = 20;

interface Choice {
  readonly servers: readonly RouteServer[];
  /** Whose clients stay though no new ones come. */
  readonly keeps?: readonly Target[];
  /** Well, but only for clients that are named or stay. */
  readonly standby?: readonly RouteServer[];
  /** How many could serve, where not all of them do; absent: they all do. */
  readonly able?: number;
  readonly until: number;
  readonly because: string;
}

export class Backend {
  readonly conf: BackendConf;
  readonly group: Group | null;
  /** Of a backend whose role is `any`. */
  readonly checked: readonly CheckedServer[];
  /** Of a virtual server. */
  readonly quorum: Quorum | null;
  /** Of a virtual server that has one. */
  readonly sorry: CheckedServer | null;
  /** Names of the frontends that lead here. */
  readonly frontends: readonly string[];
  generation = 0;
  servers: readonly RouteServer[] = [];
  /** How many could serve: one has all clients, if they stay with one. */
  able = 0;
  because = 'nothing is known yet';
  /** Of the route that was last told. */
  deadline = -Infinity;
  #keeps: readonly Target[] = [];
  #standby: readonly RouteServer[] = [];
  /** With `staysWithOne`: the name of the one. */
  #stayedWith: string | null = null;
  /** Servers that were told of. */
  #known: readonly Target[] = [];
  readonly #core: Core;
  readonly #leaseMs: number;
  readonly #refreshMs: number;
  #isTold = false;
  #decided = '';
  #lookedAt = -Infinity;
  /** Where it led before a reload, which stands until enough is known again. */
  #inherited: Pick<Choice, 'servers' | 'until' | 'keeps' | 'able'> | null = null;

  constructor(
    core: Core,
    conf: BackendConf,
    options: {
      readonly group: Group | null;
      readonly frontends: readonly string[];
      /** Of all backends: what they began goes on after a reload that takes them away. */
      readonly hooks: HookLines;
      /** How servers fare that others are to be as well as. */
      readonly follow: Follow;
      readonly leaseMs: number;
      readonly refreshMs: number;
      /** What it replaces after a reload: generations go on. */
      readonly after?: Backend;
    },
  ) {
    this.#core = core;
    this.conf = conf;
    this.group = options.group;
    this.frontends = options.frontends;
    this.#leaseMs = options.leaseMs;
    this.#refreshMs = options.refreshMs;
    const { after } = options;
    if (after !== undefined) {
      this.generation = after.generation;
      this.servers = after.servers;
      this.deadline = after.deadline;
      this.#keeps = after.#keeps;
      this.#standby = after.#standby;
      this.#stayedWith = after.#stayedWith;
      // A reload confirms nothing: a primary's right ends when it would have ended.
      const until = conf.role.kind === 'primary' ? after.deadline : core.now + options.leaseMs;
      this.able = after.able;
      this.#inherited = { servers: after.servers, until, keeps: after.#keeps, able: after.able };
      this.#isTold = after.#isTold;
    }
    const { follow } = options;
    const checked = options.group === null ? conf.servers : [];
    this.checked = checked.map((server) => {
      const before = after?.checked.find(({ name }) => name === server.name) ?? null;
      return new CheckedServer(core, server, this, { before, follow });
    });
    const { virtual } = conf;
    this.quorum =
      virtual === undefined
        ? null
        : new Quorum(core, conf.name, virtual, options.hooks, after?.quorum?.isUp ?? null);
    const sorry = virtual?.sorry ?? null;
    this.sorry = sorry === null ? null : new CheckedServer(core, sorry, this);
  }

  dueAt(): number {
    const servers = this.allChecked.map((server) => server.dueAt());
    // What leads nowhere can wait for news.
    const route = this.servers.length === 0 ? Infinity : Math.min(this.deadline, this.#renewAt());
    return Math.min(route, ...servers);
  }

  attend(): void {
    for (const server of this.allChecked) server.attend();
    this.quorum?.judge(this.checked);
    this.#tellServers();
    const { now } = this.#core;
    this.#lookedAt = now;
    const choice = this.#inherit(this.#choose());
    const isLapsed = choice.until <= now && choice.servers.length > 0;
    const servers = isLapsed ? [] : choice.servers;
    const because = isLapsed ? `not confirmed any more: ${choice.because}` : choice.because;
    const keeps = choice.keeps ?? [];
    const standby = isLapsed ? [] : (choice.standby ?? []);
    const isSameStandby = isSame(standby, this.#standby);
    const isChange =
      !isSame(servers, this.servers) || !isSameTargets(keeps, this.#keeps) || !isSameStandby || !this.#isTold;
    this.#keeps = keeps;
    this.#standby = standby;
    this.able = isLapsed ? 0 : (choice.able ?? servers.length);
    this.because = because;
    if (isChange) {
      this.generation += 1;
      this.servers = servers;
      const leadsTo = servers.map(targetText).join(', ');
      this.#decide(`leads ${leadsTo === '' ? 'nowhere' : `to ${leadsTo}`}: ${because}`);
      this.#tell(choice.until);
    } else if (servers.length > 0 && this.#isWorthTelling(choice.until)) {
      this.#tell(choice.until);
    }
  }

  /** A weight that grows step by step is no news each time. */
  #decide(sentence: string): void {
    const isGrowing = this.checked.some(({ slowStartPart }) => slowStartPart < 1);
    if (isGrowing && sentence === this.#decided) return;
    this.#decided = sentence;
    this.#core.decide(this.conf.name, sentence);
  }

  /** A renewal that gains little waits for a better one, unless the route would end before that comes. */
  #isWorthTelling(until: number): boolean {
    const gained = until - this.deadline;
    return gained >= this.#refreshMs / 2 || (gained > 0 && this.deadline - this.#core.now <= this.#refreshMs);
  }

  /** Also the one that says sorry. */
  get allChecked(): readonly CheckedServer[] {
    return this.sorry === null ? this.checked : [...this.checked, this.sorry];
  }

  /** null: there is none of this name. */
  serverNamed(name: string): RedisServer | CheckedServer | null {
    return [...(this.group?.servers ?? []), ...this.allChecked].find((one) => one.name === name) ?? null;
  }

  /** The server that clients of a primary backend are led to. */
  get leadsTo(): RedisServer | null {
    const [only] = this.servers;
    return only === undefined ? null : (this.group?.serverAt(only) ?? null);
  }

  serverChanged(server: CheckedServer, sentence: string | null): void {
    if (sentence === null) return;
    this.#core.tell(server.health === 'up' ? 'info' : 'alarm', 'server', this.conf.name, sentence);
  }

  lifeChanged(server: CheckedServer): void {
    const { real } = server.conf;
    if (real !== undefined) this.quorum?.serverChanged(real, server.isAlive, server.reason);
  }

  closeChecks(): void {
    for (const server of this.allChecked) server.close();
  }

  close(): void {
    this.closeChecks();
    this.quorum?.stop(this.checked);
    if (this.servers.length === 0) return;
    this.servers = [];
    this.#keeps = [];
    this.#standby = [];
    this.generation += 1;
    this.because = 'the daemon is stopping';
    this.#tell(Infinity);
  }

  /** Where the knowledge is renewed by time alone (replicas, checked servers), the route is, too. */
  #renewAt(): number {
    return this.conf.role.kind === 'primary' ? Infinity : this.#lookedAt + this.#refreshMs;
  }

  #inherit(choice: Choice): Choice {
    if (this.#inherited === null) return choice;
    // One primary is all there is to know; of several servers each has to be looked at first, or the clients of those that
    // are looked at last would be cut off.
    const isEnough = this.#knows() || (this.conf.role.kind !== 'any' && choice.servers.length > 0);
    if (isEnough || this.#inherited.until <= this.#core.now) {
      this.#inherited = null;
      return choice;
    }
    const { until, keeps = [], servers, able = servers.length } = this.#inherited;
    const isGone = (one: RouteServer): boolean =>
      this.conf.role.kind === 'any' && !this.allChecked.some(({ name }) => name === one.name);
    const because = 'it led there before the configuration was read anew';
    return { servers: servers.filter((one) => !isGone(one)), until, keeps, able, because };
  }

  /** Whether every server was looked at since the start, and every sentinel asked. */
  #knows(): boolean {
    if (this.group?.source?.isAsking === true) return false;
    const watched = (this.group?.servers ?? []).map(({ verdict }) => verdict.health);
    // Nobody looks at what is in maintenance.
    const looked = this.checked.filter(({ adminState }) => adminState !== 'maint');
    const healths = [...watched, ...looked.map(({ health }) => health)];
    return healths.length > 0 && !healths.includes('unknown');
  }

  #choose(): Choice {
    const { role } = this.conf;
    const { group } = this;
    if (role.kind === 'any' || group === null) return this.#chooseChecked();
    const { primary } = group;
    if (role.kind === 'primary') {
      const servers = primary.server === null ? [] : [routeServer(primary.server)];
      return { servers, until: group.primaryUntil(), because: primary.because };
    }
    const choice = chooseReplicas(
      group.servers,
      role,
      { server: primary.server, offsets: group.offsets },
      this.#core.now,
    );
    const isPrimary = choice.servers.length === 1 && choice.servers[0] === primary.server;
    const weights = capShares(
      choice.servers.map(({ weight }) => weight),
      role.shareMax,
    );
    const able = choice.servers.map((server, index) => ({
      ...routeServer(server),
      weight: weights[index] ?? 1,
    }));
    const servers = this.conf.staysWithOne === true ? this.#stayWithOne(able, able) : able;
    const until = isPrimary ? group.primaryUntil() : this.#core.now + this.#leaseMs;
    return { servers, able: able.length, until, because: choice.because };
  }

  #chooseChecked(): Choice {
    const until = this.#core.now + this.#leaseMs;
    if (this.sorry !== null && this.quorum?.isSorry === true) {
      const { sorry } = this;
      const servers = sorry.isUsable ? [checkedRouteServer(sorry)] : [];
      const because = `${sorry.name}, which says sorry: the quorum is not reached${this.#others([])}`;
      return { servers, until, because, keeps: this.#kept([sorry]) };
    }
    const usable = this.checked.filter(({ isUsable }) => isUsable);
    const first = usable.filter(({ conf }) => !conf.isBackup);
    const backups = usable.filter(({ conf }) => conf.isBackup);
    const serving = first.length > 0 ? first : this.conf.usesAllBackups ? backups : backups.slice(0, 1);
    const chosen = this.conf.staysWithOne === true ? this.#stayWithOne(serving, usable) : serving;
    const but = this.#others(chosen);
    const because =
      chosen.length === 0
        ? `no server is up${but}`
        : `${chosen.length} of ${this.checked.length} servers serve${but}`;
    const isSteered = this.conf.serverRules !== undefined || this.conf.persistTable !== undefined;
    const others = this.checked.filter(
      (server) => !chosen.includes(server) && server.health === 'up' && server.adminState !== 'maint',
    );
    return {
      servers: rampedRouteServers(chosen),
      able: serving.length,
      ...(isSteered ? { standby: others.map(checkedRouteServer) } : {}),
      until,
      because,
      keeps: this.#kept(chosen),
    };
  }

  /** The one of `able` that had all clients last, while it is among them; else the first of those who would serve. */
  #stayWithOne<Each extends { readonly name: string }>(
    serving: readonly Each[],
    able: readonly Each[],
  ): readonly Each[] {
    const one = able.find(({ name }) => name === this.#stayedWith) ?? serving[0];
    if (one === undefined) return [];
    const last = this.#stayedWith === null ? null : this.serverNamed(this.#stayedWith);
    const health = last instanceof CheckedServer ? last.health : last?.verdict.health;
    // After a reload it may have yet to be looked at.
    if (health !== 'unknown') this.#stayedWith = one.name;
    return [one];
  }

  /** Who is down and why, for the end of a sentence. */
  #others(chosen: readonly CheckedServer[]): string {
    const others = this.checked
      .filter((server) => !chosen.includes(server) && server.health !== 'up')
      .map((server) => `${server.name}: ${server.reason}`);
    return others.length === 0 ? '' : ` (not ${others.join('; not ')})`;
  }

  #tellServers(): void {
    const servers = (this.group?.servers ?? this.allChecked).map(({ target }) => target);
    if (isSameTargets(servers, this.#known)) return;
    this.#known = servers;
    this.#core.emit({ kind: 'servers-known', endpoints: this.frontends, servers });
  }

  /** Who gets no new clients, and leaves those that it has in peace: the drained ones, and whoever is said to. */
  #kept(chosen: readonly CheckedServer[]): Target[] {
    if (!this.conf.endsOthers) return [];
    return this.allChecked
      .filter((server) => server.ip !== null && !chosen.includes(server))
      .filter((server) =>
        this.quorum === null
          ? keepsSessions(server, chosen)
          : server.conf.real?.keepsClients === true || isDrained(server),
      )
      .map(({ target }) => target);
  }

  #tell(until: number): void {
    this.#isTold = true;
    this.deadline = until;
    for (const endpoint of this.frontends) {
      this.#core.emit({
        kind: 'route',
        route: {
          endpoint,
          generation: this.generation,
          servers: this.servers,
          balance: this.conf.balance,
          deadline: this.servers.length === 0 ? Infinity : until,
          endsOthers: this.conf.endsOthers || this.conf.role.kind !== 'any',
          ...(this.#keeps.length === 0 ? {} : { keeps: this.#keeps }),
          ...(this.#standby.length === 0 ? {} : { standby: this.#standby }),
          because: this.because,
        },
      });
    }
  }
}

const routeServer = (server: RedisServer): RouteServer => ({
  name: server.name,
  ...server.target,
  weight: Math.max(1, server.weight),
  connectionsMax: server.conf.connectionsMax,
});

const checkedRouteServer = (server: CheckedServer): RouteServer => ({
  name: server.name,
  ...server.target,
  weight: server.conf.real?.hasEqualShare === true ? 1 : Math.max(1, server.effectiveWeight),
  connectionsMax: server.connectionsMax,
  ...(server.conf.connectionsAgain === undefined ? {} : { connectionsAgain: server.conf.connectionsAgain }),
});

/** While one of them has just come back, weights are finer, so that its part can be small. */
function rampedRouteServers(servers: readonly CheckedServer[]): readonly RouteServer[] {
  const isRamping = servers.some(({ slowStartPart }) => slowStartPart < 1);
  return servers.map((server) => {
    const plain = checkedRouteServer(server);
    if (!isRamping) return plain;
    return { ...plain, weight: Math.max(1, Math.round(plain.weight * FINER * server.slowStartPart)) };
  });
}

/** Well, but no new clients for it. */
const isDrained = (server: CheckedServer): boolean =>
  server.health === 'up' && server.effectiveWeight === 0 && server.adminState !== 'maint';

/** HAProxy's rules: a server that is down or in maintenance, and a backup that is not needed any more. */
function keepsSessions(server: CheckedServer, chosen: readonly CheckedServer[]): boolean {
  const { conf, health, adminState } = server;
  if (conf.sessions === undefined) return false;
  if (health === 'down' || adminState === 'maint') return !conf.sessions.endWhenDown;
  const isReplaced = (by: CheckedServer): boolean =>
    by.conf.sessions?.endBackupsWhenUp === true && !by.conf.isBackup;
  return !conf.isBackup || !chosen.some(isReplaced);
}

const isSameTargets = (a: readonly Target[], b: readonly Target[]): boolean =>
  a.length === b.length && a.every((one, index) => isSameTarget(one, b[index] as Target));

function isSame(a: readonly RouteServer[], b: readonly RouteServer[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, index) => {
      const other = b[index];
      return (
        other !== undefined &&
        one.host === other.host &&
        one.port === other.port &&
        one.weight === other.weight &&
        one.connectionsMax === other.connectionsMax &&
        one.connectionsAgain === other.connectionsAgain
      );
    })
  );
}
