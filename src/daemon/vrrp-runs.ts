// Runs check scripts and hooks, and tells how each ended. What runs when, and for how long, is the machine's decision.

import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { commandText } from '../vrrp/command-text.ts';
import type { RunId } from '../vrrp/io.ts';
import type { Command } from '../vrrp/router-conf.ts';
import { startChild } from './vrrp-child.ts';

/** What a run that could not be started ends with, as in a shell. */
const NOT_STARTED = 127;

/** `signal` is a number, 0 if it exited. Exactly once for each run, never before `start` has returned. */
export type RunEnded = (exitCode: number, signal: number) => void;

export class Runs {
  readonly #running = new Map<RunId, ChildProcess>();
  readonly #warn: (sentence: string) => void;

  constructor(warn: (sentence: string) => void) {
    this.#warn = warn;
  }

  /** `environment` is added to the daemon's own. */
  start(
    run: RunId,
    command: Command,
    args: readonly string[],
    ended: RunEnded,
    environment: Readonly<Record<string, string>> = {},
  ): void {
    const fail = (reason: string): void => {
      this.#warn(`${commandText(command)} could not be started: ${reason}`);
      ended(NOT_STARTED, 0);
    };
    const started = startChild(command, args, environment);
    if (!started.ok) {
      setImmediate(() => fail(started.problem));
      return;
    }
    const child = started.value;
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
