// The pid file (sentinel.md §2.1): written when it is asked for or the process went to the background, removed on a
// clean exit.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ServerConf } from '../sentinel/conf/conf.ts';

/** Where Sentinel puts it when `daemonize` is set and `pidfile` is not. */
const DEFAULT_PID_FILE = '/var/run/redis.pid';

export class PidFile {
  readonly #path: string | null;
  #isWritten = false;

  /** To be made once the working directory is the final one. */
  constructor(server: Pick<ServerConf, 'pidFile'>, isInBackground: boolean) {
    const named = server.pidFile === null || server.pidFile === '' ? null : server.pidFile;
    const path = named ?? (isInBackground ? DEFAULT_PID_FILE : null);
    this.#path = path === null ? null : resolve(Buffer.from(path, 'latin1').toString('utf8'));
  }

  /** Writes it. The problem, if any, is for the log: the daemon runs on without. */
  write(): string | null {
    if (this.#path === null) return null;
    try {
      writeFileSync(this.#path, `${process.pid}\n`);
      this.#isWritten = true;
      return null;
    } catch (error) {
      return `The pid file could not be written: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Removes it, unless somebody else wrote theirs over it. What we could not write is not ours, or not even a file. */
  remove(): void {
    if (this.#path === null || !this.#isWritten) return;
    try {
      if (readFileSync(this.#path, 'latin1') === `${process.pid}\n`) rmSync(this.#path);
    } catch {
      // It is not there: as wanted.
    }
  }
}
