// The relay as a path of endpoints: opens the ports, starts the workers that carry the bytes, hands them routes, and
// replaces one that died. This process reads no client's byte; a worker whose parent is gone ends by itself.

import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { failure, success, type Result } from '../../base/result.ts';
import type { EndpointsConf, FrontendConf } from '../../endpoint/endpoint-conf.ts';
import type { ServerFacts } from '../../endpoint/condition.ts';
import type { FromWorker, RelayConf } from '../../endpoint/relay/messages.ts';
import type { RelayCounts } from '../../endpoint/relay/relay.ts';
import { routeOfWorker } from '../../endpoint/relay/route-of-worker.ts';
import { Scripts } from '../../endpoint/relay/scripts.ts';
import { type Route, type Target, targetText } from '../../endpoint/route.ts';
import { BusiestSeconds } from '../../endpoint/busiest-seconds.ts';
import { addTraffic, type OpenSession, type Traffic } from '../../endpoint/traffic.ts';
import type { SwitchAnswer, SwitchStep } from '../../endpoint/io.ts';
import { NO_TLS_FILES, type TlsFiles } from '../../net/tls-files.ts';
import { FIRST_FD, openBind, type Opening } from './open-bind.ts';
import { ALL_CLIENTS, limitOfClients, relayConf } from './relay-conf.ts';
import { type RelayWorker, RelayWorkers, type WorkerCare } from './relay-workers.ts';
import type { PathEvents, RoutePath } from './route-path.ts';
import { SlotDesk } from './slot-desk.ts';

/** A worker that has not begun a step of a switch by then is waited for no longer: the others' clients are held. */
const BEGIN_MS_MAX = 1_000;
/** And this part of a hold may pass at most. */
const BEGIN_SHARE = 1 / 4;
const WORKERS = Math.max(1, availableParallelism() - 1);
/** Figures of a worker that is busy for longer are left out. */
const COUNT_MS_MAX = 1_000;
/** Above what anybody can ask for. */
const WORKERS_MAX = 1_024;

export interface RelayPathOptions {
  readonly conf: EndpointsConf;
  /** Those that are relayed. */
  readonly frontends: readonly FrontendConf[];
  /** null: one less than there are cores, at least one. */
  readonly workers: number | null;
  readonly events: PathEvents;
  /** Whom workers run as; absent: as this process. */
  readonly runAs?: { readonly uid?: number; readonly gid?: number };
  /** Clients of all endpoints together; absent or null: no limit. */
  readonly clientsMax?: number | null;
  /** See {@link RelayConf.staysAwake}; absent: null. */
  readonly staysAwake?: boolean | null;
  /** That of the daemon's other relays; absent: there is none. */
  readonly slots?: SlotDesk | null;
  /** The file that runs a worker when it is given `relay-worker`; default: the program that runs. */
  readonly program?: string;
  readonly care?: WorkerCare;
  /** Absent: workers read what they need themselves. */
  readonly tlsFiles?: TlsFiles;
}

/** A hold that workers are in, for one that starts meanwhile. */
interface Held {
  readonly endpoints: readonly string[];
  readonly untilMs: number;
}

export class RelayPath implements RoutePath {
  readonly #options: RelayPathOptions;
  #endpoints: readonly RelayConf[];
  /** null: closed, and its place is kept, since workers know each by its place. */
  readonly #fds: (number | null)[];
  /** Several workers may take clients of its listeners. */
  readonly #canShare: boolean;
  readonly #workers: RelayWorkers;
  /** The last route of each endpoint, for a worker that starts later. */
  readonly #routes = new Map<string, Route>();
  #facts: ServerFacts = {};
  #held: Held | null = null;
  /** Other relays of the daemon count there, too. */
  readonly slots: SlotDesk;
  /** Of each worker there, by its serial here. */
  readonly #numbers = new Map<number, number>();
  /** By the endpoint; for workers that start later. */
  readonly #scripts = new Map<string, Scripts>();
  /** What workers that are gone had counted, as far as they told. */
  readonly #counted = new Map<string, Record<string, number>>();
  /** What takes the files of each endpoint's unix sockets away. */
  readonly #removes: Map<string, (() => void)[]>;
  #tlsFiles: TlsFiles;
  readonly #busiest = new BusiestSeconds();

