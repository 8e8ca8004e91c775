// haproxy.cfg as sections of statements (proxy.md §1.1). Sections that only serve what we do another way are passed over
// whole.

import { hint } from '../../../base/suggest.ts';
import { Conditions } from './conditions.ts';
import { show, type Report } from './report.ts';
import type { Statement } from './statement.ts';
import { splitLine, type Environment, type Word } from './words.ts';

export interface Section {
  readonly kind: 'global' | 'defaults' | 'frontend' | 'backend' | 'listen';
  /** The line that begins it; its name follows. */
  readonly head: Statement;
  readonly statements: Statement[];
}

const OURS: readonly Section['kind'][] = ['global', 'defaults', 'frontend', 'backend', 'listen'];

/** What happens instead. */
const SKIPPED: Readonly<Record<string, string>> = {
  resolvers: 'names are resolved by the system',
  peers: 'decisions are not shared between endpoints: each follows the same source',
  userlist: 'it has no users',
  mailers: 'it sends no mail from here',
  ring: 'its log goes to the log targets',
  cache: 'nothing is cached',
  program: 'it starts no other programs',
  'http-errors': 'errors are its own',
  'fcgi-app': 'it speaks no FastCGI',
  'log-forward': 'it forwards no logs',
};

const LINES_MAX = 100_000;
/** HAProxy's LINESIZE and MAX_LINE_ARGS. */
const LINE_BYTES_MAX = 2_048;
const WORDS_MAX = 64;

/** `text` is a byte string. Problems of lines are reported; the other lines come back. */
export function readSections(text: string, environment: Environment, report: Report): Section[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  else
    report.warn(
      { line: lines.length, column: 1 },
      'the last line has no line end; haproxy refuses such a file',
    );
  if (lines.length > LINES_MAX) {
    report.error({ line: LINES_MAX, column: 1 }, `a file has at most ${LINES_MAX} lines`);
    return [];
  }
  const sections: Section[] = [];
  let section: Section | null = null;
  let isSkipping = false;
  const variables = { ...environment };
  const conditions = new Conditions(report);
  for (const [index, raw] of lines.entries()) {
    const isCondition = Conditions.concerns(raw);
    if (conditions.isSkipping && !isCondition) continue;
    const statement = readStatement(raw.replace(/\r$/, ''), index + 1, variables, report);
    if (statement === null) continue;
    if (isCondition) {
      conditions.read(statement, variables);
      continue;
    }
    if (section?.kind === 'global') setVariables(statement, variables);
    const [first] = statement.words as [Word];
    const kind = OURS.find((one) => one === first.text);
    if (kind !== undefined) {
      section = { kind, head: statement, statements: [] };
      sections.push(section);
      isSkipping = false;
    } else if (SKIPPED[first.text] !== undefined && !isNested(section, statement)) {
      report.warn(at(statement), `the section ${show(first.text)} is passed over: ${SKIPPED[first.text]}`);
      isSkipping = true;
    } else if (section === null && !isSkipping) {
      const known = [...OURS, ...Object.keys(SKIPPED)];
      report.error(
        at(statement),
        `${show(first.text)} stands before the first section${hint(first.text, known)}: sections are global, defaults, frontend, backend, listen`,
      );
    } else if (!isSkipping) {
      section?.statements.push(statement);
    }
  }
  conditions.end();
  return sections;
}

/** `cache`, `program` and so on begin sections only where they stand alone with a name. */
function isNested(section: Section | null, { words }: Statement): boolean {
  return section !== null && words.length > 2;
}

function readStatement(
  raw: string,
  line: number,
  environment: Environment,
  report: Report,
): Statement | null {
  if (raw.length > LINE_BYTES_MAX) {
    report.error({ line, column: 1 }, `a line has at most ${LINE_BYTES_MAX} characters`);
    return null;
  }
  const nul = raw.indexOf('\0');
  if (nul !== -1) {
    report.error({ line, column: nul + 1 }, 'a NUL byte: this is no text file');
    return null;
  }
  const split = splitLine(raw, environment);
  if (!split.ok) {
    report.error({ line, column: split.problem.column }, split.problem.sentence);
    return null;
  }
  for (const { column, sentence } of split.value.warnings) report.warn({ line, column }, sentence);
  const { words } = split.value;
  const [first] = words;
  if (first === undefined) return null;
  if (words.length > WORDS_MAX) {
    report.error({ line, column: 1 }, `a line has at most ${WORDS_MAX} words`);
    return null;
  }
  if (/^\.(?:notice|warning|alert|diag)$/.test(first.text)) return null;
  if (/\{\{|\{%/.test(raw)) {
    report.error(
      { line, column: raw.search(/\{\{|\{%/) + 1 },
      'this is a template ({{ }}): render it first, and give the result',
    );
    return null;
  }
  return { line, words };
}

/** `setenv` and the like hold for the lines that follow. */
function setVariables({ words }: Statement, variables: Record<string, string | undefined>): void {
  const [keyword = '', name = '', ...values] = words.map(({ text }) => text);
  const value = values.join(' ');
  if (keyword === 'setenv') variables[name] = value;
  else if (keyword === 'presetenv') variables[name] ??= value;
  else if (keyword === 'unsetenv') for (const one of [name, ...values]) delete variables[one];
}

const at = (statement: Statement): { readonly line: number; readonly column: number } => ({
  line: statement.line,
  column: statement.words[0]?.column ?? 1,
});
