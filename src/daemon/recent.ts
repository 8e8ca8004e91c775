// The last entries of a kind, with the time on the wall, for people who ask afterwards.

/** When it was written: wall clock, milliseconds since 1970. */
export interface Dated {
  readonly at: number;
}

export class Recent<Entry extends Dated> {
  readonly #kept: number;
  readonly #entries: Entry[] = [];

  constructor(kept: number) {
    this.#kept = kept;
  }

  add(entry: Omit<Entry, 'at'>): void {
    this.#entries.push({ at: Date.now(), ...entry } as Entry);
    if (this.#entries.length > this.#kept) this.#entries.shift();
  }

  /** Oldest first. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }
}
