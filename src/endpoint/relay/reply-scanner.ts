// Where replies begin and end in what a server sends, RESP2 and RESP3, over any split of the stream, without decoding
// them. What is nested is counted flat: one counter of elements still to come serves any depth.
//
// An attribute (`|`) precedes what it belongs to and is no reply; a push (`>`) answers no command.

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const MINUS = 45;
const ZERO = 48;

/** More elements than any reply has; a claim above this is garbage. */
const ELEMENTS_MAX = 2 ** 40;
/** Of one count or length. */
const COUNT_MAX = 2 ** 40;

/** The shortest element is a null: `_`, CR, LF. */
const ELEMENT_BYTES_MIN = 3;

/** What {@link ReplyScanner.next} returns when the chunk ends inside a reply. */
export const PARTIAL = -1;
/** What it returns when the bytes are no reply. */
export const GARBAGE = -2;

export const ERROR = 45;
export const SIMPLE = 43;
export const ARRAY = 42;
export const PUSH = 62;

/** How a type is read. */
const LINE = 1;
const BULK = 2;
const ITEMS = 3;
const PAIRS = 4;
const ATTRIBUTE = 5;

const SHAPE = new Uint8Array(256);
for (const type of '+-:_#,(') SHAPE[type.charCodeAt(0)] = LINE;
for (const type of '$!=') SHAPE[type.charCodeAt(0)] = BULK;
for (const type of '*~>') SHAPE[type.charCodeAt(0)] = ITEMS;
SHAPE[37] = PAIRS; // %
SHAPE[124] = ATTRIBUTE; // |

/** Finds replies; the bytes stay with the caller. */
export class ReplyScanner {
  /** The type of the reply being read or just read, e.g. {@link ERROR}; 0 while it is not known. */
  type = 0;

  /** Elements still to come of the reply being read; 0: none is being read. */
  #missing = 0;
  /** Bytes still to come of a bulk, its CR LF included. */
  #bulk = 0;
  /** The shape of the line being read, 0 if none is. */
  #shape = 0;
  #value = 0;
  #isNegative = false;
  #hasDigits = false;

  /**
   * Goes on reading at `at`. Returns the position behind the reply once it is whole; {@link PARTIAL} when it needs the
   * next chunk, which then goes on where this one ended; {@link GARBAGE}, for good.
   */
  next(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (this.#missing === 0) {
      if (at >= end) return PARTIAL;
      this.#missing = 1;
      this.type = 0;
    }
    while (this.#missing > 0) {
      if (this.#bulk > 0) {
        const length = Math.min(this.#bulk, end - at);
        this.#bulk -= length;
        at += length;
        if (this.#bulk > 0) return PARTIAL;
        this.#missing--;
        continue;
      }
      if (at >= end) return PARTIAL;
      if (this.#shape === 0) {
        const type = bytes[at] as number;
        this.#shape = SHAPE[type] as number;
        if (this.#shape === 0) return GARBAGE;
        if (this.type === 0 && this.#shape !== ATTRIBUTE && this.#missing === 1) this.type = type;
        this.#value = 0;
        this.#isNegative = false;
        this.#hasDigits = false;
        at++;
      }
      at = this.#shape === LINE ? skipLine(bytes, at, end) : this.#count(bytes, at, end);
      if (at < 0) return at;
      const shape = this.#shape;
      this.#shape = 0;
      if (shape === LINE) {
        this.#missing--;
      } else if (shape === BULK) {
        if (this.#isNegative) this.#missing--;
        else this.#bulk = this.#value + 2;
      } else {
        const items = this.#isNegative ? 0 : shape === ITEMS ? this.#value : 2 * this.#value;
        this.#missing += items - (shape === ATTRIBUTE ? 0 : 1);
        if (this.#missing > ELEMENTS_MAX) return GARBAGE;
      }
    }
    return at;
  }

  /** So many bytes at least are still to come of the reply being read. */
  get bytesToCome(): number {
    return this.#bulk + ELEMENT_BYTES_MIN * this.#missing;
  }

  /**
   * About how long the reply being read will be of which nothing but this was seen: a string says so itself, and elements are
   * taken to be as long as those that were seen.
   */
  expectedBytes(bytes: Uint8Array, start: number, end: number): number {
    const seen = end - start + this.#bulk;
    const least = end - start + this.bytesToCome;
    const shape = SHAPE[bytes[start] as number] as number;
    if (shape !== ITEMS && shape !== PAIRS) return least;
    let count = 0;
    for (let at = start + 1; at < end && bytes[at] !== CARRIAGE_RETURN; at++)
      count = count * 10 + ((bytes[at] as number) ^ ZERO);
    if (shape === PAIRS) count *= 2;
    const begun = Math.max(1, count - this.#missing + 1);
    return Math.max(least, (count * seen) / begun);
  }

  /** Forgets the reply of which only the beginning was seen: it will be scanned again from its start. */
  restart(): void {
    this.type = 0;
    this.#missing = 0;
    this.#bulk = 0;
    this.#shape = 0;
  }

  /** Reads digits up to the LF, which may come in a later chunk. */
  #count(bytes: Uint8Array, first: number, end: number): number {
    let at = first;
    let value = this.#value;
    for (; at < end; at++) {
      const byte = bytes[at] as number;
      const digit = byte ^ ZERO;
      if (digit <= 9) {
        value = value * 10 + digit;
        this.#hasDigits = true;
        if (value > COUNT_MAX) return GARBAGE;
      } else if (byte === LINE_FEED) {
        this.#value = value;
        // Less than nothing is null, and written in one way.
        const isCount = this.#hasDigits && (!this.#isNegative || value === 1);
        return isCount ? at + 1 : GARBAGE;
      } else if (byte === MINUS && !this.#hasDigits) {
        this.#isNegative = true;
      } else if (byte !== CARRIAGE_RETURN) {
        return GARBAGE;
      }
    }
    this.#value = value;
    return PARTIAL;
  }
}

/** Behind the next LF, or PARTIAL. */
function skipLine(bytes: Uint8Array, at: number, end: number): number {
  // Most lines are short; calling into native code costs more than these steps.
  const near = Math.min(end, at + 32);
  for (let index = at; index < near; index++) {
    if (bytes[index] === LINE_FEED) return index + 1;
  }
  if (near === end) return PARTIAL;
  const feed = bytes.indexOf(LINE_FEED, near);
  return feed === -1 || feed >= end ? PARTIAL : feed + 1;
}
