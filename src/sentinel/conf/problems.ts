// What is wrong with a line of sentinel.conf, told without telling its secrets.

import type { Problem } from '../../base/result.ts';
import { quoteArgument, splitArguments } from '../../base/split-arguments.ts';

/** A problem of one line. `where` is `path:line:column`. */
export interface ConfProblem extends Problem {
  readonly where: string;
  /** As the user named the file; `command line` or `standard input` for what came from there. */
  readonly path: string;
  /** From 1; 0: the problem is not one line's. */
  readonly line: number;
  /** The line, trimmed, with its secrets masked. Empty when there is none. */
  readonly text: string;
}

/** What a directive's reader finds wrong: `word` counts from 0, the directive's name. */
export interface Fault {
  readonly code: string;
  readonly word: number;
  readonly sentence: string;
}

const SHOWN_MAX = 80;

/** `value` in quotes for a sentence, shortened, control characters escaped. */
export function show(value: string): string {
  const short = value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}...` : value;
  return /^[ -&(-~\x80-\xff]*$/.test(short) ? `'${short}'` : quoteArgument(short);
}

/** Where each word of `line` starts, from 0, by the rules of `splitArguments`. */
export function wordStarts(line: string): number[] {
  const starts: number[] = [];
  const isBlank = (at: number): boolean => at >= line.length || /[ \t\n\r\v\f]/.test(line[at] as string);
  let at = 0;
  while (at < line.length) {
    if (isBlank(at)) {
      at += 1;
      continue;
    }
    starts.push(at);
    while (!isBlank(at)) {
      const quote = line[at];
      at += 1;
      if (quote !== '"' && quote !== "'") continue;
      while (at < line.length && line[at] !== quote) at += line[at] === '\\' ? 2 : 1;
      at += 1;
    }
  }
  return starts;
}

const MASK = '***';
/** A name that promises a secret, misspelt ones included. */
const SECRET_NAME = /pas|pwd|secret|auth$/;

/** A directive's name, without what a missing blank glued to that of a secret (`requirepass=...`). */
function safeName(name: string): string {
  const known = /^.*?(?:pass?|pwd|secret)/i.exec(name)?.[0];
  return known === undefined || known.length === name.length ? name : `${known}${MASK}`;
}

/** The name of an unknown directive for a sentence. */
export function showName(name: string): string {
  return show(safeName(name));
}

/**
 * `text`, a line of sentinel.conf, fit to be printed or logged: passwords, and what may be one, become `***`. In
 * doubt (bad quotes, swapped values, a misspelt directive that speaks of a password) more is masked rather than less.
 */
export function maskSecrets(text: string): string {
  // What follows a NUL is no part of the line to its readers, so nothing is known about it.
  const line = text.split('\0', 1)[0] as string;
  const words = splitArguments(line);
  const parts = words ?? line.split(/[ \t\n\r\v\f]+/).filter((part) => part !== '');
  const name = (parts[0] ?? '').replaceAll(/["']/g, '').toLowerCase();
  if (name === 'user') return words === null ? `user ${MASK}` : maskUserRules(line, parts);
  const nameAt = name === 'sentinel' ? 1 : 0;
  const secretName = (parts[nameAt] ?? '').replaceAll(/["']/g, '').toLowerCase();
  if (!SECRET_NAME.test(secretName)) return line;
  const start = [...parts.slice(0, nameAt), safeName(secretName)].join(' ');
  return parts.length > nameAt + 1 ? `${start} ${MASK}` : start;
}

/** ACL rules that carry a password, or its hash, start with one of `> < # !` (also inside one quoted word). */
function maskUserRules(line: string, words: readonly string[]): string {
  const masked = words.map((word) => word.replace(/(^|[\s(])([><#!])[^]*/, `$1$2${MASK}`));
  return masked.some((word, index) => word !== words[index]) ? masked.join(' ') : line;
}
