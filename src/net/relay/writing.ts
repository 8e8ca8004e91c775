// Writing to sockets in the relay's way. Nearly every piece is small and taken by the kernel at once, so that what a
// stream does for each (its place in a queue, a callback in the next tick) is for nothing. While nothing waits, a piece
// is given to the socket's own `_write`, as the stream would do; else to the stream, behind it. The system keeps them in
// order.

import type { Socket } from 'node:net';

/** See the file's head. */
export class Writer {
  readonly #socket: Socket;
  readonly #isPlain: boolean;
  /** Of the piece that was given to `_write` and was not all taken yet. */
  #pendingBytes = 0;
  #isInCall = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#isPlain = !('encrypted' in socket);
  }

  /** Bytes that wait because the other end does not take them, if `drain` will tell when it has: not a few. */
  get unsentBytes(): number {
    const { writableNeedDrain, writableLength } = this.#socket;
    return this.#pendingBytes + (writableNeedDrain ? writableLength : 0);
  }

  /** Whether the kernel has everything. */
  get isEmpty(): boolean {
    return this.#pendingBytes === 0 && this.#socket.writableLength === 0;
  }

  /** Sends `parts` in their order. `drain` is emitted by the socket as ever, once all of what had to wait was taken. */
  write(parts: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return;
    const [only] = parts;
    if (only !== undefined && parts.length === 1) {
      if (!this.#isPlain || !this.isEmpty || socket.connecting) {
        socket.write(only);
        return;
      }
      this.#pendingBytes = only.length;
      this.#isInCall = true;
      socket._write(only, 'buffer' as BufferEncoding, this.#wrote);
      this.#isInCall = false;
      return;
    }
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.uncork();
  }

  readonly #wrote = (error?: Error | null): void => {
    const socket = this.#socket;
    this.#pendingBytes = 0;
    if (error !== null && error !== undefined) socket.destroy(error);
    // The stream tells of what it has itself, if that is much.
    else if (!this.#isInCall && !socket.destroyed && !socket.writableNeedDrain) socket.emit('drain');
  };
}
