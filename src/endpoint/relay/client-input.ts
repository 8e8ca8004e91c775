// What a client sent and the relay has not passed on: the chunk being scanned and those behind it. A request that spans
// chunks is gathered in one piece, in room that doubles, so that neither many small chunks nor few large ones cost
// quadratic time.

const NOTHING = new Uint8Array(0);

/** Pieces that are no requests but replies which an earlier server gave: they take their turn among the requests. */
const answers = new WeakSet<Uint8Array>();

export function markAnswer(reply: Uint8Array): Uint8Array {
  answers.add(reply);
  return reply;
}

export class ClientInput {
  /** The chunk being scanned; its bytes from `at` to `end` are next. */
  bytes: Uint8Array = NOTHING;
  at = 0;
  end = 0;
  readonly #later: Uint8Array[] = [];
  #laterBytes = 0;
  /** `bytes` is room of our own, of which more than `end` may be used. */
  #isOwn = false;

  /** Whether the chunk is a reply (see {@link markAnswer}). */
  get isAnswer(): boolean {
    return this.at === 0 && answers.has(this.bytes);
  }

  /** All that waits. */
  get length(): number {
    return this.end - this.at + this.#laterBytes;
  }

  push(chunk: Uint8Array): void {
    if (this.at === this.end && this.#later.length === 0) {
      this.#enter(chunk);
    } else {
      this.#later.push(chunk);
      this.#laterBytes += chunk.length;
    }
  }

  /** Goes to the next chunk once this one was scanned. False if there is none. */
  next(): boolean {
    const chunk = this.#later.shift();
    if (chunk === undefined) {
      this.#enter(NOTHING);
      return false;
    }
    this.#laterBytes -= chunk.length;
    this.#enter(chunk);
    return true;
  }

  /** Joins the rest of this chunk, the beginning of a request, with the next one. False if there is none. */
  gather(): boolean {
    const chunk = this.#later.shift();
    if (chunk === undefined) return false;
    this.#laterBytes -= chunk.length;
    const rest = this.end - this.at;
    if (!this.#isOwn || this.end + chunk.length > this.bytes.length) {
      const room = new Uint8Array(2 * rest + chunk.length);
      room.set(this.bytes.subarray(this.at, this.end));
      this.#enter(room);
      this.end = rest;
      this.#isOwn = true;
    }
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
    return true;
  }

  /** Puts requests back in front of everything, in their order. */
  putBack(pieces: readonly Uint8Array[]): void {
    const rest = this.end > this.at ? [this.bytes.subarray(this.at, this.end)] : [];
    this.#later.unshift(...pieces, ...rest);
    for (const piece of pieces) this.#laterBytes += piece.length;
    for (const piece of rest) this.#laterBytes += piece.length;
    this.next();
  }

  clear(): void {
    this.#later.length = 0;
    this.#laterBytes = 0;
    this.#enter(NOTHING);
  }

  #enter(chunk: Uint8Array): void {
    this.bytes = chunk;
    this.at = 0;
    this.end = chunk.length;
    this.#isOwn = false;
  }
}
