// Words of a line, quoted or not: the rules that sentinel.conf, ACL lines and inline requests share (sentinel.md §2.2).
//
// Words are parted by white space. A word, or a part of one, may stand in double quotes, where a backslash escapes
// (`\n \r \t \a \b`, `\xHH` for any byte, else the character itself), or in single quotes, where only `\'` is an
// escape. A closing quote ends the word, so white space or the end must follow it.

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' };
const ESCAPE: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
};

/** What may stand outside quotes. Vertical tab and form feed part words, but do not end one (as in C's Redis). */
const BARE = /[^"' \t\n\r]+/y;
const BLANK = /[ \t\n\r\v\f]*/y;
const BLANK_OR_END = /[ \t\n\r\v\f]|$/y;

/** The match of sticky `pattern` at `index`, or null. */
function matchAt(pattern: RegExp, text: string, index: number): RegExpExecArray | null {
  pattern.lastIndex = index;
  return pattern.exec(text);
}

/**
 * The words of `line`, a byte string; none if it is blank. Null when a quote is not closed, or is closed and followed
 * by neither white space nor the end. A NUL byte ends the line, as it does a C string.
 */
export function splitArguments(line: string): string[] | null {
  const nul = line.indexOf('\0');
  const text = nul === -1 ? line : line.slice(0, nul);
  const words: string[] = [];
  let at = matchAt(BLANK, text, 0)?.[0].length ?? 0;
  while (at < text.length) {
    let word = '';
    const bare = matchAt(BARE, text, at);
    if (bare !== null) {
      word = bare[0];
      at += word.length;
    }
    const quote = text[at];
    if (quote === '"' || quote === "'") {
      const close = closingQuote(text, at + 1, quote);
      if (close === -1 || matchAt(BLANK_OR_END, text, close + 1) === null) return null;
      const inside = text.slice(at + 1, close);
      at = close + 1;
      word += quote === '"' ? unescape(inside) : inside.replaceAll("\\'", "'");
    }
    words.push(word);
    at += matchAt(BLANK, text, at)?.[0].length ?? 0;
  }
  return words;
}

/** Where the quoted part that starts at `from` ends, or -1. A loop, since a pattern's stack has an end. */
function closingQuote(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === quote) return at;
    if (text[at] === '\\' && (quote === '"' || text[at + 1] === quote)) at++;
  }
  return -1;
}

function unescape(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|([^]))/g, (_, hex: string | undefined, character: string) =>
    hex === undefined ? (ESCAPED[character] ?? character) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/**
 * `text`, a byte string, in double quotes and escaped, so that {@link splitArguments} gives it back as one word
 * whatever bytes it holds. What is not printable ASCII becomes `\xHH`.
 */
export function quoteArgument(text: string): string {
  const escaped = text.replace(
    /[^ !#-[\]-~]/g,
    (character) => ESCAPE[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}
