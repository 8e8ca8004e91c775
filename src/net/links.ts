// Outgoing connections to data nodes and other sentinels (sentinel.md §4.3): TCP or TLS, no connect timeout, no
// keepalive. When to connect, what to say and when to give up is the machine's decision; this file carries bytes.
//
// A sentinel spends its life on these links, a few small reads and writes each second for each of hundreds of nodes.
// So plain sockets read into one buffer that all share, without passing through Node's streams, and everything that
// was said to one node between two settles leaves in one write. Three commands and their replies so cost 10 µs of CPU,
// against 23 µs with stream events and a write for each command (200 links to one server, Node 20).

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { assert } from '../base/assert.ts';
import { encodeCommand } from '../resp/encode.ts';
import { ReplyDecoder, type ReplyLimits } from '../resp/reply-decoder.ts';
import type { ConnectionId, EndOfConnection, Event } from '../sentinel/io.ts';
import type { EventSink } from './event-sink.ts';
import { placeOf, verifying } from './tls-client.ts';

/** What may wait for a node that does not read: some hundred thousand commands, a hundred times what is ever due. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

/** The longest replies are INFO (some KiB, more with many replicas); the rest of the room is for the unexpected. */
const LIMITS: ReplyLimits = {
  bulkBytesMax: 16 * 1024 * 1024,
  lineBytesMax: 64 * 1024,
  elementsMax: 256 * 1024,
  depthMax: 16,
  replyBytesMax: 32 * 1024 * 1024,
};

/** Every plain socket reads into this. Safe, because what is read is decoded before the next read. */
const SHARED_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);

type Target = ReturnType<typeof placeOf> & { readonly localAddress?: string };

export interface TlsVerification {
  /** False: any certificate will do. */
  readonly verifies: boolean;
  /** The name it must have, and which one we ask for; null: whichever it has. */
  readonly serverName: string | null;
}

interface Link {
  readonly id: ConnectionId;
  readonly socket: Socket;
  readonly decoder: ReplyDecoder<string>;
  isConnected: boolean;
  /** Bytes to be sent with the next flush, or once connected. */
  outgoing: string;
  /** Nothing is told about it any more. */
  isOver: boolean;
}

/** What a link tells; every machine that has links speaks of them in these words. */
export type LinkEvent = Extract<Event, { readonly kind: 'connected' | 'disconnected' | 'reply' }>;

export interface LinksOptions {
  readonly sink: EventSink<LinkEvent>;
  /** For links that ask for TLS; null if the configuration has none. */
  readonly tls: SecureContext | null;
  /** Whether the certificate of the other side is judged: by our authorities, and by its name if there is one. Default: by the authorities. */
  readonly verification?: TlsVerification;
  /** What is told of an error; default: its own message. */
  readonly explain?: (error: NodeJS.ErrnoException) => string;
  /** Source address of all links; null lets the system choose. */
  readonly bindSourceAddr: string | null;
}

/** How long the other end may take to read what was queued for it when it was let go. */
const LAST_WORDS_MS = 1_000;

