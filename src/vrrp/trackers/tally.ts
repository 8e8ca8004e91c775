// The counting behind a verdict: so many failures in a row until down, so many successes until up, and the very first
// result decides alone (vrrp.md §1.11).

import type { Thresholds } from '../router-conf.ts';

export class Tally {
  readonly #rise: number;
  readonly #full: number;
  /** Up from `rise` on; null: nothing known yet. */
  #count: number | null;

  /** `initFail`: begins as down instead of unknown. */
  constructor({ rise, fall }: Thresholds, initFail: boolean) {
    this.#rise = rise;
    this.#full = rise + fall - 1;
    this.#count = initFail ? 0 : null;
  }

  /** null: no result yet. */
  get isUp(): boolean | null {
    return this.#count === null ? null : this.#count >= this.#rise;
  }

  succeed(): void {
    if (this.#count !== null && this.#count < this.#rise - 1) this.#count += 1;
    else this.#count = this.#full;
  }

  fail(): void {
    if (this.#count !== null && this.#count > this.#rise) this.#count -= 1;
    else this.#count = 0;
  }

  /** As many failures as it takes: certainty needs no repetition. */
  failForSure(): void {
    this.#count = 0;
  }
}
