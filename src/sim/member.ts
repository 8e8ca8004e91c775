// A simulated member: a process that feeds events to the machine and carries out its effects, as the daemon does with
// real sockets. One turn handles everything one segment brought, and what it wrote to one connection leaves in one write.

import type { Random } from '../base/random.ts';
import type { Reply } from '../resp/reply.ts';
import type { ProcessFacts } from '../sentinel/host.ts';
import type { Effect, EndOfConnection, Event } from '../sentinel/io.ts';
import { Clients } from './clients.ts';
import type { Disk } from './disk.ts';
import { simulatedHost } from './host.ts';
import type { LocalClock } from './local-clock.ts';
import type { Machine, MachineFactory } from './machine.ts';
import type { Network, Socket } from './network.ts';
import { Process } from './process.ts';
import type { Sabotage, SabotagedMember } from './sabotage.ts';
import type { Command, Wire } from './wire.ts';
import { isCommand } from './wire.ts';
import type { Remote, Witness } from './witness.ts';

/** More steps than this within one second of simulated time is a machine that runs in circles. */
const STEPS_PER_SECOND_MAX = 5_000;

export interface MemberOptions {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly clock: LocalClock;
  readonly fastCrash: boolean;
}

/** What a member reports beyond what checkers see. */
export interface MemberListener {
  /** A line for the story. */
  says(member: Member, text: string): void;
  /** The machine threw, or never came to rest. */
  broke(member: Member, sentence: string): void;
}

interface Link {
  readonly remote: Remote;
  readonly socket: Socket;
  /** Sent and not answered yet, oldest first. */
  readonly unanswered: Command[];
  outbox: Command[];
}

export class Member extends Process implements SabotagedMember {
  readonly port: number;
  readonly clock: LocalClock;
  readonly disk: Disk;
  readonly random: Random;
  readonly #network: Network;
  readonly #fastCrash: boolean;
  readonly #factory: MachineFactory;
  readonly #witness: Required<Witness>;
  readonly #listener: MemberListener;
  readonly #sabotage: Sabotage | null;
  readonly #links = new Map<number, Link>();
  readonly #clients: Clients;
  #machine: Machine | null = null;
  #armedFor = Infinity;
  #mustSave = false;
  #isSaving = false;
  #touchedLinks = new Set<Link>();
  #stepsAt = 0;
  #stepsThen = 0;

