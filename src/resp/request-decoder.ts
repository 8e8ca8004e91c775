// Bytes -> requests, as a server reads them: arrays of bulk strings, or lines of words typed by hand ("inline").
//
//     decoder.push(chunk);
//     for (let request = decoder.next(); request !== null; request = decoder.next()) {
//       if (!Array.isArray(request)) return closeAfter(error(`ERR ${request.sentence}`));
//       handle(request);
//     }
//
// One request a call: whoever stops calling `next` leaves the rest undecoded. Memory is bounded by what has arrived
// and by the limits. Limits and the wording of problems are Redis's (sentinel.md §1.1), so that clients that look at
// them find what they know.

import { STRING_LENGTH_MAX, byteString } from '../base/byte-string.ts';
import type { Problem } from '../base/result.ts';
import { splitArguments } from '../base/split-arguments.ts';
import { ChunkReader, TOO_LONG } from './chunk-reader.ts';

/** What is too much of a request. Each is a problem when exceeded; none is allocated in advance. */
export interface RequestLimits {
  /** Of one argument; at most {@link STRING_LENGTH_MAX}. */
  readonly bulkBytesMax: number;
  /** Of one line: a whole inline request, a count or a length. */
  readonly lineBytesMax: number;
  /** Of one request. */
  readonly argumentsMax: number;
  /** Of one whole request. Looked at between chunks, so it may be exceeded by one. */
  readonly requestBytesMax: number;
}

/** As Redis has them, but for the bytes of a request, after which Redis closes without a word. */
export const REQUEST_LIMITS: RequestLimits = {
  bulkBytesMax: STRING_LENGTH_MAX,
  lineBytesMax: 64 * 1024,
  argumentsMax: 1024 * 1024,
  requestBytesMax: 1024 * 1024 * 1024,
};

/** What a client may send before it has authenticated, where it has to. */
const UNAUTHENTICATED_ARGUMENTS_MAX = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX = 16_384;

const STAR = 42;
const DOLLAR = 36;

/** Decodes what a client sends. */
export class RequestDecoder {
  /**
   * Whether the client still has to authenticate, and is held to small requests until then. Counts from the next
   * header that is decoded on, so set it as soon as the answer to AUTH is known.
   */
  isUnauthenticated = false;

  readonly #input = new ChunkReader(true);
  readonly #limits: RequestLimits;
  #problem: Problem | null = null;
  /** Whether the request is an array; else it is inline. */
  #isArray = false;
  /** The arguments so far of the array being read. */
  #args: string[] = [];
  /** How many more it has; 0: none is being read. */
  #missing = 0;
  /** The argument whose bytes are awaited; -1: its length is. */
  #bulkLength = -1;
  /** Where in the stream the request began. */
  #start = 0;

  constructor(limits: RequestLimits = REQUEST_LIMITS) {
    this.#limits = { ...limits, bulkBytesMax: Math.min(limits.bulkBytesMax, STRING_LENGTH_MAX) };
  }

