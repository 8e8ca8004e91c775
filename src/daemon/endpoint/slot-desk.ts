// The limits of all relays of a daemon: one bank, so that the limit of all clients counts those of relays that a reload
// opened, too, and a server's those of every relay that leads to it. Who sets limits names himself, and a limit that
// nobody sets any more is forgotten: addresses of a cloud change for ever.

import { SlotBank, type SlotAnswers, type SlotNews } from '../../endpoint/relay/slot-bank.ts';

export interface SlotLimit {
  readonly name: string;
  /** null: no limit. */
  readonly max: number | null;
  /** Once full, more are granted again below this many; absent: at once. */
  readonly again?: number | undefined;
}

export class SlotDesk {
  readonly #bank = new SlotBank();
  readonly #tellers = new Map<number, (answers: SlotAnswers) => void>();
  #lastWorker = 0;
  /** By who set them. */
  readonly #names = new Map<string, ReadonlySet<string>>();

  /** A worker that is told answers from now on. Returns its number. */
  join(tell: (answers: SlotAnswers) => void): number {
    this.#lastWorker += 1;
    this.#tellers.set(this.#lastWorker, tell);
    return this.#lastWorker;
  }

  /** It is gone, and all that it used. */
  leave(worker: number): void {
    this.#tellers.delete(worker);
    this.#bank.gone(worker);
    this.#tell();
  }

  receive(worker: number, news: SlotNews): void {
    this.#bank.receive(worker, news);
    this.#tell();
  }

  /** These are the limits that `owner` sets, in place of those before. */
  limit(owner: string, limits: readonly SlotLimit[]): void {
    const before = this.#names.get(owner) ?? new Set();
    const names = new Set(limits.filter(({ max }) => max !== null).map(({ name }) => name));
    if (names.size === 0) this.#names.delete(owner);
    else this.#names.set(owner, names);
    for (const { name, max, again } of limits) this.#bank.setLimit(name, max, again);
    const needed = new Set([...this.#names.values()].flatMap((all) => [...all]));
    for (const name of before) if (!needed.has(name)) this.#bank.forget(name);
    this.#tell();
  }

  /** How many limits there are. */
  get limitCount(): number {
    return this.#bank.limitCount;
  }

  #tell(): void {
    for (const [worker, answers] of this.#bank.takeAnswers()) this.#tellers.get(worker)?.(answers);
  }
}
