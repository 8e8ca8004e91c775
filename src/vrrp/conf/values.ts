// Single values as they stand in keepalived.conf (vrrp.md §2.1). Each reader takes a statement, reports what is wrong
// with it, and then gives null: the keyword counts as not given.

import { formatAddress, parseAddress } from '../ip-address.ts';
import { type Report, show, showName } from './problems.ts';
import type { Statement, Word } from './tree.ts';

/** The value at `index`, from 0. `what` names it for the one who left it out. */
export function valueAt(report: Report, statement: Statement, index: number, what: string): Word | null {
  const word = statement.values[index];
  if (word !== undefined) return word;
  const { keyword } = statement;
  report.error(keyword, 'missing-value', `${showName(keyword.text)} takes ${what}`);
  return null;
}

/** Reports values after the first `count`; keepalived ignores them. */
export function noMore(report: Report, statement: Statement, count: number): void {
  const extra = statement.values[count];
  if (extra === undefined) return;
  const takes = count === 0 ? 'no value' : count === 1 ? 'one value' : `at most ${count} values`;
  const sentence = `${showName(statement.keyword.text)} takes ${takes}; the rest of the line is ignored`;
  report.warn(extra, 'extra-value', sentence);
}

/** A whole number of `min` to `max` in `word`. */
export function integerIn(report: Report, word: Word, name: string, min: number, max: number): number | null {
  const value = /^[+-]?\d{1,15}$/.test(word.text) ? Number(word.text) : NaN;
  if (value >= min && value <= max) return value + 0;
  const sentence = `${showName(name)} is a whole number of ${min} to ${max}, not ${show(word.text)}`;
  report.error(word, 'bad-number', sentence);
  return null;
}

/** The first value as a whole number of `min` to `max`. */
export function readInteger(report: Report, statement: Statement, min: number, max: number): number | null {
  const word = valueAt(report, statement, 0, 'a whole number');
  noMore(report, statement, 1);
  return word === null ? null : integerIn(report, word, statement.keyword.text, min, max);
}

/** What a timer may be. Seconds. */
export interface TimerLimits {
  readonly min: number;
  readonly max: number;
  /** Digits after the point that count; more are rounded, with a warning. */
  readonly decimals: number;
}

/** `word`, decimal seconds, as milliseconds. */
export function millisecondsIn(report: Report, word: Word, name: string, limits: TimerLimits): number | null {
  const { min, max, decimals } = limits;
  const seconds = /^(?:\d{1,9}(?:\.\d{0,20})?|\.\d{1,20})$/.test(word.text) ? Number(word.text) : NaN;
  if (!(seconds >= min && seconds <= max)) {
    const kind = decimals === 0 ? 'whole seconds' : 'seconds';
    report.error(word, 'bad-time', `${showName(name)} is ${kind}, ${min} to ${max}, not ${show(word.text)}`);
    return null;
  }
  const digits = word.text.split('.')[1]?.replace(/0+$/, '').length ?? 0;
  const milliseconds = Number((seconds * 1000).toFixed(Math.max(0, Math.min(decimals, 6) - 3)));
  const rounded = decimals === 0 ? Math.round(seconds) * 1000 : milliseconds;
  if (digits > decimals) {
    report.warn(word, 'rounded', `${showName(name)} is rounded to ${rounded / 1000} s`);
  }
  return rounded;
}

/** The first value, decimal seconds, as milliseconds. */
export function readTimer(report: Report, statement: Statement, limits: TimerLimits): number | null {
  const word = valueAt(report, statement, 0, 'seconds');
  noMore(report, statement, 1);
  return word === null ? null : millisecondsIn(report, word, statement.keyword.text, limits);
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['true', true],
  ['yes', true],
  ['off', false],
  ['false', false],
  ['no', false],
]);

/** Whether the keyword is on; without a value it is. */
export function readBoolean(report: Report, statement: Statement): boolean | null {
  const [word] = statement.values;
  noMore(report, statement, 1);
  if (word === undefined) return true;
  const value = BOOLEANS.get(word.text);
  if (value !== undefined) return value;
  const sentence = `${showName(statement.keyword.text)} is on or off (or true, false, yes, no), not ${show(word.text)}`;
  report.error(word, 'bad-boolean', sentence);
  return null;
}

/** The first value, which may be any text. */
export function readText(report: Report, statement: Statement, what: string): string | null {
  const word = valueAt(report, statement, 0, what);
  noMore(report, statement, 1);
  return word?.text ?? null;
}

/** An address in canonical text. */
export function addressIn(report: Report, word: Word): string | null {
  const bytes = parseAddress(word.text);
  if (bytes !== null) return formatAddress(bytes);
  report.error(word, 'bad-address', `${show(word.text)} is no IP address`);
  return null;
}

/** The first value as an address in canonical text. */
export function readAddress(report: Report, statement: Statement): string | null {
  const word = valueAt(report, statement, 0, 'an IP address');
  noMore(report, statement, 1);
  return word === null ? null : addressIn(report, word);
}
