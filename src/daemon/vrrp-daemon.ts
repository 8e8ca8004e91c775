// One running VRRP daemon: its sockets, its interfaces, its scripts and its machine, joined. What the command line and
// the operating system want of a process (pid file, signals) is the command's.

import { failure, success, type Result } from '../base/result.ts';
import { Mailer } from '../notify/mailer.ts';
import { bootClockMs } from '../os/boot-clock.ts';
import { capabilityAdvice, effectiveCapabilities } from '../os/capabilities.ts';
import type { Effect, Event } from '../vrrp/io.ts';
import { keepalivedDump, type KeepalivedEntry } from '../vrrp/keepalived-dump.ts';
import type { Command, Hooks, VrrpConf } from '../vrrp/router-conf.ts';
import { rehearse } from '../vrrp/rehearsal.ts';
import type { Snapshot } from '../vrrp/snapshot.ts';
import { STATE_WORDS } from '../vrrp/transitions.ts';
import { Vrrp } from '../vrrp/vrrp.ts';
import { commandProblems } from './command-problems.ts';
import { Loop } from './loop.ts';
import type { ServiceManager } from './service-manager.ts';
import { Adverts, type AdvertWay } from './vrrp-adverts.ts';
import { carryOutVrrp, type VrrpWorld } from './vrrp-effects.ts';
import { Fifos } from './vrrp-fifos.ts';
import { TrackedFiles } from './vrrp-files.ts';
import { Guard } from './vrrp-guard.ts';
import { Interfaces } from './vrrp-interfaces.ts';
import { VrrpJournal, type VrrpDecisionEntry, type VrrpEventEntry, type VrrpLog } from './vrrp-journal.ts';
import { TrackedProcesses } from './vrrp-processes.ts';
import { RedisConnections } from './vrrp-redis.ts';
import { Runs } from './vrrp-runs.ts';

/** A socket that could not be opened is tried again so often, besides whenever an interface changes. */
const RETRY_MS = 1000;
const HOPS_MAX = 255;

export interface VrrpDaemonOptions {
  readonly conf: VrrpConf;
  readonly log: VrrpLog;
  /** What the guard's nft table is called: its own on this machine, and the same after a restart. */
  readonly table: string;
  readonly manager: ServiceManager;
  /** The last thing called. */
  readonly exit: (code: number) => void;
}

/** What `baton vrrp status` shows. */
export interface VrrpStatus {
  readonly kind: 'vrrp';
  readonly pid: number;
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly snapshot: Snapshot;
  /** Oldest first. */
  readonly decisions: readonly VrrpDecisionEntry[];
  /** Oldest first. */
  readonly events: readonly VrrpEventEntry[];
}

export class VrrpDaemon {
  #conf: VrrpConf;
  readonly #exit: (code: number) => void;
  readonly #machine: Vrrp;
  readonly #loop: Loop<Event, Effect>;
  readonly #world: VrrpWorld;
  readonly #files: TrackedFiles;
  readonly #processes: TrackedProcesses;
  readonly #journal = new VrrpJournal();
  readonly #manager: ServiceManager;
  readonly #watchdog: NodeJS.Timeout | null;
  /** A state may have changed since the service manager was last told. */
  #statusMayDiffer = true;
  /** Sources or interfaces may have changed since the sockets were last looked at. */
  #waysMayDiffer = true;
  #retry: NodeJS.Timeout | null = null;
  #isLeaving = false;
  /** When stopping has taken long enough; boot clock. */
  #stopsAt = 0;

  /** Starts it; or says what this process lacks, with nothing touched. */
  static start(options: VrrpDaemonOptions): Result<VrrpDaemon, readonly string[]> {
    const problems = problemsOf(options.conf);
    return problems.length > 0 ? failure(problems) : success(new VrrpDaemon(options));
  }

  private constructor({ conf, log, table, manager, exit }: VrrpDaemonOptions) {
    this.#conf = conf;
    this.#manager = manager;
    this.#exit = exit;
    const warn = (sentence: string): void => log.write('warning', sentence);
    const loop = new Loop<Event, Effect>({
      perform: (effect) => {
        // Every change of a state is a decision.
        if (effect.kind === 'decision') this.#statusMayDiffer = true;
        carryOutVrrp(effect, this.#world);
      },
      flush: () => this.#flush(),
      readWaiting: () => this.#readWaiting(),
      now: bootClockMs,
    });
    this.#loop = loop;
    const tell = (event: Event): void => {
      if (event.kind !== 'packet') this.#waysMayDiffer = true;
      loop.deliver(event);
    };
    const interfaces = new Interfaces(tell);
    this.#machine = new Vrrp(conf);
    this.#files = new TrackedFiles((tracker, value) => tell({ kind: 'file-value', tracker, value }), warn);
    this.#processes = new TrackedProcesses((tracker, count) =>
      tell({ kind: 'process-count', tracker, count }),
    );
    this.#world = {
      interfaces,
      adverts: new Adverts({ interfaces, tell, warn }),
      guard: new Guard({
        table,
        interfaces,
        report: (problem) => tell({ kind: 'guard-reported', problem }),
      }),
      runs: new Runs(warn),
      fifos: new Fifos(warn),
      mailer: new Mailer((level, sentence) => log.write(level, sentence)),
      redis: new RedisConnections(tell),
      redisConf: (tracker) => this.#conf.redis.find(({ name }) => name === tracker) ?? null,
      log,
      journal: this.#journal,
      tell,
      leave: (code) => this.#leave(code),
    };
    this.#world.fifos.configure(conf.fifos);
    this.#world.mailer.configure(conf.mail);
    loop.start(this.#machine, interfaces.startEvent());
    // It takes some milliseconds; by now the sockets are open, and what they hear meanwhile waits in them.
    rehearse(conf);
    this.#files.configure(conf.files);
    this.#processes.configure(conf.processes);
    // By way of the loop: one that hangs in a step, or does not turn, is restarted.
    this.#watchdog =
      manager.watchdogMs === null
        ? null
        : setInterval(() => loop.turn(() => manager.alive()), manager.watchdogMs / 2);
  }

