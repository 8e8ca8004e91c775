// The standing connections of Redis trackers: connect, authenticate, ask PING and INFO, and tell what comes back. What
// it means is the machine's business (vrrp/trackers/redis.ts).

import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { encodeCommand } from '../resp/encode.ts';
import { ReplyDecoder, type ReplyLimits } from '../resp/reply-decoder.ts';
import type { Reply } from '../resp/reply.ts';
import type { ConnectionId, EndOfConnection, Event } from '../vrrp/io.ts';
import type { RedisConf } from '../vrrp/router-conf.ts';

/** INFO is some KiB. */
const LIMITS: ReplyLimits = {
  bulkBytesMax: 1024 * 1024,
  lineBytesMax: 64 * 1024,
  elementsMax: 1024,
  depthMax: 4,
  replyBytesMax: 2 * 1024 * 1024,
};

type Question = 'auth' | 'ping' | 'info';

interface Connection {
  readonly id: ConnectionId;
  readonly socket: Socket;
  readonly decoder: ReplyDecoder<string>;
  /** Asked and not yet answered, oldest first. */
  readonly asked: Question[];
}

export class RedisConnections {
  readonly #tell: (event: Event) => void;
  readonly #open = new Map<ConnectionId, Connection>();

  constructor(tell: (event: Event) => void) {
    this.#tell = tell;
  }

  connect(id: ConnectionId, conf: RedisConf): void {
    const { host, port } = conf;
    // A host that is a path is a unix socket.
    const socket = connect(host.startsWith('/') ? { path: host } : { host, port, noDelay: true });
    const connection: Connection = { id, socket, decoder: ReplyDecoder.ofText(LIMITS), asked: [] };
    this.#open.set(id, connection);
    socket.once('connect', () => this.#connected(connection, conf));
    socket.on('data', (bytes: Buffer) => this.#received(connection, bytes));
    socket.once('end', () => this.#end(connection, 'closed'));
    socket.once('error', (error: NodeJS.ErrnoException) => this.#end(connection, endOf(error)));
    socket.once('close', () => this.#end(connection, 'closed'));
  }

  ask(id: ConnectionId, question: 'ping' | 'info'): void {
    const connection = this.#open.get(id);
    if (connection !== undefined) send(connection, question, [question.toUpperCase()]);
  }

  /** Nothing is told of it any more. */
  close(id: ConnectionId): void {
    this.#open.get(id)?.socket.destroy();
    this.#open.delete(id);
  }

  closeAll(): void {
    for (const id of this.#open.keys()) this.close(id);
  }

  #connected(connection: Connection, conf: RedisConf): void {
    const { id } = connection;
    if (!this.#open.has(id)) return;
    const credentials = readCredentials(conf.authFile);
    // Before the machine is told, which asks at once.
    if (credentials.kind === 'words' && credentials.words.length > 0) {
      send(connection, 'auth', ['AUTH', ...credentials.words]);
    }
    this.#tell({ kind: 'redis-connected', connection: id });
    if (credentials.kind === 'unreadable') {
      const answer = { kind: 'error', text: credentials.reason } as const;
      this.#tell({ kind: 'redis-answer', connection: id, answer });
    }
  }

  #received(connection: Connection, bytes: Buffer): void {
    connection.decoder.push(bytes);
    for (let reply = connection.decoder.next(); reply !== null; reply = connection.decoder.next()) {
      if ('code' in reply) return this.#end(connection, 'failed');
      this.#answered(connection, reply);
      // Whoever heard of it may have closed it.
      if (!this.#open.has(connection.id)) return;
    }
  }

  #answered(connection: Connection, reply: Reply): void {
    const question = connection.asked.shift();
    // More answers than questions: this is no Redis.
    if (question === undefined) return this.#end(connection, 'failed');
    const { id } = connection;
    if (reply.kind === 'error') {
      this.#tell({ kind: 'redis-answer', connection: id, answer: { kind: 'error', text: reply.text } });
    } else if (question === 'ping') {
      this.#tell({ kind: 'redis-answer', connection: id, answer: { kind: 'pong' } });
    } else if (question === 'info' && reply.kind === 'bulk') {
      this.#tell({ kind: 'redis-answer', connection: id, answer: { kind: 'info', text: reply.value } });
    }
  }

  #end(connection: Connection, reason: EndOfConnection): void {
    connection.socket.destroy();
    if (!this.#open.delete(connection.id)) return;
    this.#tell({ kind: 'redis-disconnected', connection: connection.id, reason });
  }
}

/**
 * What is asked in one turn leaves in one write. A Redis that is full says so and closes before it was asked: the first
 * write to it brings a reset, a second one would fail, and a connection with a failed write reads no more, so that what
 * it said would be lost and a living server would seem silent.
 */
function send({ socket, asked }: Connection, question: Question, words: readonly string[]): void {
  asked.push(question);
  if (socket.writableCorked === 0) {
    socket.cork();
    process.nextTick(() => socket.uncork());
  }
  socket.write(encodeCommand(words), 'latin1');
}

function endOf(error: NodeJS.ErrnoException): EndOfConnection {
  // ENOENT: a unix socket, whose file a server removes when it leaves.
  if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') return 'refused';
  return error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'reset' : 'failed';
}

type Credentials =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** The first line of the file, `password` or `user password`; read anew each time, since passwords change. */
function readCredentials(authFile: string | null): Credentials {
  if (authFile === null) return { kind: 'words', words: [] };
  try {
    const text = readFileSync(Buffer.from(authFile, 'latin1'), 'latin1');
    const [line = ''] = text.split(/\r?\n/);
    return { kind: 'words', words: line.split(/\s+/).filter((word) => word !== '') };
  } catch (error) {
    return { kind: 'unreadable', reason: (error as Error).message };
  }
}
