// Files into lines (vrrp.md §2.2): included files in their place, lines for other machines dropped, definitions and
// sequences expanded. What comes out is keepalived's grammar alone, each line knowing where it came from.

import type { Result } from '../../base/result.ts';
import { type BuiltIns, Definitions, parseDefinition } from './definitions.ts';
import { columnOf, type Line, readLine, splitLines } from './physical-lines.ts';
import { type Report, show } from './problems.ts';
import { parseSequence } from './sequences.ts';

export interface ConfFile {
  /** As problems shall name it. */
  readonly path: string;
  readonly text: string;
}

export interface Included extends ConfFile {
  /** Absolute: what includes in this file are relative to. */
  readonly directory: string;
}

/**
 * The files that match `pattern`, an absolute path without braces, sorted; `*`, `?` and `[` are wildcards. No match is
 * an empty list; the problem, a sentence, is that one cannot be read.
 */
export type ReadInclude = (pattern: string) => Result<readonly Included[], string>;

/** Of the file with everything it includes. Bytes. */
export const CONF_SIZE_MAX = 16 * 1024 * 1024;
const INCLUDE_DEPTH_MAX = 16;
const INCLUDED_FILES_MAX = 1000;
/** After expansion. */
const LINES_MAX = 50_000;
/** Definitions within definitions, sequences within sequences. */
const NESTING_MAX = 32;
const BRACE_PATTERNS_MAX = 1000;

const INCLUDE = /^include([rmwba]?)[ \t]+([^]*)$/;

export interface Preprocessed {
  readonly lines: readonly Line[];
  /** Every file read, in order. */
  readonly paths: readonly string[];
}

/** All lines of `file`; what is wrong goes to `report`. */
export function preprocess(
  file: Included,
  builtIns: BuiltIns,
  readInclude: ReadInclude,
  report: Report,
): Preprocessed {
  const preprocessor = new Preprocessor(builtIns, readInclude, report);
  preprocessor.readFile(file, 0);
  return { lines: preprocessor.lines, paths: preprocessor.paths };
}

/** A definition whose lines still come. */
interface OpenDefinition {
  readonly name: string;
  readonly lines: Line[];
}

class Preprocessor {
  readonly lines: Line[] = [];
  readonly paths: string[] = [];
  readonly #definitions: Definitions;
  readonly #configId: string;
  readonly #readInclude: ReadInclude;
  readonly #report: Report;
  #open: OpenDefinition | null = null;
  #bytes = 0;
  #order = 0;
  /** Lines looked at, expanded ones and dropped ones included. */
  #work = 0;
  #isFull = false;

  constructor(builtIns: BuiltIns, readInclude: ReadInclude, report: Report) {
    this.#definitions = new Definitions(builtIns);
    this.#configId = builtIns.configId;
    this.#readInclude = readInclude;
    this.#report = report;
  }

