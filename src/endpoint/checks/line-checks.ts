// Checks of two or three lines: a connection alone, Redis's PING, SMTP's greeting.

import { encodeCommand } from '../../resp/encode.ts';
import type { CheckConf } from './check-conf.ts';
import { end, showAnswer, type Dialogue, type DialogueStep } from './dialogue.ts';

/** Nothing that a good server says here is longer. */
const LINE_BYTES_MAX = 4_096;
const RESET = end(false, 'it closed the connection without a word');

type Where = Pick<Extract<CheckConf, { readonly kind: 'tcp' }>, 'host' | 'port' | 'tls' | 'proxyVersion'>;

const connectTo = ({ host, port, tls, proxyVersion }: Where): DialogueStep => ({
  kind: 'connect',
  host,
  port,
  tls,
  proxyVersion: proxyVersion ?? null,
});

/** A connection, and with TLS a handshake, is enough. */
export class TcpConnect implements Dialogue {
  readonly waitsFor = 'a connection';
  readonly #where: Where;

  constructor(where: Where) {
    this.#where = where;
  }

  begin(): readonly DialogueStep[] {
    return [connectTo(this.#where)];
  }

  connected(): readonly DialogueStep[] {
    return [end(true, '')];
  }

  received(): readonly DialogueStep[] {
    return [];
  }

  closed(): readonly DialogueStep[] {
    return [RESET];
  }
}

/** Waits for whole lines. */
abstract class LineDialogue implements Dialogue {
  #isConnected = false;
  #rest = '';
  readonly #where: Where;
  abstract readonly expected: string;

  constructor(where: Where) {
    this.#where = where;
  }

  /** What to do once connected. */
  abstract greet(): readonly DialogueStep[];
  abstract line(line: string): readonly DialogueStep[];

  get waitsFor(): string {
    return this.#isConnected ? this.expected : 'a connection';
  }

  begin(): readonly DialogueStep[] {
    return [connectTo(this.#where)];
  }

  connected(): readonly DialogueStep[] {
    this.#isConnected = true;
    return this.greet();
  }

  received(bytes: string): readonly DialogueStep[] {
    this.#rest += bytes;
    const todo: DialogueStep[] = [];
    for (;;) {
      const at = this.#rest.indexOf('\n');
      if (at === -1) break;
      const line = this.#rest.slice(0, at).replace(/\r$/, '');
      this.#rest = this.#rest.slice(at + 1);
      todo.push(...this.line(line));
      if (todo.at(-1)?.kind === 'end') return todo;
    }
    if (this.#rest.length > LINE_BYTES_MAX) todo.push(end(false, 'it answers with no end of line'));
    return todo;
  }

  closed(): readonly DialogueStep[] {
    return [end(false, `it closed the connection instead of ${this.expected}`)];
  }
}

/** What a server's agent says of it: one line. */
export class AgentLine extends LineDialogue {
  readonly expected = 'a line';
  readonly #send: string;

  constructor({ host, port, send }: Extract<CheckConf, { readonly kind: 'agent' }>) {
    super({ host, port, tls: null });
    this.#send = send;
  }

  override greet(): readonly DialogueStep[] {
    return this.#send === '' ? [] : [{ kind: 'send', bytes: this.#send }];
  }

  override line(line: string): readonly DialogueStep[] {
    return [end(true, line)];
  }
}

/** `PING`, after AUTH where credentials are given, is answered by `+PONG`. */
export class RedisPing extends LineDialogue {
  readonly expected = '+PONG';
  readonly #conf: Extract<CheckConf, { readonly kind: 'redis-ping' }>;
  #awaitsAuth = false;

  constructor(conf: Extract<CheckConf, { readonly kind: 'redis-ping' }>) {
    super(conf);
    this.#conf = conf;
  }

  override greet(): readonly DialogueStep[] {
    const ping = encodeCommand(['PING']);
    const { credentials } = this.#conf;
    if (credentials === null) return [{ kind: 'send', bytes: ping }];
    this.#awaitsAuth = true;
    const user = credentials.user === null ? [] : [credentials.user];
    return [{ kind: 'send', bytes: encodeCommand(['AUTH', ...user, credentials.password]) + ping }];
  }

  override line(line: string): readonly DialogueStep[] {
    if (this.#awaitsAuth) {
      this.#awaitsAuth = false;
      return line === '+OK' ? [] : [end(false, `AUTH was answered by ${showAnswer(line)}`)];
    }
    return [line === '+PONG' ? end(true, '') : end(false, `PING was answered by ${showAnswer(line)}`)];
  }
}

/** RFC 5321 §3.1 and §3.2: the server greets with 220 and answers HELO with 250. */
export class SmtpGreeting extends LineDialogue {
  readonly #heloName: string;
  #hasGreeted = false;

  constructor(conf: Extract<CheckConf, { readonly kind: 'smtp' }>) {
    super({ host: conf.host, port: conf.port ?? 25, tls: null });
    this.#heloName = conf.heloName;
  }

  get expected(): string {
    return this.#hasGreeted ? '250 to HELO' : 'a greeting (220)';
  }

  override greet(): readonly DialogueStep[] {
    return [];
  }

  override line(line: string): readonly DialogueStep[] {
    // More lines of the same answer follow.
    if (/^\d{3}-/.test(line)) return [];
    const code = line.slice(0, 3);
    if (!this.#hasGreeted) {
      if (code !== '220') return [end(false, `it greets with ${showAnswer(line)}`)];
      this.#hasGreeted = true;
      return [{ kind: 'send', bytes: `HELO ${this.#heloName}\r\n` }];
    }
    if (code !== '250') return [end(false, `HELO was answered by ${showAnswer(line)}`)];
    return [{ kind: 'send', bytes: 'QUIT\r\n' }, end(true, '')];
  }
}