  /** Opens the ports and starts the workers. All problems come back at once, and nothing is left open. */
  static async open(options: RelayPathOptions): Promise<Result<RelayPath, readonly string[]>> {
    const opening: Opening = { fds: [], problems: [], warnings: [], canShare: true };
    const { fds, problems } = opening;
    const removes = new Map<string, (() => void)[]>();
    const listening = options.frontends.map(({ name, binds }) => {
      const opened = binds.map((bind) => openBind(bind, binds, opening));
      removes.set(
        name,
        opened.flat().flatMap(({ remove }) => remove ?? []),
      );
      return opened.map((ofBind) => ofBind.map((one) => one.listening));
    });
    const count = opening.canShare ? (options.workers ?? WORKERS) : 1;
    const endpoints = options.frontends.map((frontend, at) =>
      relayConf(options.conf, frontend, listening[at] ?? [], count, options),
    );
    const path = new RelayPath(options, endpoints, fds, removes, count, opening.canShare);
    for (const warning of opening.warnings) options.events.warn(warning);
    if (problems.length === 0) problems.push(...(await path.#workers.start()));
    if (problems.length > 0) {
      await path.close();
      return failure(problems);
    }
    return success(path);
  }

  private constructor(
    options: RelayPathOptions,
    endpoints: readonly RelayConf[],
    fds: readonly number[],
    removes: Map<string, (() => void)[]>,
    count: number,
    canShare: boolean,
  ) {
    this.#options = options;
    this.#canShare = canShare;
    this.#endpoints = endpoints;
    this.#removes = removes;
    this.#fds = [...fds];
    this.#tlsFiles = options.tlsFiles ?? NO_TLS_FILES;
    this.slots = options.slots ?? new SlotDesk();
    for (const { frontend, limits } of endpoints) {
      this.slots.limit(frontend.name, [
        { name: ALL_CLIENTS, max: options.clientsMax ?? null },
        { name: limits.waiting, max: frontend.queue.clientsMax },
        { name: limitOfClients(frontend), max: frontend.connectionsMax },
      ]);
      this.#scripts.set(frontend.name, new Scripts(sha1));
    }
    this.#workers = new RelayWorkers({
      count,
      program: options.program ?? null,
      runAs: options.runAs,
      care: options.care ?? {},
      descriptors: () => this.#fds,
      greet: (worker) => this.#greet(worker),
      heard: (worker, message) => this.#heard(worker, message),
      gone: (worker) => this.#gone(worker),
      beat: () => this.#busiest.hear(this.#workers.living.map(({ traffic }) => traffic)),
      warn: (sentence) => options.events.warn(sentence),
    });
  }

