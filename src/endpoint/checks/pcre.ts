// Regular expressions of haproxy.cfg and keepalived.conf (PCRE, POSIX) as JavaScript's. What means the same in both
// passes; what JavaScript writes differently is rewritten; what it does not have is refused with its name. Text is byte
// strings. A pattern that backtracks without end is not recognised here: matching is bounded by time, and its input by
// 16 KiB (see Matcher).

import { failure, success, type Result } from '../../base/result.ts';

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
};

/** Outside of classes; null: JavaScript has no such thing. */
const ESCAPES: Readonly<Record<string, string | null>> = {
  A: '(?<![^])',
  z: '(?![^])',
  Z: '(?=\\n?(?![^]))',
  a: '\\x07',
  e: '\\x1b',
  h: '[ \\t\\xa0]',
  H: '[^ \\t\\xa0]',
  R: '(?:\\r\\n|[\\n\\v\\f\\r\\x85])',
  N: '[^\\n]',
  G: null,
  K: null,
  X: null,
  C: null,
  p: null,
  P: null,
  g: null,
  k: null,
};

const PATTERN_LENGTH_MAX = 4_096;

class Translation {
  readonly #source: string;
  #at = 0;
  #ignoresCase = false;
  #dotIsAll = false;
  #isMultiline = false;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Result<RegExp, string> {
    if (this.#source.length > PATTERN_LENGTH_MAX) {
      return failure(`a pattern has at most ${PATTERN_LENGTH_MAX} characters`);
    }
    this.#leadingOptions();
    let text = '';
    while (this.#at < this.#source.length) {
      const next = this.#next();
      if (!next.ok) return next;
      text += next.value;
    }
    try {
      return success(new RegExp(text, this.#ignoresCase ? 'i' : ''));
    } catch (error) {
      return failure((error as Error).message);
    }
  }

  /** `(?i)`, `(?s)`, `(?m)` at the start: JavaScript has them for a whole pattern only. */
  #leadingOptions(): void {
    const match = /^\(\?([ims]+)\)/.exec(this.#source);
    if (match === null) return;
    const [whole, options = ''] = match;
    this.#at = whole.length;
    this.#ignoresCase = options.includes('i');
    this.#dotIsAll = options.includes('s');
    this.#isMultiline = options.includes('m');
  }

  #next(): Result<string, string> {
    const rest = this.#source.slice(this.#at);
    const [char = ''] = rest;
    if (char === '\\') return this.#escape(rest);
    if (char === '[') return this.#class(rest);
    if (rest.startsWith('(?')) return this.#group(rest);
    if (/^(?:[*+?]|\{\d*,?\d*\})\+/.test(rest)) {
      return failure('a possessive quantifier is not supported: write it without the last +');
    }
    this.#at += 1;
    if (char === '.') return success(this.#dotIsAll ? '[^]' : '[^\\n]');
    if (char === '^') return success(this.#isMultiline ? '(?<![^\\n])' : '(?<![^])');
    if (char === '$') return success(this.#isMultiline ? '(?![^\\n])' : '(?=\\n?(?![^]))');
    return success(char);
  }

  #escape(rest: string): Result<string, string> {
    const quoted = /^\\Q([^]*?)(?:\\E|$)/.exec(rest);
    if (quoted !== null) {
      this.#at += quoted[0].length;
      return success((quoted[1] ?? '').replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
    }
    const braced = /^\\x\{([0-9A-Fa-f]{1,2})\}/.exec(rest);
    if (braced !== null) {
      this.#at += braced[0].length;
      return success(`\\x${(braced[1] ?? '').padStart(2, '0')}`);
    }
    const [, char = ''] = rest;
    if (char === '') return failure('a pattern must not end with a backslash');
    this.#at += 2;
    const known = ESCAPES[char];
    if (known === null) return failure(`\\${char} is not supported in a pattern`);
    return success(known ?? `\\${char}`);
  }

  #class(rest: string): Result<string, string> {
    // A bracket that comes first stands for itself.
    let text = /^\[\^?\]?/.exec(rest)?.[0] ?? '[';
    let at = text.length;
    if (text.endsWith(']')) text = `${text.slice(0, -1)}\\]`;
    while (at < rest.length && rest[at] !== ']') {
      const posix = /^\[:(\w+):\]/.exec(rest.slice(at));
      if (posix !== null) {
        const members = POSIX_CLASSES[posix[1] ?? ''];
        if (members === undefined) return failure(`${posix[0]} is no class of characters`);
        text += members;
        at += posix[0].length;
      } else if (rest[at] === '\\') {
        text += rest.slice(at, at + 2);
        at += 2;
      } else {
        text += rest[at] === '[' ? '\\[' : (rest[at] ?? '');
        at += 1;
      }
    }
    if (at >= rest.length) return failure('a [ is not closed');
    this.#at += at + 1;
    return success(`${text}]`);
  }

  #group(rest: string): Result<string, string> {
    const [known] = /^\(\?(?::|=|!|<=|<!|P?<\w+>)/.exec(rest) ?? [];
    if (known !== undefined) {
      this.#at += known.length;
      return success(known.replace('(?P<', '(?<'));
    }
    const comment = /^\(\?#[^)]*\)/.exec(rest);
    if (comment !== null) {
      this.#at += comment[0].length;
      return success('');
    }
    if (rest.startsWith('(?>')) return failure('an atomic group (?>...) is not supported in a pattern');
    return failure(`${rest.slice(0, 4)}... is not supported; (?i), (?s) and (?m) may stand at its start`);
  }
}

/** The pattern, or a sentence that says what cannot be done. */
export function compilePattern(source: string): Result<RegExp, string> {
  return new Translation(source).run();
}
