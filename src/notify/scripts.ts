// Runs notification and reconfiguration scripts the way sentinel.md §8 lists: executed directly, without a shell, with
// our environment, working directory and standard streams, and no other descriptor. Which script runs when, how often
// and for how long is the machine's decision; this file only starts, kills and reports.

import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

/** What a run tells. `started` is left out when the file could not be executed. */
export interface ScriptWatcher {
  started(run: number, pid: number): void;
  /** `signal` is a number, 0 if the script exited. Exactly once for each run. */
  ended(run: number, exitCode: number, signal: number): void;
}

/** What an exec that failed counts as (sentinel.md §8). */
const EXEC_FAILED = 2;

/**
 * Paths and arguments are byte strings, but Node passes text to a new process as UTF-8. Text that is UTF-8 (names,
 * and nearly all else) reaches the script byte for byte; bytes that are not come out as replacement characters.
 *
 * Differs from Sentinel: it passes any byte, because Node has no way to hand arbitrary bytes to a new process.
 */
function toArgument(bytes: string): string {
  // A NUL would end a C string here too, and Node refuses it.
  const end = bytes.indexOf('\0');
  return Buffer.from(end === -1 ? bytes : bytes.slice(0, end), 'latin1').toString('utf8');
}

export class Scripts {
  readonly #running = new Map<number, ChildProcess>();
  readonly #watcher: ScriptWatcher;

  constructor(watcher: ScriptWatcher) {
    this.#watcher = watcher;
  }

  /** Starts `path`; both it and `args` are byte strings. Answers come through the watcher, never before this returns. */
  run(run: number, path: string, args: readonly string[]): void {
    // A path without a slash is a file in the working directory, never one found through PATH.
    const text = toArgument(path);
    const file = text.includes('/') ? text : `./${text}`;
    let child: ChildProcess;
    try {
      child = spawn(file, args.map(toArgument), { stdio: 'inherit', shell: false, argv0: text });
    } catch {
      // Only for what the system refuses before a process exists, such as arguments beyond its limit.
      setImmediate(() => this.#watcher.ended(run, EXEC_FAILED, 0));
      return;
    }
    this.#running.set(run, child);
    const { pid } = child;
    if (pid !== undefined) setImmediate(() => this.#watcher.started(run, pid));
    // Also what a kill that is not allowed says (a script that changed its user); that one still runs.
    child.on('error', () => {
      if (pid === undefined) this.#end(run, EXEC_FAILED, 0);
    });
    child.once('exit', (code, signal) => {
      // After `started`, however quick the script was.
      setImmediate(() => this.#end(run, code ?? 0, signal === null ? 0 : constants.signals[signal]));
    });
  }

  /** SIGKILL; `ended` follows. Nothing happens if the run has ended. */
  kill(run: number): void {
    this.#running.get(run)?.kill('SIGKILL');
  }

  #end(run: number, exitCode: number, signal: number): void {
    if (this.#running.delete(run)) this.#watcher.ended(run, exitCode, signal);
  }
}
