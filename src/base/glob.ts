// Redis's glob patterns: `*`, `?`, `[abc]`, `[a-z]`, `[^abc]`, and `\` before a character that is meant literally.
// Used for PSUBSCRIBE, ACL patterns, RESET and CONFIG GET (sentinel.md §1.2, §9).
//
// Everything but `*` matches exactly one character, so it is enough to remember the last star: when a later part does
// not fit, that star takes one character more. Time is at most the product of both lengths, whatever the pattern.

/** How letters compare. */
export type GlobCase = 'exact-case' | 'ignore-case';

/** Whether the whole of `text` matches `pattern`. Ranges and letters compare as bytes; `ignore-case` folds ASCII. */
export function globMatches(pattern: string, text: string, letters: GlobCase = 'exact-case'): boolean {
  const wanted = letters === 'exact-case' ? pattern : foldAscii(pattern);
  const given = letters === 'exact-case' ? text : foldAscii(text);
  let at = 0;
  let position = 0;
  let afterStar = -1;
  let starEnd = 0;
  while (position < given.length) {
    if (wanted[at] === '*') {
      afterStar = ++at;
      starEnd = position;
      continue;
    }
    const next = at < wanted.length ? matchOne(wanted, at, given.charCodeAt(position)) : -1;
    if (next !== -1) {
      at = next;
      position += 1;
    } else if (afterStar !== -1) {
      at = afterStar;
      position = ++starEnd;
    } else {
      return false;
    }
  }
  while (wanted[at] === '*') at += 1;
  return at === wanted.length;
}

/** Where the pattern goes on after its element at `at` matched the character `code`; -1 if it does not match. */
function matchOne(pattern: string, at: number, code: number): number {
  switch (pattern[at]) {
    case '?':
      return at + 1;
    case '[':
      return matchClass(pattern, at, code);
    case '\\':
      // A backslash that ends the pattern stands for itself.
      if (at + 1 < pattern.length) return pattern.charCodeAt(at + 1) === code ? at + 2 : -1;
      return code === 0x5c ? at + 1 : -1;
    default:
      return pattern.charCodeAt(at) === code ? at + 1 : -1;
  }
}

/** The same for `[...]` at `at`. A class without its closing bracket reaches to the end of the pattern. */
function matchClass(pattern: string, at: number, code: number): number {
  const isNegated = pattern[at + 1] === '^';
  let index = at + (isNegated ? 2 : 1);
  let isMember = false;
  while (index < pattern.length && pattern[index] !== ']') {
    if (pattern[index] === '\\' && index + 1 < pattern.length) {
      isMember ||= pattern.charCodeAt(index + 1) === code;
      index += 2;
    } else if (pattern[index + 1] === '-' && index + 2 < pattern.length) {
      const a = pattern.charCodeAt(index);
      const b = pattern.charCodeAt(index + 2);
      isMember ||= code >= Math.min(a, b) && code <= Math.max(a, b);
      index += 3;
    } else {
      isMember ||= pattern.charCodeAt(index) === code;
      index += 1;
    }
  }
  if (isMember === isNegated) return -1;
  return Math.min(index + 1, pattern.length);
}

function foldAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
