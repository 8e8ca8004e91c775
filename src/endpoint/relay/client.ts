// One client: what it sent is cut into requests and each is sent where it belongs, over a connection that many share
// or over one of its own; replies go back in the order of its requests. What single commands mean is in requests.ts.

import { byteString, bytesOf } from '../../base/byte-string.ts';
import { encodeCommand } from '../../resp/encode.ts';
import type { Backend } from './backend.ts';
import type { Blocked } from './blocking.ts';
import { ClientInput } from './client-input.ts';
import type { Command, CommandKind } from './command-table.ts';
import type { Doubt } from './doubt.ts';
import { Outgoing } from './outgoing.ts';
import { Pinned, UNPINNED } from './pinned.ts';
import type { RelayCore } from './relay-core.ts';
import { RequestScanner } from './request-scanner.ts';
import { type Request, takeSpecial, takesItsTime } from './requests.ts';
import type { ServerConnection } from './server-connection.ts';
import { FRESH, type SignOn, shareKey } from './sign-on.ts';
import { askWhetherDone, beginLong } from './unanswered.ts';
import type { Wire } from './wire.ts';
import { Writes } from './writes.ts';

/**
 * Why the next request is not passed on: `replies` to earlier ones have to come first; there is no `server`; the server
 * has no `room` for more; clients are held (`hold`).
 */
export type Wait = 'replies' | 'server' | 'room' | 'hold';

/** Kinds that may be passed on unseen when they are long; all others leave something behind, or are refused. */
const STREAMED: ReadonlySet<CommandKind> = new Set([
  'plain',
  'blocking',
  'stream-read',
  'script',
  'script-call',
  'unknown',
]);

export class Client {
  readonly wire: Wire;
  /** What it has said about itself. */
  signOn: SignOn = FRESH;
  /** What it has at its own connection. */
  pinned: Pinned = UNPINNED;
  /** Whether it asked to be told of switches (CLIENT MAINT_NOTIFICATIONS). */
  hearsOfSwitches = false;
  /** Of its writes, what a WAIT has to know. */
  readonly writes = new Writes();
  /** The server it was led to. */
  backend: Backend | null = null;
  /** Its own connection, while it needs one. */
  own: ServerConnection | null = null;
  /** Where its last requests were sent, if not to `own`. */
  shared: ServerConnection | null = null;
  /** Replies that are to come. */
  owed = 0;
  wait: Wait | null = null;
  /** It asked to be known differently, and its connection is ahead of it. */
  isSigningOn = false;
  /** A server refused a request of it because it is no primary any more: what follows is not answered but kept. */
  isReplaying = false;
  /** Whether the refusal was one is not sure yet. */
  doubt: Doubt | null = null;
  /** The server's side of its own connection is not what the client believes: it needs another. */
  isOutdated = false;
  /** What is to be sent again, or answered, in order. */
  replay: Uint8Array[] = [];
  /** What it asked that may take long, until that is answered. */
  blocked: Blocked | null = null;
  /** Hash of the script that was just loaded for it, at a server that did not know it; empty: none. */
  reloaded = '';
  /** Since when it waits for a server, in the relay's time. */
  waitsSince = 0;
  /** No more requests of it are taken; it is closed once it has its replies. */
  isClosing = false;
  isGone = false;
  /** It has closed its side, or asked to be closed: nothing behind what is there is taken of it. */
  #hasEnded = false;
  /** When bytes last went either way. */
  lastActiveMs = 0;
  /** What {@link RelayCore} counts of bytes that it has not taken. */
  countedBytes = 0;
  readonly #core: RelayCore;
  readonly #input = new ClientInput();
  readonly #scanner = new RequestScanner();
  readonly #output = new Outgoing(false);
  #isDirty = false;
  /** Some of its input is what was taken back. */
  #hasReplays = false;
  #isPaused = false;
  /** A request too long to be gathered is passing through. */
  #isStreaming = false;

  constructor(core: RelayCore, wire: Wire) {
    this.#core = core;
    this.wire = wire;
    if (core.isTransparent) this.pinned = new Pinned(true);
  }

