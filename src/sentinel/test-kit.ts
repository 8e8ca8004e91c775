// For tests of the machine only: a sentinel on a stage. The test says how the others on the stage answer; time passes
// when it says so; the disk is in its hands. The simulator is the place for whole fleets and for chance.

import { Random } from '../base/random.ts';
import type { Reply } from '../resp/reply.ts';
import { defaultMaster, defaultServer } from './conf/defaults.ts';
import type { MasterConf, SentinelConf } from './conf/conf.ts';
import type { Host } from './host.ts';
import type { ConnectionId, Effect, EndOfConnection, Event } from './io.ts';
import type { Policy } from './policy.ts';
import { Sentinel } from './sentinel.ts';
import { preparePort } from './server/server.ts';

export const MY_ID = 'a'.repeat(40);

/** Knows nothing and allows everything. */
export const BARE_HOST: Host = {
  sha256: (bytes) => bytes.padEnd(64, '0').slice(0, 64),
  secretHex: (count) => '0'.repeat(count),
  facts: () => ({
    pid: 1,
    os: 'Stage 1',
    arch: 'x86_64',
    executable: '/baton',
    configFile: '/sentinel.conf',
    cpuUserSeconds: 0,
    cpuSystemSeconds: 0,
    serverTimeMicros: 0,
  }),
  isExecutable: () => true,
  readTextFile: () => ({ ok: false, problem: 'there are no files on the stage' }),
  writeTextFile: () => ({ ok: false, problem: 'there are no files on the stage' }),
};

export function stageConf(
  masters: readonly Partial<MasterConf>[],
  more: Partial<SentinelConf> = {},
): SentinelConf {
  return {
    myId: MY_ID,
    currentEpoch: 0n,
    announceIp: '10.0.9.1',
    announcePort: 26379,
    denyScriptsReconfig: true,
    resolveHostnames: false,
    announceHostnames: false,
    sentinelUser: null,
    sentinelPass: null,
    server: defaultServer('/'),
    ...more,
    masters: masters.map((master, index) => ({
      ...defaultMaster(`m${index + 1}`, `10.0.${index + 1}.1`, 6379, 2),
      downAfterMs: 1000,
      failoverTimeoutMs: 10_000,
      ...master,
    })),
  };
}

/** A connection the sentinel opened and did not close. */
export interface Wire {
  readonly id: ConnectionId;
  /** `ip:port` of the other end. */
  readonly to: string;
  readonly sent: (readonly string[])[];
}

/** How `to` answers `args`; null: not at all. */
export type Actor = (to: string, args: readonly string[], wire: Wire) => Reply | null;

export interface StageOptions {
  readonly conf: SentinelConf;
  readonly actor: Actor;
  readonly fastCrash?: boolean;
  readonly policy?: Policy;
  readonly seed?: number;
  readonly resolver?: Readonly<Record<string, string | null>>;
}

const CLIENT = 1;
/** A deadline that stays in the past is a loop that never sleeps. */
const TICKS_AT_ONCE_MAX = 20;
const STEPS_AT_ONCE_MAX = 20_000;

export class Stage {
  readonly sentinel: Sentinel;
  readonly wires = new Map<ConnectionId, Wire>();
  /** Everything it asked for, with the time. */
  readonly effects: { readonly at: number; readonly effect: Effect }[] = [];
  now = 0;
  actor: Actor;
  /** Who can be dialled; others refuse. */
  isListening: (to: string) => boolean = () => true;
  /** 'ok', or why the disk refuses; null: it does not answer. */
  disk: string | null = 'ok';
  /** What the resolver answers; names that are not in here it leaves unanswered. */
  readonly resolver = new Map<string, string | null>();
  /** The exit code once it left; nothing happens any more. */
  exited: number | null = null;
  #wantsDisk = false;
  readonly #inbox: Event[] = [];

  constructor(options: StageOptions) {
    const { conf } = options;
    this.actor = options.actor;
    for (const [name, ip] of Object.entries(options.resolver ?? {})) this.resolver.set(name, ip);
    const port = preparePort(conf.server, { flavour: 'redis', version: '7.2.4' }, BARE_HOST);
    if (!port.ok) throw new Error(JSON.stringify(port.problem));
    this.sentinel = new Sentinel({
      conf,
      port: port.value,
      host: BARE_HOST,
      random: new Random(options.seed ?? 1),
      runId: 'f'.repeat(40),
      fastCrash: options.fastCrash ?? false,
      version: '0.0.0',
      ...(options.policy === undefined ? {} : { policy: options.policy }),
    });
    this.feed({ kind: 'start' });
    this.feed({
      kind: 'client-connected',
      client: CLIENT,
      address: '127.0.0.1:1',
      localAddress: '127.0.0.1:26379',
      isLocal: true,
      fd: 9,
    });
  }

