// Clients that take replies more slowly than servers send them. A server connection is not read from while the client that
// its next bytes are for has much that it did not take, so a reply arrives as fast as its client reads and waits at the
// server, not here. That may last as long as the client takes anything at all.
//
// On a shared connection others would wait, too. So nobody else's requests are sent on it until the slow client has all it
// asked for there; reads that were sent behind that already are asked again elsewhere, at once. A write can't be asked
// twice, so behind a reply that looks longer than a client may have here (8 MiB) it is the long one that is asked again, if
// that is a read: over a connection of its client's own, before anything of it was passed on. Else nobody is waited with
// up to 4 MiB, and then a second in all (`othersWaitMs`). After that the connection is read on, and the slow client is
// closed once it has 8 MiB, as is one that asks for more and more without reading. In the second half of a hold replies
// have to come home, and everything is read on; else one deaf client could undo a switch.
//
// What "much" is shrinks as memory fills up: with `free` bytes left of what all clients may have, it is free / 64, at most
// 1 MiB and at least 64 KiB. So many slow clients are slowed down earlier, and hardly ever closed because there are many.

import type { Client } from './client.ts';
import type { Hold } from './hold.ts';
import type { RelayLimits } from './limits.ts';
import type { ServerConnection } from './server-connection.ts';

/** Of the memory that is left for all, the part that one client may have before it is slowed down. */
const PART_OF_FREE = 1 / 64;
/** But so much in any case: to stop and start for less costs more than it is worth. */
const LEAST_BYTES = 64 * 1024;

/** What {@link BackPressure} needs of the relay. */
export interface BackPressureHost {
  readonly limits: RelayLimits;
  readonly nowMs: number;
  readonly hold: Hold;
  readonly clients: Iterable<Client>;
  readonly counts: { tooSlow: number };
  /** {@link BackPressure.attend} is to be called at the end of this turn. */
  wantsAttention(): void;
}

/** A client that is, or was lately, too slow for a connection. */
export class Slowdown {
  readonly client: Client;
  readonly connection: ServerConnection;
  /** `read-on`: the client is too slow still, but others are not to wait (any more); `over`: it took everything. */
  state: 'paused' | 'read-on' | 'over' = 'paused';
  /** It is paused, and others wait there for what they can't ask for elsewhere. */
  delaysOthers = false;
  /** How long they did, up to `lookedAtMs`. */
  othersWaitedMs: number;
  lookedAtMs = NaN;
  /** When it was last seen to have taken anything, and what it had taken by then. */
  tookAtMs = NaN;
  takenBytes = NaN;

  constructor(client: Client, connection: ServerConnection) {
    this.client = client;
    this.connection = connection;
    this.othersWaitedMs = connection.slowdown?.isOn === true ? connection.slowdown.othersWaitedMs : 0;
  }

  /** Whether the connection is still the slow client's alone. */
  get isOn(): boolean {
    const { client, connection } = this;
    if (client.isGone || connection.isOver) return false;
    return client.own === connection || (client.shared === connection && client.owed > 0);
  }
}

export class BackPressure {
  readonly #host: BackPressureHost;
  /** Reply bytes that clients have not taken, of all relays in this process. */
  readonly #untaken: { bytes: number };
  readonly #slowdowns = new Map<Client, Slowdown>();
  #isDue = false;
  #dueMs = Infinity;
  /** When the hold that is on ends, and when it has taken half of its time; Infinity: none is on. */
  #holdUntilMs = Infinity;
  #holdIsLateMs = Infinity;

  constructor(host: BackPressureHost, untaken: { bytes: number }) {
    this.#host = host;
    this.#untaken = untaken;
  }

  /** Something was written to `client`. */
  wrote(client: Client): void {
    const untaken = client.wire.unsentBytes;
    if (untaken === 0 && client.countedBytes === 0) return;
    this.#count(client, untaken);
    const { replyBytesMax, allReplyBytesMax, congestedBytes } = this.#host.limits;
    const free = allReplyBytesMax - this.#untaken.bytes;
    if (untaken > replyBytesMax) this.#close(client);
    else if (free < 0) this.#close(this.#slowest(client));
    else if (untaken > Math.min(congestedBytes, Math.max(LEAST_BYTES, free * PART_OF_FREE)))
      this.#slowDown(client);
  }

  /** A client took all that waited for it. */
  drained(client: Client): void {
    this.#count(client, 0);
    const slowdown = this.#slowdowns.get(client);
    if (slowdown === undefined) return;
    if (slowdown.state === 'paused') slowdown.connection.resume();
    slowdown.state = 'over';
    this.#wantAttention();
  }

  /** It is gone: what is still to come for it is read, and reaches nobody. */
  left(client: Client): void {
    this.#count(client, 0);
    const slowdown = this.#slowdowns.get(client);
    if (slowdown === undefined) return;
    this.#forget(slowdown);
    if (slowdown.state === 'paused') slowdown.connection.resume();
  }

