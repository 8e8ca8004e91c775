// What clients of a switch say of themselves, and what the servers hold in the end.

/** Of one client process; each key is counted up by one connection only. */
export interface Tally {
  /** INCRs that were answered, by key. */
  readonly acknowledged: Readonly<Record<string, number>>;
  /** INCRs whose connection ended before an answer came: done or not, nobody knows. */
  readonly unknown: number;
  /** GETs that did not give what the same connection had counted to. */
  readonly stale: number;
  /** Error replies and lost connections, as the client saw them, how often each. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface Judged {
  readonly acknowledged: number;
  readonly errors: number;
  readonly lost: number;
  /** Counted although nobody was told, beyond those of unknown outcome. */
  readonly doubled: number;
  readonly stale: number;
}

/** `stored`: the numbers that the primary holds, by key. */
export function judgeTally(tally: Tally, stored: ReadonlyMap<string, number>): Judged {
  let [acknowledged, lost, surplus] = [0, 0, 0];
  for (const [key, count] of Object.entries(tally.acknowledged)) {
    const held = stored.get(key) ?? 0;
    acknowledged += count;
    lost += Math.max(0, count - held);
    surplus += Math.max(0, held - count);
  }
  const errors = Object.values(tally.errors).reduce((sum, count) => sum + count, 0);
  return { acknowledged, errors, lost, doubled: Math.max(0, surplus - tally.unknown), stale: tally.stale };
}

/** A tally while it is kept. */
export class Counting {
  readonly #acknowledged: Record<string, number> = {};
  readonly #errors: Record<string, number> = {};
  #unknown = 0;
  #stale = 0;

  answered(key: string): void {
    this.#acknowledged[key] = (this.#acknowledged[key] ?? 0) + 1;
  }

  /** What a GET of the connection that counts this key gave. */
  read(key: string, value: string | null): void {
    if (Number(value ?? 0) !== (this.#acknowledged[key] ?? 0)) this.#stale += 1;
  }

  failed(sentence: string, isOutcomeUnknown: boolean): void {
    this.#errors[sentence] = (this.#errors[sentence] ?? 0) + 1;
    if (isOutcomeUnknown) this.#unknown += 1;
  }

  tally(): Tally {
    return {
      acknowledged: this.#acknowledged,
      errors: this.#errors,
      unknown: this.#unknown,
      stale: this.#stale,
    };
  }
}
