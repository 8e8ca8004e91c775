// What one keepalived.conf asks for, running: its virtual routers, its virtual servers, or both. Each half is a daemon of its
// own in this process; they share its life.

import { failure, success, type Result } from '../base/result.ts';
import { LEASE_MS, REFRESH_MS } from '../endpoint/defaults.ts';
import type { EndpointsConf } from '../endpoint/endpoint-conf.ts';
import { bootClockMs } from '../os/boot-clock.ts';
import type { KeepalivedConf } from '../vrrp/conf/conf.ts';
import { toMail, toRouters } from '../vrrp/conf/to-routers.ts';
import type { KeepalivedEntry } from '../vrrp/keepalived-dump.ts';
import type { Command, VrrpConf } from '../vrrp/router-conf.ts';
import type { Snapshot } from '../vrrp/snapshot.ts';
import { commandProblems } from './command-problems.ts';
import { EndpointDaemon, type EndpointStatus } from './endpoint/endpoint-daemon.ts';
import type { TellingOptions } from './endpoint/telling.ts';
import type { ServiceManager } from './service-manager.ts';
import { VrrpDaemon, type VrrpStatus } from './vrrp-daemon.ts';
import type { VrrpLog } from './vrrp-journal.ts';

/** What is to run; null: not that half. */
export interface KeepalivedHalves {
  readonly routers: VrrpConf | null;
  readonly servers: { readonly conf: EndpointsConf; readonly telling: TellingOptions } | null;
}

export interface KeepalivedDaemonOptions {
  readonly halves: KeepalivedHalves;
  readonly log: VrrpLog;
  /** What the guard's nft table is called: its own on this machine, and the same after a restart. */
  readonly table: string;
  readonly manager: ServiceManager;
  /** The last thing called. */
  readonly exit: (code: number) => void;
}

/** What `baton vrrp status` shows. */
export interface KeepalivedStatus extends Omit<VrrpStatus, 'snapshot'> {
  /** null: no virtual routers run. */
  readonly snapshot: Snapshot | null;
  /** null: no virtual servers are served. */
  readonly servers: EndpointStatus | null;
}

/** `endpoints` null: virtual servers are not wanted; `wantsRouters` false: virtual routers are not. */
export function halvesOf(
  conf: KeepalivedConf,
  endpoints: EndpointsConf | null,
  wantsRouters: boolean,
): KeepalivedHalves {
  const routers = wantsRouters ? toRouters(conf, { sinceBootMs: bootClockMs() }) : null;
  if (endpoints === null) return { routers, servers: null };
  // A FIFO that both halves write to has one reader, which the other half starts if it runs.
  const fifos = conf.global.fifos
    .filter(({ hears }) => hears !== 'vrrp')
    .map(({ path, script, hears }) => ({ path, script: hears === 'all' && wantsRouters ? null : script }));
  return { routers, servers: { conf: endpoints, telling: { fifos, mail: toMail(conf.global.mail) } } };
}

/** A new file without virtual servers. */
const NO_SERVERS: EndpointsConf = { frontends: [], backends: [], leaseMs: LEASE_MS, refreshMs: REFRESH_MS };

/** The file has no word for these. All that matters of them to a relay is how many workers it has: as many as it likes. */
const PATHS = {
  runAs: null,
  cgroup: null,
  coversAllNamespaces: false,
  workers: null,
  masquerade: 'auto',
} as const;

export class KeepalivedDaemon {
  readonly #options: KeepalivedDaemonOptions;
  #routers: VrrpDaemon | null = null;
  #servers: EndpointDaemon | null = null;
  readonly #watchdog: NodeJS.Timeout | null;
  /** As they were last told; null: they never ran. */
  #routersConf: VrrpConf | null = null;
  #exitCode = 0;
  /** When the last half is gone. */
  #gone: (code: number) => void;
  #isStopping = false;
  /** One reload after the other. */
  #reloading: Promise<unknown> = Promise.resolve();

