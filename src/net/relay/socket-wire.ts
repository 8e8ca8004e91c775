// Sockets as the relay's wires: TCP, TLS and unix sockets alike, on either side.

import type { Socket } from 'node:net';
import { NO_ENDS, type ClientEnds } from '../../endpoint/condition.ts';
import { endAtOnce } from '../end-at-once.ts';
import { connectionOf, type ProxiedConnection } from './proxy-protocol.ts';
import { Writer } from './writing.ts';
import type { Wire, WireEvents } from '../../endpoint/relay/wire.ts';

/** After `close`, how long the other end may take to read what was written. */
const LINGER_MS = 5_000;

/** What Node keeps in a socket: its connection, and for TLS the one below that. */
interface Handle {
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
  readonly _parent?: Handle;
}

export class SocketWire implements Wire {
  readonly socket: Socket;
  /** Whom it is for; null: nobody in particular. */
  readonly connection: ProxiedConnection | null;
  readonly sourceAddress: string;
  readonly #writer: Writer;

  /** `proxied`: whom it speaks for, if it said so. */
  constructor(socket: Socket, proxied: ProxiedConnection | null) {
    this.socket = socket;
    this.#writer = new Writer(socket);
    this.connection = connectionOf(socket, proxied);
    this.sourceAddress = this.connection?.sourceAddress ?? '';
  }

  get ends(): ClientEnds {
    return this.connection ?? NO_ENDS;
  }

  get unsentBytes(): number {
    return this.#writer.unsentBytes;
  }

  /** Whether nothing is left here to be sent. */
  get isEmpty(): boolean {
    return this.#writer.isEmpty;
  }

  get takenBytes(): number {
    const { socket } = this;
    const { _handle: handle } = socket as unknown as { readonly _handle?: Handle | null };
    // Of one long write Node counts nothing until it is over; the connection below (of TLS, too) knows better.
    const { bytesWritten, writeQueueSize } = handle?._parent ?? handle ?? {};
    if (bytesWritten === undefined || writeQueueSize === undefined)
      return socket.bytesWritten - socket.writableLength;
    return bytesWritten - writeQueueSize;
  }

  write(parts: readonly Uint8Array[]): void {
    this.#writer.write(parts);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    const { socket } = this;
    socket.setTimeout(LINGER_MS, () => socket.destroy());
    socket.destroySoon();
  }

  reset(): void {
    endAtOnce(this.socket);
  }
}

/** Tells `events` what happens on `socket`, but for what it reads; its `connect` (or `secureConnect`) is `connectEvent`. */
export function listenTo(socket: Socket, connectEvent: string, events: WireEvents): void {
  let isOver = false;
  const end = (because: string): void => {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    events.closed(because);
  };
  socket.once(connectEvent, () => events.connected());
  socket.on('drain', () => events.drained());
  socket.once('end', () => end('the other end closed the connection'));
  socket.once('error', (error) => end(error.message));
  socket.once('close', () => end('the connection was closed'));
}
