// The state of the quorum machine and its hands. Every other file of this room is functions over a Core: they read and
// change its state, and ask for effects through it. Nothing here decides anything.

import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import type { Result } from '../base/result.ts';
import type { Address } from './address.ts';
import type { SentinelConf, ServerConf } from './conf/conf.ts';
import { EVENT_LEVELS, EVENT_TEXT_BYTES_MAX, instanceId, shownHost, type EventName } from './events.ts';
import type { Host } from './host.ts';
import {
  masterOf,
  type Connection,
  type Instance,
  type Link,
  type Master,
  type Purpose,
} from './instance.ts';
import type { ConnectionId, Effect, LogLevel } from './io.ts';
import { Names } from './names.ts';
import { Persistence } from './persistence.ts';
import type { Policy, PolicyView } from './policy.ts';
import { Schedule } from './schedule.ts';
import { ScriptQueue } from './script-queue.ts';
import { defaultTunables } from './tunables.ts';

export interface CoreOptions {
  readonly conf: SentinelConf;
  readonly host: Host;
  readonly random: Random;
  readonly policy: Policy;
  /** Both links to a primary ended unasked and its port refuses: down at once. */
  readonly fastCrash: boolean;
}

/** What peers and others sent that was not acted on. Only grows. */
export interface Counters {
  hellosMalformed: number;
  hellosRefused: number;
  votesRefused: number;
  repliesUnexpected: number;
}

/** Crash on purpose at these points, for tests of a fleet (SENTINEL SIMULATE-FAILURE). */
export interface SimulatedFailures {
  afterElection: boolean;
  afterPromotion: boolean;
}

/** The same sentence about the same master is not repeated within this. Milliseconds. */
const REPEATED_DECISION_MS = 60_000;

export class Core {
  readonly tunables = defaultTunables();
  readonly masters = new Map<string, Master>();
  readonly connections = new Map<ConnectionId, Connection>();
  readonly schedule = new Schedule<Instance | Link>();
  /** What to look at before this step ends. */
  readonly touched = new Set<Instance | Link>();
  readonly names: Names;
  readonly persistence: Persistence;
  readonly scripts: ScriptQueue;
  readonly host: Host;
  readonly random: Random;
  readonly policy: Policy;
  readonly fastCrash: boolean;
  readonly server: ServerConf;
  readonly counters: Counters = {
    hellosMalformed: 0,
    hellosRefused: 0,
    votesRefused: 0,
    repliesUnexpected: 0,
  };
  readonly simulate: SimulatedFailures = { afterElection: false, afterPromotion: false };

  readonly myId: string;
  /** The id was made just now and is not on disk yet. */
  readonly myIdIsNew: boolean;
  currentEpoch: bigint;
  announceIp: string | null;
  announcePort: number;
  announceHostnames: boolean;
  denyScriptsReconfig: boolean;
  sentinelUser: string | null;
  sentinelPass: string | null;
  logLevel: LogLevel;
  /** When TILT was entered or last extended; null: not tilted. */
  tiltSince: number | null = null;

  /** Of the step under way. */
  now = 0;
  #effects: Effect[] = [];
  #lastConnection = 0;
  /** Delivers an event to subscribers of our own port; set by the composition. */
  publish: (channel: string, text: string) => void = () => {};

