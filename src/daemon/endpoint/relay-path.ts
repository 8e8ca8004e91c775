// The relay as a path of endpoints: opens the ports, starts the workers that carry the bytes, hands them routes, and
// replaces one that died. This process reads no client's byte; a worker whose parent is gone ends by itself.

import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, realpathSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { failure, success, type Result } from '../../base/result.ts';
import type { BackendConf, Bind, EndpointsConf, FrontendConf } from '../../endpoint/endpoint-conf.ts';
import type {
  FromWorker,
  Listening,
  RelayConf,
  ServerOptions,
  ToWorker,
} from '../../endpoint/relay/messages.ts';
import type { Route } from '../../endpoint/route.ts';
import type { SwitchAnswer, SwitchStep } from '../../endpoint/io.ts';
import { listenFreebind } from '../../os/freebind-listen.ts';
import { OsError } from '../../os/os-error.ts';
import type { PathEvents, RoutePath } from './route-path.ts';

/** What may wait in the kernel to be accepted; it caps this at net.core.somaxconn. */
const BACKLOG = 4096;
/** The first descriptor behind standard input, output, error and the channel to the parent. */
const FIRST_FD = 4;
const START_MS_MAX = 20_000;
/** A worker that dies is replaced after this, doubled with each that lives for less than a minute. */
const RESTART_MS = 100;
const RESTART_MS_MAX = 10_000;
const STABLE_MS = 60_000;
const ANSWER_MS_MAX = 30_000;

export interface RelayPathOptions {
  readonly conf: EndpointsConf;
  /** Those that are relayed. */
  readonly frontends: readonly FrontendConf[];
  /** null: one less than there are cores, at least one. */
  readonly workers: number | null;
  readonly events: PathEvents;
  /** Whom workers run as; absent: as this process. */
  readonly runAs?: { readonly uid?: number; readonly gid?: number };
  /** The file that runs a worker when it is given `relay-worker`; default: the program that runs. */
  readonly program?: string;
}

/** What a worker is given of one listener. */
interface Opened {
  readonly listening: Listening;
  /** Ours, to be closed at the end. */
  readonly fd: number | null;
}

interface Worker {
  readonly index: number;
  child: ChildProcess;
  startedMs: number;
  restartMs: number;
}

export class RelayPath implements RoutePath {
  readonly #options: RelayPathOptions;
  #endpoints: readonly RelayConf[];
  /** null: closed, and its place is kept, since workers know each by its place. */
  readonly #fds: (number | null)[];
  readonly #workers: (Worker | null)[] = [];
  /** The last route of each endpoint, for a worker that starts later. */
  readonly #routes = new Map<string, Route>();
  /** Who waits for an answer, by the question's number and the worker. */
  readonly #asked = new Map<string, (answer: FromWorker | null) => void>();
  #lastId = 0;
  #isClosing = false;

