// The preprocessor's `.if`, `.elif`, `.else` and `.endif`: which lines of a file count, decided line by line.

import { show, type Place, type Report } from './report.ts';
import type { Statement } from './statement.ts';
import type { Environment } from './words.ts';

/** The HAProxy that files are read as; its features that have a counterpart here. */
const VERSION: readonly number[] = [2, 6, 12];
const FEATURES: ReadonlySet<string> = new Set([
  'OPENSSL',
  'PROMEX',
  'GETADDRINFO',
  'SYSTEMD',
  'NS',
  'TPROXY',
]);
const PREDICATES = ['defined', 'feature', 'streq', 'strneq', 'version_atleast', 'version_before'] as const;
const DEPTH_MAX = 50;

interface Block {
  readonly place: Place;
  /** Its lines count; false: so far. */
  isActive: boolean;
  /** One of its branches was taken, or none may be. */
  isDecided: boolean;
  hasElse: boolean;
}

export class Conditions {
  readonly #report: Report;
  readonly #blocks: Block[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  /** The lines here do not count. */
  get isSkipping(): boolean {
    return this.#blocks.some(({ isActive }) => !isActive);
  }

  /** Whether a line is one of these, so that it counts even among lines that do not. */
  static concerns(raw: string): boolean {
    return /^[ \t]*\.(?:if|elif|else|endif)(?![^ \t#])/.test(raw);
  }

  read(statement: Statement, environment: Environment): void {
    const [first, ...words] = statement.words;
    const place = { line: statement.line, column: first?.column ?? 1 };
    const at = { line: statement.line, column: words[0]?.column ?? place.column };
    const text = words.map((word) => word.text).join(' ');
    const holds = (): boolean => this.#evaluate(text, environment, at);
    const block = this.#blocks.at(-1);
    if (first?.text === '.if') return this.#open(place, holds);
    if (block === undefined) {
      this.#report.error(place, `${first?.text ?? ''} without a .if above it`);
    } else if (first?.text === '.endif') {
      this.#blocks.pop();
    } else if (block.hasElse) {
      this.#report.error(place, `${first?.text ?? ''} behind .else of the .if in line ${block.place.line}`);
    } else {
      block.hasElse = first?.text === '.else';
      block.isActive = !block.isDecided && (block.hasElse || holds());
      block.isDecided ||= block.isActive;
    }
  }

  end(): void {
    for (const { place } of this.#blocks) this.#report.error(place, 'this .if has no .endif');
  }

  #open(place: Place, holds: () => boolean): void {
    if (this.#blocks.length === DEPTH_MAX) {
      this.#report.error(place, `.if goes at most ${DEPTH_MAX} deep`);
    }
    // Where nothing counts, nothing is asked either.
    const isActive = !this.isSkipping && holds();
    this.#blocks.push({ place, isActive, isDecided: isActive || this.isSkipping, hasElse: false });
  }

  #evaluate(text: string, environment: Environment, place: Place): boolean {
    const parser = new Expression(text, environment);
    const value = text === '' ? false : parser.whole();
    if (value === null) {
      this.#report.error(
        place,
        `${show(parser.rest)} is no condition: there is ${PREDICATES.join(', ')}, numbers, !, &&, || and brackets`,
      );
    }
    return value === true;
  }
}

/** All of it is read, also what does not matter any more for the outcome. null: it is none. */
class Expression {
  rest: string;
  readonly #environment: Environment;
  #depth = 0;

  constructor(text: string, environment: Environment) {
    this.rest = text;
    this.#environment = environment;
  }

  whole(): boolean | null {
    const value = this.#either();
    return this.#next(/^$/) === null ? null : value;
  }

  #either(): boolean | null {
    let value = this.#all();
    while (value !== null && this.#next(/^\|\|/) !== null) value = or(value, this.#all());
    return value;
  }

  #all(): boolean | null {
    let value = this.#term();
    while (value !== null && this.#next(/^&&/) !== null) value = and(value, this.#term());
    return value;
  }

  #term(): boolean | null {
    if ((this.#depth += 1) > DEPTH_MAX) return null;
    const value = this.#simple();
    this.#depth -= 1;
    return value;
  }

  #simple(): boolean | null {
    if (this.#next(/^!/) !== null) return not(this.#term());
    if (this.#next(/^\(/) !== null) {
      const value = this.#either();
      return this.#next(/^\)/) === null ? null : value;
    }
    const number = this.#next(/^-?\d+(?![\w(])/);
    if (number !== null) return Number(number) !== 0;
    const before = this.rest;
    const call = this.#next(/^[a-z_]+\([^()]*\)/);
    const [, name = '', given = ''] = /^([a-z_]+)\((.*)\)$/.exec(call ?? '') ?? [];
    const value = this.#predicate(name, given.split(','));
    if (value === null) this.rest = before;
    return value;
  }

  #predicate(name: string, [first = '', second]: readonly string[]): boolean | null {
    switch (PREDICATES.find((one) => one === name)) {
      case 'defined':
        return this.#environment[first] !== undefined;
      case 'feature':
        return FEATURES.has(first);
      case 'streq':
        return second === undefined ? null : first === second;
      case 'strneq':
        return second === undefined ? null : first !== second;
      case 'version_atleast':
        return compareVersion(first) >= 0;
      case 'version_before':
        return compareVersion(first) < 0;
      case undefined:
        return null;
    }
  }

  #next(pattern: RegExp): string | null {
    this.rest = this.rest.trimStart();
    const found = pattern.exec(this.rest)?.[0] ?? null;
    if (found !== null) this.rest = this.rest.slice(found.length);
    return found;
  }
}

const or = (a: boolean, b: boolean | null): boolean | null => (b === null ? null : a || b);
const and = (a: boolean, b: boolean | null): boolean | null => (b === null ? null : a && b);
const not = (value: boolean | null): boolean | null => (value === null ? null : !value);

/** Ours against `text` (`2.4`, `2.6.12-1`); below 0: ours is older. What is not said is 0. */
function compareVersion(text: string): number {
  const parts = text.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  for (const [at, own] of VERSION.entries()) {
    const difference = own - (parts[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
