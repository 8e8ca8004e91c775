// A connection that is always kept, to a Redis server or a sentinel: made again whenever it ends, asked the same questions
// round after round. So a death is known from the reset, not at the next poll.
//
//     waiting ─► resolving ─► connecting ─► up ─┐
//        ▲            │            │            │ ended, or silent for too long
//        └────────────┴────────────┴────────────┘
//
// One that ended after it had answered is made again at once, any other after the interval.
//
// What the answers mean is the owner's business.

import type { Reply } from '../resp/reply.ts';
import { noAddressText, type ConnectionOwner, type Core, type Naming } from './core.ts';
import type { Credentials, HostPort, TlsClientConf } from './endpoint-conf.ts';
import type { ConnectionId, EndOfConnection } from './io.ts';
import { nextAddress } from './next-address.ts';

export interface LinkTiming {
  /** Between the beginnings of two rounds; and between two attempts to connect. */
  readonly intervalMs: number;
  /** A round, or an attempt to connect, that takes longer has failed. */
  readonly timeoutMs: number;
}

export interface LinkConf {
  readonly where: HostPort;
  /** Which of its name's addresses; absent: any. */
  readonly naming?: Naming;
  readonly credentials: Credentials | null;
  readonly tls: TlsClientConf | null;
  /** See the effect `connect`. */
  readonly proxyVersion: 1 | 2 | null;
  readonly timing: LinkTiming;
  /** Said after each connecting, before the first round; what comes back is heard, not an answer. */
  readonly greeting: readonly (readonly string[])[];
}

export type LinkFailure =
  /** The name has no address. */
  | 'unresolved'
  | EndOfConnection
  /** Not connected, or not answered, in time. */
  | 'silent';

export interface LinkUser {
  /** The commands of one round. */
  questions(): readonly (readonly string[])[];
  /** All answers of a round that was asked at `askedAt`, in the order of the questions. */
  answered(replies: readonly Reply[], askedAt: number): void;
  /** Whether this is a message and no answer: those of a subscription, in RESP2. */
  isMessage(reply: Reply): boolean;
  heard(reply: Reply): void;
  /** A round that will not be answered, or no connection. */
  failed(failure: LinkFailure, detail: string): void;
}

/** What a name means is asked again after so long; at once, where a connection ends. */
const RESOLVE_MS = 10_000;
/** Silence this many timeouts long ends a connection: it may lead to a host that is not there any more. */
const SILENT_TIMEOUTS_MAX = 3;

type Expected = (reply: Reply) => void;

export class StandingLink implements ConnectionOwner {
  conf: LinkConf;
  readonly #core: Core;
  readonly #user: LinkUser;
  #state: 'waiting' | 'resolving' | 'connecting' | 'up' = 'waiting';
  #connection: ConnectionId | null = null;
  /** Waiting: when to try. */
  #tryAt = 0;
  /** Resolving and connecting: since when. */
  #since = 0;
  /** Tells an answer to an older question about the name. */
  #attempt = 0;
  #expected: Expected[] = [];
  /** Up: when the next round begins. */
  #roundAt = 0;
  /** The round under way; null: answered. */
  #round: { readonly askedAt: number; readonly count: number; readonly replies: Reply[] } | null = null;
  /** When silence counts (again). */
  #silentAt = Infinity;
  #isClosed = false;
  /** The other end has said something on this connection: only then it was more than a port that is open. */
  #hasSpoken = false;
  #intervalMs: number;
  /** Why the other end refuses our credentials; null: it does not. */
  authProblem: string | null = null;
  /** The address that was tried last; null before the first. */
  ip: string | null = null;
  /** Nobody could be connected to there, or was silent. */
  #hasFailedThere = false;
  /** Up: when to ask what its name means by now; Infinity: it has none. */
  #lookAgainAt = Infinity;

  constructor(core: Core, conf: LinkConf, user: LinkUser) {
    this.#core = core;
    this.conf = conf;
    this.#user = user;
    this.#tryAt = core.now;
    this.#intervalMs = conf.timing.intervalMs;
  }

