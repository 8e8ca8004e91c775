// The FIFOs that get a line for every change of state, and the programs that read them (vrrp.md §3.2).

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync, statSync, writeSync } from 'node:fs';
import type { FifoConf } from '../vrrp/router-conf.ts';
import { findIds } from './user-ids.ts';

interface Open {
  readonly conf: FifoConf;
  readonly fd: number;
  readonly reader: ChildProcess | null;
}

export class Fifos {
  readonly #warn: (sentence: string) => void;
  #open: Open[] = [];

  constructor(warn: (sentence: string) => void) {
    this.#warn = warn;
  }

  /** Opens (and makes) those of the configuration; what is open and still wanted stays. */
  configure(confs: readonly FifoConf[]): void {
    const before = this.#open;
    this.#open = [];
    for (const conf of confs) {
      const kept = before.find((one) => one.conf.path === conf.path && isSameReader(one.conf, conf));
      if (kept !== undefined) this.#open.push(kept);
      else this.#openOne(conf);
    }
    for (const one of before) if (!this.#open.includes(one)) closeOne(one);
  }

  /** Without waiting: what a full FIFO does not take is lost. */
  write(line: string): void {
    for (const { fd } of this.#open) {
      try {
        // Less than PIPE_BUF, so it goes in whole or not at all.
        writeSync(fd, line, null, 'latin1');
      } catch {
        // Full: nobody reads it, and a state that is old news need not be kept for him.
      }
    }
  }

  close(): void {
    this.configure([]);
  }

  #openOne(conf: FifoConf): void {
    const path = Buffer.from(conf.path, 'latin1').toString('utf8');
    try {
      if (statSync(path, { throwIfNoEntry: false }) === undefined) {
        const { status, stderr } = spawnSync('mkfifo', ['-m', '600', '--', path], { encoding: 'utf8' });
        if (status !== 0) throw new Error(stderr.trim() === '' ? 'mkfifo cannot be run' : stderr.trim());
      }
      if (!statSync(path).isFIFO()) throw new Error('it is there, and no FIFO');
      // For reading as well: opening does not need a reader then, and what is written waits for one.
      const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
      this.#open.push({ conf, fd, reader: this.#startReader(conf, path) });
    } catch (error) {
      this.#warn(`the FIFO ${conf.path} cannot be used: ${(error as Error).message}`);
    }
  }

  #startReader({ script }: FifoConf, path: string): ChildProcess | null {
    if (script === null) return null;
    const [file = '', ...args] = script.argv.map((word) => Buffer.from(word, 'latin1').toString('utf8'));
    const ids = findIds(script.user, script.group);
    if (!ids.ok) {
      this.#warn(`${file} is not started: ${ids.problem}`);
      return null;
    }
    const child = spawn(file, [...args, path], { stdio: 'ignore', detached: true, cwd: '/', ...ids.value });
    child.on('error', (error) => this.#warn(`${file} could not be started: ${error.message}`));
    child.once('exit', (code, signal) =>
      this.#warn(`${file}, which reads ${path}, ended (${signal ?? `exit code ${code}`})`),
    );
    child.unref();
    return child;
  }
}

function isSameReader(a: FifoConf, b: FifoConf): boolean {
  return JSON.stringify(a.script) === JSON.stringify(b.script);
}

function closeOne({ fd, reader }: Open): void {
  closeSync(fd);
  if (reader?.pid === undefined || reader.exitCode !== null || reader.signalCode !== null) return;
  reader.removeAllListeners('exit');
  try {
    process.kill(-reader.pid, 'SIGTERM');
  } catch {
    // It has just ended.
  }
}
