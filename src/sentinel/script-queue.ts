// Notification and reconfiguration scripts waiting, running, and to be tried again (sentinel.md §8).

import type { EventName } from './events.ts';
import type { Effect, ScriptRunId } from './io.ts';
import type { Tunables } from './tunables.ts';

export const SCRIPT_QUEUE_MAX = 256;
export const SCRIPTS_RUNNING_MAX = 16;
export const SCRIPT_ATTEMPTS_MAX = 10;

export interface ScriptJob {
  readonly run: ScriptRunId;
  readonly path: string;
  readonly args: readonly string[];
  running: boolean;
  /** 0 until the shell told it. */
  pid: number;
  /** Attempts begun so far. */
  attempts: number;
  startedAt: number;
  /** Not before this. */
  dueAt: number;
  killed: boolean;
}

/** What the queue needs of the machine it belongs to. */
export interface ScriptQueueOwner {
  readonly now: number;
  readonly tunables: Pick<Tunables, 'scriptMaxRuntime' | 'scriptRetryDelay'>;
  announce(name: EventName, text: string): void;
  emit(effect: Effect): void;
}

export class ScriptQueue {
  readonly jobs: ScriptJob[] = [];
  readonly #owner: ScriptQueueOwner;
  #lastRun = 0;

  constructor(owner: ScriptQueueOwner) {
    this.#owner = owner;
  }

  get running(): number {
    let count = 0;
    for (const job of this.jobs) if (job.running) count += 1;
    return count;
  }

  /** Queues one call; when the queue is full the oldest that does not run is dropped. */
  enqueue(path: string, args: readonly string[]): void {
    if (this.jobs.length >= SCRIPT_QUEUE_MAX) {
      const oldest = this.jobs.findIndex((job) => !job.running);
      if (oldest >= 0) this.jobs.splice(oldest, 1);
    }
    this.#lastRun += 1;
    this.jobs.push({
      run: this.#lastRun,
      path,
      args,
      running: false,
      pid: 0,
      attempts: 0,
      startedAt: 0,
      dueAt: this.#owner.now,
      killed: false,
    });
  }

  /** When something is to be started or killed next. */
  dueAt(): number {
    let due = Infinity;
    const full = this.running >= SCRIPTS_RUNNING_MAX;
    for (const job of this.jobs) {
      if (job.running) {
        if (!job.killed) due = Math.min(due, job.startedAt + this.#owner.tunables.scriptMaxRuntime + 1);
      } else if (!full) {
        due = Math.min(due, job.dueAt);
      }
    }
    return due;
  }

  /** Kills what runs too long, starts what is due, oldest first. */
  attend(): void {
    const owner = this.#owner;
    let running = this.running;
    for (const job of this.jobs) {
      if (job.running) {
        // Differs from Sentinel: said and killed once, not at every tick until reaped, because SIGKILL needs no repeat.
        if (!job.killed && owner.now - job.startedAt > owner.tunables.scriptMaxRuntime) {
          job.killed = true;
          owner.announce('-script-timeout', `${job.path} ${job.pid}`);
          owner.emit({ kind: 'kill-script', run: job.run });
        }
      } else if (running < SCRIPTS_RUNNING_MAX && job.dueAt <= owner.now) {
        running += 1;
        job.running = true;
        job.killed = false;
        job.attempts += 1;
        job.startedAt = owner.now;
        owner.emit({ kind: 'run-script', run: job.run, path: job.path, args: job.args });
      }
    }
  }

  started(run: ScriptRunId, pid: number): void {
    const job = this.#find(run);
    if (job === null) return;
    job.pid = pid;
    this.#owner.announce('+script-child', `${pid}`);
  }

  /** Exit 0 is done; a signal or exit 1 is tried again with growing pauses; anything else is an error. */
  ended(run: ScriptRunId, exitCode: number, signal: number): void {
    const owner = this.#owner;
    const job = this.#find(run);
    if (job === null) return;
    owner.announce('-script-child', `${job.pid} ${exitCode} ${signal}`);
    const again = signal !== 0 || exitCode === 1;
    if (again && job.attempts < SCRIPT_ATTEMPTS_MAX) {
      job.running = false;
      job.pid = 0;
      job.dueAt = owner.now + owner.tunables.scriptRetryDelay * 2 ** (job.attempts - 1);
      return;
    }
    if (again || exitCode !== 0) owner.announce('-script-error', `${job.path} ${signal} ${exitCode}`);
    this.jobs.splice(this.jobs.indexOf(job), 1);
  }

  #find(run: ScriptRunId): ScriptJob | null {
    return this.jobs.find((job) => job.run === run && job.running) ?? null;
  }
}