  /** Adds what has arrived. The decoder keeps `chunk`, without copying it, until it has been decoded. */
  push(chunk: Uint8Array): void {
    if (this.#problem === null) this.#input.push(chunk);
  }

  /** Bytes that have arrived and were not decoded: what bounds memory while nobody calls {@link next}. */
  get pendingBytes(): number {
    return this.#input.pendingBytes;
  }

  /** Bytes that have arrived of requests that were not handed over: about the memory this decoder takes. */
  get heldBytes(): number {
    const { at, passed, isMidLine, pendingBytes } = this.#input;
    return pendingBytes + (this.#missing > 0 || isMidLine ? passed + at - this.#start : 0);
  }

  /**
   * The next whole request, of at least one argument, as byte strings; null when more bytes are needed; a problem
   * (`protocol-error`) when the bytes are no request or exceed a limit. Its sentence, behind `ERR `, is the reply
   * after which to close: the place in the stream is lost, so every later call returns that same problem. Blank lines
   * and empty arrays are passed over.
   */
  next(): string[] | Problem | null {
    const input = this.#input;
    for (;;) {
      if (this.#problem !== null) return this.#problem;
      if (input.at === input.end && !input.advance()) return this.#starved();
      const request = this.#missing > 0 ? this.#argument() : this.#beginning();
      if (request !== null) return request;
    }
  }

  /** Everything that arrived was decoded, and the request, if one has begun, is not whole. */
  #starved(): Problem | null {
    const { at, passed } = this.#input;
    if (this.#missing === 0 || passed + at - this.#start <= this.#limits.requestBytesMax) return null;
    this.#fail('too big request');
    return this.#problem;
  }

  #fail(what: string): null {
    this.#problem = { code: 'protocol-error', sentence: `Protocol error: ${what}` };
    // What was read of the request is of no more use.
    this.#args = [];
    return null;
  }

  /** An inline request, or the count of an array. */
  #beginning(): string[] | null {
    const input = this.#input;
    if (!input.isMidLine) {
      this.#start = input.passed + input.at;
      this.#isArray = input.bytes[input.at] === STAR;
      if (this.#isArray) {
        const count = input.digits(input.at + 1);
        if (count !== -1) return this.#open(count);
      }
    }
    const line = input.line(this.#limits.lineBytesMax);
    if (line === null) return null;
    if (line === TOO_LONG) {
      return this.#fail(this.#isArray ? 'too big mbulk count string' : 'too big inline request');
    }
    if (this.#isArray) {
      const count = lengthIn(line);
      return count === null ? this.#fail('invalid multibulk length') : this.#open(count);
    }
    const words = splitArguments(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (words === null) return this.#fail('unbalanced quotes in request');
    return words.length === 0 ? null : words;
  }

  /** Begins an array of `count` arguments; none is no request. */
  #open(count: number): null {
    if (count > this.#limits.argumentsMax) return this.#fail('invalid multibulk length');
    if (this.isUnauthenticated && count > UNAUTHENTICATED_ARGUMENTS_MAX) {
      return this.#fail('unauthenticated multibulk length');
    }
    this.#missing = Math.max(count, 0);
    return null;
  }

  /** The next argument of the array; the request, if it was the last. */
  #argument(): string[] | null {
    const input = this.#input;
    if (this.#bulkLength === -1 && !this.#announce()) return null;
    // As Redis does, pass over the two bytes behind the argument unseen.
    if (!input.take(this.#bulkLength + 2)) return null;
    this.#args.push(byteString(input.found, input.foundAt, input.foundAt + this.#bulkLength));
    this.#bulkLength = -1;
    if (--this.#missing > 0) return null;
    const request = this.#args;
    this.#args = [];
    return request;
  }

  /** Reads how long the next argument is. False if that is not known yet, or a problem. */
  #announce(): boolean {
    const input = this.#input;
    let length: number | null = -1;
    if (!input.isMidLine && input.bytes[input.at] === DOLLAR) length = input.digits(input.at + 1);
    if (length === -1) {
      const line = input.line(this.#limits.lineBytesMax);
      if (line === null) return false;
      if (line === TOO_LONG) {
        this.#fail('too big bulk count string');
        return false;
      }
      if (line.charCodeAt(0) !== DOLLAR) {
        this.#fail(`expected '$', got '${line.charAt(0)}'`);
        return false;
      }
      length = lengthIn(line);
    }
    if (length === null || length < 0 || length > this.#limits.bulkBytesMax) {
      this.#fail('invalid bulk length');
      return false;
    }
    if (this.isUnauthenticated && length > UNAUTHENTICATED_BULK_BYTES_MAX) {
      this.#fail('unauthenticated bulk length');
      return false;
    }
    this.#bulkLength = length;
    return true;
  }
}

/** The number in a line of a type byte, digits and CR; null if it is none. */
function lengthIn(line: string): number | null {
  return /^.-?\d{1,15}\r$/.test(line) ? Number(line.slice(1, -1)) : null;
}
