// The network: machines by address, the directed paths between them, and TCP on top. TCP keeps its promises here as it
// does in life: bytes arrive in order and once, or the connection ends. So a lost packet is a pause (retransmission with
// doubling timeouts), a partition is a stall that outlives its healing by up to the next retransmission, a dead process
// is a FIN, an RST or a refusal, and a dead machine is silence, then an RST when it is back and hears of a connection it
// no longer knows.

import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import type { EndOfConnection } from '../sentinel/io.ts';
import type { Process } from './process.ts';
import type { Timeline, Timer } from './timeline.ts';
import type { Wire } from './wire.ts';

/** The first retransmission, and the longest wait between two (Linux: 200 ms, 120 s). */
const RETRANSMIT_MS_MIN = 200;
const RETRANSMIT_MS_MAX = 120_000;
/** SYNs go out at 0, 1, 3, 7 ... s; the attempt fails when the seventh stays unanswered (Linux: 127 s). */
const CONNECT_ATTEMPTS_MAX = 7;
const LOOPBACK_DELAY_MS = 0.03;

/** One direction between two machines. */
export interface Path {
  /** How many faults cut it at the moment. */
  cuts: number;
  delayMs: number;
  jitterMs: number;
  /** The share of segments that need a retransmission. */
  loss: number;
}

/** Whoever holds a socket. Called only while its process is awake. */
export interface SocketUser {
  /** Outgoing sockets only: established. */
  connected?(): void;
  received(items: readonly Wire[]): void;
  /** Not called after the user's own close. */
  ended(reason: EndOfConnection, detail: string): void;
}

/** Makes the user of an accepted connection. */
export type Accept = (socket: Socket) => SocketUser;

interface Listener {
  readonly process: Process;
  readonly accept: Accept;
}

export class Network {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly #paths = new Map<string, Path>();
  readonly #listeners = new Map<string, Listener>();
  readonly #machines = new Set<string>();
  readonly #dark = new Set<string>();
  readonly #usual: { readonly delayMs: number; readonly jitterMs: number };
  #lastPort = 32_768;

  constructor(timeline: Timeline, random: Random, usual: { delayMs: number; jitterMs: number }) {
    this.timeline = timeline;
    this.random = random;
    this.#usual = usual;
  }

  addMachine(ip: string): void {
    this.#machines.add(ip);
  }

  hasMachine(ip: string): boolean {
    return this.#machines.has(ip);
  }

