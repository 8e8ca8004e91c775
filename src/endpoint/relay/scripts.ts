// Scripts. Each server caches those that it was sent, and a promoted one was sent none: the relay remembers bodies that
// it saw, and when a server does not know one, loads it there and asks again. Clients that pipeline behind such a request
// get the server's -NOSCRIPT, as they would from any server that was restarted: what came behind is done already.

import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import { type Look, markRetried } from './owed.ts';
import type { RelayCore } from './relay-core.ts';
import { ERROR } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import { type Request, sendPlain, takeAlone } from './requests.ts';
import { firstLine } from './server-connection.ts';

/** Bodies that are remembered, in characters; the oldest are forgotten. */
const REMEMBERED_MAX = 1024 * 1024;

export class Scripts {
  /** Oldest use first; the hash once it was asked for. */
  readonly #bodies = new Map<string, string | null>();
  #length = 0;
  readonly #sha1: (text: string) => string;

  /** `sha1` of a byte string, in lower-case hex. */
  constructor(sha1: (text: string) => string) {
    this.#sha1 = sha1;
  }

  remember(body: string): void {
    if (body.length > REMEMBERED_MAX) return;
    const hash = this.#bodies.get(body);
    if (hash === undefined) this.#length += body.length;
    else this.#bodies.delete(body);
    this.#bodies.set(body, hash ?? null);
    for (const oldest of this.#bodies.keys()) {
      if (this.#length <= REMEMBERED_MAX) break;
      this.#bodies.delete(oldest);
      this.#length -= oldest.length;
    }
  }

  /** The script of this hash, if it is remembered. */
  find(hash: string): string | null {
    for (const [body, known] of this.#bodies) {
      const its = known ?? this.#sha1(body);
      if (known === null) this.#bodies.set(body, its);
      if (its === hash) return body;
    }
    return null;
  }

  forgetAll(): void {
    this.#bodies.clear();
    this.#length = 0;
  }
}

/** SCRIPT and FUNCTION. */
export function takeScript(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const [name = '', word = '', body = ''] = argumentsOf(request.bytes, request.start);
  if (/^(KILL|DEBUG)$/i.test(word)) return takeAlone(client, command, request);
  if (/^SCRIPT$/i.test(name)) {
    if (/^LOAD$/i.test(word)) core.scripts.remember(body);
    // Who empties the cache means it.
    else if (/^FLUSH$/i.test(word)) core.scripts.forgetAll();
  }
  return sendPlain(client, command, request);
}

/** EVAL, EVALSHA, FCALL and their read-only kin. */
export function takeScriptCall(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  if (!command.name.startsWith('EVALSHA')) {
    if (command.name.startsWith('EVAL')) {
      core.scripts.remember(argumentsOf(request.bytes, request.start)[1] ?? '');
    }
    return sendPlain(client, command, request);
  }
  const connection = client.share();
  if (connection === null) return false;
  const { bytes, start, end } = request;
  const look: Look = (type, reply, from, to) => {
    const isMissing = type === ERROR && firstLine(reply, from, to).startsWith('-NOSCRIPT');
    const hash = (argumentsOf(bytes, start)[1] ?? '').toLowerCase();
    const body = isMissing && client.reloaded !== hash && client.owed === 1 ? core.scripts.find(hash) : null;
    // A server that does not keep it is asked no third time.
    client.reloaded = body === null ? '' : hash;
    if (body === null) return 'deliver';
    connection.sendOwn(['SCRIPT', 'LOAD', body], () => 'swallow');
    client.isReplaying = true;
    client.replay.push(bytes.subarray(start, end));
    return 'swallow';
  };
  markRetried(look);
  connection.sendWatched(client, bytes, start, end, 1, command.effect !== 'read', look);
  return true;
}
