// The hooks of one virtual router or group: one at a time, each ended when it takes too long, and of those that wait
// only the newest state's. So a hook never overtakes another, and a slow one makes nobody act on yesterday's state.
//
// Differs from keepalived: it starts hooks and forgets them, so that they overlap and run out of order (vrrp.md §0.9).

import type { Effect, RunId } from './io.ts';
import type { Command } from './router-conf.ts';
import { Ending } from './trackers/tracker.ts';

/** One or two commands that tell one state, in order. */
export interface Notice {
  /** As a keepalived user reads it, e.g. MASTER. */
  readonly state: string;
  readonly calls: readonly Call[];
}

export interface Call {
  readonly command: Command;
  /** After the command's own. */
  readonly args: readonly string[];
  /** Called once: it ended, or (null) will never run. */
  readonly ended?: (outcome: Outcome | null) => void;
}

export interface Outcome {
  readonly exitCode: number;
  readonly signal: number;
  readonly timedOut: boolean;
}

export interface HookHands {
  readonly now: number;
  emit(effect: Effect): void;
  nextRun(): RunId;
  /** A hook failed, and nobody waited for it. */
  hookFailed(owner: string, command: Command, outcome: Outcome): void;
}

export class HookQueue {
  readonly #hands: HookHands;
  /** The name of whom it speaks of. */
  owner: string;
  timeoutMs: number;
  #running: { readonly run: RunId; readonly call: Call; readonly ending: Ending } | null = null;
  #rest: Call[] = [];
  #next: Notice | null = null;
  /** Waits behind any state; more than one is not remembered. */
  #aside: Notice | null = null;

  constructor(owner: string, timeoutMs: number, hands: HookHands) {
    this.owner = owner;
    this.timeoutMs = timeoutMs;
    this.#hands = hands;
  }

  get isIdle(): boolean {
    return this.#running === null && this.#rest.length === 0 && this.#next === null && this.#aside === null;
  }

  /** The run under way. */
  get run(): RunId | null {
    return this.#running?.run ?? null;
  }

  dueAt(): number {
    return this.#running?.ending.dueAt ?? Infinity;
  }

  /** Tells a state as soon as what runs has ended; what still waits is told no more. */
  tell(notice: Notice): void {
    this.#forgetWaiting();
    if (notice.calls.length > 0) this.#next = notice;
    this.#begin();
  }

  /** Tells more of the state that was told last, e.g. after a promotion. */
  tellMore(notice: Notice): void {
    if (this.#next?.state === notice.state) {
      this.#next = { ...this.#next, calls: [...this.#next.calls, ...notice.calls] };
    } else {
      this.tell(notice);
    }
  }

  /** Tells something that is no state. */
  tellAside(notice: Notice): void {
    if (notice.calls.length === 0) return;
    this.#aside ??= notice;
    this.#begin();
  }

  /** Ends what runs if it takes too long. */
  attend(): void {
    if (this.#running !== null) this.#running.ending.attend(this.#hands, this.#running.run);
  }

  ended(run: RunId, exitCode: number, signal: number): void {
    if (this.#running?.run !== run) return;
    const { call, ending } = this.#running;
    this.#running = null;
    const outcome = { exitCode, signal, timedOut: ending.hasBegun };
    if (call.ended !== undefined) call.ended(outcome);
    else if (exitCode !== 0 || signal !== 0) this.#hands.hookFailed(this.owner, call.command, outcome);
    this.#begin();
  }

  /** Ends what runs now and drops what waits, to make room for the last word. */
  hurry(): void {
    this.#forgetWaiting();
    this.#aside = null;
    if (this.#running !== null) {
      this.#hands.emit({ kind: 'signal-run', run: this.#running.run, signal: 'SIGTERM' });
    }
  }

  /** SIGKILL to what runs; nothing follows. */
  kill(): void {
    this.#forgetWaiting();
    this.#aside = null;
    if (this.#running !== null) {
      this.#hands.emit({ kind: 'signal-run', run: this.#running.run, signal: 'SIGKILL' });
    }
  }

  /** What was to be told of an older state, begun or not, is told no more. */
  #forgetWaiting(): void {
    for (const call of this.#rest) call.ended?.(null);
    for (const call of this.#next?.calls ?? []) call.ended?.(null);
    this.#rest = [];
    this.#next = null;
  }

  #begin(): void {
    if (this.#running !== null) return;
    let call = this.#rest.shift();
    while (call === undefined) {
      const notice = this.#next ?? this.#aside;
      if (notice === null) return;
      if (this.#next !== null) this.#next = null;
      else this.#aside = null;
      this.#rest = [...notice.calls];
      call = this.#rest.shift();
    }
    const run = this.#hands.nextRun();
    this.#running = { run, call, ending: new Ending(this.#hands.now + this.timeoutMs) };
    this.#hands.emit({ kind: 'run-hook', run, owner: this.owner, command: call.command, args: call.args });
  }
}
