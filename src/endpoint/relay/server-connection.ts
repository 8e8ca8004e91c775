// One connection to a server: requests go out in batches, replies come home to whom they are owed. Many clients share
// it, or one owns it; it knows which only where a message that answers nothing has to find its client.

import { assert } from '../../base/assert.ts';
import { bytesOf } from '../../base/byte-string.ts';
import { encodeCommand } from '../../resp/encode.ts';
import type { Slowdown } from './back-pressure.ts';
import type { Client } from './client.ts';
import { markAnswer } from './client-input.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { type Look, NOTHING_OWED, type Owed, OwedQueue, type Verdict } from './owed.ts';
import { Outgoing } from './outgoing.ts';
import { ERROR, GARBAGE, PARTIAL, PUSH, ReplyScanner } from './reply-scanner.ts';
import { answersNothing, firstLine } from './reply-text.ts';
import { FRESH, type SignOn, commandsBetween } from './sign-on.ts';
import type { Transaction } from './transaction.ts';
import { acknowledgesWrite } from './wait.ts';
import type { Wire, WireEvents } from './wire.ts';
import { Fate } from './writes.ts';

/** So much of a reply must be there before it is passed on in pieces: whoever looks at one sees its beginning whole. */
const HEAD_BYTES = 512;

/** What comes instead of an answer to anything, before the server closes. */
const TURNED_AWAY = /^-ERR max number of clients reached/;

export class ServerConnection implements WireEvents {
  /** What was said on it. */
  has: SignOn = FRESH;
  /** What became of all that was written on it. */
  fate = new Fate(null);
  /** Whose it is; null for a shared one, and for one that waits for its next owner. */
  client: Client | null = null;
  /** A long reply is on its way: others had better use another connection. */
  isStreaming = false;
  /** A client that is too slow for it. */
  slowdown: Slowdown | null = null;
  isConnected = false;
  isOver = false;
  /** So much waits for the server, or for its answer, that no more should be sent; kept by the relay. */
  isCongested = false;
  /** Of the reply that is being looked at, so many bytes at its beginning: the client was given others for them. */
  replacedBytes = 0;
  /** It has sent anything. */
  hasSpoken = false;
  /** It did not even listen to what was sent: it has too many clients. */
  wasTurnedAway = false;
  /** Who had a part of a reply or message when it ended, and can be given nothing behind that. */
  cutOff: Client | null = null;
  /** What it said when it refused who its clients are, or what they need; null: it did not. */
  refusal: string | null = null;
  readonly #owner: ConnectionOwner;
  #wire: Wire | null = null;
  readonly #queue: OwedQueue;
  /** How many of the queue's last were not sent. */
  #unsent = 0;
  #outgoing: Outgoing;
  readonly #isShared: boolean;
  /** Replies to come without which nothing else may be said: under another name it would be another's request. */
  #signingOn = 0;
  /** What waits for them, and in how many runs; null: nothing has to. */
  #held: Outgoing | null = null;
  #heldRuns = 0;
  #isDirty = false;
  readonly #scanner = new ReplyScanner();
  /** The beginning of a reply that is too short to judge. */
  #tail: Uint8Array | null = null;
  /** What becomes of the reply of which the beginning was passed on; null: none was. */
  #verdict: Verdict | null = null;
  #isMessage = false;
  #replyBytes = 0;

  constructor(owner: ConnectionOwner, isShared: boolean) {
    this.#owner = owner;
    this.#queue = new OwedQueue(owner.kept);
    this.#isShared = isShared;
    this.#outgoing = new Outgoing(isShared);
  }

  /** Once, before anything is sent. */
  attach(wire: Wire): void {
    this.#wire = wire;
  }

  /** Bytes that the server has not taken. */
  get unsentBytes(): number {
    return this.#outgoing.bytes + (this.#held?.bytes ?? 0) + (this.#wire?.unsentBytes ?? 0);
  }

  /** Requests it owes replies to, in runs. */
  get owedRuns(): number {
    return this.#queue.length;
  }

