// Where requests begin and end in what a client sends. Nothing is decoded but counts, lengths and where the command's
// name lies; a relay that forwards whole requests needs no more.
//
// The rules are Redis's, and where Redis is lenient (any byte behind a CR) stricter: a request that a server would call
// a protocol error must not get through, because the connection to the server is shared and would be closed on all.

import { byteString } from '../../base/byte-string.ts';
import { splitArguments } from '../../base/split-arguments.ts';

/** Redis's default `proto-max-bulk-len`. */
const BULK_BYTES_MAX = 512 * 1024 * 1024;
const INLINE_BYTES_MAX = 64 * 1024;
/** As Redis has it: what fits an `int`. */
const ARGUMENTS_MAX = 0x7fff_ffff;
/** Of a count or a length. */
const DIGITS_MAX = 10;

const STAR = 42;
const DOLLAR = 36;
const MINUS = 45;
const ZERO = 48;
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;

const UNFINISHED = -1;
const WRONG = -2;

/**
 * What {@link RequestScanner.scan} found: a whole request; a whole line or array that asks for nothing; the beginning of
 * a request; bytes that are no request.
 */
export type Scanned = 'whole' | 'blank' | 'partial' | 'bad';

/** Finds requests; the bytes stay with the caller. */
export class RequestScanner {
  /** Behind what was scanned: `whole` and `blank`. */
  end = 0;
  /** Where the command's name lies (`whole`, not inline); both 0 while it is not all there. */
  nameStart = 0;
  nameEnd = 0;
  /** The words of an inline request; null for an array. */
  words: readonly string[] | null = null;
  /** What is wrong (`bad`), as Redis words it behind `-ERR Protocol error: `. */
  problem = '';

  /** An array has begun; `#missing` more arguments begin at `#ahead`, counted from where the request starts. */
  #isOpen = false;
  #missing = 0;
  #ahead = 0;
  #nameAhead = 0;
  #nameLength = 0;
  #value = 0;

  /**
   * Scans the request that starts at `start`; there is at least one byte. After `partial`, call it again when there is
   * more, with the same request starting at the new `start`.
   */
  scan(bytes: Uint8Array, start: number, end: number): Scanned {
    let at: number;
    if (this.#isOpen) {
      at = start + this.#ahead;
    } else {
      if (bytes[start] !== STAR) return this.#inline(bytes, start, end);
      at = this.#count(bytes, start + 1, end);
      if (at === UNFINISHED) return 'partial';
      if (at === WRONG || this.#value > ARGUMENTS_MAX) return this.#bad('invalid multibulk length');
      if (this.#value <= 0) {
        this.end = at;
        return 'blank';
      }
      this.#missing = this.#value;
      this.#nameAhead = 0;
      this.#isOpen = true;
    }
    let missing = this.#missing;
    while (missing > 0 && at < end) {
      if (bytes[at] !== DOLLAR) {
        return this.#bad(`expected '$', got '${byteString(bytes, at, at + 1).replace(/[^ -~]/, '?')}'`);
      }
      const behind = this.#count(bytes, at + 1, end);
      if (behind === UNFINISHED) break;
      if (behind === WRONG || this.#value < 0 || this.#value > BULK_BYTES_MAX) {
        return this.#bad('invalid bulk length');
      }
      if (this.#nameAhead === 0) {
        this.#nameAhead = behind - start;
        this.#nameLength = this.#value;
      }
      at = behind + this.#value + 2;
      missing--;
    }
    const isNamed = this.#nameAhead !== 0 && start + this.#nameAhead + this.#nameLength <= end;
    this.nameStart = isNamed ? start + this.#nameAhead : 0;
    this.nameEnd = isNamed ? this.nameStart + this.#nameLength : 0;
    if (missing > 0 || at > end) {
      this.#missing = missing;
      this.#ahead = at - start;
      return 'partial';
    }
    this.#isOpen = false;
    this.words = null;
    this.end = at;
    return 'whole';
  }

  /** After `partial`: how many bytes of the request, from its start, were scanned or are surely payload. */
  get knownBytes(): number {
    return this.#isOpen ? this.#ahead : 0;
  }

  /** After `partial`: the first `count` bytes, at most {@link knownBytes}, are gone; the rest starts the next scan. */
  leaveBehind(count: number): void {
    this.#ahead -= count;
  }

  /** Forgets a request of which only the beginning was seen: it will be scanned again from its start. */
  reset(): void {
    this.#isOpen = false;
  }

  #bad(problem: string): 'bad' {
    this.problem = problem;
    return 'bad';
  }

  /** Reads an integer and its CR LF into `#value` and returns the position behind them, UNFINISHED or WRONG. */
  #count(bytes: Uint8Array, first: number, end: number): number {
    let at = first;
    const isNegative = bytes[at] === MINUS && at < end;
    if (isNegative) at++;
    const digits = at;
    let value = 0;
    while (at < end) {
      const digit = (bytes[at] as number) ^ ZERO;
      if (digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    if (at - digits > DIGITS_MAX) return WRONG;
    if (at === end) return UNFINISHED;
    // No sign alone, no leading zeros, no minus zero: Redis takes none of them.
    if (at === digits || (bytes[digits] === ZERO && (at - digits > 1 || isNegative))) return WRONG;
    if (bytes[at] !== CARRIAGE_RETURN) return WRONG;
    if (at + 1 === end) return UNFINISHED;
    if (bytes[at + 1] !== LINE_FEED) return WRONG;
    this.#value = isNegative ? -value : value;
    return at + 2;
  }

  #inline(bytes: Uint8Array, start: number, end: number): Scanned {
    const found = bytes.indexOf(LINE_FEED, start);
    const feed = found === -1 || found >= end ? -1 : found;
    if ((feed === -1 ? end : feed) - start > INLINE_BYTES_MAX) return this.#bad('too big inline request');
    if (feed === -1) return 'partial';
    const last = feed > start && bytes[feed - 1] === CARRIAGE_RETURN ? feed - 1 : feed;
    const words = splitArguments(byteString(bytes, start, last));
    if (words === null) return this.#bad('unbalanced quotes in request');
    this.end = feed + 1;
    if (words.length === 0) return 'blank';
    this.words = words;
    return 'whole';
  }
}

/** The first arguments, at most so many, of a whole request that is an array, as {@link RequestScanner} found it. */
export function argumentsOf(bytes: Uint8Array, start: number, most = Infinity): string[] {
  let [count, at] = lineNumber(bytes, start + 1);
  const found: string[] = [];
  for (count = Math.min(count, most); count > 0; count--) {
    const [length, behind] = lineNumber(bytes, at + 1);
    found.push(byteString(bytes, behind, behind + length));
    at = behind + length + 2;
  }
  return found;
}

function lineNumber(bytes: Uint8Array, first: number): [value: number, behind: number] {
  let value = 0;
  let at = first;
  for (; bytes[at] !== CARRIAGE_RETURN; at++) value = value * 10 + (bytes[at] as number) - ZERO;
  return [value, at + 2];
}
