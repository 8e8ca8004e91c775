// A member's own monotonic clock: it began at some arbitrary value, runs a little fast or slow, and may leap forward
// (a suspended machine whose clock counts the sleep). It never goes back: what the machine is given never does.

export class LocalClock {
  readonly #rate: number;
  #offsetMs: number;

  /** `rate`: local milliseconds per true one, e.g. 1.004. */
  constructor(offsetMs: number, rate: number) {
    this.#offsetMs = offsetMs;
    this.#rate = rate;
  }

  /** What the clock shows at a true time: whole milliseconds. */
  read(trueMs: number): number {
    return Math.floor(this.#offsetMs + trueMs * this.#rate);
  }

  /** The true time at which the clock will show `localMs`. */
  when(localMs: number): number {
    return (localMs - this.#offsetMs) / this.#rate;
  }

  leap(byMs: number): void {
    this.#offsetMs += byMs;
  }
}
