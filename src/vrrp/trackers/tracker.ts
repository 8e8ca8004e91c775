// What all trackers share: a name, a verdict, a next due time, and the machine's hands.

import type { ConnectionId, Effect, RunId } from '../io.ts';

/** What a tracker needs of the machine. */
export interface Hands {
  /** Of the step under way. */
  readonly now: number;
  emit(effect: Effect): void;
  nextRun(): RunId;
  nextConnection(): ConnectionId;
  /** `isUp` of a tracker changed; `why` is the end of a sentence that begins with its name. */
  verdictChanged(tracker: string, isUp: boolean, why: string): void;
  /** Something worth knowing that changes no verdict. */
  trackerSays(tracker: string, text: string): void;
}

/** SIGTERM was not enough: SIGKILL after this, and once more (vrrp.md §1.11). */
export const KILL_AFTER_MS = 2000;
/** From then on. */
export const KILL_AGAIN_MS = 10_000;

/** Ends one run that takes too long: SIGTERM, then SIGKILL after two seconds, two more, and every ten. */
export class Ending {
  #dueAt: number;
  #signals = 0;

  constructor(timeoutAt: number) {
    this.#dueAt = timeoutAt;
  }

  get dueAt(): number {
    return this.#dueAt;
  }

  get hasBegun(): boolean {
    return this.#signals > 0;
  }

  /** Signals if it is time to; true the first time. */
  attend(hands: Pick<Hands, 'now' | 'emit'>, run: RunId): boolean {
    if (hands.now < this.#dueAt) return false;
    this.#signals += 1;
    hands.emit({ kind: 'signal-run', run, signal: this.#signals === 1 ? 'SIGTERM' : 'SIGKILL' });
    this.#dueAt = hands.now + (this.#signals <= 2 ? KILL_AFTER_MS : KILL_AGAIN_MS);
    return this.#signals === 1;
  }
}
