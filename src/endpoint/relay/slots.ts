// A worker's side of the limits that all workers keep together (slot-bank.ts): asks for slots, hears the answers, gives
// back. Pure: whoever owns it carries the words.

import type { SlotAnswers, SlotAsk, SlotNews } from './slot-bank.ts';

/** Told once: as which of its choices it was granted, or null: it was refused. */
export type SlotAnswer = (choice: number | null) => void;

export class Slots {
  readonly #wantsToSay: () => void;
  #lastId = 0;
  /** Those that were not answered. */
  readonly #asking = new Map<number, SlotAnswer>();
  #asked = new Map<number, SlotAsk>();
  #given: number[] = [];

  /** `wantsToSay`: {@link news} are there. Called once until they are taken. */
  constructor(wantsToSay: () => void) {
    this.#wantsToSay = wantsToSay;
  }

  /** Asks for a slot, see {@link SlotAsk}; `answer` is never called before this returns. Returns its number. */
  take(choices: readonly (readonly string[])[], waitingMax: number, answer: SlotAnswer): number {
    const id = ++this.#lastId;
    this.#announce();
    this.#asked.set(id, { id, choices, waitingMax });
    this.#asking.set(id, answer);
    return id;
  }

  /** Gives it back, or waits for it no more. */
  give(id: number): void {
    this.#asking.delete(id);
    // What was not even asked is forgotten.
    if (this.#asked.delete(id)) return;
    this.#announce();
    this.#given.push(id);
  }

  /** What to tell the bank, in this order; null: nothing. */
  news(): SlotNews | null {
    if (this.#given.length + this.#asked.size === 0) return null;
    const news = { given: this.#given, asked: [...this.#asked.values()] };
    this.#given = [];
    this.#asked = new Map();
    return news;
  }

  receive({ granted, refused }: SlotAnswers): void {
    // Whoever got what he waited for does not mind that there was no room to wait.
    for (const [id, choice] of granted) this.#answer(id, choice);
    for (const id of refused) this.#answer(id, null);
  }

  /** What was given back meanwhile is answered by nobody: the bank hears, or has heard, that it is free. */
  #answer(id: number, choice: number | null): void {
    const answer = this.#asking.get(id);
    this.#asking.delete(id);
    answer?.(choice);
  }

  #announce(): void {
    if (this.#given.length + this.#asked.size === 0) this.#wantsToSay();
  }
}