  /** Bytes have arrived. They must not change from now on. */
  received(chunk: Uint8Array): void {
    if (this.isClosing || this.#hasEnded || this.isGone) return;
    this.lastActiveMs = this.#core.nowMs;
    this.#input.push(chunk);
    if (this.wait === null) this.advance();
    else this.#readOn();
    this.#core.settle();
  }

  /** Passes on what can be passed on. */
  advance(): void {
    const input = this.#input;
    const scanner = this.#scanner;
    while (this.wait === null && !this.isClosing) {
      if (input.at === input.end && !input.next()) break;
      if (this.#hasReplays && input.isAnswer) {
        this.answer(byteString(input.bytes, 0, input.end));
        input.at = input.end;
        continue;
      }
      if (this.#isStreaming) {
        if (!this.#stream()) break;
        continue;
      }
      switch (scanner.scan(input.bytes, input.at, input.end)) {
        case 'whole':
          if (this.#request()) input.at = scanner.end;
          continue;
        case 'blank':
          input.at = scanner.end;
          continue;
        case 'partial':
          if (input.end - input.at > this.#core.limits.gatheredBytesMax && !this.#isGathered()) {
            this.#beginStream();
            continue;
          }
          if (this.isClosing) break;
          if (input.gather()) continue;
          break;
        case 'bad':
          this.answer(`-ERR Protocol error: ${scanner.problem}\r\n`);
          this.isClosing = true;
          this.finishIfDone();
          break;
      }
      break;
    }
    this.#readOn();
    // What came last may have been answered here.
    if (this.#hasEnded) this.#finish();
  }

  /** A reply, or a part of one. */
  deliver(bytes: Uint8Array, start: number, end: number): void {
    if (this.isGone) return;
    this.#output.add(bytes, start, end);
    if (!this.#isDirty) {
      this.#isDirty = true;
      this.#core.wantsOutput(this);
    }
  }

  /** One of the replies owed to it was given out, or withheld. */
  answered(): void {
    if (--this.owed === 0) this.#core.hasAllReplies(this);
  }

  /** It has all its replies: it may change connections, or leave. */
  settled(): void {
    if (this.owed > 0 || this.isGone) return;
    this.isSigningOn = false;
    if (this.isReplaying) {
      this.isReplaying = false;
      this.takeBack(this.replay);
      this.replay = [];
      if (this.wait === null) this.wait = 'replies';
    } else if (this.pinned.caching?.isUsed === true) this.pinned.caching = null;
    if (this.own !== null && !this.pinned.isNeeded) this.releaseOwn();
    else if (this.backend?.isEnding === true) this.own?.fail('the endpoint leads elsewhere');
    this.finishIfDone();
    if (this.wait === 'replies') this.goOn();
  }

  /** What it waited for has come. */
  goOn(): void {
    if (this.wait === 'server') this.#core.waitsNoMore(this);
    this.wait = null;
    this.advance();
  }

  /** Writes what was gathered for it. */
  flush(): void {
    this.#isDirty = false;
    if (this.isGone || this.#output.bytes === 0) return;
    this.lastActiveMs = this.#core.nowMs;
    this.wire.write(this.#output.take());
    this.#core.wrote(this);
  }

  /** A reply of the relay's own, in its turn; `request` is what it answers, for when it has to be said again. */
  answer(text: string, request: Request | null = null): void {
    const bytes = bytesOf(text);
    if (this.owed === 0) this.deliver(bytes, 0, bytes.length);
    else {
      const { bytes: from, start, end } = request ?? { bytes, start: 0, end: 0 };
      (this.own ?? this.shared)?.answerLater(this, bytes, from, start, end);
    }
  }

  /**
   * A connection of its own, brought to what it has said; null: it has to wait. With `isSignOn` it may be one that is
   * `wanted` already, for a request that asks for just that: nothing else may be said on it before the server's answer.
   */
  borrow(wanted: SignOn = this.signOn, isSignOn = false): ServerConnection | null {
    if (this.own !== null) return this.own;
    if (this.owed > 0) {
      this.wait = 'replies';
      return null;
    }
    const connection = this.#core.lend(this, wanted);
    if (connection === null) return null;
    this.own = connection;
    this.shared = null;
    connection.client = this;
    if (this.pinned === UNPINNED) this.pinned = new Pinned(false);
    // One that another client signed on as is wanted now needs nothing said before the server proves it.
    if (isSignOn && shareKey(connection.has) === shareKey(wanted)) this.isSigningOn = !this.pinned.isNeeded;
    else connection.signOn(this.signOn, true);
    return connection;
  }

  /** Gives its own connection back. */
  releaseOwn(): void {
    const { own } = this;
    if (own === null) return;
    this.own = null;
    own.client = null;
    this.pinned = UNPINNED;
    this.#core.giveBack(own, this);
  }

  /** Its own connection is over, and it needs none. */
  loseOwn(): void {
    this.own = null;
    this.isSigningOn = false;
    if (!this.#core.isTransparent) this.pinned = UNPINNED;
  }

  /** Requests that were not carried out, to be sent anew before all else. */
  takeBack(pieces: readonly Uint8Array[]): void {
    if (this.isClosing) {
      // It is closed behind them, and what it said behind that still counts for nothing.
      this.isClosing = false;
      this.#hasEnded = true;
      this.#input.clear();
    }
    this.#hasReplays = true;
    this.#scanner.reset();
    this.#input.putBack(pieces);
  }

  /** Closes it at once, so that it knows that something is wrong. */
  reset(): void {
    if (this.isGone) return;
    this.wire.reset();
    this.gone();
  }

  /**
   * Nothing more can be done for it, and what it waits for was not done: it is told why, and closed. One that waits for
   * nothing (`isAsking` tells of more than this knows) is only closed: some clients can't bear an answer to nothing.
   */
  end(error: string, isAsking = false): void {
    if (this.isGone) return;
    if (isAsking || this.owed > 0 || this.#input.length > 0) {
      const bytes = bytesOf(`${error}\r\n`);
      this.deliver(bytes, 0, bytes.length);
    }
    this.flush();
    if (this.isGone) return;
    this.wire.close();
    this.gone();
  }

  /** Its connection is over. */
  gone(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#input.clear();
    const { own } = this;
    this.own = null;
    if (own !== null) {
      own.client = null;
      this.#core.drop(own);
    }
    this.#core.left(this);
  }

  /** It has closed its side. What it asked before is answered, unless it waits for others; then it is closed. */
  ended(): void {
    const first = this.own?.firstOwed;
    this.#hasEnded = true;
    if (first !== undefined && takesItsTime(first)) this.reset();
    else this.#finish();
  }

  /** Nothing more comes of it. What it has half said is never answered. */
  #finish(): void {
    if (this.#isStreaming && this.wait === null) this.reset();
    else this.finishIfDone();
  }

  /** Closes it if it was to be closed and has all its replies. */
  finishIfDone(): void {
    if (this.owed > 0 || this.isGone) return;
    if (!this.isClosing && (!this.#hasEnded || this.wait !== null)) return;
    this.flush();
    this.wire.close();
    this.gone();
  }

  /** Decides about the request that was scanned. False: it waits. */
  #request(): boolean {
    const core = this.#core;
    if (core.isHolding && (!this.pinned.isMulti || this.isOutdated)) {
      this.wait = 'hold';
      return false;
    }
    if (this.owed > 0 && (this.isSigningOn || this.isReplaying || this.backend?.isEnding === true)) {
      this.wait = 'replies';
      return false;
    }
    if (this.isOutdated) {
      this.own?.fail('what was begun there has to be begun again');
      this.isOutdated = false;
      if (this.isGone) return false;
    }
    const scanner = this.#scanner;
    const { words } = scanner;
    let { bytes, at: start } = this.#input;
    let { end } = scanner;
    let command: Command;
    if (words === null) {
      command = core.table.find(bytes, scanner.nameStart, scanner.nameEnd);
    } else {
      // A line with quotes may mean a different thing to another server; an array can't.
      bytes = bytesOf(encodeCommand(words));
      start = 0;
      end = bytes.length;
      command = core.table.findText(words[0] as string);
    }
    if (command.kind !== 'plain' || this.pinned !== UNPINNED) {
      return takeSpecial(this, core, command, { bytes, start, end });
    }
    const connection = this.share();
    if (connection === null) return false;
    connection.send(this, bytes, start, end, 1, command.effect !== 'read');
    return true;
  }

  /** The connection for requests that leave nothing behind; null: it has to wait. */
  share(): ServerConnection | null {
    // While replies are owed it stays where they come from, or they could overtake one another.
    if (this.own === null && this.pinned.isNeeded) return this.borrow();
    let connection = this.own ?? (this.owed > 0 ? this.shared : null);
    if (connection === null) {
      connection = this.#core.share(this);
      if (connection === null) return null;
      this.shared = connection;
    }
    return this.hasRoom(connection) ? connection : null;
  }

  /** Whether `connection` takes more; if not, the client waits until it does. */
  hasRoom(connection: ServerConnection): boolean {
    if (!connection.isCongested) return true;
    this.wait = 'room';
    this.#core.waitsForRoom(this);
    return false;
  }

  /** Whether the long request being scanned has to be seen whole all the same. One that is too long for that is refused. */
  #isGathered(): boolean {
    const { nameStart, nameEnd } = this.#scanner;
    const { bytes, at, end } = this.#input;
    if (STREAMED.has(this.#core.table.find(bytes, nameStart, nameEnd).kind)) return false;
    if (end - at > this.#core.limits.lookedAtBytesMax) {
      this.answer('-ERR Protocol error: a request of its kind is not passed on at this length\r\n');
      this.isClosing = true;
      this.finishIfDone();
    }
    return true;
  }

  /** The request being scanned is too long to be gathered. */
  #beginStream(): void {
    if (this.#core.isHolding) {
      this.wait = 'hold';
      return;
    }
    const connection = this.borrow();
    if (connection === null) return;
    const input = this.#input;
    const length = Math.min(this.#scanner.knownBytes, input.end - input.at);
    this.#isStreaming = true;
    beginLong(this, this.#core, { bytes: input.bytes, start: input.at, end: input.at + length });
    input.at += length;
    this.#scanner.leaveBehind(length);
  }

  /** Passes on more of the long request. False: more has to come. */
  #stream(): boolean {
    const input = this.#input;
    const { own } = this;
    if (own === null) return false;
    if (!this.hasRoom(own)) return false;
    const scanned = this.#scanner.scan(input.bytes, input.at, input.end);
    if (scanned === 'bad') {
      // The server has a part of it: nothing can be said any more.
      this.reset();
      return false;
    }
    const isWhole = scanned === 'whole';
    const length = isWhole
      ? this.#scanner.end - input.at
      : Math.min(this.#scanner.knownBytes, input.end - input.at);
    if (length > 0) own.sendMore(input.bytes, input.at, input.at + length);
    input.at += length;
    this.#isStreaming = !isWhole;
    if (isWhole) askWhetherDone(this, this.#core);
    else this.#scanner.leaveBehind(length);
    return isWhole || input.at === input.end || input.gather();
  }

  /** Whether a request is being passed on in parts. */
  get isMidRequest(): boolean {
    return this.#isStreaming;
  }

  /** Whether a part of a reply, or of a message, was given to it. */
  get isMidReply(): boolean {
    return (this.own ?? this.shared)?.midReplyOf === this;
  }

  /** Bytes of it that wait to be passed on. */
  get heldBytes(): number {
    return this.#input.length;
  }

  /** Reads from it, or does not while too much of it waits. */
  #readOn(): void {
    const isFull = this.wait !== null && this.#input.length > this.#core.waitingBytesMax;
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.wire.pause();
    else this.wire.resume();
  }
}
