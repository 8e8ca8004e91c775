// `syslog-enabled yes`: forwards the log to the system's. Node has no unix datagram sockets, so the lines go through
// the standard input of one `logger` (util-linux), each with its priority in front.

import { spawn, type ChildProcess } from 'node:child_process';
import type { LogLevel } from '../sentinel/io.ts';

/** RFC 5424 §6.2.1. */
const SEVERITY: Record<LogLevel, number> = { debug: 7, verbose: 6, notice: 5, warning: 4, nothing: 7 };
const FACILITY_USER = 1;
const FACILITY_LOCAL0 = 16;

/** `user` or `local0` to `local7`, as `syslog-facility` allows. */
function facilityNumber(facility: string): number {
  const local = /^local([0-7])$/i.exec(facility);
  return local === null ? FACILITY_USER : FACILITY_LOCAL0 + Number(local[1]);
}

/** What may wait for a `logger` that does not read; more is dropped. */
const WAITING_BYTES_MAX = 1_000_000;
const RESTART_AFTER_MS = 5_000;

export class Syslog {
  readonly #arguments: readonly string[];
  readonly #facility: number;
  readonly #warn: (sentence: string) => void;
  readonly #program: string;
  #child: ChildProcess | null = null;
  #isMissing = false;
  #startedAt = Number.NEGATIVE_INFINITY;

  /** `warn` is told, once, if there is no `logger` here. */
  constructor(
    conf: { readonly ident: string; readonly facility: string },
    warn: (sentence: string) => void,
    program = 'logger',
  ) {
    this.#arguments = ['--prio-prefix', '--tag', conf.ident, `--id=${process.pid}`];
    this.#facility = facilityNumber(conf.facility);
    this.#warn = warn;
    this.#program = program;
  }

  /** `text` is a byte string. */
  write(level: LogLevel, text: string): void {
    const input = this.#input();
    if (input === null || input.writableLength > WAITING_BYTES_MAX) return;
    input.write(`<${this.#facility * 8 + SEVERITY[level]}>${text.replaceAll('\n', ' ')}\n`, 'latin1');
  }

  #input(): ChildProcess['stdin'] {
    if (this.#child !== null) return this.#child.stdin;
    if (this.#isMissing || performance.now() - this.#startedAt < RESTART_AFTER_MS) return null;
    this.#startedAt = performance.now();
    const child = spawn(this.#program, this.#arguments, { stdio: ['pipe', 'ignore', 'ignore'] });
    this.#child = child;
    child.once('error', (error) => {
      this.#child = null;
      this.#isMissing = true;
      this.#warn(
        `syslog-enabled has no effect: ${error.message}. Install util-linux's logger, or set logfile.`,
      );
    });
    child.once('exit', () => {
      this.#child = null;
    });
    child.stdin.on('error', () => undefined);
    child.unref();
    return child.stdin;
  }
}