  path(from: string, to: string): Path {
    const key = `${from}>${to}`;
    let path = this.#paths.get(key);
    if (path === undefined) {
      path =
        from === to
          ? { cuts: 0, delayMs: LOOPBACK_DELAY_MS, jitterMs: 0, loss: 0 }
          : { cuts: 0, ...this.#usual, loss: 0 };
      this.#paths.set(key, path);
    }
    return path;
  }

  /** A machine without power neither sends nor answers. */
  setDark(ip: string, dark: boolean): void {
    if (dark) this.#dark.add(ip);
    else this.#dark.delete(ip);
  }

  isDark(ip: string): boolean {
    return this.#dark.has(ip);
  }

  listen(process: Process, port: number, accept: Accept): void {
    this.#listeners.set(`${process.ip}:${port}`, { process, accept });
  }

  unlisten(process: Process, port: number): void {
    this.#listeners.delete(`${process.ip}:${port}`);
  }

  listener(ip: string, port: number): Listener | undefined {
    return this.#listeners.get(`${ip}:${port}`);
  }

  /** Whether nothing sent on this path now would arrive. */
  isBlocked(from: string, to: string, path: Path): boolean {
    return path.cuts > 0 || this.#dark.has(from) || this.#dark.has(to);
  }

  /** How long one segment takes on a path, retransmissions included. */
  transitMs(path: Path): number {
    let delay = path.delayMs;
    if (path.jitterMs > 0) delay += this.random.float() * path.jitterMs;
    for (let wait = RETRANSMIT_MS_MIN; path.loss > 0 && wait < 2_000; wait *= 2) {
      if (!this.random.chance(path.loss)) break;
      delay += wait;
    }
    return delay;
  }

  /** Begins to connect. What is written before `connected` leaves right after it. */
  connect(process: Process, ip: string, port: number, user: SocketUser): Socket {
    this.#lastPort += 1;
    const socket = new Socket(this, process, `${process.ip}:${this.#lastPort}`, ip, port, user);
    process.sockets.add(socket);
    if (this.#machines.has(ip)) this.#dial(socket, 1);
    else this.timeline.after(1, () => socket.finish('failed', 'EHOSTUNREACH'));
    return socket;
  }

  #dial(socket: Socket, attempt: number): void {
    if (socket.state !== 'connecting') return;
    const { ip: here } = socket.owner;
    const there = socket.remoteIp;
    const out = this.path(here, there);
    const back = this.path(there, here);
    if (this.isBlocked(here, there, out) || this.isBlocked(there, here, back)) {
      const waitMs = 1_000 * 2 ** (attempt - 1);
      if (attempt === CONNECT_ATTEMPTS_MAX) {
        this.timeline.after(waitMs, () => socket.finish('failed', 'ETIMEDOUT'));
      } else {
        this.timeline.after(waitMs, () => this.#dial(socket, attempt + 1));
      }
      return;
    }
    this.timeline.after(this.transitMs(out), () => {
      if (socket.state !== 'connecting') return;
      const listener = this.listener(there, socket.remotePort);
      this.timeline.after(this.transitMs(back), () => {
        if (listener === undefined) socket.finish('refused', 'ECONNREFUSED');
        else socket.establish(listener.process, listener.accept);
      });
    });
  }
}

/** What travels: items, or the end. */
type Segment = readonly Wire[] | 'fin';

/** One end of a connection. */
export class Socket {
  readonly owner: Process;
  readonly localAddress: string;
  readonly remoteIp: string;
  readonly remotePort: number;
  readonly #network: Network;
  #user: SocketUser | null;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #peer: Socket | null = null;
  #path: Path;
  #lastArrival = 0;
  /** Written before the connection stood, or while the path was cut: waits for the next (re)transmission. */
  #unsent: Segment[] = [];
  #retransmission: Timer | null = null;

  constructor(
    network: Network,
    owner: Process,
    localAddress: string,
    remoteIp: string,
    remotePort: number,
    user: SocketUser | null,
  ) {
    this.#network = network;
    this.owner = owner;
    this.localAddress = localAddress;
    this.remoteIp = remoteIp;
    this.remotePort = remotePort;
    this.#user = user;
    this.#path = network.path(owner.ip, remoteIp);
  }

  get state(): 'connecting' | 'open' | 'closed' {
    return this.#state;
  }

  /** Sends `items` in one write. Writing to a closed socket does nothing, as in a program that has not looked yet. */
  write(items: readonly Wire[]): void {
    if (this.#state === 'closed' || items.length === 0) return;
    this.#transmit(items);
  }

  /** Close in good order: what was written arrives, then a FIN. */
  close(): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') this.#transmit('fin');
    this.#state = 'closed';
    this.owner.sockets.delete(this);
  }

  /** Close with an RST: what was not sent is dropped. */
  reset(): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.vanish();
    if (wasOpen) this.#sendReset();
  }

  /** The machine lost power: the other end hears nothing. */
  vanish(): void {
    this.#state = 'closed';
    this.#unsent = [];
    if (this.#retransmission !== null) this.#retransmission.run = null;
    this.owner.sockets.delete(this);
  }

  /** The other end accepted. It learns of it by the third packet of the handshake, here before our first bytes. */
  establish(process: Process, accept: Accept): void {
    if (this.#state !== 'connecting') return;
    assert(this.#user !== null, 'an outgoing socket has a user');
    if (!process.running) {
      this.finish('refused', 'ECONNREFUSED');
      return;
    }
    const [, port = '0'] = this.localAddress.split(':');
    const far = new Socket(
      this.#network,
      process,
      `${process.ip}:${this.remotePort}`,
      this.owner.ip,
      Number(port),
      null,
    );
    far.#state = 'open';
    far.#peer = this;
    this.#peer = far;
    this.#state = 'open';
    const { timeline } = this.#network;
    this.#lastArrival = timeline.now + this.#network.transitMs(this.#path);
    const { incarnation } = process;
    process.sockets.add(far);
    timeline.at(this.#lastArrival, () => {
      process.deliver(() => {
        if (process.incarnation === incarnation && far.#state === 'open') far.#user = accept(far);
      });
    });
    this.owner.deliver(() => {
      if (this.#state === 'open') this.#user?.connected?.();
    });
    const early = this.#unsent;
    this.#unsent = [];
    for (const segment of early) this.#transmit(segment);
  }

  /** The connection is over for a reason that is not ours. */
  finish(reason: EndOfConnection, detail: string): void {
    if (this.#state === 'closed') return;
    this.owner.deliver(() => {
      if (this.#state === 'closed') return;
      this.vanish();
      this.#user?.ended(reason, detail);
    });
  }

  #transmit(segment: Segment): void {
    if (this.#state === 'connecting' || this.#retransmission !== null) {
      this.#unsent.push(segment);
      return;
    }
    const network = this.#network;
    if (network.isBlocked(this.owner.ip, this.remoteIp, this.#path)) {
      this.#unsent.push(segment);
      this.#retransmitAfter(RETRANSMIT_MS_MIN);
      return;
    }
    const peer = this.#peer;
    assert(peer !== null, 'an open socket has a peer');
    this.#lastArrival = Math.max(this.#lastArrival, network.timeline.now + network.transitMs(this.#path));
    network.timeline.at(this.#lastArrival, () => peer.#arrive(segment));
  }

  #retransmitAfter(waitMs: number): void {
    this.#retransmission = this.#network.timeline.after(waitMs, () => {
      if (this.#network.isBlocked(this.owner.ip, this.remoteIp, this.#path)) {
        this.#retransmitAfter(Math.min(2 * waitMs, RETRANSMIT_MS_MAX));
        return;
      }
      this.#retransmission = null;
      const waiting = this.#unsent;
      this.#unsent = [];
      for (const segment of waiting) this.#transmit(segment);
    });
  }

  #arrive(segment: Segment): void {
    if (this.#state === 'closed') {
      if (segment !== 'fin') this.#sendReset();
      return;
    }
    if (segment === 'fin') {
      this.finish('closed', '');
      return;
    }
    this.owner.deliver(() => {
      if (this.#state === 'open') this.#user?.received(segment);
    });
  }

  /** An RST is one packet: it arrives or not, and nobody repeats it until the next segment comes. */
  #sendReset(): void {
    const peer = this.#peer;
    const network = this.#network;
    if (peer === null || network.isBlocked(this.owner.ip, this.remoteIp, this.#path)) return;
    network.timeline.after(network.transitMs(this.#path), () => peer.finish('reset', 'ECONNRESET'));
  }
}
