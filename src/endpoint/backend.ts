// One backend: turns what is known of its servers into routes for the frontends that lead to it, and renews them while the
// knowledge stands.

import { CheckedServer } from './checked-server.ts';
import { capShares, chooseReplicas } from './choose-replicas.ts';
import type { Core } from './core.ts';
import type { BackendConf } from './endpoint-conf.ts';
import type { Group } from './group.ts';
import type { RedisServer } from './redis-server.ts';
import { targetText, type RouteServer } from './route.ts';

interface Choice {
  readonly servers: readonly RouteServer[];
  readonly until: number;
  readonly because: string;
}

export class Backend {
  readonly conf: BackendConf;
  readonly group: Group | null;
  /** Of a backend whose role is `any`. */
  readonly checked: readonly CheckedServer[];
  /** Names of the frontends that lead here. */
  readonly frontends: readonly string[];
  generation = 0;
  servers: readonly RouteServer[] = [];
  because = 'nothing is known yet';
  /** Of the route that was last told. */
  deadline = -Infinity;
  readonly #core: Core;
  readonly #leaseMs: number;
  readonly #refreshMs: number;
  #isTold = false;
  #lookedAt = -Infinity;
  /** Where it led before a reload, which stands until enough is known again. */
  #inherited: { readonly servers: readonly RouteServer[]; readonly until: number } | null = null;

  constructor(
    core: Core,
    conf: BackendConf,
    options: {
      readonly group: Group | null;
      readonly frontends: readonly string[];
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
      this.#inherited = { servers: after.servers, until: core.now + options.leaseMs };
      this.#isTold = after.#isTold;
    }
    this.checked =
      options.group === null ? conf.servers.map((server) => new CheckedServer(core, server, this)) : [];
  }

  dueAt(): number {
    const servers = this.checked.map((server) => server.dueAt());
    // What leads nowhere can wait for news.
    const route = this.servers.length === 0 ? Infinity : Math.min(this.deadline, this.#renewAt());
    return Math.min(Infinity, route, ...servers);
  }

  attend(): void {
    for (const server of this.checked) server.attend();
    const { now } = this.#core;
    this.#lookedAt = now;
    const choice = this.#inherit(this.#choose());
    const isLapsed = choice.until <= now && choice.servers.length > 0;
    const servers = isLapsed ? [] : choice.servers;
    const because = isLapsed ? `not confirmed any more: ${choice.because}` : choice.because;
    const isChange = !isSame(servers, this.servers) || !this.#isTold;
    this.because = because;
    if (isChange) {
      this.generation += 1;
      this.servers = servers;
      const leadsTo = servers.map(targetText).join(', ');
      this.#core.decide(this.conf.name, `leads ${leadsTo === '' ? 'nowhere' : `to ${leadsTo}`}: ${because}`);
      this.#tell(choice.until);
    } else if (servers.length > 0 && choice.until - this.deadline >= this.#refreshMs / 2) {
      this.#tell(choice.until);
    }
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

  closeChecks(): void {
    for (const server of this.checked) server.close();
  }

  close(): void {
    this.closeChecks();
    if (this.servers.length === 0) return;
    this.servers = [];
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
    const isKnown = this.#knows();
    if (choice.servers.length > 0 || isKnown || this.#inherited.until <= this.#core.now) {
      this.#inherited = null;
      return choice;
    }
    return { ...this.#inherited, because: 'it led there before the configuration was read anew' };
  }

  /** Whether every server was looked at since the start. */
  #knows(): boolean {
    const watched = (this.group?.servers ?? []).map(({ verdict }) => verdict.health);
    const healths = [...watched, ...this.checked.map(({ health }) => health)];
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
    const servers = choice.servers.map((server, index) => ({
      ...routeServer(server),
      weight: weights[index] ?? 1,
    }));
    const until = isPrimary ? group.primaryUntil() : this.#core.now + this.#leaseMs;
    return { servers, until, because: choice.because };
  }

  #chooseChecked(): Choice {
    const usable = this.checked.filter(({ isUsable }) => isUsable);
    const first = usable.filter(({ conf }) => !conf.isBackup);
    const backups = usable.filter(({ conf }) => conf.isBackup);
    const chosen = first.length > 0 ? first : this.conf.usesAllBackups ? backups : backups.slice(0, 1);
    const servers = chosen.map((server) => ({
      name: server.name,
      ...server.target,
      weight: Math.max(1, server.effectiveWeight),
      connectionsMax: server.conf.connectionsMax,
    }));
    const others = this.checked
      .filter((server) => !chosen.includes(server) && server.health !== 'up')
      .map((server) => `${server.name}: ${server.reason}`);
    const but = others.length === 0 ? '' : ` (not ${others.join('; not ')})`;
    const because =
      chosen.length === 0
        ? `no server is up${but}`
        : `${chosen.length} of ${this.checked.length} servers serve${but}`;
    return { servers, until: this.#core.now + this.#leaseMs, because };
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
        one.connectionsMax === other.connectionsMax
      );
    })
  );
}
