// What happens next in a simulated world: a binary heap of things to do, in order of time, and of entry at one time.

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

export class Agenda {
  now = 0;
  #order = 0;
  readonly #heap: Entry[] = [];

  /** Does `action` in `ms` milliseconds of true time. */
  after(ms: number, action: () => void): void {
    const heap = this.#heap;
    const entry = { at: this.now + Math.max(0, ms), order: (this.#order += 1), action };
    let position = heap.length;
    heap.push(entry);
    while (position > 0) {
      const above = (position - 1) >> 1;
      const other = heap[above] as Entry;
      if (isBefore(other, entry)) break;
      heap[position] = other;
      position = above;
    }
    heap[position] = entry;
  }

  /** Lets time pass to `end`, doing all that is due; `seen` is called after each. */
  runTo(end: number, seen: () => void): void {
    for (let first = this.#heap[0]; first !== undefined && first.at <= end; first = this.#heap[0]) {
      this.#removeFirst();
      this.now = first.at;
      first.action();
      seen();
    }
    this.now = end;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let position = 0;
    for (;;) {
      let below = 2 * position + 1;
      const left = heap[below];
      if (left === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, left)) below += 1;
      const next = heap[below] as Entry;
      if (isBefore(last, next)) break;
      heap[position] = next;
      position = below;
    }
    heap[position] = last;
  }
}