  /** And those that were not sent. */
  get unsentRuns(): number {
    return this.#unsent;
  }

  /** Whether the server has requests that it did not answer. */
  get hasSent(): boolean {
    return this.isConnected && this.#queue.length > this.#unsent;
  }

  get owing(): OwedQueue {
    return this.#queue;
  }

  get firstOwed(): Owed | undefined {
    return this.#queue.first;
  }

  /** Plain requests of one client, `count` of them. */
  send(
    client: Client,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
    hasWrite: boolean,
  ): void {
    const last = this.#unsent > 0 ? this.#queue.last : undefined;
    client.owed += count;
    if (
      last !== undefined &&
      last.client === client &&
      last.bytes === bytes &&
      last.end === start &&
      last.look === null &&
      last.local === null
    ) {
      this.#queue.extend(last, end);
      last.count += count;
      last.hasWrite ||= hasWrite;
    } else {
      this.#push({
        client,
        bytes,
        start,
        end,
        count,
        answered: 0,
        hasWrite,
        look: null,
        local: null,
        transaction: null,
      });
    }
    this.#add(bytes, start, end);
  }

  /** One request whose replies are looked at. `sent` is what the server gets in place of it; null: the same. */
  sendWatched(
    client: Client,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
    hasWrite: boolean,
    look: Look,
    transaction: Transaction | null = null,
    sent: Uint8Array | null = null,
  ): void {
    client.owed += count;
    this.#push({ client, bytes, start, end, count, answered: 0, hasWrite, look, local: null, transaction });
    if (sent === null) this.#add(bytes, start, end);
    else this.#add(sent, 0, sent.length);
  }

  /** The beginning of a request that is too long to be kept; more follows by {@link sendMore}. */
  sendLong(client: Client, bytes: Uint8Array, start: number, end: number): void {
    client.owed += 1;
    this.#push({ ...NOTHING_OWED, client, hasWrite: true });
    this.#add(bytes, start, end);
  }

  /** Bytes of which the server will answer nothing, or that belong to what was begun. */
  sendMore(bytes: Uint8Array, start: number, end: number): void {
    this.#add(bytes, start, end);
  }

  /** A command of the relay's own that is answered by nothing. */
  sendQuietly(args: readonly string[]): void {
    const bytes = bytesOf(encodeCommand(args));
    this.#add(bytes, 0, bytes.length);
  }

  /** Whose reply or message was given out in part. */
  get midReplyOf(): Client | null {
    if (this.#verdict !== 'deliver') return null;
    return this.#isMessage ? this.client : (this.#queue.first?.client ?? null);
  }

  /** A command of the relay's own. */
  sendOwn(args: readonly string[], look: Look, count = 1): void {
    const bytes = bytesOf(encodeCommand(args));
    this.#push({ ...NOTHING_OWED, bytes, end: bytes.length, count, look });
    this.#add(bytes, 0, bytes.length);
  }

  /** A reply of the relay's own to `client`, behind what is owed to it. `request` is what it answers. */
  answerLater(client: Client, local: Uint8Array, request: Uint8Array, start: number, end: number): void {
    client.owed += 1;
    this.#push({ ...NOTHING_OWED, client, bytes: request, start, end, local });
  }

  /** Says on it what is missing of `wanted`; all else waits until that is accepted. A refusal ends the connection. */
  signOn(wanted: SignOn, withNames: boolean): void {
    assert(this.#held === null, 'a connection is signed on once at a time');
    for (const { args, isOptional } of commandsBetween(this.has, wanted, withNames)) {
      if (!isOptional) this.#signingOn++;
      this.sendOwn(args, (type, bytes, start, end) => {
        if (!isOptional && type !== ERROR) this.#accepted();
        else if (!isOptional) {
          this.refusal = firstLine(bytes, start, end);
          this.fail(`the server refused ${args[0] ?? ''}: ${this.refusal}`);
        }
        return 'swallow';
      });
    }
    if (this.#signingOn > 0) this.#held = new Outgoing(this.#isShared);
    this.has = withNames
      ? wanted
      : {
          ...this.has,
          login: wanted.login ?? this.has.login,
          protocol: wanted.protocol,
          db: wanted.db,
        };
  }

  /** One thing was accepted without which nothing may be said. */
  #accepted(): void {
    if (--this.#signingOn > 0 || this.#held === null) return;
    // What signed it on was sent, or it would not be answered: nothing else is there.
    this.#outgoing = this.#held;
    this.#held = null;
    this.#heldRuns = 0;
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#owner.wantsFlush(this);
  }

  /** Sends what was gathered. */
  flush(): void {
    this.#isDirty = false;
    if (!this.isConnected || this.isOver) return;
    this.#unsent = this.#heldRuns;
    if (this.#outgoing.bytes > 0) this.#wire?.write(this.#outgoing.take());
  }

  pause(): void {
    this.#wire?.pause();
  }

  resume(): void {
    this.#wire?.resume();
  }

  /** Ends it at once and tells the owner. */
  fail(because: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.fate.isOver = true;
    this.cutOff = this.midReplyOf;
    this.#wire?.reset();
    this.#owner.lost(this, this.#queue.takeAll(), this.#unsent, because);
  }

  /** Ends it and tells nobody: nothing is owed, or nobody cares. */
  discard(): void {
    this.isOver = true;
    this.#queue.takeAll();
    this.#wire?.reset();
  }

  connected(): void {
    if (this.isOver) return;
    this.isConnected = true;
    this.flush();
    this.#owner.connected(this);
  }

  drained(): void {
    if (this.isCongested && !this.isOver) this.#owner.drained(this);
  }

  closed(because: string): void {
    this.fail(because);
    this.#owner.settle();
  }

  received(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#tail !== null) {
      bytes = new Uint8Array(this.#tail.length + chunk.length);
      bytes.set(this.#tail);
      bytes.set(chunk, this.#tail.length);
      this.#tail = null;
    }
    const end = bytes.length;
    const scanner = this.#scanner;
    let at = 0;
    while (at < end && !this.isOver) {
      const stop = scanner.next(bytes, at, end);
      if (stop === GARBAGE) {
        this.fail('the server sent something that is no reply');
        break;
      }
      if (stop === PARTIAL) {
        this.#beginning(bytes, at, end);
        break;
      }
      if (this.#verdict === null) this.#whole(bytes, at, stop);
      else this.#ending(bytes, at, stop);
      at = stop;
    }
    this.hasSpoken = true;
    this.drained();
    this.#owner.settle();
  }

  #push(owed: Owed): void {
    this.#queue.push(owed);
    this.#unsent++;
    if (this.#held !== null) this.#heldRuns++;
    // What was said before may all have been answered.
    if (owed.local !== null && this.#queue.length === 1) this.#giveLocals();
  }

  #add(bytes: Uint8Array, start: number, end: number): void {
    (this.#held ?? this.#outgoing).add(bytes, start, end);
    if (!this.#isDirty) {
      this.#isDirty = true;
      this.#owner.wantsFlush(this);
    }
  }

  #whole(bytes: Uint8Array, start: number, end: number): void {
    const owed = this.#queue.first;
    const { type } = this.#scanner;
    const isPlain = owed !== undefined && owed.look === null && type !== ERROR && type !== PUSH;
    if (isPlain && (this.client === null || !this.client.pinned.hearsUnasked)) {
      // The common case: a plain reply to somebody who hears nothing else there.
      const client = owed.client as Client;
      if (!client.isReplaying) {
        client.deliver(bytes, start, end);
        if (owed.hasWrite && client.writes.at !== this.fate) client.writes.noted(this.fate);
        this.#answered(owed);
        return;
      }
    }
    const verdict = this.#judge(owed, bytes, start, end, true);
    if (verdict === null) return;
    if (verdict === 'deliver') this.#deliver(owed, bytes, start, end);
    if (!this.#isMessage && owed !== undefined) this.#answered(owed);
  }

  /** The chunk ends inside a reply. */
  #beginning(bytes: Uint8Array, start: number, end: number): void {
    if (this.#verdict === null) {
      if (end - start < HEAD_BYTES) {
        this.#tail = bytes.slice(start, end);
        this.#scanner.restart();
        return;
      }
      this.#replyBytes = 0;
      const expected = this.#isShared ? this.#scanner.expectedBytes(bytes, start, end) : 0;
      if (expected > this.#owner.limits.longReplyBytes) {
        // First, so that what is asked again because of it is asked elsewhere.
        this.isStreaming = true;
        this.#owner.beginsLong(this, expected);
      }
      this.#verdict = this.#judge(this.#queue.first, bytes, start, end, false);
      if (this.#verdict === null) return;
    }
    this.#replyBytes += end - start;
    this.isStreaming ||= this.#replyBytes + this.#scanner.bytesToCome > this.#owner.limits.longReplyBytes;
    if (this.#verdict === 'deliver') this.#deliver(this.#queue.first, bytes, start, end);
  }

  /** The end of a reply whose beginning was passed on. */
  #ending(bytes: Uint8Array, start: number, end: number): void {
    const owed = this.#queue.first;
    if (this.#verdict === 'deliver') this.#deliver(owed, bytes, start, end);
    this.#verdict = null;
    this.isStreaming = false;
    if (!this.#isMessage && owed !== undefined) this.#answered(owed);
  }

  /** Decides what becomes of a reply or message. Null: the connection is over. */
  #judge(
    owed: Owed | undefined,
    bytes: Uint8Array,
    start: number,
    end: number,
    isWhole: boolean,
  ): Verdict | null {
    const { type } = this.#scanner;
    this.#isMessage = answersNothing(this.client, owed, { type, bytes, start, end });
    if (this.#isMessage) return this.client === null ? 'swallow' : 'deliver';
    if (owed === undefined || owed.count === 0) {
      this.fail(`the server sent what nobody asked for: ${firstLine(bytes, start, end)}`);
      return null;
    }
    if (type === ERROR && !this.hasSpoken && TURNED_AWAY.test(firstLine(bytes, start, end))) {
      this.wasTurnedAway = true;
      this.fail('the server has too many clients');
      return null;
    }
    if (owed.client !== null && (type === ERROR || owed.client.isReplaying)) {
      const verdict = this.#owner.unusual(owed, { type, bytes, start, end, isWhole }, this);
      if (verdict !== 'deliver') return this.isOver ? null : verdict;
    }
    if (type !== ERROR && acknowledgesWrite(owed)) owed.client?.writes.noted(this.fate);
    const verdict = owed.look?.(type, bytes, start, end, owed) ?? 'deliver';
    return this.isOver ? null : verdict;
  }

  #deliver(owed: Owed | undefined, bytes: Uint8Array, start: number, end: number): void {
    const client = this.#isMessage ? this.client : owed === undefined ? null : owed.client;
    client?.deliver(bytes, start + this.replacedBytes, end);
    this.replacedBytes = 0;
  }

  #answered(owed: Owed): void {
    owed.answered++;
    owed.client?.answered();
    if (--owed.count > 0) return;
    this.#queue.shift();
    if (this.#unsent > this.#queue.length) this.#unsent = this.#queue.length;
    if (this.#queue.first?.local !== undefined) this.#giveLocals();
  }

  #giveLocals(): void {
    for (let owed = this.#queue.first; owed !== undefined && owed.local !== null; owed = this.#queue.first) {
      this.#queue.shift();
      const { client } = owed;
      if (client?.isReplaying === true) {
        client.replay.push(markAnswer(owed.local));
        client.doubt?.answers.push(owed.local);
      } else client?.deliver(owed.local, 0, owed.local.length);
      client?.answered();
    }
    if (this.#unsent > this.#queue.length) this.#unsent = this.#queue.length;
  }
}
