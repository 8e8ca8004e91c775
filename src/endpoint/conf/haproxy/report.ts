// What is wrong with a haproxy.cfg, all of it at once, without telling its secrets: lines are not shown, and of what
// `send` and `auth` lines hold nothing is quoted.

import { quoteArgument } from '../../../base/split-arguments.ts';

/** Where something stands. */
export interface Place {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

const SHOWN_MAX = 60;
const PROBLEMS_MAX = 100;

/** `value` in quotes for a sentence. */
export function show(value: string): string {
  const short = value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}...` : value;
  return /^[ -&(-~\x80-\xff]*$/.test(short) ? `'${short}'` : quoteArgument(short);
}

export class Report {
  readonly #path: string;
  readonly #isLenient: boolean;
  readonly #errors: { readonly at: Place; readonly text: string }[] = [];
  readonly #warnings: { readonly at: Place; readonly text: string }[] = [];

  constructor(path: string, isLenient: boolean) {
    this.#path = path;
    this.#isLenient = isLenient;
  }

  get hasErrors(): boolean {
    return this.#errors.length > 0;
  }

  /** Grows with everything that is said. */
  get count(): number {
    return this.#errors.length + this.#warnings.length;
  }

  error(at: Place, sentence: string): void {
    this.#add(this.#errors, at, sentence);
  }

  warn(at: Place, sentence: string): void {
    this.#add(this.#warnings, at, sentence);
  }

  /** What HAProxy may know and we do not do: an error, unless we were asked to be lenient. */
  unsupported(at: Place, sentence: string): void {
    if (this.#isLenient) this.warn(at, `${sentence}; it is left out`);
    else this.error(at, `${sentence}; --lenient leaves it out`);
  }

  errors(): readonly string[] {
    return inOrder(this.#errors);
  }

  warnings(): readonly string[] {
    return inOrder(this.#warnings);
  }

  #add(to: { at: Place; text: string }[], at: Place, sentence: string): void {
    const text = `${this.#path}:${at.line}:${at.column}: ${sentence}`;
    if (!to.some((one) => one.text === text)) to.push({ at, text });
  }
}

/** Refuses names that HAProxy refuses, too. Names that are made up here hold a slash, so that no other is like them. */
export function judgeName(name: string, whose: string, at: Place, report: Report): void {
  const wrong = /[^\w.:-]/.exec(name)?.[0];
  if (wrong !== undefined)
    report.error(
      at,
      `${show(wrong)} cannot stand in the name of a ${whose}: letters, digits and - _ . : can`,
    );
}

function inOrder(found: readonly { readonly at: Place; readonly text: string }[]): readonly string[] {
  const texts = found
    .toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column)
    .map(({ text }) => text);
  if (texts.length <= PROBLEMS_MAX) return texts;
  return [...texts.slice(0, PROBLEMS_MAX), `${texts.length - PROBLEMS_MAX} more are not shown`];
}
