// A connection to a server that says one thing at a time and reads the answer. It reads RESP2 with a few lines of its
// own, so that a mistake in our codec can't hide itself from the tests that look at our answers.

import { type Socket, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** An answer: text, integers, null, arrays of them. Errors are thrown instead. */
export type Value = string | number | null | Value[];

export interface Target {
  readonly host: string;
  readonly port: number;
  /** PEM texts; TLS if given. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string } | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** An error reply. */
export class ErrorReply extends Error {
  override name = 'ErrorReply';
}

/** One connection. Calls may overlap; answers come in order. */
export class Wire {
  readonly #socket: Socket;
  readonly #waiting: { resolve: (value: Value) => void; reject: (error: Error) => void }[] = [];
  #received = '';
  #onMessage: ((message: Value) => void) | null = null;
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#receive(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isClosed = true;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the connection closed'));
    });
  }

  /** Connects, and logs in if the target says how. Rejects when that takes longer than `timeoutMs`. */
  static async open(target: Target, timeoutMs = 2_000): Promise<Wire> {
    const { host, port, tls } = target;
    const socket =
      tls === undefined
        ? connect({ host, port })
        : connectTls({ host, port, ...tls, servername: 'localhost' });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => socket.destroy(new Error(`no connection to ${host}:${port}`)),
        timeoutMs,
      );
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => resolve());
      socket.once('error', reject);
      socket.once('close', () => clearTimeout(timer));
      socket.once('connect', () => clearTimeout(timer));
    });
    const wire = new Wire(socket);
    if (target.password !== undefined) {
      await wire.call('AUTH', ...(target.user === undefined ? [] : [target.user]), target.password);
    }
    return wire;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** One command; rejects with {@link ErrorReply}, or when the connection closes first. */
  call(...args: readonly string[]): Promise<Value> {
    if (this.#isClosed) return Promise.reject(new Error('the connection is closed'));
    const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
    this.#socket.write(`*${args.length}\r\n${parts.join('')}`);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Subscribes to every channel; `onMessage` is told channel and payload. Resolves once subscribed. */
  async subscribeToAll(onMessage: (channel: string, payload: string) => void): Promise<void> {
    await this.call('PSUBSCRIBE', '*');
    this.#onMessage = (message) => {
      if (Array.isArray(message) && message[0] === 'pmessage')
        onMessage(String(message[2]), String(message[3]));
    };
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: string): void {
    this.#received += chunk;
    for (;;) {
      const parsed = parse(this.#received, 0);
      if (parsed === null) return;
      this.#received = this.#received.slice(parsed.end);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#onMessage?.(parsed.value instanceof ErrorReply ? null : parsed.value);
      else if (parsed.value instanceof ErrorReply) waiting.reject(parsed.value);
      else waiting.resolve(parsed.value);
    }
  }
}

/** One command on a connection of its own; rejects when the answer takes longer than `timeoutMs`. */
export async function ask(target: Target, args: readonly string[], timeoutMs = 2_000): Promise<Value> {
  const wire = await Wire.open(target, timeoutMs);
  const timer = setTimeout(() => wire.close(), timeoutMs);
  try {
    return await wire.call(...args);
  } finally {
    clearTimeout(timer);
    wire.close();
  }
}

/** A flat array of names and values as an object. */
export function toRecord(value: Value): Record<string, string> {
  if (!Array.isArray(value)) throw new TypeError(`expected names and values, got ${JSON.stringify(value)}`);
  const record: Record<string, string> = {};
  for (let index = 0; index + 1 < value.length; index += 2)
    record[String(value[index])] = String(value[index + 1]);
  return record;
}

/** The fields of an INFO. */
export function infoFields(text: Value): Record<string, string> {
  return Object.fromEntries(
    String(text)
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}

/** The reply that starts at `start`, or null while it is incomplete. */
function parse(text: string, start: number): { value: Value | ErrorReply; end: number } | null {
  const lineEnd = text.indexOf('\r\n', start);
  if (lineEnd < 0) return null;
  const line = text.slice(start + 1, lineEnd);
  const next = lineEnd + 2;
  switch (text[start]) {
    case '+':
      return { value: line, end: next };
    case '-':
      return { value: new ErrorReply(line), end: next };
    case ':':
      return { value: Number(line), end: next };
    case '$': {
      const length = Number(line);
      if (length < 0) return { value: null, end: next };
      if (text.length < next + length + 2) return null;
      return { value: text.slice(next, next + length), end: next + length + 2 };
    }
    case '*': {
      if (Number(line) < 0) return { value: null, end: next };
      const items: Value[] = [];
      let end = next;
      while (items.length < Number(line)) {
        const item = parse(text, end);
        if (item === null) return null;
        items.push(item.value instanceof ErrorReply ? item.value.message : item.value);
        end = item.end;
      }
      return { value: items, end };
    }
    default:
      throw new Error(`not RESP2: ${JSON.stringify(text.slice(start, start + 40))}`);
  }
}
