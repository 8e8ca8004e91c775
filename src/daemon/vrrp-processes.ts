// Tracked processes (keepalived: vrrp_track_process): how many match, found by looking through /proc again and again.
//
// Differs from keepalived: it is told of every process by the kernel's connector, which takes a capability more and
// wakes it for each; looking twice a second finds the same a little later.

import { readFile, readdir } from 'node:fs/promises';
import type { ProcessConf } from '../vrrp/router-conf.ts';

const LOOK_AGAIN_MS = 500;
/** The kernel keeps so much of a program's name. */
const NAME_BYTES_MAX = 15;

export class TrackedProcesses {
  readonly #tell: (tracker: string, count: number) => void;
  #confs: readonly ProcessConf[] = [];
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(tell: (tracker: string, count: number) => void) {
    this.#tell = tell;
  }

  /** Tracks these; their counts follow soon. */
  configure(confs: readonly ProcessConf[]): void {
    this.close();
    this.#confs = confs;
    if (confs.length > 0) this.#lookSoon(0);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#confs = [];
    this.#counts.clear();
  }

  #lookSoon(delayMs: number): void {
    this.#timer = setTimeout(() => void this.#look(), delayMs);
  }

  async #look(): Promise<void> {
    const confs = this.#confs;
    const counts = await countAll(confs);
    // Meanwhile others may be wanted, or none.
    if (confs !== this.#confs) return;
    for (const [name, count] of counts) {
      if (this.#counts.get(name) === count) continue;
      this.#counts.set(name, count);
      this.#tell(name, count);
    }
    this.#lookSoon(LOOK_AGAIN_MS);
  }
}

async function countAll(confs: readonly ProcessConf[]): Promise<Map<string, number>> {
  const counts = new Map(confs.map(({ name }) => [name, 0]));
  for (const entry of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue;
    // A process that ends meanwhile has neither.
    const [name, commandLine] = await Promise.all(
      ['comm', 'cmdline'].map((file) => readFile(`/proc/${entry}/${file}`, 'latin1').catch(() => '')),
    );
    for (const conf of confs) {
      if (matches(conf, (name ?? '').replace(/\n$/, ''), (commandLine ?? '').split('\0').slice(0, -1))) {
        counts.set(conf.name, (counts.get(conf.name) ?? 0) + 1);
      }
    }
  }
  return counts;
}

/** Whether a process with this short name and these arguments (the program first) is one that `conf` means. */
export function matches(conf: ProcessConf, name: string, argv: readonly string[]): boolean {
  const [program = '', ...parameters] = argv;
  if (conf.fullCommand || conf.process.includes('/')) {
    if (program !== conf.process) return false;
  } else if (name !== conf.process.slice(0, NAME_BYTES_MAX)) return false;
  const wanted = conf.parameters;
  if (wanted === null) return true;
  switch (conf.parameterMatch) {
    case 'exact':
      return parameters.length === wanted.length && wanted.every((word, index) => parameters[index] === word);
    case 'initial':
      return wanted.every((word, index) => parameters[index] === word);
    case 'partial': {
      // All but the last word as they are; the last may go on.
      const last = wanted.length - 1;
      return wanted.every((word, index) =>
        index === last ? parameters[index]?.startsWith(word) === true : parameters[index] === word,
      );
    }
  }
}