  constructor(
    network: Network,
    random: Random,
    disk: Disk,
    options: MemberOptions,
    machine: { factory: MachineFactory; sabotage: Sabotage | null },
    watch: { witness: Required<Witness>; listener: MemberListener },
  ) {
    super(options.name, options.ip);
    this.port = options.port;
    this.clock = options.clock;
    this.disk = disk;
    this.random = random;
    this.#network = network;
    this.#fastCrash = options.fastCrash;
    this.#factory = machine.factory;
    this.#sabotage = machine.sabotage;
    this.#witness = watch.witness;
    this.#listener = watch.listener;
    this.#clients = new Clients({
      listensAt: `${this.ip}:${this.port}`,
      step: (event) => this.#step(event),
      soon: (action) => this.#later(0, action),
      answered: (command, reply) => {
        const said = this.#sabotage?.answered?.(this, command, reply) ?? reply;
        this.#witness.answered(this, command, said, this.localNow);
        return said;
      },
    });
  }

  /** `sentinel myid`. */
  get id(): string {
    return this.disk.durable.myId ?? '';
  }

  get trueMs(): number {
    return this.#network.timeline.now;
  }

  /** What its own clock shows. */
  get localNow(): number {
    return this.clock.read(this.trueMs);
  }

  start(): void {
    this.markStarted();
    this.#links.clear();
    this.#clients.clear();
    this.#mustSave = false;
    this.#isSaving = false;
    this.#armedFor = Infinity;
    const saved = this.disk.read();
    const conf = this.#sabotage?.load?.(saved) ?? saved;
    this.#network.listen(this, this.port, (socket) => this.#accept(socket));
    this.#witness.started(this, conf);
    const machine = this.#factory({
      conf,
      host: simulatedHost(this.random, () => this.#facts()),
      random: this.random.fork(),
      runId: this.random.hex(40),
      fastCrash: this.#fastCrash,
    });
    this.#machine = this.#sabotage?.wrap?.(this, machine) ?? machine;
    this.#turn(() => this.#step({ kind: 'start' }));
  }

  /** kill -9, or its machine without power (`silently`). */
  crash(silently: boolean): void {
    const how = silently ? 'silently' : this.frozen ? 'reset' : 'closed';
    this.#stop(how);
    const fate = this.disk.crash();
    if (fate !== null) this.#listener.says(this, fate);
  }

  /** Its own clock leaps, as after a suspension. */
  leap(byMs: number): void {
    this.clock.leap(byMs);
    this.#armedFor = Infinity;
    if (this.awake) this.#arm();
  }

  override thaw(): void {
    super.thaw();
    if (this.awake) this.#tick();
  }

  /** Sends a command as a client on the member's own machine would. */
  ask(command: Command, listener: (reply: Reply) => void): void {
    this.deliver(() =>
      this.#turn(() => {
        this.#clients.take(this.#clients.add(null, listener), command);
      }),
    );
  }

  #stop(how: 'closed' | 'reset' | 'silently'): void {
    this.#network.unlisten(this, this.port);
    this.#machine = null;
    this.markStopped();
    this.closeSockets(how);
    this.#touchedLinks.clear();
    this.#clients.clear();
    this.#witness.stopped(this);
  }

  #facts(): ProcessFacts {
    return {
      pid: this.incarnation,
      os: 'Simulated',
      arch: 'none',
      executable: '/baton',
      configFile: '/sentinel.conf',
      cpuUserSeconds: 0,
      cpuSystemSeconds: 0,
      serverTimeMicros: Math.floor(this.trueMs * 1_000),
    };
  }

  /** Handles whatever came at once, then writes what that produced and sets the alarm clock. */
  #turn(action: () => void): void {
    action();
    for (const link of this.#touchedLinks) {
      const items = link.outbox;
      link.outbox = [];
      link.socket.write(items);
    }
    this.#touchedLinks.clear();
    this.#clients.flush();
    this.#arm();
  }

  #arm(): void {
    if (this.#machine === null) return;
    const deadline = this.#machine.deadline();
    if (deadline >= this.#armedFor) return;
    this.#armedFor = deadline;
    const { incarnation } = this;
    // Timers fire a little late, never early.
    const at = this.clock.when(deadline) + 0.01 + this.random.float();
    this.#network.timeline.at(at, () => {
      if (this.incarnation !== incarnation || !this.running || this.#armedFor !== deadline) return;
      this.#armedFor = Infinity;
      if (this.awake) this.#tick();
    });
  }

  #tick(): void {
    const machine = this.#machine;
    if (machine === null) return;
    this.#turn(() => {
      if (this.localNow >= machine.deadline()) this.#step({ kind: 'tick' });
    });
  }

  #step(event: Event): void {
    const machine = this.#machine;
    if (machine === null) return;
    const second = Math.floor(this.trueMs / 1_000);
    if (second !== this.#stepsAt) {
      this.#stepsAt = second;
      this.#stepsThen = 0;
    }
    this.#stepsThen += 1;
    if (this.#stepsThen > STEPS_PER_SECOND_MAX) {
      this.#listener.broke(this, `${this.name} does not come to rest: ${event.kind} after ${event.kind}`);
      return;
    }
    let effects: readonly Effect[];
    try {
      effects = machine.step(event, this.localNow);
    } catch (problem) {
      this.#listener.broke(this, `${this.name} broke on ${event.kind}: ${describe(problem)}`);
      return;
    }
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'connect':
        this.#connect(effect.connection, { ip: effect.ip, port: effect.port });
        break;
      case 'close':
        this.#hangUp(effect.connection);
        break;
      case 'send':
        this.#send(effect.connection, effect.args);
        break;
      case 'resolve': {
        const { host } = effect;
        const ip = this.#network.hasMachine(host) ? host : null;
        this.#later(1, () => this.#step({ kind: 'resolved', host, ip }));
        break;
      }
      case 'persist':
        this.#mustSave = true;
        this.#save();
        break;
      case 'answer':
        this.#clients.answer(effect.client, effect.reply);
        break;
      case 'hold-client':
        this.#clients.hold(effect.client);
        break;
      case 'release-client':
        this.#clients.release(effect.client);
        break;
      case 'close-client':
        this.#clients.close(effect.client);
        break;
      case 'run-script': {
        const { run } = effect;
        this.#later(1, () => this.#step({ kind: 'script-started', run, pid: run }));
        this.#later(50, () => this.#step({ kind: 'script-ended', run, exitCode: 0, signal: 0 }));
        break;
      }
      case 'event':
        if (effect.level !== 'debug') this.#listener.says(this, `${effect.name} ${effect.text}`);
        this.#witness.event(this, effect.name, effect.text, this.localNow);
        break;
      case 'decision':
        this.#listener.says(this, effect.sentence);
        break;
      case 'exit':
        this.#listener.says(this, `exits with ${effect.code}`);
        this.#stop('closed');
        break;
      case 'kill-script':
      case 'log':
      case 'set-log-level':
        break;
    }
  }

  /** Feeds something to the machine of this life after a while. */
  #later(delayMs: number, action: () => void): void {
    const { incarnation } = this;
    this.#network.timeline.after(delayMs, () => {
      if (this.incarnation === incarnation) this.deliver(() => this.#turn(action));
    });
  }

  #connect(connection: number, remote: Remote): void {
    this.#witness.dialled(this, connection, remote);
    const socket = this.#network.connect(this, remote.ip, remote.port, {
      connected: () => this.#turn(() => this.#step({ kind: 'connected', connection, localAddress: this.ip })),
      received: (items) => this.#turn(() => this.#receive(connection, items)),
      ended: (reason, detail) => this.#turn(() => this.#ended(connection, reason, detail)),
    });
    this.#links.set(connection, { remote, socket, unanswered: [], outbox: [] });
  }

  #hangUp(connection: number): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    this.#links.delete(connection);
    link.socket.write(link.outbox);
    link.outbox = [];
    link.socket.close();
    this.#witness.hungUp(this, connection, link.remote);
  }

  #ended(connection: number, reason: EndOfConnection, detail: string): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    this.#links.delete(connection);
    this.#witness.hungUp(this, connection, link.remote);
    this.#step({ kind: 'disconnected', connection, reason, detail });
  }

  #send(connection: number, args: Command): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    const command = this.#sabotage?.sent?.(this, args) ?? args;
    link.unanswered.push(command);
    link.outbox.push(command);
    this.#touchedLinks.add(link);
    this.#witness.sent(this, link.remote, command, this.localNow);
  }

  #receive(connection: number, items: readonly Wire[]): void {
    for (const item of items) {
      const link = this.#links.get(connection);
      if (link === undefined || isCommand(item)) return;
      let reply = item as Reply;
      if (!isMessage(reply)) {
        const command = link.unanswered.shift();
        if (command !== undefined) {
          this.#witness.told(this, link.remote, command, reply, this.localNow);
          reply = this.#sabotage?.told?.(this, command, reply) ?? reply;
        }
      }
      this.#step({ kind: 'reply', connection, reply });
    }
  }

  #save(): void {
    if (this.#isSaving || !this.#mustSave || this.#machine === null) return;
    this.#mustSave = false;
    this.#isSaving = true;
    const state = this.#machine.stateToPersist();
    const { incarnation } = this;
    const report = (problem: string | null): void => {
      if (this.incarnation !== incarnation) return;
      this.deliver(() =>
        this.#turn(() => this.#step({ kind: 'persisted', version: state.version, problem })),
      );
    };
    const lies = this.#sabotage?.diskLies === true;
    this.disk.write(state, (problem) => {
      if (!this.running || this.incarnation !== incarnation) return;
      if (problem === null) this.#witness.saved(this, state.conf);
      this.#isSaving = false;
      if (!lies) report(problem);
      this.#save();
    });
    if (lies) this.#network.timeline.after(0, () => report(null));
  }

  #accept(socket: Socket): { received(items: readonly Wire[]): void; ended(): void } {
    let id = 0;
    this.#turn(() => {
      id = this.#clients.add(socket, null);
    });
    return {
      received: (items) =>
        this.#turn(() => {
          for (const item of items) if (isCommand(item)) this.#clients.take(id, item);
        }),
      ended: () => this.#turn(() => this.#clients.gone(id)),
    };
  }
}

/** A pub/sub message answers nothing. */
function isMessage(reply: Reply): boolean {
  if (reply.kind === 'push') return true;
  if (reply.kind !== 'array' || reply.items.length !== 3) return false;
  const first = reply.items[0];
  return first?.kind === 'bulk' && first.value === 'message';
}

function describe(problem: unknown): string {
  return problem instanceof Error ? `${problem.name}: ${problem.message}` : String(problem);
}
