// Reading from sockets in the relay's way: all of them read into one piece of memory, and what came is copied out of it.
//
// Node's own way is a piece of 64 KiB for every read, cut to what came and handed to the garbage collector, and a
// stream's bookkeeping on top. With small requests that is a sixth of what a relay has to do. A read is over before
// the next begins, so that one piece serves them all; it is copied because requests are kept until they are answered.

import { type OnReadOpts, Socket } from 'node:net';

const ROOM_BYTES = 64 * 1024;
/** Up to here copying byte by byte is cheaper than calling into native code. */
const FEW_BYTES = 64;

let room: Buffer | null = null;

export type Receive = (chunk: Uint8Array) => void;

/** For a socket that is about to connect: `receive` is given what it reads. */
export function readInto(receive: Receive): OnReadOpts {
  room ??= Buffer.allocUnsafeSlow(ROOM_BYTES);
  return {
    buffer: room,
    callback: (length, from) => {
      receive(copyOf(from, length));
      return true;
    },
  };
}

/** What Node keeps in an accepted socket: its connection, and the listener that counts it until it is closed. */
interface Internals {
  _handle?: { readStop(): number; reading: boolean } | null;
  _server?: unknown;
}

/**
 * Reads from `socket`, somebody's who connected, and returns the socket to use from now on. Node offers this way of
 * reading only to sockets that connect, so the connection is put into a new one; where that is not possible (TLS, or
 * something was read already), it is read as usual.
 */
export function readFrom(socket: Socket, receive: Receive): Socket {
  const old = socket as unknown as Internals;
  const { _handle: handle, _server } = old;
  if (handle === null || handle === undefined || 'encrypted' in socket || socket.bytesRead > 0) {
    socket.on('data', receive);
    return socket;
  }
  handle.readStop();
  handle.reading = false;
  old._handle = null;
  old._server = null;
  const options = { handle, allowHalfOpen: true, onread: readInto(receive) };
  const better = Object.assign(new Socket(options), { _server });
  // Whoever waits for the end of the connection still hears of it.
  better.once('close', (hadError: boolean) => socket.emit('close', hadError));
  better.resume();
  return better;
}

function copyOf(from: Uint8Array, length: number): Uint8Array {
  const copy = Buffer.allocUnsafe(length);
  if (length <= FEW_BYTES) for (let at = 0; at < length; at++) copy[at] = from[at] as number;
  else copy.set(from.subarray(0, length));
  return copy;
}
