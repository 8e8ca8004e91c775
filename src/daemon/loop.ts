// The loop: what happened goes into the machine, what it wants done goes out, in order. It owns the one timer of the
// daemon and knows the time; it does not know what an effect does. Every machine of Baton can be driven by it.

import type { Effect as SentinelEffect, Event as SentinelEvent } from '../sentinel/io.ts';
import type { EventSink } from '../net/event-sink.ts';
import { monotonicMs } from './clock.ts';

/**
 * A wake-up that comes later than this lets readable sockets speak first: Node runs timers before it reads, and a
 * pause of ours (a garbage collection, a busy machine) must not look like the silence of others.
 */
const LATE_MS = 20;

/**
 * Node's timers count whole milliseconds and may go off a fraction early. Another timer would be late by as much as a
 * millisecond then, so what is left of less than this is waited out turn by turn, with the sockets read in between.
 */
const FRACTION_MS = 1;

/** Longest that Node's timers can wait. */
const TIMER_MAX_MS = 2 ** 31 - 1;

interface Tick {
  readonly kind: 'tick';
}

/** What the loop needs of a machine. */
export interface Driven<Event, Effect> {
  /** What to do now that `event` happened. */
  step(event: Event | Tick, now: number): readonly Effect[];
  /** When the next `tick` is due at the latest; Infinity: never. */
  deadline(): number;
}

export interface LoopOptions<Effect> {
  /** Carries out one effect. May push events: they are seen after the present one is done with. */
  readonly perform: (effect: Effect) => void;
  /** Sends what the effects queued. May push events. */
  readonly flush: () => void;
  /**
   * Called before each tick: hands over what waits in sockets that Node does not read by itself, so that nobody's
   * silence is judged while their words lie there.
   */
  readonly readWaiting?: () => void;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

export class Loop<Event = SentinelEvent, Effect = SentinelEffect> implements EventSink<Event> {
  readonly #perform: (effect: Effect) => void;
  readonly #flush: () => void;
  readonly #readWaiting: () => void;
  readonly #now: () => number;
  #machine: Driven<Event, Effect> | null = null;
  readonly #queue: (Event | Tick)[] = [];
  #isStepping = false;
  #isSettling = false;
  #timer: NodeJS.Timeout | null = null;
  /** When the timer goes off. */
  #armedFor = Number.POSITIVE_INFINITY;
  #isStopped = false;

  constructor(options: LoopOptions<Effect>) {
    this.#perform = options.perform;
    this.#flush = options.flush;
    this.#readWaiting = options.readWaiting ?? (() => undefined);
    this.#now = options.now ?? monotonicMs;
  }

  /** Hands the machine over and starts it with `event`. Events that were pushed before wait until now. */
  start(machine: Driven<Event, Effect>, event: Event): void {
    this.#machine = machine;
    this.#queue.unshift(event);
    this.#drainQueue();
    this.settle();
  }

  /** No event reaches the machine any more. */
  stop(): void {
    this.#isStopped = true;
    this.#queue.length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  push(event: Event | Tick): void {
    if (this.#isStopped) return;
    this.#queue.push(event);
    if (!this.#isStepping && this.#machine !== null) this.#drainQueue();
  }

  settle(): void {
    // Within a step or a flush, whoever began it settles when it is done.
    if (this.#isStepping || this.#isSettling || this.#machine === null || this.#isStopped) return;
    this.#isSettling = true;
    try {
      this.#flush();
    } finally {
      this.#isSettling = false;
    }
    this.#arm(this.#machine);
  }

  /** One event and its consequences, for sources that bring events one at a time. */
  deliver(event: Event | Tick): void {
    this.push(event);
    this.settle();
  }

  /** A tick that nobody needs, through the machine and out again; then `done`, unless the loop does not turn any more. */
  turn(done: () => void): void {
    // After the poll phase, as in #wake.
    setImmediate(() => {
      if (this.#isStopped) return;
      this.#tick();
      done();
    });
  }

  #drainQueue(): void {
    const machine = this.#machine;
    if (machine === null) return;
    this.#isStepping = true;
    try {
      for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
        for (const effect of machine.step(event, this.#now())) {
          if (this.#isStopped) return;
          this.#perform(effect);
        }
      }
    } finally {
      this.#isStepping = false;
    }
  }

  /** A timer that is set for earlier than needed stays: it wakes up once in vain, which is cheaper than to move it. */
  #arm(machine: Driven<Event, Effect>): void {
    const deadline = machine.deadline();
    if (this.#isStopped || deadline >= this.#armedFor) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#armedFor = deadline;
    const delay = Math.min(TIMER_MAX_MS, Math.max(0, deadline - this.#now()));
    this.#timer = setTimeout(() => this.#wake(), delay);
  }

  #wake(): void {
    this.#timer = null;
    this.#armedFor = Number.POSITIVE_INFINITY;
    const machine = this.#machine;
    if (machine === null || this.#isStopped) return;
    const deadline = machine.deadline();
    const late = this.#now() - deadline;
    if (late < 0 && late > -FRACTION_MS) {
      // As good as armed: whoever settles meanwhile need not set a timer.
      this.#armedFor = deadline;
      setImmediate(() => this.#wake());
    } else if (late < 0) {
      this.#arm(machine);
    } else if (late > LATE_MS) {
      // The poll phase, in which all that is readable is read, comes between timers and immediates. The tick follows
      // even if what was read has moved the deadline: how late we are is itself news to the machine.
      setImmediate(() => this.#tick());
    } else {
      this.#tick();
    }
  }

  #tick(): void {
    this.#readWaiting();
    this.deliver({ kind: 'tick' });
  }
}
