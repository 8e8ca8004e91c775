// Bytes on their way out of the relay, gathered over one turn of the event loop. Requests of many clients are small, so
// they are copied side by side and leave as one piece; large pieces, and a single one, are passed on as they are.

/** From here on, passing a piece on is cheaper than copying it. */
const COPIED_BYTES_MAX = 4096;
const SLAB_BYTES = 16 * 1024;

/** See the file's head. */
export class Outgoing {
  bytes = 0;
  #parts: Uint8Array[] = [];
  /** The piece added last, while it is not copied. */
  #piece: Uint8Array | null = null;
  #start = 0;
  #end = 0;
  /** What is copied lies in `#slab` from `#from` to `#to`; what lies before is on its way. */
  #slab: Uint8Array | null = null;
  #from = 0;
  #to = 0;
  readonly #keepsSlab: boolean;

  /** `keepsSlab`: memory for copies is kept from turn to turn, for the few that are always busy. */
  constructor(keepsSlab: boolean) {
    this.#keepsSlab = keepsSlab;
  }

  /** Adds `bytes` from `start` to `end`, which must not change until they were sent. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.bytes += end - start;
    if (this.#piece === bytes && this.#end === start) {
      this.#end = end;
      return;
    }
    if (this.#piece !== null) this.#settle(this.#piece);
    this.#piece = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** What was added since, as few pieces. */
  take(): readonly Uint8Array[] {
    const piece = this.#piece;
    if (piece !== null) {
      if (this.#parts.length === 0 && this.#to === this.#from) {
        this.#piece = null;
        this.bytes = 0;
        return [piece.subarray(this.#start, this.#end)];
      }
      this.#settle(piece);
      this.#piece = null;
    }
    this.#cut();
    if (!this.#keepsSlab) this.#slab = null;
    const parts = this.#parts;
    this.#parts = [];
    this.bytes = 0;
    return parts;
  }

  /** Copies the piece, or puts it between what was copied. */
  #settle(piece: Uint8Array): void {
    const length = this.#end - this.#start;
    if (length > COPIED_BYTES_MAX) {
      this.#cut();
      this.#parts.push(piece.subarray(this.#start, this.#end));
      return;
    }
    let slab = this.#slab;
    if (slab === null || this.#to + length > slab.length) {
      this.#cut();
      slab = new Uint8Array(this.#keepsSlab ? SLAB_BYTES : COPIED_BYTES_MAX);
      this.#slab = slab;
      this.#from = 0;
      this.#to = 0;
    }
    if (length <= 64) {
      // Calling into native code costs more than these steps.
      for (let from = this.#start, to = this.#to; from < this.#end; from++, to++)
        slab[to] = piece[from] as number;
    } else {
      slab.set(piece.subarray(this.#start, this.#end), this.#to);
    }
    this.#to += length;
  }

  #cut(): void {
    if (this.#slab === null || this.#to === this.#from) return;
    this.#parts.push(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
