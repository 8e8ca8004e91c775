// Watches the ordered switches of one endpoint daemon: that each ends, that its clients are let go, that what was paused
// is not left so, and that nothing is undone after the promotion.

import type { Effect } from '../../endpoint/io.ts';
import type { Reply } from '../../resp/reply.ts';
import { REDIS_PORT } from './configuration.ts';
import type { Host } from './host.ts';
import type { Scenario } from './scenario.ts';
import type { WitnessHooks } from './witness.ts';

/** All its limits together, and a little. */
const SWITCH_MS_MAX = 25_000;
const HOLD_MS_MAX = { checks: 1_000, sentinels: 5_000 } as const;
/** A daemon that does nothing for so long stands still. */
const STILL_MS = 2_000;

interface Watched {
  readonly id: number;
  /** In the time in which the daemon did not stand still. */
  readonly orderedAt: number;
  isHeld: boolean;
  isReleased: boolean;
  /** Who was the primary when clients were held. */
  from: string | null;
  /** Whom we told to be the primary, and were not refused; or the sentinels were told to choose. */
  promoted: string | null;
  isDemoted: boolean;
  /** The connection over which writers were paused. */
  paused: number | null;
}

export class SwitchWatch {
  readonly #host: Host;
  readonly #scenario: Scenario;
  readonly #hooks: WitnessHooks;
  readonly #watched = new Map<number, Watched>();
  #lastStepAt = 0;
  #stillMs = 0;

  constructor(host: Host, scenario: Scenario, hooks: WitnessHooks) {
    this.#host = host;
    this.#scenario = scenario;
    this.#hooks = hooks;
  }

  get isUnderWay(): boolean {
    return this.#watched.size > 0;
  }

  ordered(id: number): void {
    this.#watched.set(id, {
      id,
      orderedAt: this.#awakeMs(),
      isHeld: false,
      isReleased: false,
      from: null,
      promoted: null,
      isDemoted: false,
      paused: null,
    });
  }

  /** The daemon is no more. */
  left(): void {
    this.#watched.clear();
  }

  /** It leaves by itself: nothing may be half done. */
  leaves(): void {
    for (const one of this.#watched.values()) {
      if (one.paused !== null && one.promoted === null)
        this.#accuse('switch', 'the daemon leaves, and the primary stays paused');
      if (one.promoted !== null && !one.isDemoted && this.#scenario.source === 'checks')
        this.#accuse('two-writable', 'the daemon leaves with two primaries of its making');
    }
  }

  done(effect: Effect, ledTo: string | null): void {
    if (effect.kind === 'exit') return this.leaves();
    if (effect.kind === 'send') return this.#sent(effect.connection, effect.args);
    if (effect.kind === 'switch-ended') return this.#ended(effect.id, effect.isDone, effect.sentence);
    if (effect.kind !== 'switch-step') return;
    const one = this.#watched.get(effect.id);
    if (one === undefined) return;
    if (effect.step.kind === 'hold') {
      one.isHeld = true;
      one.from = ledTo;
      if (effect.step.msMax > HOLD_MS_MAX[this.#scenario.source])
        this.#accuse('switch', `clients may be held for ${effect.step.msMax} ms`);
    } else if (effect.step.kind === 'release') {
      one.isReleased = true;
      if (effect.step.isUndone && one.promoted !== null)
        this.#accuse('switch', `undone after ${one.promoted} was promoted`);
    }
  }

  answered(args: readonly string[], reply: Reply): void {
    const isOrder = args[0] === 'REPLICAOF' || args[1] === 'FAILOVER';
    if (!isOrder || reply.kind !== 'error') return;
    for (const one of this.#watched.values()) one.promoted = null;
  }

  stepped(now: number): void {
    const gap = now - this.#lastStepAt;
    if (gap > STILL_MS) this.#stillMs += gap;
    this.#lastStepAt = now;
    for (const one of this.#watched.values()) {
      if (this.#awakeMs() - one.orderedAt > SWITCH_MS_MAX) {
        this.#watched.delete(one.id);
        this.#accuse('switch', `an ordered switch does not end (${JSON.stringify(one)})`);
      }
    }
  }

  #accuse(check: 'switch' | 'two-writable', sentence: string): void {
    this.#hooks.accuse(check, `${this.#host.name}: ${sentence}`);
  }

  #awakeMs(): number {
    return this.#host.localNow - this.#stillMs;
  }

  #sent(connection: number, args: readonly string[]): void {
    const [command, second, third] = args;
    for (const one of this.#watched.values()) {
      if (!one.isHeld) continue;
      if (command === 'CLIENT') one.paused = second === 'PAUSE' ? connection : null;
      if (second === 'FAILOVER') one.promoted = 'whom the sentinels choose';
      if (command !== 'REPLICAOF') continue;
      const to = this.#host.witness.serverOf(connection);
      if (second === 'NO') {
        one.promoted = to;
        this.#hooks.promoting(one.from, to ?? '');
      } else if (to === one.from && `${second}:${third}` === one.promoted) {
        one.isDemoted = true;
        // Being a replica it takes no writes anyway.
        one.paused = null;
      }
    }
  }

  #ended(id: number, isDone: boolean, sentence: string): void {
    const one = this.#watched.get(id);
    this.#watched.delete(id);
    if (one === undefined) return;
    if (one.isHeld && !one.isReleased) this.#accuse('switch', `clients are not let go: ${sentence}`);
    const isUnchanged = sentence.startsWith('nothing was changed');
    if (isUnchanged && one.promoted !== null)
      this.#accuse('switch', `${one.promoted} was promoted, and it says: ${sentence}`);
    const { hearing } = this.#host.witness;
    if (isUnchanged && one.paused !== null && hearing.isOpen(one.paused))
      this.#accuse('switch', `writers stay paused: ${sentence}`);
    if (!isDone) return;
    const [target] = this.#host.carriers.get('to-redis')?.route.servers ?? [];
    const leadsTo = target === undefined ? 'nobody' : `${target.host}:${REDIS_PORT}`;
    const isRight = this.#scenario.source === 'checks' ? leadsTo === one.promoted : leadsTo !== one.from;
    if (!isRight) this.#accuse('switch', `it ended well, and clients are led to ${leadsTo}`);
  }
}
