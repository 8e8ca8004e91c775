// What the kernel refuses a path: said once, however often a refresh meets it again.

import { OsError } from '../../os/os-error.ts';

export class Trouble {
  readonly #tell: (sentence: string) => void;
  #last = '';

  constructor(tell: (sentence: string) => void) {
    this.#tell = tell;
  }

  /** Tells a sentence, unless it is the one that was told last. */
  warn(sentence: string): void {
    if (sentence === this.#last) return;
    this.#last = sentence;
    this.#tell(sentence);
  }

  /** The same sentence is news again. */
  forget(): void {
    this.#last = '';
  }

  /** Does something that the kernel may refuse, which becomes a warning; false then. Throws what else goes wrong. */
  trying(act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      this.warn(`${error.message}.`);
      return false;
    }
  }
}
