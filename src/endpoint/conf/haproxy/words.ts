// Words of one line of haproxy.cfg (proxy.md §1.1, §1.2; measured by `haproxy -c` and by bytes on the wire).
//
// Blanks part words. A `#` that nothing protects begins a comment, in the middle of a word too. Outside of quotes and
// within double quotes a backslash escapes; only within double quotes variables are expanded; within single quotes
// nothing is special. Quotes may begin and end in the middle of a word. Text is byte strings.

import { failure, success, type Result } from '../../../base/result.ts';

export interface Word {
  readonly text: string;
  /** Where it begins, from 1. */
  readonly column: number;
}

/** What works but hardly as meant. */
export interface WordWarning {
  readonly column: number;
  readonly code: 'comment-in-word' | 'variable-outside-quotes' | 'shell-substitution';
  readonly sentence: string;
}

export interface Line {
  readonly words: readonly Word[];
  readonly warnings: readonly WordWarning[];
}

export interface LineTrouble {
  readonly column: number;
  readonly sentence: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const LETTERS: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t' };
const VARIABLE = /\$(?:\{(\w+)(\[\*\])?(?:-([^}]*))?\}|(\w+))/y;

class Splitter {
  readonly #line: string;
  readonly #environment: Environment;
  readonly #words: Word[] = [];
  readonly #warnings: WordWarning[] = [];
  #at = 0;
  /** null: between words. */
  #word: string | null = null;
  #start = 0;

  constructor(line: string, environment: Environment) {
    this.#line = line;
    this.#environment = environment;
  }

  run(): Result<Line, LineTrouble> {
    while (this.#at < this.#line.length) {
      const char = this.#line[this.#at] as string;
      if (char === ' ' || char === '\t') {
        this.#endWord();
        this.#at += 1;
      } else if (char === '#') {
        this.#warnOfComment();
        break;
      } else {
        this.#word ??= this.#beginWord();
        const trouble = this.#take(char);
        if (trouble !== null) return failure(trouble);
      }
    }
    this.#endWord();
    return success({ words: this.#words, warnings: this.#warnings });
  }

  #beginWord(): string {
    this.#start = this.#at;
    return '';
  }

  #endWord(): void {
    if (this.#word !== null) this.#words.push({ text: this.#word, column: this.#start + 1 });
    this.#word = null;
  }

  /** Takes what stands at the cursor into the word; null: all is well. */
  #take(char: string): LineTrouble | null {
    if (char === '\\') return this.#escape();
    if (char === '"') return this.#doubleQuoted();
    if (char === "'") return this.#singleQuoted();
    if (char === '$') this.#warnOfVariable();
    this.#add(char, 1);
    return null;
  }

  #add(text: string, length: number): void {
    this.#word = (this.#word ?? '') + text;
    this.#at += length;
  }

  #escape(): LineTrouble | null {
    const next = this.#line[this.#at + 1];
    if (next === undefined) {
      this.#add('\\', 1);
      return null;
    }
    if (next === 'x') {
      const hex = /^[0-9A-Fa-f]{2}/.exec(this.#line.slice(this.#at + 2))?.[0];
      if (hex === undefined) {
        return { column: this.#at + 1, sentence: '\\x takes two hexadecimal digits, for example \\x0a' };
      }
      this.#add(String.fromCharCode(Number.parseInt(hex, 16)), 4);
      return null;
    }
    const known = LETTERS[next] ?? (/[ #\\'"$]/.test(next) ? next : undefined);
    // An escape that it does not know stays as it is, with its backslash.
    this.#add(known ?? `\\${next}`, 2);
    return null;
  }

  #singleQuoted(): LineTrouble | null {
    const end = this.#line.indexOf("'", this.#at + 1);
    if (end === -1) return { column: this.#at + 1, sentence: "a ' is not closed in its line" };
    this.#add(this.#line.slice(this.#at + 1, end), end + 1 - this.#at);
    return null;
  }

  #doubleQuoted(): LineTrouble | null {
    const open = this.#at;
    this.#at += 1;
    for (;;) {
      const char = this.#line[this.#at];
      if (char === undefined) return { column: open + 1, sentence: 'a " is not closed in its line' };
      if (char === '"') {
        this.#at += 1;
        return null;
      }
      if (char === '\\') {
        const trouble = this.#escape();
        if (trouble !== null) return trouble;
      } else if (char === '$') {
        this.#expand();
      } else {
        this.#add(char, 1);
      }
    }
  }

  /** The value goes in verbatim: what is special in it is not read again. An unset variable is empty. */
  #expand(): void {
    VARIABLE.lastIndex = this.#at;
    const match = VARIABLE.exec(this.#line);
    if (match === null) {
      if (this.#line[this.#at + 1] === '(') this.#warnOfShell();
      this.#add('$', 1);
      return;
    }
    const [whole, braced, list, fallback = '', bare] = match;
    const value = this.#environment[braced ?? bare ?? ''];
    if (list !== undefined && value !== undefined) this.#addList(value, whole.length);
    else this.#add(value ?? fallback, whole.length);
  }

  /** `${VAR[*]}`: each word of the value becomes a word of the line. */
  #addList(value: string, length: number): void {
    const [first = '', ...others] = value.split(/[ \t]+/).filter((word) => word !== '');
    this.#add(first, length);
    for (const word of others) {
      this.#endWord();
      this.#word = word;
    }
  }

  #warnOfComment(): void {
    if (this.#word === null) return;
    this.#warnings.push({
      column: this.#at + 1,
      code: 'comment-in-word',
      sentence: 'everything from this # on is a comment, also within a word: write \\# for the character',
    });
  }

  #warnOfVariable(): void {
    const rest = this.#line.slice(this.#at);
    if (rest.startsWith('$(')) return this.#warnOfShell();
    const [name] = /^\$(?:\{\w+[^}]*\}|[A-Za-z_]\w*)/.exec(rest) ?? [];
    if (name === undefined) return;
    this.#warnings.push({
      column: this.#at + 1,
      code: 'variable-outside-quotes',
      sentence: `${name} stands as it is: variables are expanded only within double quotes`,
    });
  }

  #warnOfShell(): void {
    this.#warnings.push({
      column: this.#at + 1,
      code: 'shell-substitution',
      sentence: '$(...) is not run, it stands as it is: put the value into a variable and write "${NAME}"',
    });
  }
}

/** The words of a line without its line end. */
export function splitLine(line: string, environment: Environment): Result<Line, LineTrouble> {
  return new Splitter(line, environment).run();
}
