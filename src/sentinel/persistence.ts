// What must be on disk before it is promised. The machine asks for a save and says what is to happen once it is there;
// the shell saves the newest state whenever the disk is free, so one write serves everyone who waits, and nothing that
// makes no promise ever waits.

/** While the disk refuses, try again after this. */
export const PERSIST_RETRY_MS = 5_000;
/** While the disk refuses, say so this often. */
export const PERSIST_COMPLAINT_MS = 60_000;

interface Waiter {
  readonly version: number;
  readonly learn: (saved: boolean) => void;
}

export class Persistence {
  /** Counts changes of what belongs on disk. */
  version = 0;
  /** The newest version known to be on disk. */
  persistedVersion = 0;
  /** Why the last save failed, or null. */
  problem: string | null = null;
  /** When to try again and complain again; Infinity while all is well. */
  retryAt = Infinity;
  complainAt = Infinity;
  #waiters: Waiter[] = [];
  readonly #request: () => void;

  /** `request` emits the `persist` effect. */
  constructor(request: () => void) {
    this.#request = request;
  }

  /** Notes a change and asks for a save; `then` learns whether it is on disk. */
  save(then?: (saved: boolean) => void): void {
    this.version += 1;
    if (then !== undefined) this.#waiters.push({ version: this.version, learn: then });
    this.#request();
  }

  /** The shell's report on `version`. Those who wait for it or an older one learn of it, in order. */
  settle(version: number, problem: string | null, now: number): void {
    this.problem = problem;
    if (problem === null) {
      this.persistedVersion = Math.max(this.persistedVersion, version);
      this.retryAt = Infinity;
      this.complainAt = Infinity;
    } else {
      this.retryAt = now + PERSIST_RETRY_MS;
      if (this.complainAt === Infinity) this.complainAt = now;
    }
    const settled = this.#waiters.filter((waiter) => waiter.version <= version);
    this.#waiters = this.#waiters.filter((waiter) => waiter.version > version);
    for (const waiter of settled) waiter.learn(problem === null);
  }

  /** Asks for another try after a failure, without a change. */
  retry(): void {
    this.retryAt = Infinity;
    this.#request();
  }
}
