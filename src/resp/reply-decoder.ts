// Bytes -> replies: RESP2 and RESP3 in one, since no byte means different things in the two.
//
//     const decoder = ReplyDecoder.ofText();
//     decoder.push(chunk);
//     for (let reply = decoder.next(); reply !== null; reply = decoder.next()) {
//       if ('code' in reply) return disconnect(reply.sentence);
//       handle(reply);
//     }
//
// Where a chunk ends does not matter: what was decoded of an unfinished reply is kept, never decoded again. Memory is
// bounded by what has arrived and by the limits, whatever lengths are claimed. Attributes are read and dropped. The
// streamed types of RESP3 (`$?`, `*?`), which no server sends, are a problem.

import { assert, unreachable } from '../base/assert.ts';
import { STRING_LENGTH_MAX, byteString } from '../base/byte-string.ts';
import type { Problem } from '../base/result.ts';
import { ChunkReader, TOO_LONG } from './chunk-reader.ts';
import type { Reply } from './reply.ts';
import {
  ARRAY,
  ATTRIBUTE,
  BIG_NUMBER,
  BOOLEAN,
  BULK,
  BULK_ERROR,
  DOUBLE,
  ERROR,
  FALSE_REPLY,
  INTEGER,
  MAP,
  NULL,
  NULL_ARRAY_REPLY,
  NULL_REPLY,
  OK_REPLY,
  PUSH,
  SET,
  SIMPLE,
  SMALL_INTEGERS,
  TRUE_REPLY,
  TYPES,
  VERBATIM,
  aggregate,
  type Aggregate,
  type Blob,
} from './reply-types.ts';
import { parseBigNumber, parseDouble, parseInteger } from './scalars.ts';

/** What is too much of a reply. Each is a problem when exceeded; none is allocated in advance. */
export interface ReplyLimits {
  /** Of one bulk string. As text at most {@link STRING_LENGTH_MAX}. */
  readonly bulkBytesMax: number;
  /** Of one line, i.e. of a simple string, error, number or length. */
  readonly lineBytesMax: number;
  /** Of one whole reply, counting what is nested in it; a map's entry counts two. */
  readonly elementsMax: number;
  /** How deep arrays may lie in arrays; a plain array is depth 1. */
  readonly depthMax: number;
  /** Of one whole reply. Looked at between chunks, so it may be exceeded by one. */
  readonly replyBytesMax: number;
}

/** As much as Redis sends by default (`proto-max-bulk-len`). */
export const REPLY_LIMITS: ReplyLimits = {
  bulkBytesMax: 512 * 1024 * 1024,
  lineBytesMax: 64 * 1024,
  elementsMax: 16 * 1024 * 1024,
  depthMax: 32,
  replyBytesMax: 1024 * 1024 * 1024,
};

/** What the bytes of a bulk string become. */
type ReadBulk<Bulk> = (bytes: Uint8Array, start: number, end: number) => Bulk;

/** An aggregate some of whose items have not come. */
interface Frame<Bulk> {
  readonly type: Aggregate;
  readonly items: Reply<Bulk>[];
  missing: number;
  readonly parent: Frame<Bulk> | null;
}

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const MINUS = 45;
const ZERO = 48;
const COLON = 58;
/** Of a header, but for `_`. */
const HEADER_BYTES_MIN = 4;

/** Making a view costs more than making a copy of few bytes, and keeps the whole chunk alive. */
const COPY_BYTES_MAX = 16;

function viewOrCopy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length > COPY_BYTES_MAX) return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
  const copy = new Uint8Array(length);
  for (let at = 0; at < length; at++) copy[at] = bytes[start + at] as number;
  return copy;
}

/** Decodes what a server sends. `Bulk`: what its bulk strings are carried as. */
export class ReplyDecoder<Bulk> {
  readonly #input: ChunkReader;
  readonly #readBulk: ReadBulk<Bulk>;
  readonly #limits: ReplyLimits;
  #problem: Problem | null = null;
  /** The innermost aggregate that is open. */
  #frame: Frame<Bulk> | null = null;
  #depth = 0;
  /** Elements that the reply's aggregates have claimed so far. */
  #elements = 0;
  /** Whether a reply has begun, or a problem ended it all. What follows holds only then. */
  #isMidReply = false;
  /** Where in the stream the reply began. */
  #start = 0;
  /** The bulk string whose bytes are awaited; -1: none. */
  #blobLength = -1;
  #blobType: Blob = BULK;

