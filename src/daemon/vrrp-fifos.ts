// The FIFOs that get a line for every change of state, and the programs that read them (vrrp.md §3.1).

import { spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { commandText } from '../vrrp/command-text.ts';
import type { FifoConf } from '../vrrp/router-conf.ts';
import { startChild } from './vrrp-child.ts';

/** Readable by all, as keepalived's (vrrp.md §3.1): the reader may be another user. */
const FIFO_MODE = '644';

interface Open {
  readonly conf: FifoConf;
  readonly fd: number;
  readonly reader: ChildProcess | null;
  /** We made it, so we remove it. */
  readonly isOurs: boolean;
}

export class Fifos {
  readonly #warn: (sentence: string) => void;
  #open: Open[] = [];

  constructor(warn: (sentence: string) => void) {
    this.#warn = warn;
  }

  /** Opens (and makes) those of the configuration; what is open and still wanted stays. */
  configure(confs: readonly FifoConf[]): void {
    const wanted = (one: FifoConf): Open | undefined =>
      this.#open.find(({ conf }) => conf.path === one.path && isSameReader(conf, one));
    const kept = new Set(confs.map(wanted));
    // First what goes: its place may be taken anew.
    for (const one of this.#open) if (!kept.has(one)) closeOne(one);
    this.#open = this.#open.filter((one) => kept.has(one));
    for (const conf of confs) if (wanted(conf) === undefined) this.#openOne(conf);
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
    const path = pathOf(conf);
    try {
      const isOurs = statSync(path, { throwIfNoEntry: false }) === undefined;
      if (isOurs) {
        const { status, stderr } = spawnSync('mkfifo', ['-m', FIFO_MODE, '--', path], { encoding: 'utf8' });
        if (status !== 0) throw new Error(stderr.trim() === '' ? 'mkfifo cannot be run' : stderr.trim());
      }
      if (!statSync(path).isFIFO()) throw new Error('it is there, and no FIFO');
      // For reading as well: opening does not need a reader then, and what is written waits for one.
      const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
      this.#open.push({ conf, fd, reader: this.#startReader(conf), isOurs });
    } catch (error) {
      this.#warn(`the FIFO ${conf.path} cannot be used: ${(error as Error).message}`);
    }
  }

  #startReader({ script, path }: FifoConf): ChildProcess | null {
    if (script === null) return null;
    const name = commandText(script);
    const started = startChild(script, [path]);
    if (!started.ok) {
      this.#warn(`${name} could not be started: ${started.problem}`);
      return null;
    }
    const child = started.value;
    child.on('error', (error) => this.#warn(`${name} could not be started: ${error.message}`));
    child.once('exit', (code, signal) =>
      this.#warn(`${name}, which reads ${path}, ended (${signal ?? `exit code ${code}`})`),
    );
    child.unref();
    return child;
  }
}

const pathOf = ({ path }: FifoConf): string => Buffer.from(path, 'latin1').toString('utf8');

function isSameReader(a: FifoConf, b: FifoConf): boolean {
  return JSON.stringify(a.script) === JSON.stringify(b.script);
}

function closeOne({ conf, fd, reader, isOurs }: Open): void {
  closeSync(fd);
  if (isOurs) rmSync(pathOf(conf), { force: true });
  if (reader?.pid === undefined || reader.exitCode !== null || reader.signalCode !== null) return;
  reader.removeAllListeners('exit');
  try {
    process.kill(-reader.pid, 'SIGTERM');
  } catch {
    // It has just ended.
  }
}