  readFile(file: Included, depth: number): void {
    this.#bytes += file.text.length;
    this.paths.push(file.path);
    if (this.#bytes > CONF_SIZE_MAX) {
      const sentence = `the configuration is larger than ${CONF_SIZE_MAX} bytes`;
      const place = { path: file.path, number: 0, column: 0, raw: '', order: this.#order };
      this.#report.error(place, 'too-large', sentence);
      return;
    }
    for (const [index, raw] of splitLines(file.text).entries()) {
      if (this.#isFull) return;
      this.#order += 1;
      const column = Math.min(raw.length, raw.length - raw.trimStart().length) + 1;
      const place = { path: file.path, number: index + 1, column, raw, order: this.#order };
      for (const line of readLine(place, file.directory, this.#report)) {
        const include = line.kind === 'code' && this.#open === null ? INCLUDE.exec(line.text) : null;
        if (include === null) this.#readRaw(line);
        else this.#include(line, include[1] as string, include[2] as string, depth);
      }
    }
    if (this.#open !== null) {
      const last = this.#open.lines.at(-1);
      if (last !== undefined) {
        this.#report.error(
          last,
          'open-definition',
          'the file ends inside a definition: its last line ends in \\',
        );
      }
      this.#open = null;
    }
  }

  #include(line: Line, kind: string, words: string, depth: number): void {
    const pattern = words.replaceAll('"', '').trim();
    const place = { ...line, column: columnOf(line.raw, words) };
    const shown = show(pattern);
    if (/[ \t]/.test(pattern)) {
      return this.#report.error(place, 'bad-include', 'include takes one path or pattern');
    }
    if (depth >= INCLUDE_DEPTH_MAX) {
      return this.#report.error(place, 'include-depth', `files include each other ${INCLUDE_DEPTH_MAX} deep`);
    }
    const patterns = expandBraces(pattern);
    const isIncomplete = (isStrict: boolean, sentence: string): void => {
      if (isStrict) this.#report.error(place, 'missing-include', sentence);
      else this.#report.warn(place, 'missing-include', sentence);
    };
    let found = 0;
    for (const one of patterns) {
      const result = this.#readInclude(one.startsWith('/') ? one : `${line.directory}/${one}`);
      if (!result.ok) {
        this.#report.error(place, 'bad-include', result.problem);
        found += 1;
        continue;
      }
      found += result.value.length;
      if (result.value.length === 0) {
        const hasWildcard = /[*?[]/.test(one);
        const isStrict = kind === 'a' || kind === (hasWildcard ? 'w' : 'b');
        if (patterns.length > 1 && isStrict) isIncomplete(true, `no file matches ${show(one)} of ${shown}`);
      }
      for (const file of result.value) {
        if (this.paths.length > INCLUDED_FILES_MAX) {
          return this.#report.error(place, 'too-large', `more than ${INCLUDED_FILES_MAX} files are included`);
        }
        this.readFile(file, depth + 1);
      }
    }
    if (found > 0) return;
    if (!/[*?[]/.test(pattern)) isIncomplete(/[mba]/.test(kind), `there is no file ${shown}`);
    else if (/[wa]/.test(kind)) isIncomplete(true, `no file matches ${shown}`);
  }

  /** A line as it stands in a file: part of an open definition, the start of one, or to be read. */
  #readRaw(line: Line): void {
    const open = this.#open;
    if (open === null) return this.#process(line, 0);
    const continues = line.kind === 'code' && line.text.endsWith('\\');
    const text = continues ? line.text.slice(0, -1).trim() : line.text;
    if (text !== '') open.lines.push({ ...line, text });
    if (continues || line.kind === 'directive') return;
    this.#open = null;
    this.#definitions.define(open.name, { kind: 'lines', lines: open.lines });
  }

  #process(line: Line, nesting: number): void {
    if (this.#isFull) return;
    this.#work += 1;
    if (this.#work > LINES_MAX) {
      this.#isFull = true;
      return this.#report.error(line, 'too-large', `there are more than ${LINES_MAX} lines after expansion`);
    }
    if (nesting > NESTING_MAX) {
      return this.#report.error(
        line,
        'nesting',
        'a definition refers to itself, or they are nested too deeply',
      );
    }
    if (line.kind === 'directive') return void this.lines.push(line);
    if (line.text.startsWith('@')) return this.#condition(line, nesting);
    const definition = parseDefinition(line.text);
    if (definition !== null) return this.#define(line, definition.name, definition.value, nesting);
    const lines = this.#definitions.linesOf(line.text);
    if (lines !== null) {
      for (const one of lines) this.#process(one, nesting + 1);
      return;
    }
    if (line.text.startsWith('~')) return this.#sequence(line, nesting);
    this.#expand(line, nesting);
  }

  /** `@id rest` and `@^id rest`. */
  #condition(line: Line, nesting: number): void {
    const match = /^@(\^?)(\S*)\s*([^]*)$/.exec(line.text);
    const [, not = '', id = '', rest = ''] = match ?? [];
    if (id === '') return this.#report.error(line, 'bad-condition', '@ and @^ are followed by a config-id');
    if ((id === this.#configId) === (not === '') && rest !== '') this.#process(moved(line, rest), nesting);
  }

  /** Only a line of a file goes on in the next one. */
  #define(line: Line, name: string, value: string, nesting: number): void {
    if (!value.endsWith('\\') || nesting > 0)
      return this.#definitions.define(name, { kind: 'text', text: value });
    const first = value.slice(0, -1).trim();
    this.#open = { name, lines: first === '' ? [] : [moved(line, first)] };
  }

  #sequence(line: Line, nesting: number): void {
    // The variables of the head are known now; those of the rest only in each round.
    const end = line.text.indexOf(')');
    const head = this.#definitions.expand(line.text.slice(0, end + 1), line.directory);
    if (!head.ok) return this.#report.error(line, 'bad-sequence', head.problem);
    const sequence = parseSequence(head.value.text + line.text.slice(end + 1));
    if (!sequence.ok) return this.#report.error(line, 'bad-sequence', sequence.problem);
    for (const round of sequence.value.rounds) {
      for (const { name, value } of round) this.#definitions.define(name, { kind: 'text', text: value });
      if (sequence.value.rest !== '') this.#process(moved(line, sequence.value.rest), nesting + 1);
    }
  }

  #expand(line: Line, nesting: number): void {
    if (!line.text.includes('$')) return void this.lines.push(line);
    const expanded = this.#definitions.expand(line.text, line.directory);
    if (!expanded.ok) return this.#report.error(line, 'nesting', expanded.problem);
    const { text, undefinedNames } = expanded.value;
    for (const name of undefinedNames) {
      const place = { ...line, column: columnOf(line.raw, `$${name}`) };
      const sentence = `${show(`$${name}`)} is not defined here, and stays as it stands`;
      this.#report.warn(place, 'undefined-name', sentence);
    }
    const trimmed = text.trim();
    if (trimmed === '') return;
    const next = { ...line, text: trimmed };
    // `$IF_MAIN priority 240` may have become `@main priority 240`.
    if (trimmed !== line.text && /^[@~]/.test(trimmed)) this.#process(next, nesting + 1);
    else this.lines.push(next);
  }
}

/** `line` with only `text` of it left. */
function moved(line: Line, text: string): Line {
  return { ...line, text, column: columnOf(line.raw, text) };
}

/** `{a,b}` alternatives of a pattern, nested ones too, as csh has them. */
export function expandBraces(pattern: string): string[] {
  const done: string[] = [];
  const waiting = [pattern];
  while (waiting.length > 0 && done.length < BRACE_PATTERNS_MAX) {
    const next = waiting.shift() as string;
    const braces = firstBraces(next);
    if (braces === null) done.push(next);
    else
      waiting.unshift(
        ...braces.parts.map((part) => next.slice(0, braces.start) + part + next.slice(braces.end)),
      );
    if (waiting.length > BRACE_PATTERNS_MAX) waiting.length = BRACE_PATTERNS_MAX;
  }
  return done;
}

function firstBraces(pattern: string): { start: number; end: number; parts: string[] } | null {
  const start = pattern.indexOf('{');
  if (start === -1) return null;
  const parts: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < pattern.length; at++) {
    if (pattern[at] === '{') depth += 1;
    if (pattern[at] === '}') depth -= 1;
    if ((pattern[at] === ',' && depth === 1) || depth === 0) {
      parts.push(pattern.slice(from, at));
      from = at + 1;
    }
    if (depth === 0) return { start, end: at + 1, parts };
  }
  return null;
}
