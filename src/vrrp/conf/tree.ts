// Lines into statements (vrrp.md §2.1). Braces outside double quotes part statements wherever they stand, and what is
// between them belongs to the statement before. So an unknown block is skipped whole; keepalived reads its content as
// the parent's and its `}` as the parent's end.

import type { Line } from './physical-lines.ts';
import { columnOf } from './physical-lines.ts';
import type { Place, Report } from './problems.ts';

/** Where a word stands, with the word. */
export interface Word extends Place {
  readonly text: string;
}

/** A keyword with its values, and its block if it has one. */
export interface Statement {
  /** The first word: a keyword, or the first word of an entry in a list. */
  readonly keyword: Word;
  /** Those after it. */
  readonly values: readonly Word[];
  /** All of it as it stands, for scripts, which have quoting rules of their own. */
  readonly source: string;
  /** A directive of ours: `keyword` is its first word. */
  readonly kind: 'code' | 'directive';
  /** null: no braces came after it. */
  readonly block: readonly Statement[] | null;
}

interface Draft extends Statement {
  block: Draft[] | null;
}

const DEPTH_MAX = 64;

/** The statements of the whole file. Braces that do not match are reported. */
export function buildTree(lines: readonly Line[], report: Report): readonly Statement[] {
  const root: Draft[] = [];
  const open: { readonly list: Draft[]; readonly brace: Place }[] = [];
  let list = root;
  let tooDeep = 0;
  for (const line of lines) {
    if (line.kind === 'directive') {
      list.push(draftOf(line, line.text, line.column, 'directive'));
      continue;
    }
    for (const part of splitAtBraces(line)) {
      if (part.text === '{') {
        const owner = list.findLast((one) => one.kind === 'code');
        if (open.length >= DEPTH_MAX) {
          tooDeep += 1;
        } else if (owner === undefined || owner.block !== null) {
          report.error(part, 'stray-brace', 'there is no keyword before this {');
          open.push({ list, brace: part });
          list = [];
        } else {
          open.push({ list, brace: part });
          list = owner.block = [];
        }
      } else if (part.text === '}') {
        const last = tooDeep > 0 ? undefined : open.pop();
        if (last !== undefined) list = last.list;
        else if (tooDeep > 0) tooDeep -= 1;
        else report.error(part, 'stray-brace', 'this } closes nothing');
      } else if (tooDeep === 0) {
        list.push(draftOf(line, part.text, part.column, 'code'));
      }
    }
  }
  for (const { brace } of open) report.error(brace, 'open-brace', 'this { is not closed');
  return root;
}

function draftOf(line: Line, source: string, column: number, kind: Statement['kind']): Draft {
  const [keyword = { ...line, text: '', column }, ...values] = splitWords(line, source, column);
  return { keyword, values, source, kind, block: null };
}

/** The braces of `line`, and what is between them without the blanks around. */
function splitAtBraces(line: Line): Word[] {
  const place = placer(line, line.text, line.column);
  const parts: Word[] = [];
  for (const match of line.text.matchAll(/[{}]|(?:"[^"]*"?|[^{}"])+/g)) {
    const text = match[0].trim();
    if (text === '') continue;
    const offset = match.index + match[0].length - match[0].trimStart().length;
    parts.push({ ...place(offset, text), text });
  }
  return parts;
}

/** Blanks part words; what is in double quotes is one word, without them (vrrp.md §2.1). */
function splitWords(line: Line, source: string, column: number): Word[] {
  const place = placer(line, source, column);
  return [...source.matchAll(/"([^"]*)"?|[^\s"]+/g)].map((match) => {
    return { ...place(match.index, match[0]), text: match[1] ?? match[0] };
  });
}

/** Places of parts of `text`, which begins at `column` of the line as it stands unless it was expanded. */
function placer(line: Line, text: string, column: number): (offset: number, part: string) => Place {
  const { path, number, raw, order } = line;
  const isLiteral = raw.startsWith(text, column - 1);
  return (offset, part) => {
    return { path, number, raw, order, column: isLiteral ? column + offset : columnOf(raw, part) };
  };
}
