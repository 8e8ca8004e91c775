// The commands that tell changes: for each owner (a virtual server, a real server of one) one at a time, and of those
// that wait only the newest. So nobody acts on an older state after a newer one.
//
// Differs from keepalived: it starts them and forgets them, so that they overlap and end in any order (vrrp.md §0.9).

import type { Core } from './core.ts';
import type { HookRunId } from './io.ts';
import type { HookCommand } from './virtual-conf.ts';

/** One that runs longer is ended: SIGTERM, then SIGKILL. */
const TIMEOUT_MS = 60_000;
const KILL_AFTER_MS = 2_000;

interface Running {
  readonly run: HookRunId;
  readonly command: HookCommand;
  /** When the next signal is due. */
  signalAt: number;
  isTooLate: boolean;
}

interface Line {
  running: Running | null;
  next: HookCommand | null;
}

export class HookLines {
  readonly #core: Core;
  readonly #lines = new Map<string, Line>();

  constructor(core: Core) {
    this.#core = core;
  }

  get isIdle(): boolean {
    return [...this.#lines.values()].every(({ running }) => running === null);
  }

  /** What still waits of this owner is told no more; null: and nothing instead. */
  tell(owner: string, command: HookCommand | null): void {
    const line = this.#lines.get(owner) ?? { running: null, next: null };
    this.#lines.set(owner, line);
    line.next = command;
    this.#begin(owner, line);
  }

  dueAt(): number {
    return Math.min(
      Infinity,
      ...[...this.#lines.values()].map(({ running }) => running?.signalAt ?? Infinity),
    );
  }

  /** Ends what takes too long. */
  attend(): void {
    const { now } = this.#core;
    for (const { running } of this.#lines.values()) {
      if (running === null || running.signalAt > now) continue;
      const signal = running.isTooLate ? 'SIGKILL' : 'SIGTERM';
      this.#core.emit({ kind: 'signal-hook', run: running.run, signal });
      running.isTooLate = true;
      running.signalAt = now + KILL_AFTER_MS;
    }
  }

  ended(run: HookRunId, exitCode: number, signal: number): void {
    for (const [owner, line] of this.#lines) {
      if (line.running?.run !== run) continue;
      const { command, isTooLate } = line.running;
      line.running = null;
      if (exitCode !== 0 || signal !== 0) {
        const how = isTooLate
          ? `took longer than ${TIMEOUT_MS / 1000} s and was ended`
          : signal === 0
            ? `ended with exit code ${exitCode}`
            : `was ended by signal ${signal}`;
        this.#core.log('warning', `${owner}: ${command.argv[0] ?? ''} ${how}`);
      }
      if (line.next === null) this.#lines.delete(owner);
      else this.#begin(owner, line);
      return;
    }
  }

  #begin(owner: string, line: Line): void {
    if (line.running !== null || line.next === null) return;
    const command = line.next;
    line.next = null;
    const run = this.#core.nextId();
    line.running = { run, command, signalAt: this.#core.now + TIMEOUT_MS, isTooLate: false };
    this.#core.emit({ kind: 'run-hook', run, owner, command });
  }
}