  /** One event, and everything that follows from it at once. */
  feed(event: Event): void {
    if (this.exited !== null) return;
    this.#inbox.push(event);
    let steps = 0;
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      steps += 1;
      if (steps > STEPS_AT_ONCE_MAX) {
        const last = this.effects.slice(-20).map(({ effect }) => JSON.stringify(effect));
        throw new Error(`answers cause each other without end at ${this.now}: ${last.join('\n')}`);
      }
      for (const effect of this.sentinel.step(next, this.now)) this.#carryOut(effect);
    }
    if (this.#wantsDisk && this.disk !== null) {
      this.#wantsDisk = false;
      const { version } = this.sentinel.stateToPersist();
      this.feed({ kind: 'persisted', version, problem: this.disk === 'ok' ? null : this.disk });
    }
  }

  /** Lets `ms` pass, waking the sentinel whenever it asked to be. */
  pass(ms: number): void {
    const until = this.now + ms;
    let ticksAtOnce = 0;
    for (;;) {
      const deadline = this.sentinel.deadline();
      if (deadline > until || this.exited !== null) break;
      ticksAtOnce = deadline > this.now ? 0 : ticksAtOnce + 1;
      if (ticksAtOnce > TICKS_AT_ONCE_MAX) throw new Error(`time stands still at ${this.now}`);
      this.now = Math.max(this.now, deadline);
      this.feed({ kind: 'tick' });
    }
    this.now = until;
  }

  /** What a client's command is answered; null: nothing yet. */
  ask(...args: string[]): Reply | null {
    const before = this.effects.length;
    this.feed({ kind: 'command', client: CLIENT, args });
    return this.answered(before)[0] ?? null;
  }

  /** The answers given since `effects` was `before` long. */
  answered(before: number): Reply[] {
    return this.effects
      .slice(before)
      .flatMap(({ effect }) => (effect.kind === 'answer' ? [effect.reply] : []));
  }

  /** Ends every connection to `to`, as the death of its process does, and refuses new ones. */
  kill(to: string, reason: EndOfConnection = 'closed'): void {
    const before = this.isListening;
    this.isListening = (other) => other !== to && before(other);
    for (const wire of this.wires.values()) {
      if (wire.to !== to) continue;
      this.wires.delete(wire.id);
      this.feed({ kind: 'disconnected', connection: wire.id, reason, detail: reason });
    }
  }

  /** Names of the events so far, in order; with `since`, those from that time on. */
  events(since = 0): string[] {
    return this.told(since).map((text) => text.split(' ')[0] as string);
  }

  /** The events with their text. */
  told(since = 0): string[] {
    return this.effects.flatMap(({ at, effect }) =>
      effect.kind === 'event' && at >= since ? [`${effect.name} ${effect.text}`] : [],
    );
  }

  decisions(): string[] {
    return this.effects.flatMap(({ effect }) => (effect.kind === 'decision' ? [effect.sentence] : []));
  }

  logged(): string[] {
    return this.effects.flatMap(({ effect }) => (effect.kind === 'log' ? [effect.text] : []));
  }

  /** When each command named `name` was sent to `to`. */
  sentAt(to: string, name: string): number[] {
    return this.sends.filter((send) => send.to === to && send.args[0] === name).map(({ at }) => at);
  }

  readonly sends: { readonly at: number; readonly to: string; readonly args: readonly string[] }[] = [];

  #carryOut(effect: Effect): void {
    this.effects.push({ at: this.now, effect });
    switch (effect.kind) {
      case 'connect':
        this.#connect(effect.connection, `${effect.ip}:${effect.port}`);
        break;
      case 'close':
        this.wires.delete(effect.connection);
        break;
      case 'send':
        this.#send(effect.connection, effect.args);
        break;
      case 'exit':
        this.exited = effect.code;
        this.#inbox.length = 0;
        break;
      case 'persist':
        this.#wantsDisk = true;
        break;
      case 'resolve': {
        const ip = this.resolver.get(effect.host);
        if (ip !== undefined) this.#inbox.push({ kind: 'resolved', host: effect.host, ip });
        break;
      }
      default:
    }
  }

  #connect(connection: ConnectionId, to: string): void {
    if (this.isListening(to)) {
      this.wires.set(connection, { id: connection, to, sent: [] });
      this.#inbox.push({ kind: 'connected', connection, localAddress: '10.0.9.1' });
    } else {
      this.#inbox.push({ kind: 'disconnected', connection, reason: 'refused', detail: 'Connection refused' });
    }
  }

  #send(connection: ConnectionId, args: readonly string[]): void {
    const wire = this.wires.get(connection);
    if (wire === undefined) return;
    wire.sent.push(args);
    this.sends.push({ at: this.now, to: wire.to, args });
    const reply = this.actor(wire.to, args, wire);
    if (reply !== null) this.#inbox.push({ kind: 'reply', connection, reply });
  }
}
