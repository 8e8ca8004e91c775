// One question to a data node, to a member or to the endpoint, on a connection of its own, so that the answer is about
// this moment: a refused port, a silence and a reply are three different findings here.

import { type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import { encodeCommand } from '../resp/encode.ts';
import { ReplyDecoder } from '../resp/reply-decoder.ts';
import type { Reply } from '../resp/reply.ts';

export type Answer =
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** Nobody listens there. */
  | { readonly kind: 'refused' }
  /** Nothing came in time, or the connection ended without a reply. */
  | { readonly kind: 'silent' };

/** Asks the server on this machine's `port`. `args` are byte strings. */
export function ask(port: number, args: readonly string[], timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const decoder = ReplyDecoder.ofText();
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish({ kind: 'silent' }), timeoutMs);
    socket.on('connect', () => socket.write(encodeCommand(args), 'latin1'));
    socket.on('data', (chunk: Buffer) => {
      decoder.push(chunk);
      const reply = decoder.next();
      if (reply !== null) finish('code' in reply ? { kind: 'silent' } : { kind: 'reply', reply });
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      finish({ kind: error.code === 'ECONNREFUSED' ? 'refused' : 'silent' }),
    );
    socket.on('close', () => finish({ kind: 'silent' }));
  });
}

/** The text of a reply that is text, else the empty string. */
export function textOf(reply: Reply): string {
  if (reply.kind === 'simple' || reply.kind === 'error') return reply.text;
  return reply.kind === 'bulk' || reply.kind === 'verbatim' ? reply.value : '';
}

/** GETs `path` over a daemon's control socket: its JSON, or null if that was not to be had in time. */
export function askControlSocket(socketPath: string, path: string, timeoutMs: number): Promise<unknown> {
  return converse({ socketPath, method: 'GET', path, timeout: timeoutMs }, '');
}

/** POSTs an order; otherwise as {@link askControlSocket}. `timeoutMs`: how long carrying it out may take. */
export function orderControlSocket(
  socketPath: string,
  path: string,
  body: unknown,
  timeoutMs: number,
): Promise<unknown> {
  return converse({ socketPath, method: 'POST', path, timeout: timeoutMs }, JSON.stringify(body));
}

function converse(options: RequestOptions, sent: string): Promise<unknown> {
  return new Promise((resolve) => {
    const asked = request({ ...options, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', () => resolve(null));
      response.once('end', () => {
        resolve(response.statusCode === 200 ? parseJson(text) : null);
      });
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(null));
    asked.end(sent);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
