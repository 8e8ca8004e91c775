// One line of haproxy.cfg while it is read: a cursor over its words, and readers of single values that report what is
// wrong and then give null.

import { hint } from '../../../base/suggest.ts';
import { show, type Place, type Report } from './report.ts';
import type { Word } from './words.ts';

const UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** HAProxy's TIMER_MAX: 2^31 - 1 milliseconds. */
const TIME_MS_MAX = 2 ** 31 - 1;

export interface Statement {
  readonly line: number;
  /** At least one. */
  readonly words: readonly Word[];
}

/** null: it is no time. Without a unit it is milliseconds. */
export function parseTimeMs(text: string): number | null {
  const match = /^(\d{1,15})(us|ms|s|m|h|d)?$/.exec(text);
  if (match === null) return null;
  const ms = Math.ceil(Number(match[1]) * (UNITS[match[2] ?? 'ms'] ?? 1));
  return ms <= TIME_MS_MAX ? ms : null;
}

/** Walks over the words of a statement. */
export class Cursor {
  readonly #statement: Statement;
  readonly report: Report;
  #at: number;

  constructor(statement: Statement, report: Report, at = 1) {
    this.#statement = statement;
    this.report = report;
    this.#at = at;
  }

  get first(): Word {
    return this.#statement.words[0] as Word;
  }

  /** Of the next word; behind the last one, of the first. */
  get place(): Place {
    return this.placeOf(this.peek() ?? this.first);
  }

  placeOf(word: Word): Place {
    return { line: this.#statement.line, column: word.column };
  }

  peek(): Word | null {
    return this.#statement.words[this.#at] ?? null;
  }

  next(): Word | null {
    const word = this.peek();
    if (word !== null) this.#at += 1;
    return word;
  }

  /** Takes the next word if it is `text`. */
  accept(text: string): boolean {
    if (this.peek()?.text !== text) return false;
    this.#at += 1;
    return true;
  }

  rest(): readonly Word[] {
    const words = this.#statement.words.slice(this.#at);
    this.#at = this.#statement.words.length;
    return words;
  }

  text(what: string): string | null {
    const word = this.next();
    if (word === null) this.error(`${show(this.first.text)} takes ${what}`);
    return word?.text ?? null;
  }

  integer(what: string, min: number, max: number): number | null {
    const { place } = this;
    const text = this.text(what);
    if (text === null) return null;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.report.error(place, `${what} is a number from ${min} to ${max}, not ${show(text)}`);
    return null;
  }

  timeMs(what: string, min = 0): number | null {
    const { place } = this;
    const text = this.text(what);
    if (text === null) return null;
    const value = parseTimeMs(text);
    if (value !== null && value >= min) return value;
    this.report.error(
      place,
      value === null
        ? `${what} is a time such as 500ms, 3s or 1m (milliseconds without a unit), not ${show(text)}`
        : `${what} must not be ${show(text)}`,
    );
    return null;
  }

  choice<Value extends string>(what: string, known: readonly Value[]): Value | null {
    const { place } = this;
    const text = this.text(what);
    if (text === null) return null;
    const found = known.find((one) => one === text);
    if (found === undefined) {
      this.report.error(
        place,
        `${what} is one of ${known.join(', ')}, not ${show(text)}${hint(text, known)}`,
      );
    }
    return found ?? null;
  }

  /** Complains of what is left over. */
  end(): void {
    const extra = this.peek();
    if (extra !== null) this.error(`${show(extra.text)} is one word too many for ${show(this.first.text)}`);
  }

  error(sentence: string): void {
    this.report.error(this.place, sentence);
  }
}