  /** Opens the ports and starts the workers. All problems come back at once, and nothing is left open. */
  static async open(options: RelayPathOptions): Promise<Result<RelayPath, readonly string[]>> {
    const problems: string[] = [];
    const fds: number[] = [];
    const count = options.workers ?? Math.max(1, availableParallelism() - 1);
    for (const frontend of options.frontends) problems.push(...mixedUpClients(options.conf, frontend));
    const isShared = { canShare: true };
    const endpoints = options.frontends.map((frontend): RelayConf => {
      const listening = frontend.binds.map((bind) =>
        openBind(bind, fds, problems, isShared).map((one) => one.listening),
      );
      return relayConf(options.conf, frontend, listening, count);
    });
    const path = new RelayPath(options, endpoints, fds);
    const workers = isShared.canShare ? count : 1;
    if (problems.length === 0) {
      const started = await Promise.all(
        Array.from({ length: workers }, (_, index) => path.#start(index, RESTART_MS)),
      );
      problems.push(...new Set(started.filter((problem) => problem !== null)));
    }
    if (problems.length > 0) {
      await path.close();
      return failure(problems);
    }
    return success(path);
  }

  private constructor(options: RelayPathOptions, endpoints: readonly RelayConf[], fds: readonly number[]) {
    this.#options = options;
    this.#endpoints = endpoints;
    this.#fds = [...fds];
  }

  apply(route: Route): void {
    this.#routes.set(route.endpoint, route);
    for (const worker of this.#living()) tell(worker.child, { kind: 'route', route });
  }

  async takeStep(endpoints: readonly string[], step: SwitchStep): Promise<SwitchAnswer> {
    const answers = await this.#askAll((id) => ({ kind: 'step', id, endpoints, step }));
    // A worker that died holds nobody any more.
    return answers.every((answer) => answer?.kind === 'step-done' || answer === null)
      ? { kind: 'done' }
      : { kind: 'failed', sentence: 'a relay worker did not answer' };
  }

  drop(names: readonly string[]): void {
    const dropped = this.#endpoints.filter(({ frontend }) => names.includes(frontend.name));
    this.#endpoints = this.#endpoints.filter((one) => !dropped.includes(one));
    for (const { frontend, listening } of dropped) {
      this.#routes.delete(frontend.name);
      for (const worker of this.#living()) tell(worker.child, { kind: 'drop', endpoint: frontend.name });
      for (const one of listening.flat()) {
        if (one.kind !== 'descriptor') continue;
        const fd = this.#fds[one.fd - FIRST_FD];
        if (typeof fd === 'number') closeSync(fd);
        this.#fds[one.fd - FIRST_FD] = null;
      }
    }
  }

  status(): unknown {
    return {
      path: 'relay',
      workers: this.#living().map(({ child }) => child.pid ?? null),
      endpoints: this.#endpoints.map(({ frontend }) => frontend.name),
    };
  }

  /** What the workers have counted, each endpoint's together. */
  async counts(): Promise<Record<string, Record<string, number>>> {
    const sums: Record<string, Record<string, number>> = {};
    for (const answer of await this.#askAll((id) => ({ kind: 'ask-counts', id }))) {
      if (answer?.kind !== 'counts') continue;
      for (const [endpoint, counts] of Object.entries(answer.counts)) {
        const sum = (sums[endpoint] ??= {});
        for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + Number(value);
      }
    }
    return sums;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const ended = this.#living().map(
      ({ child }) =>
        new Promise<void>((resolve) => {
          child.once('exit', () => resolve());
          // It resets its clients: the kernel does that with what a dead process leaves unread, too.
          child.kill('SIGKILL');
        }),
    );
    await Promise.all(ended);
    for (const fd of this.#fds) if (fd !== null) closeSync(fd);
    for (const { frontend } of this.#endpoints) {
      for (const bind of frontend.binds) if (bind.kind === 'unix') rmSync(bind.path, { force: true });
    }
  }

  #living(): Worker[] {
    return this.#workers.filter((worker) => worker !== null);
  }

  /** Starts worker number `index`; resolves to what keeps it from serving, or null. */
  #start(index: number, restartMs: number): Promise<string | null> {
    // Where the program really is: a link to it may lie where another user may not look.
    const program = this.#options.program ?? realpathSync(process.argv[1] ?? '');
    const child = fork(program, ['relay-worker'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...this.#fds.map((fd) => fd ?? 'ignore')],
      // Deadlines may be Infinity, which JSON has no word for.
      serialization: 'advanced',
      execArgv: [],
      ...this.#options.runAs,
    });
    const worker: Worker = { index, child, startedMs: performance.now(), restartMs };
    this.#workers[index] = worker;
    tell(child, { kind: 'start', endpoints: this.#endpoints });
    for (const route of this.#routes.values()) tell(child, { kind: 'route', route });
    return new Promise((resolve) => {
      const patience = setTimeout(() => {
        resolve(`relay worker ${index} did not start within ${START_MS_MAX / 1000} s`);
        child.kill('SIGKILL');
      }, START_MS_MAX);
      child.on('message', (message: FromWorker) => {
        if (message.kind === 'started') {
          clearTimeout(patience);
          resolve(message.problem);
        } else {
          this.#heard(worker, message);
        }
      });
      child.on('error', (error) => this.#options.events.warn(`relay worker ${index}: ${error.message}`));
      child.once('exit', (code, signal) => {
        clearTimeout(patience);
        resolve(`relay worker ${index} ended (${signal ?? `exit code ${code ?? '?'}`})`);
        this.#ended(worker, signal ?? `exit code ${code ?? '?'}`);
      });
    });
  }

  #heard(worker: Worker, message: FromWorker): void {
    switch (message.kind) {
      case 'demoted':
        return this.#options.events.demoted(message.endpoint, message.server, message.text);
      case 'warning':
        return this.#options.events.warn(message.sentence);
      case 'step-done':
      case 'counts':
        this.#asked.get(`${message.id} ${worker.index}`)?.(message);
        return;
      case 'started':
    }
  }

  /** A worker is gone, and its clients with it. */
  #ended(worker: Worker, how: string): void {
    if (this.#workers[worker.index] === worker) this.#workers[worker.index] = null;
    for (const [key, answer] of this.#asked) if (key.endsWith(` ${worker.index}`)) answer(null);
    if (this.#isClosing) return;
    const isStable = performance.now() - worker.startedMs > STABLE_MS;
    const restartMs = isStable ? RESTART_MS : Math.min(worker.restartMs * 2, RESTART_MS_MAX);
    this.#options.events.warn(
      `relay worker ${worker.index} ended (${how}); another one starts in ${worker.restartMs} ms`,
    );
    setTimeout(() => void this.#restart(worker.index, restartMs), worker.restartMs);
  }

  async #restart(index: number, restartMs: number): Promise<void> {
    if (this.#isClosing) return;
    const problem = await this.#start(index, restartMs);
    if (problem !== null) this.#options.events.warn(problem);
  }

  /** Asks every worker; null for one that died, undefined for one that does not answer. */
  #askAll(question: (id: number) => ToWorker): Promise<(FromWorker | null | undefined)[]> {
    const id = ++this.#lastId;
    return Promise.all(
      this.#living().map(
        ({ index, child }) =>
          new Promise<FromWorker | null | undefined>((resolve) => {
            const key = `${id} ${index}`;
            const patience = setTimeout(() => answer(undefined), ANSWER_MS_MAX);
            const answer = (given: FromWorker | null | undefined): void => {
              clearTimeout(patience);
              this.#asked.delete(key);
              resolve(given);
            };
            this.#asked.set(key, answer);
            tell(child, question(id));
          }),
      ),
    );
  }
}

function tell(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => undefined);
}

/** Opens what one bind names. A descriptor's number is what it will be in the worker. */
function openBind(bind: Bind, fds: number[], problems: string[], sharing: { canShare: boolean }): Opened[] {
  if (bind.kind === 'unix') {
    // One process has to make the file; without others it is simplest that the one worker does.
    sharing.canShare = false;
    rmSync(bind.path, { force: true });
    return [{ listening: { kind: 'path', path: bind.path, mode: bind.mode }, fd: null }];
  }
  const hosts = bind.host === '*' ? ['0.0.0.0'] : bind.host === '::' ? ['0.0.0.0', '::'] : [bind.host];
  const opened: Opened[] = [];
  for (const host of hosts) {
    try {
      const fd = listenFreebind(host, bind.port, BACKLOG);
      opened.push({ listening: { kind: 'descriptor', fd: FIRST_FD + fds.length }, fd });
      fds.push(fd);
    } catch (error) {
      if (error instanceof OsError && error.code === 'ENOSYS') {
        sharing.canShare = false;
        opened.push({ listening: { kind: 'address', host, port: bind.port }, fd: null });
      } else {
        // It says what could not be done, where, and what to do.
        problems.push((error as Error).message);
      }
    }
  }
  return opened;
}

/** The PROXY protocol names one client for a whole connection. */
function mixedUpClients(conf: EndpointsConf, { name, backend, mode }: FrontendConf): string[] {
  if (mode !== 'redis') return [];
  const servers = conf.backends.find((each) => each.name === backend)?.servers ?? [];
  return servers
    .filter(({ sendsProxyProtocol }) => sendsProxyProtocol !== null)
    .map(
      (server) =>
        `${name}: server ${server.name} is to be sent the PROXY protocol, but its connections are shared by many ` +
        'clients: relay it as plain TCP (mode tcp), or leave send-proxy out',
    );
}

/** What a proxy has to know of an endpoint. */
export function relayConf(
  conf: EndpointsConf,
  frontend: FrontendConf,
  listening: readonly (readonly Listening[])[],
  workers: number,
): RelayConf {
  const backend = conf.backends.find(({ name }) => name === frontend.backend) as BackendConf;
  const servers: Record<string, ServerOptions> = {};
  for (const { name, tls, sendsProxyProtocol } of backend.servers)
    servers[name] = { tls, sendsProxyProtocol };
  const { connectionsMax } = frontend;
  return {
    frontend,
    listening,
    connectMsMax: backend.connectMsMax,
    connectionsMax: connectionsMax === null ? null : Math.ceil(connectionsMax / workers),
    isPrimary: backend.role.kind === 'primary',
    serverDefaults: { tls: backend.tls, sendsProxyProtocol: null },
    servers,
  };
}