  /** A hold has begun or ended. */
  holdChanged(): void {
    if (this.#slowdowns.size > 0) this.#wantAttention();
  }

  /** A reply of about so many bytes begins on a shared connection. */
  beginsLong(connection: ServerConnection, bytes: number): void {
    const { limits, hold } = this.#host;
    const client = connection.firstOwed?.client ?? null;
    if (client === null || bytes <= limits.sharedReplyBytesMax || hold.isOn) return;
    if (!othersAreLeft(client, connection) || !takeAway(client, connection)) return;
    if (client.borrow() !== null) client.goOn();
  }

  /** When {@link attend} is due, Infinity if never. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Whether it is due now. */
  get isDue(): boolean {
    return this.#isDue || this.#host.nowMs >= this.#dueMs;
  }

  /** Looks after those who are slow, at the time that it is now. */
  attend(): void {
    this.#isDue = false;
    const { hold, nowMs } = this.#host;
    if (hold.untilMs !== this.#holdUntilMs) {
      this.#holdUntilMs = hold.untilMs;
      this.#holdIsLateMs = (nowMs + hold.untilMs) / 2;
    }
    this.#dueMs = Infinity;
    for (const slowdown of Array.from(this.#slowdowns.values())) {
      if (slowdown.isOn) this.#look(slowdown, nowMs);
    }
    // Several may be too slow for one connection: what ends for one of them goes on for another.
    for (const slowdown of Array.from(this.#slowdowns.values())) {
      if (slowdown.isOn) continue;
      this.#forget(slowdown);
      if (slowdown.state === 'paused') slowdown.connection.resume();
    }
    for (const { state, connection } of this.#slowdowns.values()) if (state === 'paused') connection.pause();
  }

  #look(slowdown: Slowdown, nowMs: number): void {
    const { limits } = this.#host;
    const { client, connection } = slowdown;
    if (slowdown.delaysOthers) slowdown.othersWaitedMs += nowMs - slowdown.lookedAtMs;
    slowdown.lookedAtMs = nowMs;
    if (slowdown.state === 'over') {
      slowdown.delaysOthers = false;
      slowdown.takenBytes = NaN;
      if (client.own === connection) this.#forget(slowdown);
      return;
    }
    const { takenBytes } = client.wire;
    if (takenBytes !== slowdown.takenBytes) {
      slowdown.takenBytes = takenBytes;
      slowdown.tookAtMs = nowMs;
    } else if (nowMs >= slowdown.tookAtMs + limits.deafMs) {
      this.#close(client);
      return;
    }
    const othersWait = client.own !== connection && othersAreLeft(client, connection);
    const waitsUntilMs = othersWait ? nowMs + limits.othersWaitMs - slowdown.othersWaitedMs : Infinity;
    const readsOnAtMs = Math.min(waitsUntilMs, this.#holdIsLateMs);
    const isPaused = nowMs < readsOnAtMs && !(othersWait && this.#mayHaveMore(client));
    slowdown.delaysOthers = othersWait && isPaused;
    const state = isPaused ? 'paused' : 'read-on';
    if (state !== slowdown.state && state === 'read-on') connection.resume();
    slowdown.state = state;
    if (state === 'paused') this.#dueMs = Math.min(this.#dueMs, readsOnAtMs);
    this.#dueMs = Math.min(this.#dueMs, slowdown.tookAtMs + limits.deafMs);
  }

  /** Whether a reply to a client that is slow may come here while others wait for it. */
  #mayHaveMore({ countedBytes }: Client): boolean {
    const { replyBytesMax, allReplyBytesMax } = this.#host.limits;
    return countedBytes <= replyBytesMax / 2 && this.#untaken.bytes <= allReplyBytesMax / 2;
  }

  #slowDown(client: Client): void {
    const known = this.#slowdowns.get(client);
    const connection = client.own ?? client.shared;
    if (connection === null || connection.isOver) return;
    // What comes next there may be another's; then this client's does not grow.
    if (client.own === null && connection.firstOwed?.client !== client) return;
    if (known?.connection === connection && known.isOn) {
      if (known.state === 'paused') return;
      // It may have had too little to make others wait.
      if (known.state === 'read-on') return this.#wantAttention();
      known.state = 'paused';
    } else {
      if (known !== undefined) this.#forget(known);
      const slowdown = new Slowdown(client, connection);
      connection.slowdown = slowdown;
      this.#slowdowns.set(client, slowdown);
    }
    connection.pause();
    this.#wantAttention();
  }

  #wantAttention(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#host.wantsAttention();
  }

  #count(client: Client, untaken: number): void {
    this.#untaken.bytes += untaken - client.countedBytes;
    client.countedBytes = untaken;
  }

  #close(client: Client): void {
    this.#host.counts.tooSlow++;
    client.reset();
  }

  #slowest(atLeast: Client): Client {
    let slowest = atLeast;
    for (const client of this.#host.clients) {
      if (client.countedBytes > slowest.countedBytes) slowest = client;
    }
    return slowest;
  }

  #forget(slowdown: Slowdown): void {
    const { client, connection } = slowdown;
    if (this.#slowdowns.get(client) === slowdown) this.#slowdowns.delete(client);
    if (connection.slowdown === slowdown) connection.slowdown = null;
  }
}

/**
 * Whether others than `client` wait on `connection` for what they can't ask for elsewhere. Those who can do so.
 */
function othersAreLeft(client: Client, connection: ServerConnection): boolean {
  let areLeft = false;
  for (const other of connection.owing.clients()) {
    if (other === client || other.isGone) continue;
    if (!takeAway(other, connection)) areLeft = true;
    else if (other.wait !== 'hold') other.goOn();
  }
  return areLeft;
}

/** Takes back all that `client` asked for on `connection`, to be asked elsewhere. False: it is not to be asked twice. */
function takeAway(client: Client, connection: ServerConnection): boolean {
  if (client.isGone || client.isReplaying || client.isClosing || client.isMidReply) return false;
  const requests = connection.owing.takeReads(client);
  if (requests === null) return false;
  client.owed = 0;
  client.shared = null;
  client.takeBack(requests);
  return true;
}
