// Runs check scripts and hooks the way keepalived does (vrrp.md §3.1): directly, without a shell, in a process group of
// their own, as the user that was asked for, with /dev/null as their standard streams. What runs when, and for how long,
// is the machine's decision.

import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { RunId } from '../vrrp/io.ts';
import type { Command } from '../vrrp/router-conf.ts';
import { findIds } from './user-ids.ts';

/** What a run that could not be started ends with, as in a shell. */
const NOT_STARTED = 127;

/** `signal` is a number, 0 if it exited. Exactly once for each run, never before `start` has returned. */
export type RunEnded = (exitCode: number, signal: number) => void;

const toText = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

export class Runs {
  readonly #running = new Map<RunId, ChildProcess>();
  readonly #warn: (sentence: string) => void;

  constructor(warn: (sentence: string) => void) {
    this.#warn = warn;
  }

  start(run: RunId, command: Command, args: readonly string[], ended: RunEnded): void {
    const fail = (reason: string): void => {
      this.#warn(`${command.argv.join(' ')} could not be started: ${reason}`);
      ended(NOT_STARTED, 0);
    };
    const ids = findIds(command.user, command.group);
    if (!ids.ok) {
      setImmediate(() => fail(ids.problem));
      return;
    }
    const [file = '', ...own] = [...command.argv, ...args].map(toText);
    let child: ChildProcess;
    try {
      // A session of its own, and so a process group that can be signalled as a whole.
      child = spawn(file, own, { stdio: 'ignore', shell: false, detached: true, cwd: '/', ...ids.value });
    } catch (error) {
      setImmediate(() => fail((error as Error).message));
      return;
    }
    this.#running.set(run, child);
    child.on('error', (error) => {
      if (child.pid === undefined && this.#running.delete(run)) fail(error.message);
    });
    child.once('exit', (code, signal) => {
      if (this.#running.delete(run)) ended(code ?? 0, signal === null ? 0 : constants.signals[signal]);
    });
  }

  /** Signals the whole group. Nothing happens if the run has ended. */
  signal(run: RunId, signal: 'SIGTERM' | 'SIGKILL'): void {
    const pid = this.#running.get(run)?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It has just ended, which will be told.
    }
  }

  /** Kills all that still runs: the daemon leaves. */
  killAll(): void {
    for (const run of this.#running.keys()) this.signal(run, 'SIGKILL');
  }
}