  private constructor(input: ChunkReader, readBulk: ReadBulk<Bulk>, limits: ReplyLimits) {
    this.#input = input;
    this.#readBulk = readBulk;
    this.#limits = limits;
  }

  /** Bulk strings become byte strings. */
  static ofText(limits: ReplyLimits = REPLY_LIMITS): ReplyDecoder<string> {
    const bulkBytesMax = Math.min(limits.bulkBytesMax, STRING_LENGTH_MAX);
    return new ReplyDecoder(new ChunkReader(true), byteString, { ...limits, bulkBytesMax });
  }

  /**
   * Bulk strings stay bytes. One that lies within a chunk is a view of that chunk, so the chunk must not be
   * overwritten, and lives as long as the view. One that spans chunks, or is at most 16 bytes long, is a copy.
   */
  static ofBytes(limits: ReplyLimits = REPLY_LIMITS): ReplyDecoder<Uint8Array> {
    return new ReplyDecoder(new ChunkReader(false), viewOrCopy, limits);
  }

  /** Adds what has arrived. The decoder keeps `chunk`, without copying it, until it has been decoded. */
  push(chunk: Uint8Array): void {
    if (this.#problem === null) this.#input.push(chunk);
  }

  /** Bytes that have arrived and were not decoded: what bounds memory while nobody calls {@link next}. */
  get pendingBytes(): number {
    return this.#input.pendingBytes;
  }

  /**
   * The next whole reply; null when more bytes are needed; a problem when the bytes are no RESP or exceed a limit.
   * Then the place in the stream is lost, so every later call returns that same problem. Codes: `resp-malformed`,
   * `resp-unsupported`, `resp-too-large`.
   */
  next(): Reply<Bulk> | Problem | null {
    if (!this.#isMidReply) {
      const input = this.#input;
      const { passed, at } = input;
      const reply = this.#header();
      if (reply !== null) return reply;
      this.#start = passed + at;
      this.#isMidReply = true;
    }
    return this.#resume();
  }

  /** The rest of {@link next} for a reply whose beginning has been read. */
  #resume(): Reply<Bulk> | Problem | null {
    const input = this.#input;
    for (;;) {
      if (this.#problem !== null) return this.#problem;
      if (input.at === input.end && !input.advance()) return this.#starved();
      const item = this.#blobLength !== -1 ? this.#blob() : input.isMidLine ? this.#line() : this.#header();
      // Null: a problem, an aggregate that was opened, or a blob announced. Each has been noted.
      if (item === null) continue;
      const reply = this.#frame === null ? item : this.#place(item);
      if (reply !== null) {
        this.#isMidReply = false;
        return reply;
      }
    }
  }

  /** Everything that arrived was decoded, and the reply, if one has begun, is not whole. */
  #starved(): Problem | null {
    const { at, passed } = this.#input;
    return passed + at - this.#start > this.#limits.replyBytesMax
      ? this.#fail('resp-too-large', `The reply is longer than ${this.#limits.replyBytesMax} bytes`)
      : null;
  }