  /** The one that stands or is being made; each has another number. */
  get connection(): ConnectionId | null {
    return this.#connection;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  dueAt(): number {
    if (this.#isClosed) return Infinity;
    switch (this.#state) {
      case 'waiting':
        return this.#tryAt;
      case 'resolving':
      case 'connecting':
        return this.#since + this.conf.timing.timeoutMs;
      case 'up':
        return Math.min(this.#round === null ? this.#roundAt : Infinity, this.#silentAt, this.#lookAgainAt);
    }
  }

  attend(): void {
    if (this.#isClosed || this.#core.now < this.dueAt()) return;
    switch (this.#state) {
      case 'waiting':
        return this.#begin();
      case 'resolving':
      case 'connecting':
        return this.#fail('silent', this.#tookTooLong(), this.#core.now);
      case 'up':
        return this.#attendUp();
    }
  }

  /** Asks the round's questions now instead of when they are due, or as soon as the round under way is answered. */
  hurry(): void {
    if (this.#state === 'up' && this.#round === null) this.#ask();
    else if (this.#state === 'up') this.#roundAt = this.#core.now;
    else if (this.#state === 'waiting') this.#tryAt = Math.min(this.#tryAt, this.#core.now);
  }

  /** Rounds, and attempts to connect, follow each other this fast from now on. */
  setPace(intervalMs: number): void {
    this.#intervalMs = intervalMs;
    const soon = this.#core.now + intervalMs;
    this.#roundAt = Math.min(this.#roundAt, soon);
    this.#tryAt = Math.min(this.#tryAt, soon);
  }

  /** Sends one command besides the rounds. `answer` is not called if the connection ends first. */
  ask(args: readonly string[], answer: (reply: Reply) => void): boolean {
    if (this.#state !== 'up') return false;
    this.#send(args);
    this.#expected.push(answer);
    return true;
  }

  /** Sends one command that has no answer. */
  say(args: readonly string[]): void {
    if (this.#state === 'up') this.#send(args);
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  connected(): void {
    this.#state = 'up';
    this.#hasFailedThere = false;
    this.authProblem = null;
    const { credentials, greeting } = this.conf;
    if (credentials !== null) {
      const { user, password } = credentials;
      this.ask(['AUTH', ...(user === null ? [] : [user]), password], (reply) => {
        // A server without a password says so; then it needs none.
        const isRefused =
          reply.kind === 'error' && !/^ERR (Client sent AUTH|AUTH <password>)/.test(reply.text);
        this.authProblem = isRefused ? withoutSecret(reply.text, password) : null;
      });
    }
    for (const args of greeting) this.#send(args);
    this.#ask();
  }

  disconnected(reason: EndOfConnection, detail: string): void {
    const { now } = this.#core;
    const hadSpoken = this.#hasSpoken;
    this.#hasFailedThere = !hadSpoken;
    this.#forget();
    // One that stood may have been ended by anybody: whether the server is gone shows the next attempt, made at once.
    if (hadSpoken && reason !== 'failed') {
      this.#wait(now);
      this.#user.failed(reason, detail);
      return;
    }
    // Who hangs up before a word would be called again and again. With TLS 1.3 that is also how our certificate is
    // turned down: our side of the handshake is over by then.
    this.#wait(now + this.#intervalMs);
    const isMute = reason === 'closed' || reason === 'reset';
    this.#user.failed(isMute ? 'failed' : reason, isMute ? `no answer: ${detail}` : detail);
  }

  replied(reply: Reply): void {
    this.#hasSpoken = true;
    if (reply.kind === 'push' || this.#user.isMessage(reply)) return this.#user.heard(reply);
    const answer = this.#expected.shift();
    answer?.(reply);
  }

  #begin(): void {
    const { host, port } = this.conf.where;
    this.#state = 'resolving';
    this.#since = this.#core.now;
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#core.resolve(host, this.conf.naming ?? {}, (ips, isKnown) => {
      if (this.#isClosed || attempt !== this.#attempt || this.#state !== 'resolving') return;
      const ip = nextAddress(ips, this.ip, this.#hasFailedThere);
      if (ip === null) {
        this.#fail('unresolved', noAddressText(host, isKnown), this.#core.now + this.#intervalMs);
        return;
      }
      this.#state = 'connecting';
      this.ip = ip;
      this.#lookAgainAt = ip === host ? Infinity : this.#core.now + RESOLVE_MS;
      const connection = this.#core.nextId();
      this.#connection = connection;
      this.#core.own(connection, this);
      const { tls, proxyVersion } = this.conf;
      this.#core.emit({ kind: 'connect', connection, ip, port, tls, proxyVersion });
    });
  }

  #tookTooLong(): string {
    const { timing, tls } = this.conf;
    const hint = tls === null ? '' : ' (does it speak TLS at this port?)';
    return `no connection within ${timing.timeoutMs} ms${hint}`;
  }

  #send(args: readonly string[]): void {
    if (this.#connection !== null) this.#core.emit({ kind: 'send', connection: this.#connection, args });
  }

  #ask(): void {
    const questions = this.#user.questions();
    const { now } = this.#core;
    const { timeoutMs } = this.conf.timing;
    this.#roundAt = now + this.#intervalMs;
    if (questions.length === 0) return;
    const round = { askedAt: now, count: questions.length, replies: [] as Reply[] };
    this.#round = round;
    this.#silentAt = now + timeoutMs;
    for (const args of questions) {
      this.ask(args, (reply) => {
        round.replies.push(reply);
        if (round.replies.length < round.count || this.#round !== round) return;
        this.#round = null;
        this.#silentAt = Infinity;
        this.#user.answered(round.replies, round.askedAt);
      });
    }
  }

  #attendUp(): void {
    const { now } = this.#core;
    if (now >= this.#lookAgainAt) this.#lookAgain();
    if (this.#round === null) {
      if (now >= this.#roundAt) this.#ask();
      return;
    }
    if (now < this.#silentAt) return;
    const { intervalMs, timeoutMs } = this.conf.timing;
    this.#silentAt = now + intervalMs;
    const detail = `no answer for ${Math.round(now - this.#round.askedAt)} ms`;
    if (now - this.#round.askedAt >= SILENT_TIMEOUTS_MAX * timeoutMs) this.#fail('silent', detail, now);
    else this.#user.failed('silent', detail);
  }

  /** Whoever is at an address that its name has left is somebody else by now. */
  #lookAgain(): void {
    const { host } = this.conf.where;
    const attempt = this.#attempt;
    this.#lookAgainAt = this.#core.now + RESOLVE_MS;
    this.#core.resolve(host, this.conf.naming ?? {}, (ips, isKnown) => {
      if (this.#isClosed || attempt !== this.#attempt || !isKnown) return;
      if (this.ip === null || ips.includes(this.ip)) return;
      // Of several servers that share a name there may be one too many now.
      const [ip = 'nowhere'] = ips;
      this.#fail('closed', `${host} is at ${ip} now`, this.#core.now);
    });
  }

  /** Gives up the attempt or the connection. */
  #fail(failure: LinkFailure, detail: string, tryAt: number): void {
    if (this.#connection !== null) this.#hasFailedThere = true;
    this.#drop();
    this.#wait(tryAt);
    this.#user.failed(failure, detail);
  }

  #drop(): void {
    if (this.#connection !== null) this.#core.emit({ kind: 'close', connection: this.#connection });
    this.#forget();
  }

  #forget(): void {
    if (this.#connection !== null) this.#core.disown(this.#connection);
    this.#connection = null;
    this.#hasSpoken = false;
    this.#attempt += 1;
    this.#expected = [];
    this.#round = null;
    this.#silentAt = Infinity;
    this.#state = 'waiting';
  }

  #wait(tryAt: number): void {
    this.#state = 'waiting';
    this.#tryAt = tryAt;
  }
}

/** A server that knows no AUTH repeats its arguments, the first 128 bytes of them, in the error. */
const withoutSecret = (text: string, secret: string): string =>
  text.replace(/,? with args beginning with.*/s, '').replaceAll(secret, '(password)');