  constructor(options: CoreOptions) {
    const { conf } = options;
    this.host = options.host;
    this.random = options.random;
    this.policy = options.policy;
    this.fastCrash = options.fastCrash;
    this.server = conf.server;
    this.myIdIsNew = conf.myId === null;
    this.myId = conf.myId ?? options.random.hex(40);
    this.currentEpoch = conf.currentEpoch;
    this.announceIp = conf.announceIp;
    this.announcePort = conf.announcePort;
    this.announceHostnames = conf.announceHostnames;
    this.denyScriptsReconfig = conf.denyScriptsReconfig;
    this.sentinelUser = conf.sentinelUser;
    this.sentinelPass = conf.sentinelPass;
    this.logLevel = conf.server.logLevel;
    this.names = new Names(conf.resolveHostnames, (host) => this.emit({ kind: 'resolve', host }));
    this.persistence = new Persistence(() => this.emit({ kind: 'persist' }));
    this.scripts = new ScriptQueue(this);
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** What the step asked for so far; the list starts anew. */
  takeEffects(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  log(level: LogLevel, text: string): void {
    this.emit({ kind: 'log', level, text });
  }

  /** A decision about a master with its reason, for the log, the operator and the tests. */
  decide(master: Master, sentence: string): void {
    // What is decided again and again is news once a minute.
    const { lastDecision } = master;
    if (lastDecision?.sentence === sentence && this.now - lastDecision.at < REPEATED_DECISION_MS) return;
    master.lastDecision = { sentence, at: this.now };
    this.emit({ kind: 'decision', master: master.name, sentence });
  }

  /** Tells of an event whose text is given; those with an `about` go to its notification script too if loud enough. */
  announce(name: EventName, text: string, about: Instance | null = null): void {
    const level = EVENT_LEVELS[name];
    const cut = text.slice(0, EVENT_TEXT_BYTES_MAX);
    this.emit({ kind: 'event', level, name, text: cut });
    if (level !== 'debug') this.publish(name, cut);
    const script = about === null ? null : masterOf(about).notificationScript;
    if (level === 'warning' && script !== null) this.scripts.enqueue(script, [name, cut]);
  }

  /** Tells of an event about an instance: its identity, then `rest`. */
  event(name: EventName, instance: Instance, rest = ''): void {
    this.announce(name, instanceId(instance, this.announceHostnames) + rest, instance);
  }

  /** The host to tell others for an address. */
  shown(address: Address): string {
    return shownHost(address, this.announceHostnames);
  }

  view(): PolicyView {
    return {
      now: this.now,
      myId: this.myId,
      pingPeriodMs: this.tunables.pingPeriod,
      infoPeriodMs: this.tunables.infoPeriod,
    };
  }

  get tilted(): boolean {
    return this.tiltSince !== null;
  }

  /** Whether `instance` still belongs to what is watched; late answers may be about one that does not. */
  isWatched(instance: Instance): boolean {
    return instance.link.owners.includes(instance);
  }

  /** Has `task` looked at before this step ends. */
  touch(task: Instance | Link): void {
    this.touched.add(task);
  }

  nextConnectionId(): ConnectionId {
    this.#lastConnection += 1;
    return this.#lastConnection;
  }

  /** Queues one command and remembers what for. */
  send(connection: Connection, purpose: Purpose, instance: Instance | null, args: readonly string[]): void {
    assert(this.connections.get(connection.id) === connection, 'commands go to open connections only');
    connection.pending.push({ purpose, instance });
    this.emit({ kind: 'send', connection: connection.id, args });
  }

  /** What a command is called on this master's nodes (sentinel.md §7.5). */
  command(master: Master, name: string): string {
    for (const [command, renamed] of master.renamedCommands) {
      if (command.toLowerCase() === name.toLowerCase()) return renamed;
    }
    return name;
  }

  /** Every instance of a master: itself, its replicas, its sentinels. */
  *instancesOf(master: Master): Generator<Instance> {
    yield master;
    yield* master.replicas.values();
    yield* master.peers.values();
  }

  /** Whether `host:port` is acceptable for a new instance; the problem is a sentence. */
  checkAddress(host: string, port: number): Result<Address, string> {
    if (!this.names.isAllowed(host)) {
      return {
        ok: false,
        problem: this.names.enabled
          ? `'${host}' is neither an address nor a hostname`
          : `'${host}' is not an IP address, and resolve-hostnames is off`,
      };
    }
    if (port < 0 || port > 65535) return { ok: false, problem: `port ${port} is outside 0..65535` };
    return { ok: true, value: this.names.address(host, port) };
  }
}
