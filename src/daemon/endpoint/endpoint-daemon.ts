// One running endpoint daemon: its paths, its links, its checks and its machine, joined. What the command line and the
// operating system want of a process (pid file, signals) is the command's.

import { failure, success, type Result } from '../../base/result.ts';
import type { EndpointsConf, FrontendConf } from '../../endpoint/endpoint-conf.ts';
import type { HttpFrontend } from '../../endpoint/conf/haproxy/haproxy-conf.ts';
import type { RuntimeOrder } from '../../endpoint/runtime-api.ts';
import type { RuntimeView } from '../../endpoint/runtime-view.ts';
import { Endpoints } from '../../endpoint/endpoints.ts';
import type { AdminState, Effect, Event } from '../../endpoint/io.ts';
import type { Target } from '../../endpoint/route.ts';
import type { EndpointsSnapshot } from '../../endpoint/snapshot.ts';
import type { SwitchId } from '../../endpoint/io.ts';
import { bootClockMs } from '../../os/boot-clock.ts';
import { descriptorLimit } from '../../os/descriptor-limit.ts';
import { Descriptors } from '../../net/relay/descriptors.ts';
import { TlsClient } from '../../net/tls-client.ts';
import { NO_TLS_FILES, type TlsFiles } from '../../net/tls-files.ts';
import { Loop } from '../loop.ts';
import { Resolver } from '../resolver.ts';
import { CheckRunner } from './check-runner.ts';
import { carryOutEndpoint, type EndpointWorld } from './effects.ts';
import {
  EndpointJournal,
  type EndpointDecisionEntry,
  type EndpointEventEntry,
  type EndpointLog,
} from './endpoint-journal.ts';
import { openedFor, rootOf } from './opened-for.ts';
import { openPaths, type ChosenPath, type OpenedPaths, type PathOptions } from './open-paths.ts';
import { Paths } from './paths.ts';
import type { PathEvents } from './route-path.ts';
import { ServerLinks } from './server-links.ts';
import { Telling, type TellingOptions } from './telling.ts';

/** At the end, mails that wait may take so long. */
const LAST_MAILS_MS = 1_000;

/** What is shown of it, and what a file says beside the endpoints. */
export interface AboutDaemon extends Pick<RuntimeView, 'version' | 'connectionsMax' | 'sections'> {
  readonly httpFrontends: readonly HttpFrontend[];
}

const NOTHING_ABOUT: AboutDaemon = { version: '', connectionsMax: null, sections: [], httpFrontends: [] };

export interface EndpointDaemonOptions {
  readonly conf: EndpointsConf;
  readonly paths: PathOptions;
  readonly log: EndpointLog;
  /** Of virtual servers; absent: there are none. */
  readonly telling?: TellingOptions;
  readonly about?: AboutDaemon;
  /** The last thing called. */
  readonly exit: (code: number) => void;
}

/** What `baton endpoint status` shows. */
export interface EndpointStatus {
  readonly kind: 'endpoint';
  readonly pid: number;
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly snapshot: EndpointsSnapshot;
  /** Which path each frontend takes, and why. */
  readonly chosen: readonly ChosenPath[];
  /** What each path tells of itself. */
  readonly paths: readonly unknown[];
  /** Oldest first. */
  readonly decisions: readonly EndpointDecisionEntry[];
  /** Oldest first. */
  readonly events: readonly EndpointEventEntry[];
}

/** What a reload may change besides; absent: it stays, and files of TLS are read when they are needed. */
export interface Reloading
  extends
    Pick<EndpointDaemonOptions, 'telling' | 'about'>,
    Partial<Pick<PathOptions, 'workers' | 'staysAwake' | 'tlsFiles'>> {}

export interface SwitchResult {
  readonly isDone: boolean;
  readonly sentence: string;
}

export class EndpointDaemon {
  /** Which path each frontend takes, and why. */
  chosen: readonly ChosenPath[];
  #conf: EndpointsConf;
  readonly #options: EndpointDaemonOptions;
  readonly #machine: Endpoints;
  readonly #loop: Loop<Event, Effect>;
  readonly #world: EndpointWorld;
  readonly #tlsClient: TlsClient;
  readonly #journal = new EndpointJournal();
  readonly #exit: (code: number) => void;
  readonly #switches = new Map<SwitchId, (result: SwitchResult) => void>();
  #about: AboutDaemon;
  readonly #startedAt = performance.now();
  #lastSwitch = 0;
  #workers: number | null;
  #staysAwake: boolean | null;
  /** One reload after the other. */
  #reloading: Promise<unknown> = Promise.resolve();
  #isLeaving = false;

