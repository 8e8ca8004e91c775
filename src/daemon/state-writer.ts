// Keeps the configuration file up to date with the machine's state (sentinel.md §2.5, §2.6). Each write reads the file
// that is there now, so that what people changed in it survives, edits it in place and replaces it durably. While one
// write runs, further requests only note that there is more: the next write then carries all of it.

import { readFile } from 'node:fs/promises';
import type { Result } from '../base/result.ts';
import { replaceFile } from '../store/replace-file.ts';

export interface StateWriterOptions<State> {
  /** Absolute: the working directory may change. */
  readonly path: string;
  /** The newest state; asked when a write begins. */
  readonly stateToPersist: () => { readonly version: number; readonly conf: State };
  /** The file's text with the state written into it. */
  readonly rewrite: (text: string, conf: State) => string;
  /** `version` and all before it are on disk, or `problem` says why not. */
  readonly done: (version: number, problem: string | null) => void;
  readonly replace?: (path: string, text: string) => Promise<Result<null, string>>;
}

export class StateWriter<State> {
  readonly #options: StateWriterOptions<State>;
  readonly #replace: (path: string, text: string) => Promise<Result<null, string>>;
  #running: Promise<void> | null = null;
  #isWantedAgain = false;

  constructor(options: StateWriterOptions<State>) {
    this.#options = options;
    this.#replace = options.replace ?? replaceFile;
  }

  /** Asks for a write. `done` is called once for each write, not for each request. */
  request(): void {
    if (this.#running !== null) {
      this.#isWantedAgain = true;
      return;
    }
    this.#running = this.#writeUntilCurrent();
  }

  /** Settles when no write is running. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #writeUntilCurrent(): Promise<void> {
    // Not within the step that asked for it: the effects after `persist` come first.
    await Promise.resolve();
    do {
      this.#isWantedAgain = false;
      const { version, conf } = this.#options.stateToPersist();
      const result = await this.#write(conf);
      this.#options.done(version, result.ok ? null : result.problem);
    } while (this.#isWantedAgain);
    this.#running = null;
  }

  async #write(conf: State): Promise<Result<null, string>> {
    let text: string;
    try {
      text = await readFile(this.#options.path, 'latin1');
    } catch (error) {
      // A file that somebody removed is written anew.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        return { ok: false, problem: error instanceof Error ? error.message : String(error) };
      }
      text = '';
    }
    return this.#replace(this.#options.path, this.#options.rewrite(text, conf));
  }
}
