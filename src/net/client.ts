// One client of our port: its socket, its requests as they are decoded, its answers until they are written, and the
// limits on all of that. What the requests mean is the machine's business.

import type { Socket } from 'node:net';
import { encodeReply } from '../resp/encode.ts';
import { error, type Protocol, type Reply } from '../resp/reply.ts';
import { REQUEST_LIMITS, RequestDecoder, type RequestLimits } from '../resp/request-decoder.ts';
import type { OutputBufferLimit } from '../sentinel/conf/conf.ts';
import type { ClientId } from '../sentinel/io.ts';

/**
 * A client that has this much to read gets no further command carried out until it has read. The reference lets the
 * answers grow without limit (its normal class has none); here they wait as unread requests on the client's side.
 */
const BACKPRESSURE_BYTES = 1024 * 1024;

/**
 * How long the requests of one client may keep the daemon busy in one turn of the event loop. A pipeline of thousands
 * of expensive ones (SENTINEL MASTERS with hundreds of masters) would otherwise be carried out in one go, for seconds
 * in which no node is heard.
 */
const TURN_MS_MAX = 5;

/** How long a client that is being closed may take to read its last answers. */
const LINGER_MS = 5_000;

/**
 * Differs from Sentinel: it takes requests of half a gigabyte, because it shares that limit with a server that stores
 * data. Nothing a sentinel is asked comes near this.
 */
const LIMITS: RequestLimits = {
  ...REQUEST_LIMITS,
  bulkBytesMax: 16 * 1024 * 1024,
  requestBytesMax: 16 * 1024 * 1024,
};

/** What a client needs from the listener that owns it. */
export interface ClientOwner {
  readonly normalLimit: OutputBufferLimit;
  readonly pubsubLimit: OutputBufferLimit;
  isAuthenticated(client: ClientId): boolean;
  isSubscribed(client: ClientId): boolean;
  /** A whole request. */
  command(client: ClientId, args: readonly string[]): void;
  /** The client has something to write. */
  wantsFlush(client: Client): void;
  /** The client would go on, by {@link Client.goOn}, once others have been heard. */
  wantsTurn(client: Client): void;
  /** What the client holds of unfinished requests has changed by `bytes`. */
  holdsMore(bytes: number): void;
  /** All that one read brought was handed over. */
  settle(): void;
  /** Something an operator should read in the log. */
  report(sentence: string): void;
  /** The socket is closed; nothing more comes. */
  closed(client: Client): void;
}

export class Client {
  readonly id: ClientId;
  readonly #socket: Socket;
  readonly #owner: ClientOwner;
  readonly #requests = new RequestDecoder(LIMITS);
  /** Answers since the last flush, encoded. */
  #answers = '';
  #isHeld = false;
  #isClosing = false;
  /** It has shut down its sending side. */
  #hasEnded = false;
  #isBackedUp = false;
  /** Its turn is over. */
  #isWaitingForTurn = false;
  /** What the owner has been told that unfinished requests hold. */
  #heldBytes = 0;
  /** When the soft output limit was first exceeded, without a break since. */
  #overSoftLimitSince: number | null = null;

