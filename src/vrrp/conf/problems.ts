// What is wrong with a line of keepalived.conf, told without telling its secrets.

import type { Problem } from '../../base/result.ts';
import { quoteArgument } from '../../base/split-arguments.ts';

/** A problem of one line. `where` is `path:line:column`. */
export interface ConfProblem extends Problem {
  readonly where: string;
  /** As the user named the file. */
  readonly path: string;
  /** From 1; 0: the problem is not one line's. */
  readonly line: number;
  /** The line, trimmed, with its secrets masked. Empty when there is none. */
  readonly text: string;
  /** A warning does not keep the file from being used. */
  readonly severity: 'error' | 'warning';
}

const SHOWN_MAX = 80;
const SHOWN_LINE_MAX = 500;

/** `value` in quotes for a sentence, shortened, control characters escaped. */
export function show(value: string): string {
  const short = value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}...` : value;
  return /^[ -&(-~\x80-\xff]*$/.test(short) ? `'${short}'` : quoteArgument(short);
}

const MASK = '***';

/** What carries a secret, and how to cut it out. Each leaves its first group standing. */
const SECRETS: readonly RegExp[] = [
  // `auth_pass 1111`, `password X` of an SSL block, `smtp_password X`, and misspelt ones: all of the rest.
  /^([^]*?\b\w*(?:pass(?!ive)|pwd|secret|token)\w*)[^]*$/i,
  // A password in the place of the type.
  /^([^]*?\bauth_type)\s+(?!PASS\b|AH\b)[^]*$/,
  // A definition, `$KEY=...`.
  /^(\s*(?:@\S+\s+)?\$\w*(?:auth|key|cred)\w*\s*=)[^]*$/i,
  // `key ...` of auth_hmac.
  /^([^]*?\bkey\s)[^]*$/i,
  // `redis-cli -a X ping` and a variable before a command.
  /^([^]*?\s-a)\s*\S[^]*$/,
  /^([^]*?REDISCLI_AUTH)[^]*$/,
  // `redis://user:X@host`.
  /^([^]*?:\/\/)[^\s@]*@[^]*$/,
];

/**
 * `line` of keepalived.conf, fit to be printed or logged: passwords, and what may be one, become `***`. In doubt more
 * is masked rather than less.
 */
export function maskSecrets(line: string): string {
  const start = SECRETS.reduce((shown, secret) => secret.exec(shown)?.[1] ?? shown, line);
  return start.length === line.length ? line : `${start} ${MASK}`;
}

/** A name for a sentence, without what a missing blank glued to that of a secret (`auth_pass=...`). */
export function showName(name: string): string {
  const start = SECRETS.slice(0, 1).reduce((shown, secret) => secret.exec(shown)?.[1] ?? shown, name);
  return show(start.length === name.length ? name : `${start}${MASK}`);
}

/** Where in which file something stands. */
export interface Place {
  readonly path: string;
  /** From 1; 0: not in a line. */
  readonly number: number;
  /** From 1. */
  readonly column: number;
  /** The line as it stands in its file. */
  readonly raw: string;
  /** Counts all lines in reading order. */
  readonly order: number;
}

/** `path:line:column`. */
export function whereOf(place: Place): string {
  return place.number === 0 ? place.path : `${place.path}:${place.number}:${place.column}`;
}

/** At most this many are kept; a binary file has one in every line. */
const PROBLEMS_MAX = 100;

/** Collects what is wrong, and gives it back in the order of the lines. */
export class Report {
  readonly #found: { readonly order: number; readonly problem: ConfProblem }[] = [];
  readonly #isLenient: boolean;
  #omitted = 0;
  #errors = 0;

  constructor(isLenient: boolean) {
    this.#isLenient = isLenient;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  error(place: Place, code: string, sentence: string): void {
    this.#add('error', place, code, sentence);
  }

  warn(place: Place, code: string, sentence: string): void {
    this.#add('warning', place, code, sentence);
  }

  /** Something keepalived may know and we do not do: an error, unless we were asked to be lenient. */
  unsupported(place: Place, code: string, sentence: string): void {
    this.#add(this.#isLenient ? 'warning' : 'error', place, code, sentence);
  }

  #add(severity: ConfProblem['severity'], place: Place, code: string, sentence: string): void {
    if (severity === 'error') this.#errors += 1;
    if (this.#found.length >= PROBLEMS_MAX) {
      this.#omitted += 1;
      return;
    }
    const problem: ConfProblem = {
      code,
      sentence,
      severity,
      where: whereOf(place),
      path: place.path,
      line: place.number,
      text: maskSecrets(place.raw.trim().slice(0, SHOWN_LINE_MAX)),
    };
    // The same line may be read many times, when it is a definition's.
    if (this.#found.some(({ problem: other }) => sameProblem(other, problem))) return;
    this.#found.push({ order: place.order, problem });
  }

  /** In the order of the lines. With too many, the last one says how many are not shown. */
  problems(path: string): readonly ConfProblem[] {
    const sorted = this.#found.toSorted((a, b) => a.order - b.order).map(({ problem }) => problem);
    if (this.#omitted === 0) return sorted;
    const sentence = `${this.#omitted} more problems are not shown`;
    return [...sorted, { code: 'more', sentence, severity: 'warning', where: path, path, line: 0, text: '' }];
  }
}

function sameProblem(a: ConfProblem, b: ConfProblem): boolean {
  return a.where === b.where && a.code === b.code && a.sentence === b.sentence;
}
