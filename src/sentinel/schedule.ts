// When to look at what next: a binary heap of tasks, each known by its own position, so that moving one is cheap and
// no event ever scans all groups.

/** Something that wants to be looked at. Owned by one {@link Schedule}. */
export interface Task {
  /** Absolute milliseconds; Infinity: not waiting. */
  dueAt: number;
  /** Where the task stands in the heap; -1: nowhere. */
  position: number;
}

export class Schedule<T extends Task> {
  readonly #heap: T[] = [];

  /** The earliest due time; Infinity if nothing waits. */
  next(): number {
    return this.#heap[0]?.dueAt ?? Infinity;
  }

  /** Puts `task` at `dueAt`, wherever it was before; Infinity takes it out. */
  set(task: T, dueAt: number): void {
    if (task.position >= 0) {
      if (task.dueAt === dueAt) return;
      if (dueAt === Infinity) {
        this.remove(task);
        return;
      }
      const earlier = dueAt < task.dueAt;
      task.dueAt = dueAt;
      if (earlier) this.#rise(task.position);
      else this.#sink(task.position);
      return;
    }
    task.dueAt = dueAt;
    if (dueAt === Infinity) return;
    task.position = this.#heap.length;
    this.#heap.push(task);
    this.#rise(task.position);
  }

  remove(task: T): void {
    const { position } = task;
    if (position < 0) return;
    task.position = -1;
    task.dueAt = Infinity;
    const last = this.#heap.pop() as T;
    if (last === task) return;
    this.#heap[position] = last;
    last.position = position;
    this.#rise(position);
    this.#sink(last.position);
  }

  /** Takes out the earliest task due at or before `now`. */
  takeDue(now: number): T | null {
    const first = this.#heap[0];
    if (first === undefined || first.dueAt > now) return null;
    this.remove(first);
    return first;
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const task = heap[from] as T;
    let position = from;
    while (position > 0) {
      const above = (position - 1) >> 1;
      const other = heap[above] as T;
      if (other.dueAt <= task.dueAt) break;
      heap[position] = other;
      other.position = position;
      position = above;
    }
    heap[position] = task;
    task.position = position;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const task = heap[from] as T;
    let position = from;
    for (;;) {
      let below = 2 * position + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      if (right !== undefined && right.dueAt < (heap[below] as T).dueAt) below += 1;
      const other = heap[below] as T;
      if (other.dueAt >= task.dueAt) break;
      heap[position] = other;
      other.position = position;
      position = below;
    }
    heap[position] = task;
    task.position = position;
  }
}