  /** SIGHUP, with a configuration that was read and checked. Or says why it can't be, and goes on as before. */
  reload(conf: VrrpConf): Result<null, readonly string[]> {
    const problems = problemsOf(conf);
    if (problems.length > 0) return failure(problems);
    this.#conf = conf;
    this.#world.fifos.configure(conf.fifos);
    this.#world.mailer.configure(conf.mail);
    this.#waysMayDiffer = true;
    this.#statusMayDiffer = true;
    this.#loop.deliver({ kind: 'reload', conf });
    this.#files.configure(conf.files);
    this.#processes.configure(conf.processes);
    return success(null);
  }

  /** SIGTERM and SIGINT. The machine says goodbye, waits for its stop hooks, and asks to leave. */
  terminate(): void {
    this.#manager.stopping();
    this.#stopsAt = bootClockMs() + this.#conf.stopTimeoutMs;
    this.#loop.deliver({ kind: 'stop' });
  }

  status(): VrrpStatus {
    return {
      kind: 'vrrp',
      pid: process.pid,
      at: Date.now(),
      snapshot: this.#machine.snapshot(bootClockMs()),
      decisions: this.#journal.decisions,
      events: this.#journal.events,
    };
  }

  /** SIGUSR1 and SIGUSR2: the state under keepalived's names. */
  dump(): KeepalivedEntry[] {
    return keepalivedDump(this.#conf, this.#machine.snapshot(bootClockMs()), Date.now());
  }

  /** First what happened to addresses: a packet that follows an expiry finds a machine that knows of it. */
  #readWaiting(): void {
    this.#world.interfaces.readWaiting();
    this.#world.adverts.receiveWaiting();
  }

  #flush(): void {
    this.#keepSockets();
    this.#world.guard.flush();
    this.#tellStatus();
  }

  #tellStatus(): void {
    if (!this.#statusMayDiffer) return;
    this.#statusMayDiffer = false;
    const states = this.#machine
      .snapshot(bootClockMs())
      .routers.map(({ name, state }) => `${name} ${STATE_WORDS[state]}`);
    if (states.length > 0) this.#manager.status(Buffer.from(states.join(', '), 'latin1').toString('utf8'));
  }

  #keepSockets(): void {
    if (!this.#waysMayDiffer || this.#isLeaving) return;
    this.#waysMayDiffer = false;
    if (this.#world.adverts.keep(this.#ways()) || this.#retry !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#waysMayDiffer = true;
      this.#loop.settle();
    }, RETRY_MS);
  }

  /** What its virtual routers send and listen on; those without a source have to wait for one. */
  #ways(): AdvertWay[] {
    const { routers } = this.#machine.snapshot(bootClockMs());
    const confs = new Map(this.#conf.routers.map((conf) => [conf.name, conf]));
    return routers.flatMap(({ name, sourceAddress }) => {
      const conf = confs.get(name);
      if (conf === undefined || sourceAddress === null) return [];
      if (conf.interface !== '' && this.#world.interfaces.link(conf.interface) === null) return [];
      return [
        {
          interface: conf.interface,
          source: sourceAddress,
          group: conf.unicast === null ? conf.multicastGroup : null,
          hops: conf.unicast?.ttl ?? HOPS_MAX,
        },
      ];
    });
  }

  #leave(code: number): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#loop.stop();
    if (this.#retry !== null) clearTimeout(this.#retry);
    if (this.#watchdog !== null) clearInterval(this.#watchdog);
    const { adverts, guard, interfaces, runs, fifos, redis, mailer } = this.#world;
    // After the effects under way, the last of which this is.
    setImmediate(() => {
      adverts.close();
      interfaces.close();
      runs.killAll();
      fifos.close();
      redis.closeAll();
      this.#files.close();
      this.#processes.close();
      // The addresses are away: nothing is left to guard.
      //
      // Differs from keepalived: it leaves at once, so that no mail of a stop arrives (vrrp.md §1.12). Ours get what is
      // left of the time for stopping, and not more.
      const mailed = mailer.finish(this.#stopsAt - bootClockMs());
      void Promise.all([guard.close(), mailed]).then(() => this.#exit(code));
    });
  }
}

/** What this process may not do though the configuration asks for it, and whom it names that nobody knows. */
function problemsOf(conf: VrrpConf): string[] {
  const has = effectiveCapabilities();
  const missing = (['CAP_NET_RAW', 'CAP_NET_ADMIN'] as const).filter((one) => !has.has(one));
  return [
    ...(missing.length > 0 ? [`a floating address ${capabilityAdvice(...missing)}`] : []),
    ...commandProblems(commandsOf(conf)),
  ];
}

function* commandsOf(conf: VrrpConf): Generator<Command> {
  for (const { command } of conf.scripts) yield command;
  for (const { script } of conf.fifos) if (script !== null) yield script;
  for (const { hooks } of [...conf.routers, ...conf.groups]) {
    const { timeoutMs: _, ...commands }: Hooks = hooks;
    for (const command of Object.values(commands)) if (command !== null) yield command;
  }
}
