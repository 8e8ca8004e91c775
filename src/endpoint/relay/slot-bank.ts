// Limits that hold over all workers together: clients of an endpoint, connections to a server, clients that wait. The
// control process has the slots, and a worker asks for each before it uses it. So none is ever used twice, none lies idle
// in one worker while another needs it, and who asked first is served first, whichever worker he came to.

/** What a worker wants a slot of. */
export interface SlotAsk {
  /** The worker's own number for it, never used again. */
  readonly id: number;
  /** Any of these, the first one with room: each is the limits that it counts in. */
  readonly choices: readonly (readonly string[])[];
  /** Refused at once if there is no room and so many wait for the same already. */
  readonly waitingMax: number;
}

/** From a worker. */
export interface SlotNews {
  /** Not needed any more, or not waited for any more. */
  readonly given: readonly number[];
  readonly asked: readonly SlotAsk[];
}

/** To a worker. */
export interface SlotAnswers {
  /** Which, and as which of its choices. */
  readonly granted: readonly (readonly [id: number, choice: number])[];
  readonly refused: readonly number[];
}

interface Ask extends SlotAsk {
  readonly worker: number;
  /** Which of the choices was granted; null: it waits. */
  chosen: number | null;
}

interface Limit {
  /** null: none. */
  max: number | null;
  /** Once full, more are granted again below this many. */
  again: number;
  isFull: boolean;
  /** It goes with the last who holds a slot of it, or waits for one. */
  isForgotten: boolean;
  held: number;
  /** First come, first served. */
  readonly waiting: Set<Ask>;
}

export class SlotBank {
  readonly #limits = new Map<string, Limit>();
  readonly #asks = new Map<number, Map<number, Ask>>();
  #answers = new Map<number, { granted: [number, number][]; refused: number[] }>();

  /** `max` null: no limit. Fewer than are held now: nobody is sent away, and nobody comes. */
  setLimit(name: string, max: number | null, again: number | null = null): void {
    const limit = this.#limit(name);
    limit.max = max;
    limit.again = again ?? max ?? 0;
    limit.isForgotten = false;
    this.#wake(name, limit);
  }

  /** Nobody needs this limit any more, but those who have a slot of it. */
  forget(name: string): void {
    const limit = this.#limit(name);
    limit.isForgotten = true;
    this.#tidy(name, limit);
  }

  /** How many limits it knows. */
  get limitCount(): number {
    return this.#limits.size;
  }

  receive(worker: number, { given, asked }: SlotNews): void {
    let asks = this.#asks.get(worker);
    if (asks === undefined) {
      asks = new Map();
      this.#asks.set(worker, asks);
    }
    for (const id of given) {
      const ask = asks.get(id);
      asks.delete(id);
      if (ask !== undefined) this.#release(ask);
    }
    for (const each of asked) {
      const ask: Ask = { ...each, worker, chosen: null };
      asks.set(ask.id, ask);
      if (this.#grant(ask)) continue;
      const isTooMany = ask.choices.flat().some((name) => this.#limit(name).waiting.size >= ask.waitingMax);
      if (isTooMany) {
        asks.delete(ask.id);
        this.#answersTo(worker).refused.push(ask.id);
      } else {
        for (const name of ask.choices.flat()) this.#limit(name).waiting.add(ask);
      }
    }
  }

  /** The worker is gone, and all that it used. */
  gone(worker: number): void {
    const asks = [...(this.#asks.get(worker)?.values() ?? [])];
    this.#asks.delete(worker);
    for (const ask of asks) if (ask.chosen === null) this.#release(ask);
    for (const ask of asks) if (ask.chosen !== null) this.#release(ask);
    this.#answers.delete(worker);
  }

  /** What is to be told, by the worker. */
  takeAnswers(): ReadonlyMap<number, SlotAnswers> {
    const answers = this.#answers;
    this.#answers = new Map();
    return answers;
  }

  /** How many of a limit are used. */
  held(name: string): number {
    return this.#limits.get(name)?.held ?? 0;
  }

  #limit(name: string): Limit {
    let limit = this.#limits.get(name);
    if (limit === undefined) {
      limit = { max: null, again: 0, isFull: false, isForgotten: false, held: 0, waiting: new Set() };
      this.#limits.set(name, limit);
    }
    return limit;
  }

  #grant(ask: Ask): boolean {
    const chosen = ask.choices.findIndex((names) => names.every((name) => hasRoom(this.#limit(name))));
    if (chosen === -1) return false;
    ask.chosen = chosen;
    for (const name of ask.choices[chosen] as readonly string[]) this.#limit(name).held++;
    for (const name of ask.choices.flat()) this.#limit(name).waiting.delete(ask);
    this.#answersTo(ask.worker).granted.push([ask.id, chosen]);
    return true;
  }

  #release(ask: Ask): void {
    if (ask.chosen === null) {
      for (const name of ask.choices.flat()) {
        const limit = this.#limit(name);
        limit.waiting.delete(ask);
        this.#tidy(name, limit);
      }
      return;
    }
    const names = ask.choices[ask.chosen] as readonly string[];
    for (const name of names) this.#limit(name).held--;
    for (const name of names) this.#wake(name, this.#limit(name));
  }

  #wake(name: string, limit: Limit): void {
    for (const ask of limit.waiting) {
      if (!hasRoom(limit)) return;
      this.#grant(ask);
    }
    this.#tidy(name, limit);
  }

  #tidy(name: string, { max, isForgotten, held, waiting }: Limit): void {
    if ((max === null || isForgotten) && held === 0 && waiting.size === 0) this.#limits.delete(name);
  }

  #answersTo(worker: number): { granted: [number, number][]; refused: number[] } {
    let answers = this.#answers.get(worker);
    if (answers === undefined) {
      answers = { granted: [], refused: [] };
      this.#answers.set(worker, answers);
    }
    return answers;
  }
}

function hasRoom(limit: Limit): boolean {
  const { max, again, held } = limit;
  if (max === null) return true;
  limit.isFull = held >= (limit.isFull ? again : max);
  return !limit.isFull;
}
