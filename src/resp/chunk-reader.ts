// What the two decoders share: the bytes that have arrived and were not decoded yet, taken by lines and by counts.
//
// Chunks are kept as they came. A line or a count that lies in one chunk is read in place; one that spans chunks is
// gathered as its bytes arrive, each byte copied once or twice, so neither many small chunks nor a few large ones cost
// quadratic time. Nothing is allocated for a length that was only claimed.
//
// Fields are open to the decoders, whose inner loops run on them directly.

import { byteString } from '../base/byte-string.ts';

const NOTHING = new Uint8Array(0);
/**
 * What is allocated for a count of which only the beginning has come; beyond this, room doubles as bytes arrive. Larger
 * than the 64 KiB values that are common, so that those are copied once.
 */
const GATHER_BYTES_START = 128 * 1024;

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const ZERO = 48;

/** The most digits that are surely a safe integer. */
const SAFE_DIGITS = 15;

/** What {@link ChunkReader.line} says of a line over the limit. */
export const TOO_LONG = Symbol('too long');

/** Bytes in, lines and runs of bytes out. */
export class ChunkReader {
  /** The chunk being read; its bytes from `at` to `end` are next. */
  bytes: Uint8Array = NOTHING;
  at = 0;
  end = 0;
  /** Bytes of chunks that were left behind, so that `passed + at` is a position in the stream. */
  passed = 0;
  /** Where {@link take} found its bytes. */
  found: Uint8Array = NOTHING;
  foundAt = 0;

  /** Chunks behind `bytes`, from `#laterAt` on. */
  #later: Uint8Array[] = [];
  #laterAt = 0;
  #laterBytes = 0;
  /** The beginning of a line whose end has not come. */
  #line = '';
  /** The beginning of a count whose end has not come. */
  #gathered: Uint8Array | null = null;
  #gatheredLength = 0;
  /** What the last count was gathered in, if the next may be, too. */
  #reusable: Uint8Array = NOTHING;
  readonly #reuses: boolean;

  /** `reuses`: the caller is done with what {@link take} found before it takes again. */
  constructor(reuses: boolean) {
    this.#reuses = reuses;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.at === this.end && this.#laterAt === this.#later.length) {
      this.#enter(chunk);
    } else {
      this.#later.push(chunk);
      this.#laterBytes += chunk.length;
    }
  }

  /** Bytes that have arrived and were not read. */
  get pendingBytes(): number {
    return this.end - this.at + this.#laterBytes;
  }

  /** Whether a line has begun whose end is awaited: the next bytes are not the start of anything. */
  get isMidLine(): boolean {
    return this.#line !== '';
  }

  /** Goes to the next chunk once the current one has been read. False if there is none. */
  advance(): boolean {
    if (this.#laterAt === this.#later.length) return false;
    const chunk = this.#later[this.#laterAt++] as Uint8Array;
    if (this.#laterAt === this.#later.length) {
      this.#later = [];
      this.#laterAt = 0;
    }
    this.#laterBytes -= chunk.length;
    this.#enter(chunk);
    return true;
  }

  #enter(chunk: Uint8Array): void {
    this.passed += this.end;
    this.bytes = chunk;
    this.at = 0;
    this.end = chunk.length;
  }

  /**
   * The number in 1 to 15 digits at `first`, if they, CR and LF are all in this chunk: nearly every integer, length
   * and count. Goes behind it. For anything else returns -1 and reads nothing: that is for {@link line}.
   */
  digits(first: number): number {
    const { bytes, end } = this;
    let at = first;
    let value = 0;
    while (at < end) {
      // 0 to 9 for digits, more for all else.
      const digit = (bytes[at] as number) ^ ZERO;
      if (digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    if (at === first || at - first > SAFE_DIGITS || at + 1 >= end) return -1;
    if (bytes[at] !== CARRIAGE_RETURN || bytes[at + 1] !== LINE_FEED) return -1;
    this.at = at + 2;
    return value;
  }

  /**
   * The text up to the next LF, which is read too but not returned; a CR before it is. Null while the LF has not
   * come; {@link TOO_LONG} when more than `bytesMax` bytes come before it, and then nothing more can be read.
   */
  line(bytesMax: number): string | null | typeof TOO_LONG {
    for (;;) {
      const start = this.at;
      const feed = this.lineFeed();
      if (feed !== -1) {
        const length = this.#line.length + feed - start;
        if (length > bytesMax) return TOO_LONG;
        const text = this.#line + byteString(this.bytes, start, feed);
        this.#line = '';
        this.at = feed + 1;
        return text;
      }
      if (this.#line.length + this.end - start > bytesMax) return TOO_LONG;
      this.#line += byteString(this.bytes, start, this.end);
      this.at = this.end;
      if (!this.advance()) return null;
    }
  }

  /** Where the next LF of this chunk is, or -1. */
  lineFeed(): number {
    const { bytes, at, end } = this;
    // Most lines are short; calling into native code costs more than these steps.
    const near = Math.min(end, at + 32);
    for (let index = at; index < near; index++) {
      if (bytes[index] === LINE_FEED) return index;
    }
    return near === end ? -1 : bytes.indexOf(LINE_FEED, near);
  }

  /**
   * Reads `count` bytes, at least one. True once they are all here: they are then in `found` from `foundAt` on, which
   * is the chunk itself if they lie in one. False to be called again with the same `count` when more has come.
   */
  take(count: number): boolean {
    if (this.#gathered === null) {
      if (this.at === this.end && !this.advance()) return false;
      if (this.end - this.at >= count) {
        this.found = this.bytes;
        this.foundAt = this.at;
        this.at += count;
        return true;
      }
      const room = Math.min(count, GATHER_BYTES_START);
      this.#gathered = this.#reusable.length < room ? new Uint8Array(room) : this.#reusable;
      this.#gatheredLength = 0;
    }
    do {
      this.#gather(count);
      if (this.#gatheredLength === count) {
        this.found = this.#gathered;
        this.foundAt = 0;
        if (this.#reuses && this.#gathered.length <= GATHER_BYTES_START) this.#reusable = this.#gathered;
        this.#gathered = null;
        return true;
      }
    } while (this.advance());
    return false;
  }

  /** Moves what this chunk has of the awaited `count` to what was gathered. */
  #gather(count: number): void {
    const have = this.#gatheredLength;
    const length = Math.min(count - have, this.end - this.at);
    let into = this.#gathered as Uint8Array;
    if (have + length > into.length) {
      const larger = new Uint8Array(Math.min(count, Math.max(2 * into.length, have + length)));
      larger.set(into.subarray(0, have));
      this.#gathered = larger;
      into = larger;
    }
    into.set(this.bytes.subarray(this.at, this.at + length), have);
    this.#gatheredLength = have + length;
    this.at += length;
  }
}
