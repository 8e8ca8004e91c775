// Staying awake between a request and its reply. A process that sleeps until something comes is woken late: the kernel
// needs 5 to 10 us each time, which is much where a whole round trip takes 40. So when something was passed on, the
// event loop looks again and again for a moment before it goes to sleep.
//
// It looks only where that was worth it lately: after each moment in vain, twice as many are let pass before it tries
// again, and a loop that has much to do does not sleep anyway. A server that is far away, a client that takes its time,
// or a crowd of clients costs next to nothing.

/** A moment, in ms: so long it looks. */
const MOMENT_MS = 0.06;
/** Occasions that are let pass, at most. */
const PASSED_BY_MAX = 1024;
/** More than so many that come in one turn are a crowd. */
const FEW = 3;

/** What is awaited; each has its own habits. */
export type Awaited = 'client' | 'server';

interface Habit {
  /** Occasions that are let pass from now on. */
  pause: number;
  /** And after the next moment in vain. */
  nextPause: number;
}

/** See the file's head. */
export class Attentive {
  readonly #nowMs: () => number;
  readonly #later: (look: () => void) => void;
  readonly #habits: Readonly<Record<Awaited, Habit>> = {
    client: { pause: 0, nextPause: 1 },
    server: { pause: 0, nextPause: 1 },
  };
  /** Null: nothing is. */
  #awaited: Habit | null = null;
  #untilMs = 0;
  #isLooking = false;
  /** How many have come in this turn. */
  #came = 0;

  /** `later` calls back once the event loop has looked for what has come. */
  constructor(nowMs: () => number, later: (look: () => void) => void) {
    this.#nowMs = nowMs;
    this.#later = later;
  }

  /** Something has come and was passed on; `awaited` is expected next. */
  expect(awaited: Awaited): void {
    this.#came++;
    // What came while it looked was worth it.
    if (this.#awaited !== null) this.#awaited.nextPause = 1;
    const habit = this.#habits[awaited];
    if (habit.pause > 0) {
      habit.pause--;
      this.#awaited = null;
      return;
    }
    this.#awaited = habit;
    this.#untilMs = this.#nowMs() + MOMENT_MS;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#came = 1;
    this.#later(this.#look);
  }

  readonly #look = (): void => {
    const isCrowd = this.#came > FEW;
    this.#came = 0;
    if (this.#awaited !== null && !isCrowd && this.#nowMs() < this.#untilMs) {
      this.#later(this.#look);
      return;
    }
    this.#isLooking = false;
    if (isCrowd) {
      for (const habit of Object.values(this.#habits)) habit.pause = PASSED_BY_MAX;
    } else if (this.#awaited !== null) {
      this.#awaited.pause = this.#awaited.nextPause;
      this.#awaited.nextPause = Math.min(2 * this.#awaited.nextPause, PASSED_BY_MAX);
    }
    this.#awaited = null;
  };
}