  constructor(id: ClientId, socket: Socket, owner: ClientOwner) {
    this.id = id;
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Begins to read. */
  start(idleTimeoutSeconds: number): void {
    const socket = this.#socket;
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#isClosing = true;
      this.#account();
      this.#owner.closed(this);
    });
    socket.on('drain', () => this.#drained());
    socket.once('end', () => {
      this.#hasEnded = true;
      this.#readOn();
      this.#owner.settle();
    });
    socket.on('data', (chunk: Buffer) => {
      if (this.#isClosing) return;
      this.#requests.push(chunk);
      this.decode();
      this.#owner.settle();
    });
    if (idleTimeoutSeconds > 0) {
      socket.setTimeout(idleTimeoutSeconds * 1000, () => {
        if (!this.#owner.isSubscribed(this.id) && !this.#isHeld) socket.destroy();
      });
    }
  }

  /** Hands over the whole requests that have arrived, as far as the client may be served now. */
  decode(): void {
    const turnEndsAt = performance.now() + TURN_MS_MAX;
    while (!this.#isHeld && !this.#isClosing && !this.#isBackedUp && !this.#isWaitingForTurn) {
      this.#requests.isUnauthenticated = !this.#owner.isAuthenticated(this.id);
      const request = this.#requests.next();
      if (request === null) break;
      if ('code' in request) {
        this.answer(error(`ERR ${request.sentence}`), 2);
        this.close();
        break;
      }
      this.#owner.command(this.id, request);
      if (this.#answers.length > BACKPRESSURE_BYTES) this.#backUp();
      else if (performance.now() > turnEndsAt) this.#yieldTurn();
    }
    this.#account();
    this.#readOn();
  }

  /** Its next turn has come. */
  goOn(): void {
    this.#isWaitingForTurn = false;
    this.decode();
  }

  answer(reply: Reply, protocol: Protocol): void {
    if (this.#isClosing) return;
    if (this.#answers === '') this.#owner.wantsFlush(this);
    this.#answers += encodeReply(reply, protocol);
  }

  /** What it sends from now on stays on its side of the network, apart from what is in the socket already. */
  hold(): void {
    this.#isHeld = true;
    this.#socket.pause();
  }

  /** To be followed by {@link decode}, once no step is under way. */
  release(): void {
    this.#isHeld = false;
  }

  /** No further request is read; closes once what was answered is written, or nobody reads it. */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#owner.wantsFlush(this);
  }

  /** Writes the answers, all at once, and looks at the limits. `nowMs`: any monotonic clock. */
  flush(nowMs: number): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (this.#answers !== '') {
      socket.write(this.#answers, 'latin1');
      this.#answers = '';
    }
    if (this.#isClosing) {
      this.#leave();
      return;
    }
    const waiting = socket.writableLength;
    if (waiting > 0) {
      this.#enforceLimits(waiting, nowMs);
    } else {
      this.#overSoftLimitSince = null;
      // All of it went into the socket at once: there will be no 'drain'.
      this.#unblock();
    }
  }

  /** Bytes of requests that are not whole, or were not carried out yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes that wait to be written. */
  get waitingBytes(): number {
    return this.#answers.length + this.#socket.writableLength;
  }

  /** Closes at once. */
  destroy(): void {
    this.#isClosing = true;
    this.#account();
    this.#socket.destroy();
  }

  #enforceLimits(waiting: number, nowMs: number): void {
    const isSubscribed = this.#owner.isSubscribed(this.id);
    const limit = isSubscribed ? this.#owner.pubsubLimit : this.#owner.normalLimit;
    if (limit.softBytes > 0 && waiting > limit.softBytes) this.#overSoftLimitSince ??= nowMs;
    else this.#overSoftLimitSince = null;
    const isOverHard = limit.hardBytes > 0 && waiting > limit.hardBytes;
    const isOverSoft =
      this.#overSoftLimitSince !== null && nowMs - this.#overSoftLimitSince > limit.softSeconds * 1000;
    if (isOverHard || isOverSoft) {
      const kind = isSubscribed ? 'pubsub' : 'normal';
      this.#owner.report(
        `Client id=${this.id} closed: ${waiting} bytes wait for it to read, over the ${isOverHard ? 'hard' : 'soft'} limit of client-output-buffer-limit ${kind}`,
      );
      this.#socket.destroy();
    } else if (waiting > BACKPRESSURE_BYTES) {
      this.#backUp();
    }
  }

  #backUp(): void {
    this.#isBackedUp = true;
    this.#socket.pause();
  }

  #drained(): void {
    this.#overSoftLimitSince = null;
    this.#unblock();
  }

  /** Serves the client again after it has read its answers: not at once, for it may read as fast as we write. */
  #unblock(): void {
    if (!this.#isBackedUp) return;
    this.#isBackedUp = false;
    this.#yieldTurn();
  }

  #yieldTurn(): void {
    if (this.#isWaitingForTurn) return;
    this.#isWaitingForTurn = true;
    this.#socket.pause();
    this.#owner.wantsTurn(this);
  }

  /** Closes once everything is written, or the client does not read it. */
  #leave(): void {
    this.#isClosing = true;
    this.#socket.setTimeout(LINGER_MS, () => this.#socket.destroy());
    this.#socket.destroySoon();
  }

  /**
   * Reads more, unless some of what was read waits to be carried out. A client that shut down its sending side is gone
   * after that, as for the reference.
   */
  #readOn(): void {
    if (this.#isHeld || this.#isClosing || this.#isBackedUp || this.#isWaitingForTurn) return;
    if (this.#hasEnded) this.close();
    else this.#socket.resume();
  }

  /** Tells what unfinished requests hold now; those of a client that is being closed are none. */
  #account(): void {
    const held = this.#isClosing ? 0 : this.#requests.heldBytes;
    const change = held - this.#heldBytes;
    this.#heldBytes = held;
    if (change !== 0) this.#owner.holdsMore(change);
  }
}
