// Seeded randomness, passed in wherever a decision needs it: production seeds it from the kernel, the simulator from
// its seed, so a run can be repeated exactly.

/** xoshiro128** (Blackman and Vigna), seeded through splitmix32. Not for secrets. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** `seed`: any safe integer; its low 53 bits count. */
  constructor(seed: number) {
    let low = seed >>> 0;
    const high = Math.floor(seed / 0x1_0000_0000) >>> 0;
    const next = (): number => {
      low = (low + 0x9e37_79b9) >>> 0;
      let z = low ^ high;
      z = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2_ae35);
      return (z ^ (z >>> 16)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** A uniform integer of 32 bits. */
  uint32(): number {
    const scrambled = Math.imul(this.#b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A number in [0, 1). */
  float(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** An integer in [0, `bound`). */
  int(bound: number): number {
    return Math.floor(this.float() * bound);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.float() < p;
  }

  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)] as T;
  }

  /** `length` lower-case hexadecimal digits. */
  hex(length: number): string {
    let text = '';
    while (text.length < length) text += this.uint32().toString(16).padStart(8, '0');
    return text.slice(0, length);
  }

  /** An independent generator, so that one consumer's draws do not disturb another's. */
  fork(): Random {
    return new Random(this.uint32() * 0x20_0000 + (this.uint32() >>> 11));
  }
}
