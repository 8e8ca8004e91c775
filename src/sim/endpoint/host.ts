// One simulated machine with an endpoint daemon: the product's own machine on a clock of its own, its connections, and
// the paths that carry its routes. The paths go on while the daemon stands still, as kernels and relay workers do.

import { unreachable } from '../../base/assert.ts';
import type { Random } from '../../base/random.ts';
import { Endpoints } from '../../endpoint/endpoints.ts';
import type { ConnectionId, Effect, Event, SwitchId, SwitchStep } from '../../endpoint/io.ts';
import type { Route } from '../../endpoint/route.ts';
import type { EndpointsSnapshot } from '../../endpoint/snapshot.ts';
import type { Reply } from '../../resp/reply.ts';
import { LocalClock } from '../local-clock.ts';
import type { Network, Socket } from '../network.ts';
import { Process } from '../process.ts';
import type { RedisNode } from '../redis/node.ts';
import type { Timer } from '../timeline.ts';
import { isCommand, type Command } from '../wire.ts';
import { confOf, hostIp } from './configuration.ts';
import type { Sabotage } from './sabotage.ts';
import type { Scenario } from './scenario.ts';
import type { Witness } from './witness.ts';

/** Its own clock began at some value. */
const CLOCK_START_MS = 100_000;
/** More steps than this at one moment are a circle. */
const STEPS_AT_ONCE_MAX = 2_000;

export interface HostOptions {
  readonly network: Network;
  readonly random: Random;
  readonly scenario: Scenario;
  readonly nodes: readonly RedisNode[];
  readonly index: number;
  readonly sabotage: Sabotage | null;
  readonly witness: (host: Host) => Witness;
  readonly tell: (who: string, text: string) => void;
  readonly broke: (sentence: string) => void;
}

interface Link {
  readonly socket: Socket;
  outbox: Command[];
}

/** What carries one endpoint's route out. */
interface Carrier {
  route: Route;
}

export class Host extends Process {
  readonly index: number;
  readonly clock: LocalClock;
  readonly witness: Witness;
  /** By the frontend's name. */
  readonly carriers = new Map<string, Carrier>();
  /** Clients of these wait until then, in its own time. */
  readonly held = new Map<string, number>();
  /** Faults that keep replies in flight from coming home. */
  noDrain = 0;
  variant = 0;
  readonly #o: HostOptions;
  #machine: Endpoints | null = null;
  readonly #links = new Map<ConnectionId, Link>();
  readonly #dirty = new Set<Link>();
  #timer: Timer | null = null;
  #armedFor = Infinity;
  #switches: SwitchId = 0;
  #stepsAt = -1;
  #steps = 0;

  constructor(options: HostOptions) {
    super(`host-${options.index}`, hostIp(options.index));
    this.#o = options;
    this.index = options.index;
    this.clock = new LocalClock(CLOCK_START_MS, options.scenario.hostClockRates[options.index] ?? 1);
    this.witness = options.witness(this);
  }

