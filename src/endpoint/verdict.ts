// Whether a server is good, by counting (HAProxy's rise and fall). Unknown is never up: the first success makes it up,
// the first failure down; after that it takes `rise` or `fall` of them in a row.

export interface Thresholds {
  readonly rise: number;
  readonly fall: number;
}

export type Health = 'unknown' | 'up' | 'down';

export class Verdict {
  health: Health = 'unknown';
  /** Results in a row that contradict `health`. */
  #against = 0;
  /** What the last contradiction was; shown while it is not enough. */
  reason = 'not checked yet';
  /** Until the first result it is taken for up by those who count, though it gets no clients (keepalived without alpha). */
  readonly isPresumedUp: boolean;

  constructor(isPresumedUp = false) {
    this.isPresumedUp = isPresumedUp;
  }

  /** Up, or taken for it. */
  get isAlive(): boolean {
    return this.health === 'up' || (this.health === 'unknown' && this.isPresumedUp);
  }

  /** Whether results now contradict the verdict. */
  get isChanging(): boolean {
    return this.#against > 0;
  }

  /** True: `health` has changed. */
  succeeded({ rise }: Thresholds): boolean {
    return this.#count('up', this.health === 'unknown' ? 1 : rise, '');
  }

  /** True: `health` has changed. `isProof`: the server is surely gone, and nothing needs to be counted. */
  failed({ fall }: Thresholds, reason: string, isProof = false): boolean {
    const isFirst = this.health === 'unknown' && !this.isPresumedUp;
    return this.#count('down', isFirst || isProof ? 1 : fall, reason);
  }

  /** The next failure is the last one. */
  despair({ fall }: Thresholds, reason: string): void {
    if (this.health !== 'up') return;
    this.reason = reason;
    this.#against = Math.max(this.#against, fall - 1);
  }

  #count(to: 'up' | 'down', needed: number, reason: string): boolean {
    if (to === 'down' || this.health !== 'down') this.reason = reason;
    if (this.health === to) {
      this.#against = 0;
      return false;
    }
    this.#against += 1;
    if (this.#against < needed) return false;
    this.health = to;
    this.reason = reason;
    this.#against = 0;
    return true;
  }
}
