// Tracked files (keepalived: track_file): what number each says, told at the start and on every change.

import { existsSync, readFileSync, watch, writeFileSync, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { FileConf } from '../vrrp/router-conf.ts';

/** For changes that no notice comes of: a network file system, a folder that was replaced. */
const LOOK_AGAIN_MS = 1000;

interface Tracked {
  readonly conf: FileConf;
  readonly watcher: FSWatcher | null;
  /** undefined: not looked at yet. */
  value: number | null | undefined;
}

export class TrackedFiles {
  readonly #tell: (tracker: string, value: number | null) => void;
  readonly #warn: (sentence: string) => void;
  #tracked: Tracked[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(tell: (tracker: string, value: number | null) => void, warn: (sentence: string) => void) {
    this.#tell = tell;
    this.#warn = warn;
  }

  /** Tracks these, and tells what each of them says now. */
  configure(confs: readonly FileConf[]): void {
    this.close();
    for (const conf of confs) {
      this.#initialise(conf);
      this.#tracked.push({ conf, watcher: this.#watch(conf), value: undefined });
    }
    this.#look();
    if (confs.length > 0) this.#timer = setInterval(() => this.#look(), LOOK_AGAIN_MS);
  }

  close(): void {
    for (const { watcher } of this.#tracked) watcher?.close();
    this.#tracked = [];
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Writes the first value where the configuration asks for one. */
  #initialise({ path, initial }: FileConf): void {
    if (initial === null || (!initial.overwrite && existsSync(pathOf(path)))) return;
    try {
      writeFileSync(pathOf(path), `${initial.value}\n`);
    } catch (error) {
      this.#warn(`the tracked file ${path} could not be written: ${(error as Error).message}`);
    }
  }

  /** Its folder is watched, since a file that is replaced is another. */
  #watch({ path }: FileConf): FSWatcher | null {
    try {
      const name = basename(pathOf(path));
      const watcher = watch(dirname(pathOf(path)), (_kind, changed) => {
        if (changed === name) this.#look();
      });
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch {
      return null;
    }
  }

  #look(): void {
    for (const tracked of this.#tracked) {
      const value = readValue(tracked.conf.path);
      if (value === tracked.value) continue;
      tracked.value = value;
      this.#tell(tracked.conf.name, value);
    }
  }
}

const pathOf = (path: string): string => Buffer.from(path, 'latin1').toString('utf8');

/** The whole number it begins with; null: none, or no file. */
function readValue(path: string): number | null {
  try {
    const [, digits] = /^\s*([+-]?\d{1,9})\b/.exec(readFileSync(pathOf(path), 'latin1')) ?? [];
    return digits === undefined ? null : Number(digits);
  } catch {
    return null;
  }
}