  apply(route: Route): void {
    const before = this.#routes.get(route.endpoint);
    this.#routes.set(route.endpoint, route);
    if (before?.generation !== route.generation) this.#limitServers(route);
    for (const worker of this.#workers.living) tellRoute(worker, route);
  }

  know(facts: ServerFacts): void {
    this.#facts = facts;
    for (const worker of this.#workers.living) worker.tell({ kind: 'servers-up', facts });
  }

  async takeStep(endpoints: readonly string[], step: SwitchStep): Promise<SwitchAnswer> {
    this.#held = step.kind === 'hold' ? { endpoints, untilMs: performance.now() + step.msMax } : null;
    const beginMsMax = step.kind === 'hold' ? Math.min(step.msMax * BEGIN_SHARE, BEGIN_MS_MAX) : BEGIN_MS_MAX;
    const asked = this.#workers.living;
    const answers = await this.#workers.askAll((id) => ({ kind: 'step', id, endpoints, step }), beginMsMax);
    answers.forEach((answer, at) => {
      // What it sends late, the old primary refuses; and its clients are reset when its route lapses.
      if (answer === undefined)
        this.#options.events.warn(
          `relay worker ${asked[at]?.index ?? '?'} does not answer: the switch goes on without it`,
        );
    });
    // A worker that died holds nobody any more.
    return { kind: 'done' };
  }

  resize(workers: number | null, staysAwake: boolean | null): void {
    const count = this.#canShare ? (workers ?? WORKERS) : 1;
    this.#endpoints = this.#endpoints.map((conf) => ({ ...conf, workers: count, staysAwake }));
    for (const worker of this.#workers.living) worker.tell({ kind: 'share', workers: count, staysAwake });
    void this.#workers.resize(count);
  }

  endSessions(endpoints: readonly string[], server: Target): void {
    for (const worker of this.#workers.living) worker.tell({ kind: 'end-sessions', endpoints, server });
  }

  drop(names: readonly string[]): void {
    const dropped = this.#endpoints.filter(({ frontend }) => names.includes(frontend.name));
    this.#endpoints = this.#endpoints.filter((one) => !dropped.includes(one));
    for (const { frontend, listening } of dropped) {
      this.#routes.delete(frontend.name);
      this.#scripts.delete(frontend.name);
      this.#unlimit(frontend.name);
      for (const worker of this.#workers.living) worker.tell({ kind: 'drop', endpoint: frontend.name });
      for (const one of listening.flat()) {
        if (one.kind !== 'descriptor') continue;
        const fd = this.#fds[one.fd - FIRST_FD];
        if (typeof fd === 'number') closeSync(fd);
        this.#fds[one.fd - FIRST_FD] = null;
      }
      this.#removeFiles(frontend.name);
    }
  }

  renewTls(files: TlsFiles): void {
    this.#tlsFiles = files;
    for (const worker of this.#workers.living) worker.tell({ kind: 'renew-tls', tlsFiles: files });
  }

  /** Counts are those of a second ago at most. */
  status(): unknown {
    return {
      path: 'relay',
      workers: this.#workers.living.map(({ pid }) => pid),
      load: this.#workers.living.map(({ counts, memoryBytes }) => ({
        clients: Object.values(counts).reduce((sum, { clients }) => sum + clients, 0),
        memoryBytes,
      })),
      endpoints: this.#endpoints.map(({ frontend }) => frontend.name),
      counts: this.#sums(this.#workers.living.map(({ counts }) => counts)),
    };
  }

  /** What the workers have counted, each endpoint's together. */
  async counts(): Promise<Record<string, Record<string, number>>> {
    const answers = await this.#workers.askAll((id) => ({ kind: 'ask-counts', id }));
    return this.#sums(answers.map((answer) => (answer?.kind === 'counts' ? answer.counts : {})));
  }

  async traffic(): Promise<Traffic> {
    const answers = await this.#workers.askAll((id) => ({ kind: 'ask-counts', id }), COUNT_MS_MAX);
    const told = answers.flatMap((answer) => (answer?.kind === 'counts' ? [answer.traffic] : []));
    this.#busiest.hear(told);
    return this.#busiest.correct(addTraffic(told));
  }

  /** Each worker's sessions have numbers of their own, which are made different from one another here. */
  async sessions(): Promise<readonly OpenSession[]> {
    const asked = this.#workers.living;
    const answers = await this.#workers.askAll((id) => ({ kind: 'ask-sessions', id }), COUNT_MS_MAX);
    return answers.flatMap((answer, at) => {
      if (answer?.kind !== 'sessions') return [];
      const index = asked[at]?.index ?? 0;
      return answer.sessions.map((session) => ({ ...session, id: session.id * WORKERS_MAX + index }));
    });
  }

  async endSession(session: number): Promise<boolean> {
    const worker = this.#workers.living.find(({ index }) => index === session % WORKERS_MAX);
    if (worker === undefined) return false;
    const message = { kind: 'end-session', session: Math.floor(session / WORKERS_MAX) } as const;
    const answer = await this.#workers.ask(worker, (id) => ({ ...message, id }), COUNT_MS_MAX);
    return answer?.kind === 'session-ended' && answer.isDone;
  }

  async close(): Promise<void> {
    await this.#workers.close();
    for (const { frontend } of this.#endpoints) this.#unlimit(frontend.name);
    for (const fd of this.#fds.splice(0)) if (fd !== null) closeSync(fd);
    for (const name of this.#removes.keys()) this.#removeFiles(name);
  }

  #removeFiles(endpoint: string): void {
    for (const remove of this.#removes.get(endpoint) ?? []) remove();
    this.#removes.delete(endpoint);
  }

  #unlimit(endpoint: string): void {
    for (const owner of [endpoint, routeOf(endpoint)]) this.slots.limit(owner, []);
  }

  #greet(worker: RelayWorker): void {
    const number = this.slots.join((answers) => worker.tell({ kind: 'slots', answers }));
    this.#numbers.set(worker.serial, number);
    // Where addresses stay is not shared between workers, so one has all clients of such an endpoint.
    const alone = new Set(
      this.#endpoints
        .filter(({ persistMs }) => persistMs !== null)
        .map(({ frontend }) => frontend.branchOf ?? frontend.name),
    );
    const endpoints = this.#endpoints.filter(
      ({ frontend }) => worker.index === 0 || !alone.has(frontend.branchOf ?? frontend.name),
    );
    worker.tell({ kind: 'start', endpoints, tlsFiles: this.#tlsFiles });
    worker.tell({ kind: 'servers-up', facts: this.#facts });
    for (const [endpoint, scripts] of this.#scripts) {
      worker.tell({ kind: 'scripts', endpoint, news: scripts.all() });
    }
    for (const route of this.#routes.values()) tellRoute(worker, route);
    const msMax = this.#held === null ? 0 : this.#held.untilMs - performance.now();
    if (this.#held === null || msMax <= 0) return;
    worker.tell({ kind: 'step', id: 0, endpoints: this.#held.endpoints, step: { kind: 'hold', msMax } });
  }

  #heard(worker: RelayWorker, message: FromWorker): void {
    switch (message.kind) {
      case 'demoted':
        return this.#options.events.demoted(message.endpoint, message.server, message.text);
      case 'connection-seen':
        return this.#options.events.connectionSeen(message.endpoint, message.server, message.isMade);
      case 'warning':
        return this.#options.events.warn(message.sentence);
      case 'slots':
        return this.slots.receive(this.#numbers.get(worker.serial) ?? 0, message.news);
      case 'scripts': {
        const { endpoint, news } = message;
        for (const one of news) this.#scripts.get(endpoint)?.learn(one);
        for (const other of this.#workers.living) if (other !== worker) other.tell(message);
        return;
      }
      // Those are answers.
      case 'started':
      case 'step-begun':
      case 'step-done':
      case 'counts':
      case 'sessions':
      case 'session-ended':
    }
  }

  #gone(worker: RelayWorker): void {
    for (const [endpoint, { clients: _, ...counts }] of Object.entries(worker.counts)) {
      this.#counted.set(endpoint, sumOf(this.#counted.get(endpoint) ?? {}, counts));
    }
    this.slots.leave(this.#numbers.get(worker.serial) ?? 0);
    this.#numbers.delete(worker.serial);
  }

  /** A server counts once for all endpoints that lead to it. */
  #limitServers(route: Route): void {
    const conf = this.#endpoints.find(({ frontend }) => frontend.name === route.endpoint);
    if (conf === undefined) return;
    this.slots.limit(
      routeOf(route.endpoint),
      route.servers.map((server) => ({
        name: `${conf.limits.ofServer}${targetText(server)}`,
        max: server.connectionsMax,
        again: server.connectionsAgain,
      })),
    );
  }

  #sums(all: readonly Readonly<Record<string, RelayCounts>>[]): Record<string, Record<string, number>> {
    const sums: Record<string, Record<string, number>> = {};
    for (const counts of [Object.fromEntries(this.#counted), ...all]) {
      for (const [endpoint, its] of Object.entries(counts))
        sums[endpoint] = sumOf(sums[endpoint] ?? {}, { ...its });
    }
    return sums;
  }
}

/** Who sets the limits of the servers that an endpoint leads to. */
const routeOf = (endpoint: string): string => `route of ${endpoint}`;

const sha1 = (text: string): string => createHash('sha1').update(text, 'latin1').digest('hex');

function sumOf(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum = { ...a };
  for (const [name, value] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}

const tellRoute = (worker: RelayWorker, route: Route): void =>
  worker.tell({ kind: 'route', route: routeOfWorker(route, worker.index) });