  get localNow(): number {
    return this.clock.read(this.#o.network.timeline.now);
  }

  start(): void {
    if (this.running) return;
    this.markStarted();
    const conf = this.#spoiledConf();
    this.#machine = new Endpoints(conf);
    this.witness.started(confOf(this.#o.scenario, this.variant));
    this.feed({ kind: 'start' });
  }

  /** kill -9; with it go its workers, and what the kernel carried for it. */
  kill(): void {
    this.markStopped();
    this.closeSockets('closed');
    this.#machine = null;
    this.#links.clear();
    this.#dirty.clear();
    this.carriers.clear();
    this.held.clear();
    this.#cancel();
    this.witness.stopped();
  }

  override thaw(): void {
    super.thaw();
    if (this.awake) this.#tick();
  }

  stop(): void {
    this.deliver(() => this.feed({ kind: 'stop' }));
  }

  reload(variant: number): void {
    this.deliver(() => {
      this.variant = variant;
      const conf = confOf(this.#o.scenario, variant);
      this.witness.reloaded(conf);
      for (const name of this.carriers.keys())
        if (!conf.frontends.some((one) => one.name === name)) this.carriers.delete(name);
      this.feed({ kind: 'reload', conf: this.#spoiledConf() });
    });
  }

  switchTo(to: RedisNode): void {
    const target = this.#o.scenario.source === 'sentinels' ? null : { host: to.ip, port: to.port };
    this.deliver(() => {
      this.#switches += 1;
      this.witness.ordered(this.#switches);
      this.feed({ kind: 'switch', id: this.#switches, backend: 'redis', to: target });
    });
  }

  /** Whom new clients of an endpoint are led to now; nobody while they are held. */
  leadsTo(endpoint: string): readonly { readonly host: string; readonly port: number }[] {
    const carrier = this.carriers.get(endpoint);
    if (carrier === undefined || carrier.route.deadline <= this.localNow) return [];
    return (this.held.get(endpoint) ?? -Infinity) > this.localNow ? [] : carrier.route.servers;
  }

  snapshot(): EndpointsSnapshot | null {
    return this.#machine?.snapshot(this.localNow) ?? null;
  }

  /** Whether it watches a server of this name for writers. */
  knows(server: string): boolean {
    const backend = this.snapshot()?.backends.find(({ name }) => name === 'redis');
    return backend?.servers.some(({ name }) => name === server) === true;
  }

  feed(event: Event): void {
    const machine = this.#machine;
    if (machine === null) return;
    const { sabotage } = this.#o;
    this.witness.happened(event);
    const told = sabotage?.hears === undefined ? event : sabotage.hears(event, this);
    if (told !== null) {
      const now = sabotage?.clock?.(this) ?? this.localNow;
      let effects: readonly Effect[];
      try {
        effects = machine.step(told, now);
      } catch (problem) {
        const text = problem instanceof Error ? problem.message : String(problem);
        return this.#o.broke(`${this.name} broke on ${event.kind}: ${text}`);
      }
      for (const effect of effects) {
        const done = sabotage?.does === undefined ? effect : sabotage.does(effect, this);
        if (done !== null) this.#carryOut(done);
      }
    }
    for (const link of this.#dirty) {
      link.socket.write(link.outbox);
      link.outbox = [];
    }
    this.#dirty.clear();
    this.witness.stepped();
    this.#arm();
  }

  #spoiledConf(): ReturnType<typeof confOf> {
    const conf = confOf(this.#o.scenario, this.variant);
    return this.#o.sabotage?.conf?.(conf) ?? conf;
  }

  #arm(): void {
    const machine = this.#machine;
    if (machine === null) return;
    const deadline = machine.deadline();
    if (deadline === this.#armedFor) return;
    this.#cancel();
    if (deadline === Infinity) return;
    this.#armedFor = deadline;
    // Timers fire a little late, never early.
    const at = this.clock.when(deadline) + 0.01 + this.#o.random.float();
    this.#timer = this.#o.network.timeline.at(at, () => {
      this.#armedFor = Infinity;
      if (this.awake) this.#tick();
    });
  }

  #cancel(): void {
    if (this.#timer !== null) this.#timer.run = null;
    this.#timer = null;
    this.#armedFor = Infinity;
  }

  #tick(): void {
    const { now } = this.#o.network.timeline;
    this.#steps = this.#stepsAt === now ? this.#steps + 1 : 0;
    this.#stepsAt = now;
    if (this.#steps > STEPS_AT_ONCE_MAX) return this.#o.broke(`${this.name} does not come to rest`);
    this.feed({ kind: 'tick' });
  }

  /** In this life, unless it stands still then. */
  #later(ms: number, event: Event): void {
    const { incarnation } = this;
    this.#o.network.timeline.after(ms, () => {
      if (this.running && this.incarnation === incarnation) this.deliver(() => this.feed(event));
    });
  }

  #carryOut(effect: Effect): void {
    this.witness.done(effect);
    switch (effect.kind) {
      case 'connect':
        return this.#connect(effect.connection, effect.ip, effect.port);
      case 'close':
        return this.#close(effect.connection);
      case 'send': {
        const link = this.#links.get(effect.connection);
        if (link === undefined) return;
        link.outbox.push(effect.args);
        this.#dirty.add(link);
        return;
      }
      case 'resolve':
        return this.#later(0.1, { kind: 'resolved', host: effect.host, ips: [effect.host] });
      case 'run-check':
        return this.#check(effect.run, effect.server.host, effect.timeoutMs);
      case 'route': {
        const { route } = effect;
        if (!this.witness.watches(route.endpoint)) return;
        this.carriers.set(route.endpoint, { route });
        return;
      }
      case 'switch-step':
        return this.#takeStep(effect.id, effect.endpoints, effect.step);
      case 'switch-ended':
        return this.#o.tell(this.name, `switch ended: ${effect.sentence}`);
      case 'event':
        return this.#o.tell(this.name, `${effect.level} ${effect.backend} ${effect.name}: ${effect.text}`);
      case 'decision':
        return this.#o.tell(this.name, `${effect.backend} ${effect.sentence}`);
      case 'exit':
        this.#o.tell(this.name, 'leaves');
        return this.kill();
      // No path of a simulated host leads from an address that a server may have.
      case 'servers-known':
      // Nor do conditions ask about servers.
      case 'servers-up':
      // Nor does anybody give orders about clients.
      case 'end-sessions':
      case 'stop-check':
      case 'run-hook':
      case 'signal-hook':
      case 'write-fifo':
      case 'send-mail':
      case 'log':
        return;
      default:
        return unreachable(effect, 'an effect the host does not know');
    }
  }

  #connect(connection: ConnectionId, ip: string, port: number): void {
    const socket = this.#o.network.connect(this, ip, port, {
      connected: () => this.feed({ kind: 'connected', connection, localAddress: this.ip }),
      received: (items) => {
        for (const item of items) {
          if (isCommand(item) || !this.#links.has(connection)) continue;
          this.feed({ kind: 'reply', connection, reply: item as Reply });
        }
      },
      ended: (reason, detail) => {
        if (this.#links.delete(connection)) this.feed({ kind: 'disconnected', connection, reason, detail });
      },
    });
    this.#links.set(connection, { socket, outbox: [] });
  }

  #close(connection: ConnectionId): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    this.#links.delete(connection);
    this.#dirty.delete(link);
    link.socket.write(link.outbox);
    link.socket.close();
  }

  /** All connections to a server end. */
  disconnect(node: RedisNode): void {
    for (const socket of node.sockets) if (socket.remoteIp === this.ip) socket.close();
  }

  #canReach(node: RedisNode): boolean {
    const { network } = this.#o;
    const isCut = network.path(this.ip, node.ip).cuts + network.path(node.ip, this.ip).cuts > 0;
    return node.awake && !isCut;
  }