  /** Opens what clients connect to and starts; or says all that is in the way, with nothing left open. */
  static async start(given: EndpointDaemonOptions): Promise<Result<EndpointDaemon, readonly string[]>> {
    let daemon: EndpointDaemon | null = null;
    const warn = (sentence: string): void => given.log.write('warning', sentence);
    const descriptors = new Descriptors(descriptorLimit(), warn);
    const options = { ...given, paths: { ...given.paths, descriptors } };
    const events = pathEvents(options.log, () => daemon);
    const { about = NOTHING_ABOUT } = options;
    const opened = await openPaths(options.conf, options.paths, events, {
      httpOf: (name) => httpIn(daemon === null ? about : daemon.#about, name),
      view: () => (daemon === null ? Promise.reject(new Error('it has just started')) : daemon.view()),
    });
    if (!opened.ok) return failure(opened.problem);
    daemon = new EndpointDaemon(options, new Paths(opened.value.paths), opened.value.chosen);
    return success(daemon);
  }

  private constructor(options: EndpointDaemonOptions, paths: Paths, chosen: readonly ChosenPath[]) {
    this.chosen = chosen;
    this.#conf = options.conf;
    this.#options = options;
    this.#about = options.about ?? NOTHING_ABOUT;
    this.#exit = options.exit;
    this.#workers = options.paths.workers;
    this.#staysAwake = options.paths.staysAwake ?? null;
    const loop = new Loop<Event, Effect>({
      perform: (effect) => carryOutEndpoint(effect, this.#world),
      flush: () => this.#world.links.flush(),
      now: bootClockMs,
    });
    this.#loop = loop;
    const tell = (event: Event): void => loop.deliver(event);
    this.#machine = new Endpoints(options.conf);
    this.#tlsClient = new TlsClient(options.paths.tlsFiles);
    this.#world = {
      links: new ServerLinks(loop, this.#tlsClient),
      resolver: new Resolver((host, ips) => tell({ kind: 'resolved', host, ips })),
      checks: new CheckRunner(
        (run, { isUp, detail, weight }) => tell({ kind: 'check-ended', run, isUp, detail, weight }),
        this.#tlsClient,
      ),
      paths,
      telling: new Telling(options.log, options.telling ?? { fifos: [], mail: null }),
      log: options.log,
      journal: this.#journal,
      tell,
      switchEnded: (id, isDone, sentence) => {
        this.#switches.get(id)?.({ isDone, sentence });
        this.#switches.delete(id);
      },
      leave: (code) => this.#leave(code),
    };
    loop.start(this.#machine, { kind: 'start' });
  }

  /**
   * SIGHUP. Endpoints that are as they were keep their clients; the others are opened and closed. Or says why they can't be
   * opened, and goes on as before. One that keeps a port but changes otherwise is closed before it is opened again; what
   * is in the way of that is the value, and the next reload tries again. `tlsFiles`: as they are now, also where only they
   * changed.
   */
  reload(
    conf: EndpointsConf,
    reloading: Reloading = {},
  ): Promise<Result<readonly string[], readonly string[]>> {
    const done = this.#reloading.then(() => this.#reloadNow(conf, reloading));
    this.#reloading = done.catch(() => undefined);
    return done;
  }

  async #reloadNow(
    conf: EndpointsConf,
    {
      telling,
      about,
      workers = this.#workers,
      staysAwake = this.#staysAwake,
      tlsFiles = NO_TLS_FILES,
    }: Reloading,
  ): Promise<Result<readonly string[], readonly string[]>> {
    const isOpen = (name: string): boolean => this.chosen.some(({ endpoint }) => endpoint === name);
    const isSame = (name: string): boolean =>
      isOpen(name) && openedFor(conf, name) === openedFor(this.#conf, name);
    const gone = this.#conf.frontends.filter(({ name }) => !isSame(name));
    const added = conf.frontends.filter(({ name }) => !isSame(name));
    const held = new Set(gone.flatMap(({ binds }) => binds.map((bind) => JSON.stringify(bind))));
    const rootsAgain = new Set(
      added
        .filter(
          ({ name, binds }) =>
            gone.some((one) => one.name === name) || binds.some((bind) => held.has(JSON.stringify(bind))),
        )
        .map(rootOf),
    );
    const again = added.filter((one) => rootsAgain.has(rootOf(one)));
    const [workersBefore, awakeBefore] = [this.#workers, this.#staysAwake];
    this.#workers = workers;
    this.#staysAwake = staysAwake;
    const fresh = await this.#open(
      conf,
      added.filter((one) => !again.includes(one)),
      tlsFiles,
    );
    if (!fresh.ok) {
      this.#workers = workersBefore;
      this.#staysAwake = awakeBefore;
      return fresh;
    }
    const { paths } = this.#world;
    // First, so that a path that both need is not closed in between.
    paths.add(fresh.value.paths);
    paths.renewAccess(conf, tlsFiles);
    await paths.drop(gone.map(({ name }) => name));
    if (workers !== workersBefore || staysAwake !== awakeBefore) paths.resize(workers, staysAwake);
    const kept = this.chosen.filter(({ endpoint }) => !gone.some(({ name }) => name === endpoint));
    this.chosen = [...kept, ...fresh.value.chosen];
    const problems = await this.#openAgain(conf, again, tlsFiles);
    this.#tlsClient.renew(tlsFiles);
    paths.renewTls(tlsFiles);
    this.#conf = conf;
    if (about !== undefined) this.#about = about;
    if (telling !== undefined) this.#world.telling.configure(telling);
    this.#loop.deliver({ kind: 'reload', conf });
    return success(problems);
  }

  /** All together; or, with something in the way of some, each that can be. Returns what is in the way. */
  async #openAgain(
    conf: EndpointsConf,
    frontends: readonly FrontendConf[],
    tlsFiles: TlsFiles,
  ): Promise<readonly string[]> {
    const opened = await this.#open(conf, frontends, tlsFiles);
    if (opened.ok) {
      this.#world.paths.add(opened.value.paths);
      this.chosen = [...this.chosen, ...opened.value.chosen];
      return [];
    }
    const roots = [...new Set(frontends.map(rootOf))];
    if (roots.length < 2) return opened.problem;
    const problems: string[] = [];
    for (const root of roots) {
      const family = frontends.filter((one) => rootOf(one) === root);
      problems.push(...(await this.#openAgain(conf, family, tlsFiles)));
    }
    return problems;
  }

  #open(
    conf: EndpointsConf,
    frontends: readonly FrontendConf[],
    tlsFiles: TlsFiles,
  ): Promise<Result<OpenedPaths, readonly string[]>> {
    const { paths, log } = this.#options;
    const events = pathEvents(log, () => this);
    return openPaths(
      { ...conf, frontends },
      { ...paths, workers: this.#workers, staysAwake: this.#staysAwake, tlsFiles },
      events,
      {
        httpOf: (name) => httpIn(this.#about, name),
        view: () => this.view(),
      },
      this.#world.paths.shared,
    );
  }

  /** SIGTERM and SIGINT. */
  terminate(): void {
    this.#loop.deliver({ kind: 'stop' });
  }

  tell(event: Event): void {
    this.#loop.deliver(event);
  }

  /** An ordered switch; resolves when it has ended, one way or the other. `backend` null: the only one with a primary. */
  switchTo(backend: string | null, to: Target | null): Promise<SwitchResult> {
    const primaries = this.#conf.backends
      .filter(({ role }) => role.kind === 'primary')
      .map(({ name }) => name);
    const name = backend ?? (primaries.length === 1 ? primaries[0] : undefined);
    if (name === undefined) {
      return Promise.resolve({
        isDone: false,
        sentence: `say which backend: ${primaries.join(', ') || 'none leads to a primary'}`,
      });
    }
    this.#lastSwitch += 1;
    const id = this.#lastSwitch;
    return new Promise((resolve) => {
      this.#switches.set(id, resolve);
      this.#loop.deliver({ kind: 'switch', id, backend: name, to });
    });
  }

  /** False: there is no such server. */
  setState(backend: string, server: string, state: AdminState): boolean {
    const found = this.#snapshot().backends.find(({ name }) => name === backend);
    if (found?.servers.some(({ name }) => name === server) !== true) return false;
    this.#loop.deliver({ kind: 'set-state', backend, server, state });
    return true;
  }

  /** What an operator asks of a server or a client that is there. */
  async order(order: RuntimeOrder): Promise<void> {
    if (order.kind === 'end-session') await this.#world.paths.endSession(order.session);
    else this.#loop.deliver(order);
  }

  /** What HAProxy's interfaces show. */
  async view(withSessions = false): Promise<RuntimeView> {
    const { paths } = this.#world;
    const [traffic, sessions] = await Promise.all([paths.traffic(), withSessions ? paths.sessions() : []]);
    const { version, connectionsMax, sections } = this.#about;
    return {
      snapshot: this.#snapshot(),
      traffic,
      sessions,
      sections,
      version,
      pid: process.pid,
      uptimeMs: performance.now() - this.#startedAt,
      connectionsMax,
    };
  }

  status(): EndpointStatus {
    return {
      kind: 'endpoint',
      pid: process.pid,
      at: Date.now(),
      snapshot: this.#snapshot(),
      chosen: this.chosen,
      paths: this.#world.paths.status(),
      decisions: this.#journal.decisions,
      events: this.#journal.events,
    };
  }

  #snapshot(): EndpointsSnapshot {
    return this.#machine.snapshot(bootClockMs());
  }

  #leave(code: number): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#loop.stop();
    const { links, checks, paths, telling } = this.#world;
    for (const end of this.#switches.values()) end({ isDone: false, sentence: 'the daemon was stopped' });
    // After the effects under way, the last of which this is.
    setImmediate(() => {
      links.closeAll();
      checks.closeAll();
      void Promise.allSettled([paths.close(), telling.close(LAST_MAILS_MS)]).then(() => this.#exit(code));
    });
  }
}

const httpIn = ({ httpFrontends }: AboutDaemon, name: string): HttpFrontend | null =>
  httpFrontends.find(({ frontend }) => frontend === name) ?? null;

function pathEvents(log: EndpointLog, daemon: () => EndpointDaemon | null): PathEvents {
  return {
    warn: (sentence) => log.write('warning', sentence),
    demoted: (endpoint, server, text) => daemon()?.tell({ kind: 'demoted', endpoint, server, text }),
    connectionSeen: (endpoint, server, isMade) =>
      daemon()?.tell({ kind: 'connection-seen', endpoint, server, isMade }),
  };
}
