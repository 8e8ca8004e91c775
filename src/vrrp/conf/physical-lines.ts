// A file of keepalived.conf as lines: code, and what its comment says to us (vrrp.md §2.1).
//
// A comment begins with `#` or `!` anywhere outside double quotes. `\#` and `\!` are those characters themselves. A
// comment that begins `# baton:` is a directive of ours, which keepalived does not see.

import type { Place, Report } from './problems.ts';

/** One line of a file, or one a definition expanded to. */
export interface Line extends Place {
  /** What is left without comment, end of line and the blanks around it. */
  readonly text: string;
  /** A directive of ours is no part of keepalived's grammar. */
  readonly kind: 'code' | 'directive';
  /** The directory `include` and `_PWD` mean. */
  readonly directory: string;
}

/** As keepalived: a longer line is skipped. */
export const LINE_LENGTH_MAX = 1023;

const DIRECTIVE = /^[#!]\s*baton:\s*/i;

/** Line breaks part lines; a carriage return before one belongs to it. */
export function splitLines(text: string): string[] {
  return text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

/** Where the comment of `raw` begins (its length if there is none), and where a quote opens that is not closed, or -1. */
export function findComment(raw: string): { readonly at: number; readonly openQuote: number } {
  let openQuote = -1;
  for (let at = 0; at < raw.length; at++) {
    const character = raw[at];
    if (character === '"') openQuote = openQuote === -1 ? at : -1;
    else if (openQuote !== -1) continue;
    else if (character === '\\' && (raw[at + 1] === '#' || raw[at + 1] === '!')) at += 1;
    else if (character === '#' || character === '!') return { at, openQuote: -1 };
  }
  return { at: raw.length, openQuote };
}

/** Outside double quotes, `\#` and `\!` lose their backslash. */
function unescapeComments(code: string): string {
  return code.replaceAll(/"[^"]*"?|\\[#!]/g, (part) => (part.startsWith('\\') ? part.slice(1) : part));
}

/** The code and the directive of one line; what is wrong with the line is reported, and then there is none. */
export function readLine(place: Place, directory: string, report: Report): readonly Line[] {
  const { raw } = place;
  if (raw.length > LINE_LENGTH_MAX) {
    report.error(place, 'long-line', `the line has ${raw.length} bytes; keepalived reads ${LINE_LENGTH_MAX}`);
    return [];
  }
  const nul = raw.indexOf('\0');
  if (nul !== -1) {
    report.error({ ...place, column: nul + 1 }, 'nul', 'there is a NUL byte in the line');
    return [];
  }
  const { at, openQuote } = findComment(raw);
  if (openQuote !== -1) {
    report.error({ ...place, column: openQuote + 1 }, 'open-quote', 'this double quote is not closed');
    return [];
  }
  const lines: Line[] = [];
  const code = unescapeComments(raw.slice(0, at)).trim();
  if (code !== '') {
    lines.push({ ...place, column: columnOf(raw, code), text: code, kind: 'code', directory });
  }
  const comment = raw.slice(at);
  const directive = DIRECTIVE.exec(comment);
  if (directive !== null) {
    const text = comment.slice(directive[0].length).trim();
    lines.push({ ...place, column: at + 1, text, kind: 'directive', directory });
  }
  return lines;
}

/** From 1: where `part` stands in `raw`, or where `raw` begins if it does not. */
export function columnOf(raw: string, part: string): number {
  const at = raw.indexOf(part);
  return (at === -1 ? raw.length - raw.trimStart().length : at) + 1;
}
