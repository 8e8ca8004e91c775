// A relay worker: a child process that carries the bytes of relayed endpoints. It does what its parent says. Without the
// parent it takes no new clients, and those it has only until their routes lapse, since nobody confirms them any more.

import type { Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import type { ServerFacts } from '../../endpoint/condition.ts';
import type { FromWorker, RelayConf, ToWorker } from '../../endpoint/relay/messages.ts';
import type { Target } from '../../endpoint/route.ts';
import type { EndpointTraffic, OpenSession } from '../../endpoint/traffic.ts';
import type { RelayCounts } from '../../endpoint/relay/relay.ts';
import { Steering } from '../../endpoint/relay/steering.ts';
import { Slots } from '../../endpoint/relay/slots.ts';
import { Attentive, type Awaited } from '../../net/relay/attentive.ts';
import { admitting, branching } from '../../net/relay/client-rules.ts';
import { Dialer, descriptorOf } from '../../net/relay/dialer.ts';
import { Descriptors } from '../../net/relay/descriptors.ts';
import { type Accept, listen, type Listener } from '../../net/relay/listeners.ts';
import { TcpRelay } from '../../net/relay/tcp-relay.ts';
import { FULL_TEXT, RelayServer } from '../../net/relay/relay-server.ts';
import type { TlsFiles } from '../../net/tls-files.ts';
import { bootClockMs } from '../../os/boot-clock.ts';
import { descriptorLimit } from '../../os/descriptor-limit.ts';
import { setTcpUserTimeout } from '../../os/tcp-options.ts';
import { ScriptPost } from './script-post.ts';

/** Bytes that a server does not acknowledge for so long end the connection: its machine is dead or unreachable. */
const UNACKNOWLEDGED_MS_MAX = 20_000;
/** The same for clients, who may be slow: the kernel counts also while they have no room for what is sent. */
const CLIENT_UNACKNOWLEDGED_MS_MAX = 60_000;
/** How often a worker without a parent looks whether it is done. */
const ORPHAN_LOOK_MS = 50;
/** Sessions that are told at once. */
const SESSIONS_MAX = 10_000;

interface Serving {
  readonly relay: RelayServer | TcpRelay;
  readonly dialer: Dialer;
  readonly listeners: Listener[];
  /** For clients of its own listeners. */
  readonly accept: Accept;
  /** For clients that other listeners than its own lead here, too. */
  readonly enter: Accept;
}

class RelayWorker {
  /** By the endpoint. */
  readonly #serving = new Map<string, Serving>();
  /** By the endpoint, in the time of `#now`. */
  readonly #deadlines = new Map<string, number>();
  readonly #slots = new Slots(() =>
    setImmediate(() => {
      const news = this.#slots.news();
      if (news !== null) send({ kind: 'slots', news });
    }),
  );
  readonly #post = new ScriptPost((endpoint, news) => send({ kind: 'scripts', endpoint, news }));
  readonly #attentive = new Attentive(() => performance.now(), setImmediate);
  readonly #untaken = { bytes: 0 };
  readonly #descriptors = new Descriptors(descriptorLimit(), (sentence) =>
    send({ kind: 'warning', sentence }),
  );
  /** As it was last known. */
  #memoryBytes = 0;
  readonly #now: () => number;
  #facts: ServerFacts = {};
  #staysAwake = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  receive(message: ToWorker): void {
    switch (message.kind) {
      case 'start':
        void this.#start(message.endpoints, buffersOf(message.tlsFiles));
        return;
      case 'renew-tls':
        return this.#renew(buffersOf(message.tlsFiles));
      case 'route':
        this.#deadlines.set(message.route.endpoint, message.route.deadline);
        this.#serving.get(message.route.endpoint)?.relay.lead(message.route);
        return;
      case 'servers-up':
        this.#facts = message.facts;
        return;
      case 'drop':
        for (const { server } of this.#serving.get(message.endpoint)?.listeners ?? []) server.close();
        this.#serving.get(message.endpoint)?.relay.close();
        this.#serving.delete(message.endpoint);
        this.#deadlines.delete(message.endpoint);
        return;
      case 'share':
        this.#mayStayAwake(message);
        for (const { relay } of this.#serving.values()) {
          if (relay instanceof RelayServer) relay.shareMemory(message.workers);
        }
        return;
      case 'retire':
        return this.#retire();
      case 'step':
        return this.#takeStep(message);
      case 'end-sessions':
        for (const name of message.endpoints) this.#serving.get(name)?.relay.endSessions(message.server);
        return;
      case 'ask-counts':
        return this.#tellCounts(message.id);
      case 'ask-sessions':
        return send({ kind: 'sessions', id: message.id, sessions: this.#sessions().slice(0, SESSIONS_MAX) });
      case 'end-session':
        return send({ kind: 'session-ended', id: message.id, isDone: this.#endSession(message.session) });
      case 'slots':
        return this.#slots.receive(message.answers);
      case 'scripts': {
        const relay = this.#serving.get(message.endpoint)?.relay;
        if (relay instanceof RelayServer) for (const news of message.news) relay.relay.scripts.learn(news);
      }
    }
  }

  #retire(): void {
    const closed = this.#listening().map(
      ({ server }) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    // A server is closed when its last connection is.
    void Promise.all(closed).then(() => process.exit(0));
  }

  /** The parent is gone. Each relay resets its clients at its own deadline; with the last one all is over. */
  outliveParent(exit: () => void): void {
    for (const { server } of this.#listening()) server.close();
    const lastMs = Math.max(0, ...[...this.#deadlines.values()].filter((deadline) => deadline < Infinity));
    setInterval(() => {
      const isServing = [...this.#serving.values()].some(({ relay }) => relay.counts.clients > 0);
      if (!isServing || this.#now() >= lastMs) exit();
    }, ORPHAN_LOOK_MS);
  }

  #listening(): Listener[] {
    return [...this.#serving.values()].flatMap(({ listeners }) => listeners);
  }

  async #start(endpoints: readonly RelayConf[], tlsFiles: TlsFiles): Promise<void> {
    try {
      // All of them first: what is said next, before they listen, may be about any of them.
      for (const conf of endpoints) this.#serve(conf, tlsFiles);
      for (const conf of endpoints) await this.#listen(conf, tlsFiles);
      send({ kind: 'started', problem: null });
    } catch (error) {
      send({ kind: 'started', problem: (error as Error).message });
    }
  }

  #renew(tlsFiles: TlsFiles): void {
    for (const { dialer, listeners } of this.#serving.values()) {
      dialer.renew(tlsFiles);
      for (const listener of listeners) listener.renew(tlsFiles);
    }
  }

  /** On a machine without a core to spare, staying awake would keep the awaited from coming. */
  #mayStayAwake({ staysAwake, workers }: Pick<RelayConf, 'staysAwake' | 'workers'>): void {
    this.#staysAwake = staysAwake ?? availableParallelism() > workers;
  }

  #serve(conf: RelayConf, tlsFiles: TlsFiles): void {
    const { frontend } = conf;
    this.#mayStayAwake(conf);
    const dialer = new Dialer({
      conf,
      ...(hasOwnConnections(frontend) ? {} : { descriptors: this.#descriptors }),
      tlsFiles,
      now: this.#now,
      tune: (fd) => setTcpUserTimeout(fd, UNACKNOWLEDGED_MS_MAX),
    });
    const expects = (awaited: Awaited): void => {
      if (this.#staysAwake) this.#attentive.expect(awaited);
    };
    const knows = (): ServerFacts => this.#facts;
    const isSteered = conf.serverRules !== undefined || conf.persistMs !== null;
    const steering = isSteered ? new Steering(conf, knows) : null;
    const seen = (server: Target, isMade: boolean): void => {
      const { host, port } = server;
      send({ kind: 'connection-seen', endpoint: frontend.name, server: { host, port }, isMade });
    };
    const relay =
      frontend.mode === 'tcp'
        ? new TcpRelay({ conf, dialer, slots: this.#slots, now: this.#now, expects, steering, seen })
        : this.#multiplexing(conf, dialer, expects, steering);
    const enter = admitting(frontend.backendRules, knows, (socket, first, proxied) =>
      relay.accept(socket, first, proxied),
    );
    const enterOther = (name: string): Accept | null => this.#serving.get(name)?.enter ?? null;
    const branch = branching(frontend.branches, knows, enterOther, enter);
    const accept = admitting(frontend.clientRules, knows, branch);
    this.#serving.set(frontend.name, { relay, dialer, listeners: [], accept, enter });
  }

  async #listen({ frontend, listening }: RelayConf, tlsFiles: TlsFiles): Promise<void> {
    const serving = this.#serving.get(frontend.name);
    const filesOfClient = hasOwnConnections(frontend) ? 2 : 1;
    for (const [at, bind] of frontend.binds.entries()) {
      for (const one of listening[at] ?? []) {
        // It was dropped meanwhile.
        if (serving === undefined || this.#serving.get(frontend.name) !== serving) return;
        const listener = await listen(bind, one, serving.accept, {
          tlsFiles,
          tune: tuneClient,
          admit: (socket) => this.#descriptors.admit(socket, filesOfClient),
          fullText: frontend.mode === 'redis' ? FULL_TEXT : '',
        });
        serving.listeners.push(listener);
        if (this.#serving.get(frontend.name) !== serving) listener.server.close();
      }
    }
  }

  #multiplexing(
    conf: RelayConf,
    dialer: Dialer,
    expects: (awaited: Awaited) => void,
    steering: Steering | null,
  ): RelayServer {
    return new RelayServer({
      conf,
      steering,
      expects,
      dialer,
      now: this.#now,
      slots: this.#slots,
      untaken: this.#untaken,
      shareScript: (news) => this.#post.add(conf.frontend.name, news),
      demoted: (server, text) =>
        send({
          kind: 'demoted',
          endpoint: conf.frontend.name,
          server: { host: server.host, port: server.port },
          text,
        }),
    });
  }

  #takeStep({ id, endpoints, step }: Extract<ToWorker, { kind: 'step' }>): void {
    send({ kind: 'step-begun', id });
    let left = 1;
    const done = (): void => {
      if (--left === 0) send({ kind: 'step-done', id });
    };
    for (const name of endpoints) {
      const relay = this.#serving.get(name)?.relay;
      // A byte pump can't hold anybody.
      if (relay === undefined || relay instanceof TcpRelay) continue;
      left++;
      relay.takeStep(step, done);
    }
    done();
  }

  #tellCounts(id: number): void {
    const counts: Record<string, RelayCounts> = {};
    const traffic: Record<string, EndpointTraffic> = {};
    for (const [name, { relay }] of this.#serving) {
      counts[name] = relay.counts;
      traffic[name] = relay.traffic;
    }
    send({ kind: 'counts', id, counts, traffic, memoryBytes: this.#readMemory() });
  }

  #readMemory(): number {
    try {
      this.#memoryBytes = process.memoryUsage.rss();
    } catch {
      // It takes a file to read that, and there may be none left.
    }
    return this.#memoryBytes;
  }

  #sessions(): OpenSession[] {
    return [...this.#serving.values()].flatMap(({ relay }) => relay.sessions);
  }

  /** False: it is none of ours. */
  #endSession(session: number): boolean {
    return [...this.#serving.values()].some(({ relay }) => relay.endSession(session));
  }
}

/** One to a server for each client, and none that they share. */
const hasOwnConnections = ({ mode, isTransparent }: RelayConf['frontend']): boolean =>
  mode === 'tcp' || isTransparent;

/** The channel makes plain byte arrays of what a map holds. */
function buffersOf(files: ReadonlyMap<string, Uint8Array>): TlsFiles {
  return new Map([...files].map(([path, bytes]) => [path, Buffer.from(bytes)]));
}

function tuneClient(socket: Socket): void {
  const fd = descriptorOf(socket);
  if (fd !== null && socket.remoteAddress !== undefined) setTcpUserTimeout(fd, CLIENT_UNACKNOWLEDGED_MS_MAX);
}

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

/** Serves until the parent is gone, and what it said last has lapsed. */
export function runRelayWorker(): void {
  const worker = new RelayWorker(clock());
  process.on('message', (message: ToWorker) => worker.receive(message));
  process.on('disconnect', () => worker.outliveParent(() => process.exit(0)));
  // The parent decides when we end, also when a terminal's Ctrl-C reaches us both, or an order to reload that is sent to
  // all who have our name (killall, systemctl kill). Node would start its debugger upon SIGUSR1.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => undefined);
  }
}

/** The boot clock; where it can't be read, a clock that stands still while the machine sleeps. */
function clock(): () => number {
  try {
    bootClockMs();
    return bootClockMs;
  } catch {
    return () => performance.now();
  }
}
