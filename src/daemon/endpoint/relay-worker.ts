// A relay worker: a child process that carries the bytes of relayed endpoints. It does what its parent says. Without the
// parent it takes no new clients, and those it has only until their routes lapse, since nobody confirms them any more.

import type { Server } from 'node:net';
import type { FromWorker, RelayConf, ToWorker } from '../../endpoint/relay/messages.ts';
import type { RelayCounts } from '../../endpoint/relay/relay.ts';
import { Slots } from '../../endpoint/relay/slots.ts';
import { Dialer } from '../../net/relay/dialer.ts';
import { listen } from '../../net/relay/listeners.ts';
import { TcpRelay } from '../../net/relay/tcp-relay.ts';
import { RelayServer } from '../../net/relay/relay-server.ts';
import { bootClockMs } from '../../os/boot-clock.ts';
import { setTcpUserTimeout } from '../../os/tcp-options.ts';
import { ScriptPost } from './script-post.ts';

/** Bytes that a server does not acknowledge for so long end the connection: its machine is dead or unreachable. */
const UNACKNOWLEDGED_MS_MAX = 20_000;
/** How often a worker without a parent looks whether it is done. */
const ORPHAN_LOOK_MS = 50;

class RelayWorker {
  readonly #relays = new Map<string, RelayServer | TcpRelay>();
  /** By the endpoint. */
  readonly #servers = new Map<string, Server[]>();
  /** By the endpoint, in the time of `#now`. */
  readonly #deadlines = new Map<string, number>();
  readonly #slots = new Slots(() =>
    setImmediate(() => {
      const news = this.#slots.news();
      if (news !== null) send({ kind: 'slots', news });
    }),
  );
  readonly #post = new ScriptPost((endpoint, news) => send({ kind: 'scripts', endpoint, news }));
  readonly #untaken = { bytes: 0 };
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  receive(message: ToWorker): void {
    switch (message.kind) {
      case 'start':
        void this.#start(message.endpoints);
        return;
      case 'route':
        this.#deadlines.set(message.route.endpoint, message.route.deadline);
        this.#relays.get(message.route.endpoint)?.lead(message.route);
        return;
      case 'drop':
        for (const server of this.#servers.get(message.endpoint) ?? []) server.close();
        this.#relays.get(message.endpoint)?.close();
        this.#relays.delete(message.endpoint);
        this.#deadlines.delete(message.endpoint);
        return;
      case 'share':
        for (const relay of this.#relays.values()) {
          if (relay instanceof RelayServer) relay.shareMemory(message.workers);
        }
        return;
      case 'retire':
        return this.#retire();
      case 'step':
        return this.#takeStep(message);
      case 'ask-counts':
        return this.#tellCounts(message.id);
      case 'slots':
        return this.#slots.receive(message.answers);
      case 'scripts': {
        const relay = this.#relays.get(message.endpoint);
        if (relay instanceof RelayServer) for (const news of message.news) relay.relay.scripts.learn(news);
      }
    }
  }

  #retire(): void {
    const servers = [...this.#servers.values()].flat();
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    // A server is closed when its last connection is.
    void Promise.all(closed).then(() => process.exit(0));
  }

  /** The parent is gone. Each relay resets its clients at its own deadline; with the last one all is over. */
  outliveParent(exit: () => void): void {
    for (const server of [...this.#servers.values()].flat()) server.close();
    const lastMs = Math.max(0, ...[...this.#deadlines.values()].filter((deadline) => deadline < Infinity));
    setInterval(() => {
      const isServing = [...this.#relays.values()].some(({ counts }) => counts.clients > 0);
      if (!isServing || this.#now() >= lastMs) exit();
    }, ORPHAN_LOOK_MS);
  }

  async #start(endpoints: readonly RelayConf[]): Promise<void> {
    try {
      for (const conf of endpoints) await this.#open(conf);
      send({ kind: 'started', problem: null });
    } catch (error) {
      send({ kind: 'started', problem: (error as Error).message });
    }
  }

  async #open(conf: RelayConf): Promise<void> {
    const { frontend, listening } = conf;
    const dialer = new Dialer({ conf, tune: (fd) => setTcpUserTimeout(fd, UNACKNOWLEDGED_MS_MAX) });
    const relay =
      frontend.mode === 'tcp'
        ? new TcpRelay(conf, dialer, this.#slots, this.#now)
        : this.#multiplexing(conf, dialer);
    this.#relays.set(frontend.name, relay);
    const servers: Server[] = [];
    this.#servers.set(frontend.name, servers);
    for (const [at, bind] of frontend.binds.entries()) {
      for (const one of listening[at] ?? []) {
        servers.push(
          await listen(bind, one, (socket, first, proxied) => relay.accept(socket, first, proxied)),
        );
      }
    }
  }

  #multiplexing(conf: RelayConf, dialer: Dialer): RelayServer {
    return new RelayServer({
      conf,
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
      const relay = this.#relays.get(name);
      // A byte pump can't hold anybody.
      if (relay === undefined || relay instanceof TcpRelay) continue;
      left++;
      relay.takeStep(step, done);
    }
    done();
  }

  #tellCounts(id: number): void {
    const counts: Record<string, RelayCounts> = {};
    for (const [name, relay] of this.#relays) counts[name] = relay.counts;
    send({ kind: 'counts', id, counts, memoryBytes: process.memoryUsage.rss() });
  }
}

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

/** Serves until the parent is gone, and what it said last has lapsed. */
export function runRelayWorker(): void {
  const worker = new RelayWorker(clock());
  process.on('message', (message: ToWorker) => worker.receive(message));
  process.on('disconnect', () => worker.outliveParent(() => process.exit(0)));
  // The parent decides when we end, also when a terminal's Ctrl-C reaches us both.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
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