  /** Starts what is to run; or says what is in the way, with nothing left running. */
  static async start(options: KeepalivedDaemonOptions): Promise<Result<KeepalivedDaemon, readonly string[]>> {
    const daemon = new KeepalivedDaemon(options);
    // First what can fail for others' sake: no address is taken for a port that is in use.
    const problems = [
      ...(await daemon.#startServers(options.halves)),
      ...daemon.#startRouters(options.halves),
    ];
    if (problems.length === 0) return success(daemon);
    await daemon.#giveUp();
    return failure(problems);
  }

  private constructor(options: KeepalivedDaemonOptions) {
    this.#options = options;
    this.#gone = options.exit;
    const { manager } = options;
    // Virtual routers tell the manager by way of their own loop.
    this.#watchdog =
      options.halves.routers === null && manager.watchdogMs !== null
        ? setInterval(() => manager.alive(), manager.watchdogMs / 2)
        : null;
  }

  /** SIGHUP, with a file that was read and checked. Or says what could not be done; the rest is. */
  reload(halves: KeepalivedHalves): Promise<Result<null, readonly string[]>> {
    const done = this.#reloading.then(async (): Promise<Result<null, readonly string[]>> => {
      if (this.#isStopping) return success(null);
      const problems = [...(await this.#reloadServers(halves)), ...this.#reloadRouters(halves)];
      return problems.length === 0 ? success(null) : failure(problems);
    });
    this.#reloading = done;
    return done;
  }

  /** SIGTERM and SIGINT. */
  terminate(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    if (this.#routers === null) this.#options.manager.stopping();
    this.#routers?.terminate();
    this.#servers?.terminate();
  }

  status(): KeepalivedStatus {
    const nothing = { kind: 'vrrp', pid: process.pid, at: Date.now(), snapshot: null } as const;
    return {
      ...(this.#routers?.status() ?? { ...nothing, decisions: [], events: [] }),
      servers: this.#servers?.status() ?? null,
    };
  }

  /** SIGUSR1 and SIGUSR2: the state of virtual routers under keepalived's names. */
  dump(): KeepalivedEntry[] {
    return this.#routers?.dump() ?? [];
  }

  async #startServers({ servers }: KeepalivedHalves): Promise<readonly string[]> {
    if (servers === null) return [];
    const problems = commandProblems(commandsOf(servers.conf));
    if (problems.length > 0) return problems;
    const { log, table } = this.#options;
    const started = await EndpointDaemon.start({
      ...servers,
      paths: { ...PATHS, name: table },
      log,
      exit: (code) => {
        this.#servers = null;
        this.#leave(code);
      },
    });
    if (!started.ok) return started.problem;
    this.#servers = started.value;
    for (const { endpoint, listens } of started.value.chosen) {
      log.write('notice', `virtual server ${endpoint} listens on ${listens.join(', ')}`);
    }
    return [];
  }

  #startRouters({ routers }: KeepalivedHalves): readonly string[] {
    if (routers === null) return [];
    const { log, table, manager } = this.#options;
    const exit = (code: number): void => {
      this.#routers = null;
      this.#leave(code);
    };
    const started = VrrpDaemon.start({ conf: routers, log, table, manager, exit });
    if (!started.ok) return started.problem;
    this.#routers = started.value;
    this.#routersConf = routers;
    return [];
  }

  async #reloadServers(halves: KeepalivedHalves): Promise<readonly string[]> {
    if (this.#servers === null) return this.#startServers(halves);
    const conf = halves.servers?.conf ?? NO_SERVERS;
    const problems = commandProblems(commandsOf(conf));
    if (problems.length > 0) return problems;
    const reloaded = await this.#servers.reload(
      conf,
      halves.servers === null ? {} : { telling: halves.servers.telling },
    );
    return reloaded.ok ? reloaded.value : reloaded.problem;
  }

  #reloadRouters(halves: KeepalivedHalves): readonly string[] {
    if (this.#routers === null || this.#routersConf === null) return this.#startRouters(halves);
    // A new file without instances lets go of all addresses.
    const conf = halves.routers ?? { ...this.#routersConf, routers: [], groups: [] };
    const reloaded = this.#routers.reload(conf);
    if (!reloaded.ok) return reloaded.problem;
    this.#routersConf = conf;
    return [];
  }

  /** Puts away what was started, in vain. */
  #giveUp(): Promise<void> {
    return new Promise((resolve) => {
      this.#gone = () => resolve();
      if (this.#routers === null && this.#servers === null) resolve();
      else this.terminate();
    });
  }

  #leave(code: number): void {
    this.#exitCode = Math.max(this.#exitCode, code);
    if (this.#routers !== null || this.#servers !== null) return;
    if (this.#watchdog !== null) clearInterval(this.#watchdog);
    this.#gone(this.#exitCode);
  }
}

function* commandsOf({ backends }: EndpointsConf): Generator<Command> {
  for (const { virtual, servers } of backends) {
    for (const telling of [virtual, ...servers.map(({ real }) => real)]) {
      for (const command of [telling?.up ?? null, telling?.down ?? null]) {
        if (command !== null) yield command;
      }
    }
    for (const { check } of servers.flatMap(({ checks }) => checks)) {
      if (check.kind === 'command') yield check;
    }
  }
}