  #check(run: number, ip: string, timeoutMs: number): void {
    const node = this.#o.nodes.find((one) => one.ip === ip);
    const isRefused = node?.running === false;
    const isUp = node !== undefined && this.#canReach(node);
    const ms = isUp || isRefused ? 2 * this.#o.scenario.delayMs : timeoutMs;
    this.#later(ms, { kind: 'check-ended', run, isUp, detail: isUp ? '' : 'no connection', weight: null });
  }

  #takeStep(id: SwitchId, endpoints: readonly string[], step: SwitchStep): void {
    const { random, nodes, scenario } = this.#o;
    const answer = (ms: number, sentence: string | null): void =>
      this.#later(ms, {
        kind: 'switch-answer',
        id,
        answer: sentence === null ? { kind: 'done' } : { kind: 'failed', sentence },
      });
    switch (step.kind) {
      case 'prepare': {
        const { to } = step;
        const node = to === null ? null : nodes.find((one) => one.ip === to.host);
        if (node === null) return answer(1, null);
        if (node === undefined || !node.running) return answer(1, 'connecting to it was refused');
        // A connection that nobody answers: the machine has to give up by itself.
        if (this.#canReach(node)) answer(1 + 4 * scenario.delayMs, null);
        return;
      }
      case 'hold':
        for (const endpoint of endpoints) this.held.set(endpoint, this.localNow + step.msMax);
        if (this.noDrain === 0) answer(random.float() * 20, null);
        return;
      case 'release':
        for (const endpoint of endpoints) this.held.delete(endpoint);
        return answer(random.float() * 20, null);
    }
  }
}
