// Virtual time: a heap of things to do, run one after the other, each at its own moment. Nothing happens between two of
// them, so a quiet hour costs as much as a quiet second. Times are milliseconds, fractions included.

/** Something that will happen. `run` is null once it was cancelled or has happened. */
export interface Timer {
  readonly at: number;
  /** Breaks ties: what was planned first happens first. */
  readonly order: number;
  run: (() => void) | null;
}

export class Timeline {
  #now = 0;
  #planned = 0;
  readonly #heap: Timer[] = [];

  /** True time since the run began. No member sees this clock; each has its own (local-clock.ts). */
  get now(): number {
    return this.#now;
  }

  /** Plans `run` for the moment `at`, or for now if that has passed. */
  at(at: number, run: () => void): Timer {
    const timer: Timer = { at: Math.max(at, this.#now), order: this.#planned, run };
    this.#planned += 1;
    this.#push(timer);
    return timer;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.at(this.#now + delayMs, run);
  }

  /** Does what comes next, unless that is later than `until`; then time moves to `until` and the answer is false. */
  runNext(until: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.#now = Math.max(this.#now, until);
        return false;
      }
      this.#pop();
      const { run } = next;
      if (run === null) continue;
      this.#now = next.at;
      next.run = null;
      run();
      return true;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Timer;
      if (isBefore(above, timer)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Timer;
    const size = heap.length;
    if (size === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
      const below = heap[child] as Timer;
      if (isBefore(last, below)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
