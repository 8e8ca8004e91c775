// The daemon's log, line by line as operators' tools expect it of a sentinel (sentinel.md §2.7), or in Valkey's forms.
// A log file is opened for each line, so it may be moved away at any time; standard output is never buffered.

import { appendFileSync, writeSync } from 'node:fs';
import type { ServerConf } from '../sentinel/conf/conf.ts';
import type { LogLevel } from '../sentinel/io.ts';

const RANK: Record<LogLevel, number> = { debug: 0, verbose: 1, notice: 2, warning: 3, nothing: 4 };
const MARK: Record<LogLevel, string> = { debug: '.', verbose: '-', notice: '*', warning: '#', nothing: '' };
/** Valkey's words in `log-format logfmt`. */
const WORD: Record<LogLevel, string> = {
  debug: 'debug',
  verbose: 'info',
  notice: 'notice',
  warning: 'warning',
  nothing: '',
};
/** As logs have them. */
export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export type LogFormat = Pick<ServerConf, 'logFormat' | 'logTimestampFormat'>;

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

/** Local time, in the form asked for. */
export function formatTimestamp(date: Date, format: LogFormat['logTimestampFormat']): string {
  if (format === 'milliseconds') return String(date.getTime());
  const clock = `${digits(date.getHours(), 2)}:${digits(date.getMinutes(), 2)}:${digits(date.getSeconds(), 2)}.${digits(date.getMilliseconds(), 3)}`;
  const day = digits(date.getDate(), 2);
  if (format === 'legacy') return `${day} ${MONTHS[date.getMonth()] ?? ''} ${date.getFullYear()} ${clock}`;
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${digits(Math.floor(Math.abs(offset) / 60), 2)}:${digits(Math.abs(offset) % 60, 2)}`;
  return `${date.getFullYear()}-${digits(date.getMonth() + 1, 2)}-${day}T${clock}${zone}`;
}

/** One line, newline included. Control characters in `text` become `?`: nobody may write lines of their own into it. */
export function formatLine(
  pid: number,
  date: Date,
  level: LogLevel,
  text: string,
  format: LogFormat,
): string {
  const time = formatTimestamp(date, format.logTimestampFormat);
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const clean = text.replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f]/g, '?');
  return format.logFormat === 'logfmt'
    ? `pid=${pid} role=sentinel timestamp="${time}" level=${WORD[level]} message="${clean.replaceAll('"', "'")}"\n`
    : `${pid}:X ${time} ${MARK[level]} ${clean}\n`;
}

export interface LogOptions extends LogFormat {
  readonly level: LogLevel;
  /** Empty: standard output. A relative path counts from the working directory at the time of each line. */
  readonly file: string;
  /** Also gets each line that is logged, without time; see daemon/syslog.ts. */
  readonly forward?: (level: LogLevel, text: string) => void;
}

export class Log {
  readonly #options: LogOptions;
  #threshold: number;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#threshold = RANK[options.level];
  }

  setLevel(level: LogLevel): void {
    this.#threshold = RANK[level];
  }

  /** Logs a byte string. A line that cannot be written is lost: the quorum matters more than its log. */
  write(level: LogLevel, text: string): void {
    if (RANK[level] < this.#threshold || level === 'nothing') return;
    const line = formatLine(process.pid, new Date(), level, text, this.#options);
    try {
      // Opening for each line costs 10 µs, and a handful of lines a minute is all there is.
      if (this.#options.file === '') writeSync(1, line, null, 'latin1');
      else appendFileSync(this.#options.file, line, 'latin1');
    } catch {
      // A full disk, a reader that went away, a folder that was removed: all without a place left to report them.
    }
    this.#options.forward?.(level, text);
  }
}

/** What the configuration file asks for. */
export function logOptionsOf(server: ServerConf): LogOptions {
  return {
    level: server.logLevel,
    file: Buffer.from(server.logFile, 'latin1').toString('utf8'),
    logFormat: server.logFormat,
    logTimestampFormat: server.logTimestampFormat,
  };
}