  #fail(code: string, what: string): Problem {
    this.#problem = { code, sentence: `${what}; the connection can't be read any further.` };
    this.#isMidReply = true;
    // What was decoded of the reply is of no more use.
    this.#frame = null;
    return this.#problem;
  }

  /** Puts `item` where it belongs and closes what it completes. Returns the whole reply, if it is that. */
  #place(item: Reply<Bulk>): Reply<Bulk> | null {
    let complete = item;
    for (let frame = this.#frame; frame !== null; frame = this.#frame) {
      frame.items.push(complete);
      if (--frame.missing > 0) return null;
      this.#frame = frame.parent;
      this.#depth--;
      if (frame.type === ATTRIBUTE) return null;
      complete = aggregate(frame.type, frame.items);
    }
    return complete;
  }

  /**
   * Reads what stands before CR LF, which for most types is all. Null if it is not whole, if it is only the beginning
   * of something (noted in `#frame` or `#blobLength`), or on a problem.
   *
   * The usual forms are read in place, the two most frequent types in this function alone: V8 inlines what is short.
   */
  #header(): Reply<Bulk> | null {
    const input = this.#input;
    const { bytes, at, end } = input;
    if (end - at < HEADER_BYTES_MIN) return at === end ? null : this.#rareHeader();
    const type = bytes[at];
    if (type === BULK) {
      const length = input.digits(at + 1);
      return length === -1 ? this.#rareHeader() : this.#announce(BULK, length);
    }
    if (type === INTEGER) {
      // `:0` to `:9` with a look at each byte, the others with a loop.
      const digit = (bytes[at + 1] as number) ^ ZERO;
      if (digit <= 9 && bytes[at + 2] === CARRIAGE_RETURN && bytes[at + 3] === LINE_FEED) {
        input.at = at + 4;
        return SMALL_INTEGERS[digit] as (typeof SMALL_INTEGERS)[number];
      }
      const isNegative = bytes[at + 1] === MINUS;
      const value = input.digits(isNegative ? at + 2 : at + 1);
      if (value === -1) return this.#rareHeader();
      if (isNegative) return { kind: 'integer', value: 0 - value };
      return value < SMALL_INTEGERS.length
        ? (SMALL_INTEGERS[value] as (typeof SMALL_INTEGERS)[number])
        : { kind: 'integer', value };
    }
    return this.#otherHeader(type as number);
  }

  /** {@link #header} of the types that are less frequent. */
  #otherHeader(type: number): Reply<Bulk> | null {
    const input = this.#input;
    const { bytes, at, end } = input;
    switch (type) {
      case SIMPLE:
      case ERROR: {
        if (bytes[at + 1] === 79 && bytes[at + 2] === 75 && bytes[at + 3] === CARRIAGE_RETURN) {
          // `+OK`, if LF follows and the rest is here.
          if (type === SIMPLE && at + 4 < end && bytes[at + 4] === LINE_FEED) {
            input.at = at + 5;
            return OK_REPLY;
          }
        }
        const feed = input.lineFeed();
        if (feed - at > this.#limits.lineBytesMax || feed === -1 || bytes[feed - 1] !== CARRIAGE_RETURN) {
          return this.#rareHeader();
        }
        input.at = feed + 1;
        const text = byteString(bytes, at + 1, feed - 1);
        return type === SIMPLE ? { kind: 'simple', text } : { kind: 'error', text };
      }
      case ARRAY:
      case MAP:
      case SET:
      case PUSH: {
        const count = input.digits(at + 1);
        return count === -1 ? this.#rareHeader() : this.#open(type, count);
      }
      default:
        return this.#rareHeader();
    }
  }

  /** {@link #header} of every other form, and of what does not lie in one chunk. */
  #rareHeader(): Reply<Bulk> | null {
    const { bytes, at, end } = this.#input;
    const type = bytes[at] as number;
    if (!TYPES.has(type)) {
      this.#fail('resp-malformed', `A reply can't begin with byte ${type}`);
      return null;
    }
    if (
      type === BULK &&
      at + 4 < end &&
      bytes[at + 1] === MINUS &&
      bytes[at + 2] === 49 &&
      bytes[at + 3] === CARRIAGE_RETURN &&
      bytes[at + 4] === LINE_FEED
    ) {
      // `$-1`, the most frequent of the rare.
      this.#input.at = at + 5;
      return NULL_REPLY;
    }
    return this.#line();
  }

  /** The header, whatever it is, from its line as text. */
  #line(): Reply<Bulk> | null {
    const line = this.#input.line(this.#limits.lineBytesMax);
    if (line === null) return null;
    if (line === TOO_LONG) {
      this.#fail('resp-too-large', `A line is longer than ${this.#limits.lineBytesMax} bytes`);
      return null;
    }
    const type = line.charCodeAt(0);
    if (line.charCodeAt(line.length - 1) !== CARRIAGE_RETURN) {
      return this.#malformed('A line ends without CR', line);
    }
    const text = line.slice(1, -1);
    switch (type) {
      case SIMPLE:
        return { kind: 'simple', text };
      case ERROR:
        return { kind: 'error', text };
      case INTEGER: {
        const value = parseInteger(text);
        return value === null ? this.#malformed('An integer is not one', line) : { kind: 'integer', value };
      }
      case NULL:
        return text === '' ? NULL_REPLY : this.#malformed('A null has content', line);
      case BOOLEAN:
        if (text === 't') return TRUE_REPLY;
        return text === 'f' ? FALSE_REPLY : this.#malformed('A boolean is neither t nor f', line);
      case DOUBLE: {
        const value = parseDouble(text);
        return value === null ? this.#malformed('A double is not one', line) : { kind: 'double', value };
      }
      case BIG_NUMBER: {
        const value = parseBigNumber(text);
        return value === null
          ? this.#malformed('A big number is not one', line)
          : { kind: 'big-number', value };
      }
      default:
        return this.#length(type as Blob | Aggregate, text, line);
    }
  }

  /** A header that says how much follows. */
  #length(type: Blob | Aggregate, text: string, line: string): Reply<Bulk> | null {
    if (text === '-1') {
      if (type === BULK) return NULL_REPLY;
      if (type === ARRAY) return NULL_ARRAY_REPLY;
    }
    if (text === '?') {
      this.#fail('resp-unsupported', 'The reply is of a streamed type');
      return null;
    }
    if (!/^\d{1,15}$/.test(text)) return this.#malformed('A length is not one', line);
    const length = Number(text);
    switch (type) {
      case BULK:
      case BULK_ERROR:
      case VERBATIM:
        return this.#announce(type, length);
      case ARRAY:
      case MAP:
      case SET:
      case PUSH:
      case ATTRIBUTE:
        return this.#open(type, length);
      default:
        return unreachable(type, 'the type byte has been looked at');
    }
  }

  #malformed(what: string, line: string): null {
    this.#fail('resp-malformed', `${what}: ${JSON.stringify(line.slice(0, 40))}`);
    return null;
  }

  /** Begins an aggregate of `count` items, for a map pairs of items. An empty one is whole already. */
  #open(type: Aggregate, count: number): Reply<Bulk> | null {
    const missing = type === MAP || type === ATTRIBUTE ? 2 * count : count;
    if (missing === 0) return type === ATTRIBUTE ? null : aggregate<Bulk>(type, []);
    this.#elements = this.#frame === null ? missing : this.#elements + missing;
    if (this.#elements > this.#limits.elementsMax) {
      this.#fail('resp-too-large', `The reply has more than ${this.#limits.elementsMax} elements`);
      return null;
    }
    if (++this.#depth > this.#limits.depthMax) {
      this.#fail('resp-too-large', `The reply is nested deeper than ${this.#limits.depthMax}`);
      return null;
    }
    this.#frame = { type, items: [], missing, parent: this.#frame };
    return null;
  }

  /** Begins a bulk of `length` bytes and, if they are here, ends it. */
  #announce(type: Blob, length: number): Reply<Bulk> | null {
    if (length > this.#limits.bulkBytesMax) {
      this.#fail('resp-too-large', `A bulk string is longer than ${this.#limits.bulkBytesMax} bytes`);
      return null;
    }
    this.#blobType = type;
    this.#blobLength = length;
    return this.#blob();
  }

  /** The bulk that was announced, once all of it is here. */
  #blob(): Reply<Bulk> | null {
    const input = this.#input;
    const length = this.#blobLength;
    assert(length >= 0, 'a bulk was announced');
    if (!input.take(length + 2)) return null;
    this.#blobLength = -1;
    const { found, foundAt } = input;
    const end = foundAt + length;
    if (found[end] !== CARRIAGE_RETURN || found[end + 1] !== LINE_FEED) {
      this.#fail('resp-malformed', 'A bulk string does not end where its length says');
      return null;
    }
    switch (this.#blobType) {
      case BULK:
        return { kind: 'bulk', value: this.#readBulk(found, foundAt, end) };
      case BULK_ERROR:
        return { kind: 'error', text: byteString(found, foundAt, end) };
      case VERBATIM:
        if (length < 4 || found[foundAt + 3] !== COLON) {
          this.#fail('resp-malformed', 'A verbatim string does not begin with its format');
          return null;
        }
        return {
          kind: 'verbatim',
          format: byteString(found, foundAt, foundAt + 3),
          value: this.#readBulk(found, foundAt + 4, end),
        };
      default:
        return unreachable(this.#blobType, 'a bulk is of one of three types');
    }
  }
}