export class Links {
  readonly #options: LinksOptions;
  readonly #links = new Map<ConnectionId, Link>();
  /** Those with something to send. */
  readonly #dirty: Link[] = [];

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /**
   * Starts to connect to a numeric address, or to the unix socket whose path `ip` is. `connected` or `disconnected` follows,
   * never before this returns. `header` is sent before all else, a handshake included.
   */
  connect(id: ConnectionId, ip: string, port: number, tls: boolean, header: Uint8Array | null = null): void {
    assert(!this.#links.has(id), `the connection id ${id} is used a second time`);
    const { bindSourceAddr } = this.#options;
    const target: Target = {
      ...placeOf({ host: ip, port }),
      ...(bindSourceAddr === null ? {} : { localAddress: bindSourceAddr }),
    };
    const onChunk = (chunk: Uint8Array): void => this.#read(link, chunk);
    const socket = tls ? this.#connectTls(target, header, onChunk) : connectPlain(target, header, onChunk);
    const link: Link = {
      id,
      socket,
      decoder: ReplyDecoder.ofText(LIMITS),
      isConnected: false,
      outgoing: '',
      isOver: false,
    };
    socket.once(tls ? 'secureConnect' : 'connect', () => this.#established(link));
    // FIN: the other end is gone, whatever it has yet to read of ours.
    socket.once('end', () => this.#end(link, 'closed', 'the other end closed the connection'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const { explain = ({ message }) => message } = this.#options;
      const detail = explain(error);
      this.#end(link, endOf(error), detail === '' ? (error.code ?? 'unknown error') : detail);
    });
    socket.once('close', () => this.#end(link, 'closed', 'the connection was closed'));
    this.#links.set(id, link);
  }

  /** Queues a command (byte strings) for the next flush, or for when the connection stands. */
  send(id: ConnectionId, args: readonly string[]): void {
    const link = this.#links.get(id);
    // It may have ended while the machine was at work on an earlier event.
    if (link === undefined) return;
    if (link.outgoing === '' || link.outgoing.length > WAITING_BYTES_MAX) this.#dirty.push(link);
    link.outgoing += encodeCommand(args);
  }

  /**
   * Drops a connection without a word back. What was queued is still sent if it stands: a machine that gives a last order
   * and lets go in the same step means the order.
   */
  close(id: ConnectionId): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    const { socket, isConnected, outgoing } = link;
    this.#forget(link);
    if (!isConnected || outgoing === '') {
      socket.destroy();
      return;
    }
    socket.write(outgoing, 'latin1');
    socket.setTimeout(LAST_WORDS_MS, () => socket.destroy());
    socket.destroySoon();
  }

  /** Whether {@link flush} has something to do. */
  get isDirty(): boolean {
    return this.#dirty.length > 0;
  }

  /** Sends what was queued, one write a connection. */
  flush(): void {
    // What ends a connection here makes the machine speak to others: they join the end of the list.
    for (const link of this.#dirty) {
      if (link.isOver || link.outgoing === '') continue;
      if (link.isConnected) this.#write(link);
      else if (link.outgoing.length > WAITING_BYTES_MAX) this.#overflow(link);
    }
    this.#dirty.length = 0;
  }

  closeAll(): void {
    for (const id of this.#links.keys()) this.close(id);
  }

  #connectTls(target: Target, header: Uint8Array | null, onChunk: (chunk: Uint8Array) => void): Socket {
    const { tls } = this.#options;
    assert(tls !== null, 'a TLS link was asked for without TLS in the configuration');
    const socket = connectTls({
      ...(header === null ? target : { socket: greeted(connectTcp(target), header) }),
      ...verifying(tls, this.#options.verification ?? { verifies: true, serverName: null }),
    });
    socket.setNoDelay(true);
    socket.on('data', onChunk);
    return socket;
  }

  #write(link: Link): void {
    const { socket, outgoing } = link;
    link.outgoing = '';
    socket.write(outgoing, 'latin1');
    if (socket.writableLength > WAITING_BYTES_MAX) this.#overflow(link);
  }

  #overflow(link: Link): void {
    this.#end(link, 'failed', `${WAITING_BYTES_MAX} bytes wait for the other end to read`);
  }

  #established(link: Link): void {
    if (link.isOver) return;
    link.isConnected = true;
    if (link.outgoing !== '') this.#write(link);
    if (link.isOver) return;
    this.#options.sink.push({
      kind: 'connected',
      connection: link.id,
      localAddress: link.socket.localAddress ?? '',
    });
    this.#options.sink.settle();
  }

  #read(link: Link, chunk: Uint8Array): void {
    if (link.isOver) return;
    const { sink } = this.#options;
    const { decoder, id } = link;
    decoder.push(chunk);
    for (let reply = decoder.next(); reply !== null; reply = decoder.next()) {
      if ('code' in reply) {
        this.#end(link, 'failed', reply.sentence);
        return;
      }
      sink.push({ kind: 'reply', connection: id, reply });
      // The machine may have closed it over what it heard.
      if (link.isOver) break;
    }
    sink.settle();
  }

  /** Tells the end, once. */
  #end(link: Link, reason: EndOfConnection, detail: string): void {
    if (link.isOver) return;
    this.#forget(link);
    link.socket.destroy();
    this.#options.sink.push({ kind: 'disconnected', connection: link.id, reason, detail });
    this.#options.sink.settle();
  }

  #forget(link: Link): void {
    link.isOver = true;
    link.outgoing = '';
    this.#links.delete(link.id);
  }
}

function greeted(socket: Socket, header: Uint8Array | null): Socket {
  if (header !== null) socket.write(header);
  return socket;
}

function connectPlain(
  target: Target,
  header: Uint8Array | null,
  onChunk: (chunk: Uint8Array) => void,
): Socket {
  const callback = (length: number, buffer: Uint8Array): boolean => {
    onChunk(buffer.subarray(0, length));
    return true;
  };
  const socket = connectTcp({ ...target, noDelay: true, onread: { buffer: SHARED_BUFFER, callback } });
  return greeted(socket, header);
}

function endOf(error: NodeJS.ErrnoException): EndOfConnection {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'refused';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'reset';
    default:
      return 'failed';
  }
}
