// The second lexer, for lines that name a script (vrrp.md §2.1). Quotes of both kinds count, and a command is one word
// of the line: what follows unquoted is the user and the group to run it as.

const ESCAPED: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** A piece of a word: quoted (either kind), a backslash with what it escapes, or anything else but a blank. */
const PIECE = /"((?:\\[^]|[^"\\])*)("?)|'((?:\\[^]|[^'\\])*)('?)|(\\[^])|([^\s"'\\]+|\\$)/y;
const BLANKS = /\s*/y;
const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|c([^])|([^]))/g;

/** Words parted by blanks, adjacent quoted and bare pieces joined; null when a quote is not closed. */
function split(text: string, finish: (piece: string) => string): string[] | null {
  const words: string[] = [];
  let at = skipBlanks(text, 0);
  while (at < text.length) {
    let word = '';
    for (PIECE.lastIndex = at; at < text.length && !/\s/.test(text[at] as string); PIECE.lastIndex = at) {
      const piece = PIECE.exec(text);
      if (piece === null) return null;
      const [whole, double, doubleEnd, single, singleEnd, pair, bare] = piece;
      if (doubleEnd === '' || singleEnd === '') return null;
      word += finish(double ?? single ?? pair ?? bare ?? '');
      at += whole.length;
    }
    words.push(word);
    at = skipBlanks(text, at);
  }
  return words;
}

function skipBlanks(text: string, at: number): number {
  BLANKS.lastIndex = at;
  return at + (BLANKS.exec(text)?.[0].length ?? 0);
}

/** The words of a whole line: keyword, command, user, group. Escapes stay as they are, for {@link commandWords}. */
export function scriptLineWords(line: string): string[] | null {
  return split(line, (piece) => piece);
}

/** A command as its argument vector, escapes replaced. */
export function commandWords(command: string): string[] | null {
  return split(command, (piece) =>
    piece.replaceAll(ESCAPE, (_, octal?: string, hex?: string, control?: string, other?: string) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (control !== undefined) return String.fromCharCode(control.charCodeAt(0) & 0x1f);
      return ESCAPED[other ?? ''] ?? other ?? '';
    }),
  );
}
