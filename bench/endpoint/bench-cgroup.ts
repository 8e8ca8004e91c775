// A cgroup folder for the clients of the socket path: namespaces do not contain eBPF, so the hook is attached here only.

import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupFolder } from '../../src/os/cgroup.ts';
import { intoCgroup } from '../../test/harness/into-cgroup.ts';

const EMPTY_MS_MAX = 2_000;
const LOOK_EVERY_MS = 10;

export class BenchCgroup {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
    process.on('exit', () => this.#remove());
  }

  /** Throws if there is no cgroup2 here. It is removed when this process exits, with whatever still runs there. */
  static make(): BenchCgroup {
    const mount = cgroupFolder(null);
    if (!mount.ok) throw new Error(mount.problem.sentence);
    const folder = join(mount.value, `baton-bench-${process.pid}`);
    mkdirSync(folder);
    return new BenchCgroup(folder);
  }

  /** Puts what follows it into the cgroup. */
  get wrapper(): readonly string[] {
    return intoCgroup(this.folder);
  }

  /** Synchronous, since it is called at exit: processes are gone a moment after they were killed. */
  #remove(): void {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let waitedMs = 0; waitedMs < EMPTY_MS_MAX; waitedMs += LOOK_EVERY_MS) {
      for (const pid of readFileSync(join(this.folder, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean))
        kill(Number(pid));
      try {
        rmdirSync(this.folder);
        return;
      } catch {
        Atomics.wait(pause, 0, 0, LOOK_EVERY_MS);
      }
    }
    console.error(`could not remove ${this.folder}`);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
