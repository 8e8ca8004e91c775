// Which writes were acknowledged, one bit each, so that afterwards every single one can be looked for.

/** Bits are numbered as in Redis's SETBIT: the first is the highest of the first byte. */
export class Ledger {
  #bits = new Uint8Array(64 * 1024);
  #last = -1;
  #acknowledged = 0;
  #lost = 0;

  /** How many were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** How many of those were found missing; each is counted once. */
  get lost(): number {
    return this.#lost;
  }

  /** The highest number that was acknowledged; -1 if none was. */
  get last(): number {
    return this.#last;
  }

  /** Numbers are small integers that only grow, with gaps where a write failed. */
  acknowledge(number: number): void {
    const byte = number >> 3;
    if (byte >= this.#bits.length) {
      const longer = new Uint8Array(Math.max(this.#bits.length * 2, byte + 1));
      longer.set(this.#bits);
      this.#bits = longer;
    }
    this.#bits[byte] = (this.#bits[byte] ?? 0) | bitOf(number);
    this.#last = number;
    this.#acknowledged += 1;
  }

  /**
   * Looks for every write up to and including `last` in `found`, the bits as a server has them, and returns how many
   * are missing. Those are lost for good and not looked for again. `last` is what {@link last} said when `found` was
   * asked for: later writes are not in it.
   */
  compare(found: Uint8Array, last: number): number {
    let missing = 0;
    for (let byte = 0; byte <= last >> 3; byte += 1) {
      let gone = (this.#bits[byte] ?? 0) & ~(found[byte] ?? 0);
      if (byte === last >> 3) gone &= ~(bitOf(last) - 1);
      this.#bits[byte] = (this.#bits[byte] ?? 0) & ~gone;
      for (; gone !== 0; gone &= gone - 1) missing += 1;
    }
    this.#lost += missing;
    return missing;
  }
}

function bitOf(number: number): number {
  return 0x80 >> (number & 7);
}
