// Any protocol, byte for byte: one connection to a server for each client, chosen by the route's balance. A server that
// can't be connected to is passed over for the next (HAProxy's redispatch); once connected, a client stays.

import type { Socket } from 'node:net';
import { NO_ENDS } from '../../endpoint/condition.ts';
import { Chooser } from '../../endpoint/relay/choose-server.ts';
import type { RelayConf } from '../../endpoint/relay/messages.ts';
import type { Steering } from '../../endpoint/relay/steering.ts';
import type { RelayCounts } from '../../endpoint/relay/relay.ts';
import { isSameTarget, type Route, type RouteServer, type Target, targetText } from '../../endpoint/route.ts';
import type { Slots } from '../../endpoint/relay/slots.ts';
import type { EndpointTraffic, OpenSession, SessionCounter } from '../../endpoint/traffic.ts';
import { endAtOnce } from '../end-at-once.ts';
import type { Dialer } from './dialer.ts';
import type { Awaited } from './attentive.ts';
import { type Leave, admit } from './door.ts';
import { type ProxiedConnection, connectionOf } from './proxy-protocol.ts';
import { readFrom } from './reading.ts';

/** Attempts for one client, over all servers. */
const ATTEMPTS_MAX = 4;
/** Before a server is tried a second time, in ms. */
const RETRY_MS = 200;

interface TcpBackend {
  server: RouteServer;
  clients: number;
  readonly sessions: SessionCounter;
}

interface Pair {
  readonly client: Socket;
  readonly from: ProxiedConnection | null;
  /** What came before the server was there. */
  readonly first: Uint8Array | null;
  backend: TcpBackend | null;
  upstream: Socket | null;
  readonly failed: Set<TcpBackend>;
  attempts: number;
  isOver: boolean;
  /** Its place among the clients. */
  readonly leave: Leave;
  /** Its place at a server that takes so many, or in the queue for one. */
  place: number | null;
  /** Its place among those who wait. */
  room: number | null;
}

export interface TcpRelayOptions {
  readonly conf: RelayConf;
  readonly dialer: Dialer;
  readonly slots: Slots;
  /** Boot-clock milliseconds. */
  readonly now: () => number;
  /** Something was passed on, and this is awaited next. */
  readonly expects: (awaited: Awaited) => void;
  /** Which server a client is to have; absent: the balance decides. */
  readonly steering?: Steering | null;
  /** With `isObserved`: a connection to a server was made, after one that was not; or could not be made. */
  readonly seen?: (server: Target, isMade: boolean) => void;
}

export class TcpRelay {
  readonly counts: RelayCounts = { clients: 0, outcomeUnknown: 0, tooSlow: 0, unmovable: 0, unserved: 0 };
  readonly #conf: RelayConf;
  readonly #dialer: Dialer;
  readonly #slots: Slots;
  readonly #now: () => number;
  readonly #chooser = new Chooser<TcpBackend>();
  #backends = new Map<string, TcpBackend>();
  #route: Route | null = null;
  #timer: NodeJS.Timeout | null = null;
  readonly #expects: (awaited: Awaited) => void;
  readonly #steering: Steering | null;
  readonly #seen: TcpRelayOptions['seen'] | null;
  /** Observed servers to which the last connection could not be made. */
  readonly #unreachable = new Set<string>();
  readonly #pairs = new Set<Pair>();
  /** Those without a server. */
  readonly #waiting = new Map<Pair, NodeJS.Timeout>();

  constructor({ conf, dialer, slots, now, expects, steering = null, seen }: TcpRelayOptions) {
    this.#expects = expects;
    this.#seen = seen ?? null;
    this.#conf = conf;
    this.#dialer = dialer;
    this.#slots = slots;
    this.#now = now;
    this.#steering = steering;
  }

  accept(client: Socket, first: Uint8Array | null, proxied: ProxiedConnection | null): void {
    const refuse = (): void => {
      client.on('error', () => undefined);
      client.destroy();
    };
    admit(client, this.#conf, this.#slots, (leave) => this.#enter(client, first, proxied, leave), refuse);
  }

  #enter(accepted: Socket, first: Uint8Array | null, proxied: ProxiedConnection | null, leave: Leave): void {
    const { frontend } = this.#conf;
    const client = readFrom(accepted, (chunk) => this.#pass(pair, chunk));
    this.#dialer.meter.accepted(client);
    if (frontend.keepAliveMs !== null) client.setKeepAlive(true, frontend.keepAliveMs);
    client.pause();
    const pair: Pair = {
      client,
      from: connectionOf(client, proxied),
      first,
      backend: null,
      upstream: null,
      failed: new Set(),
      attempts: 0,
      isOver: false,
      leave,
      place: null,
      room: null,
    };
    this.#pairs.add(pair);
    this.counts.clients++;
    const end = (): void => this.#end(pair);
    client.once('error', end);
    client.once('close', () => this.#closed(pair, pair.upstream));
    if (frontend.idleMsMax !== null) client.setTimeout(frontend.idleMsMax, end);
    this.#connect(pair);
  }

  lead(route: Route): void {
    this.#route = route;
    const backends = new Map<string, TcpBackend>();
    const isLapsed = this.#now() >= route.deadline;
    // One that was left out, and whose clients could stay, comes back with them.
    const known = new Map(this.#backends);
    for (const { backend } of this.#pairs)
      if (backend !== null) known.set(targetText(backend.server), backend);
    const named = isLapsed ? [] : route.servers;
    const standby = isLapsed ? [] : (route.standby ?? []);
    for (const server of [...named, ...standby]) {
      const backend = known.get(targetText(server)) ?? this.#backend(server);
      backend.server = server;
      backends.set(targetText(server), backend);
    }
    this.#backends = backends;
    const serving = [...backends.values()].filter(({ server }) => named.includes(server));
    this.#chooser.set(serving, route.balance);
    if (route.endsOthers || isLapsed) {
      const kept = isLapsed ? [] : (route.keeps ?? []);
      const stays = new Set([...named, ...kept].map(targetText));
      for (const pair of this.#pairs) {
        if (pair.backend !== null && !stays.has(targetText(pair.backend.server))) this.#end(pair);
      }
    }
    for (const pair of Array.from(this.#waiting.keys())) this.#connect(pair);
    this.#arm(route, isLapsed);
  }

  get traffic(): EndpointTraffic {
    return this.#dialer.meter.read();
  }

  /** Those that are open, with the server that each is led to. */
  get sessions(): OpenSession[] {
    const servers = new Map<Socket, Target>();
    for (const { client, backend } of this.#pairs) if (backend !== null) servers.set(client, backend.server);
    return this.#dialer.meter.sessions(this.#conf.frontend.name, servers);
  }

  /** Closes one client; false: there is no such session. */
  endSession(id: number): boolean {
    return this.#dialer.meter.end(id);
  }

  /** Closes the clients that `server` has now. */
  endSessions(server: Target): void {
    for (const pair of Array.from(this.#pairs)) {
      if (pair.backend !== null && isSameTarget(pair.backend.server, server)) this.#end(pair);
    }
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const pair of this.#pairs) this.#end(pair);
  }

  #backend(server: RouteServer): TcpBackend {
    return { server, clients: 0, sessions: this.#dialer.meter.server(server).sessions };
  }

  #arm(route: Route, isLapsed: boolean): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (isLapsed || route.deadline === Infinity) return;
    const inMs = Math.min(Math.max(0, Math.ceil(route.deadline - this.#now())), 0x7fff_ffff);
    this.#timer = setTimeout(() => this.lead(route), inMs);
  }

  /** After a stall of ours, the deadline may have passed before its timer ran. */
  #endIfLate(): boolean {
    const route = this.#route;
    if (route === null || this.#backends.size === 0 || this.#now() < route.deadline) return false;
    this.lead(route);
    return true;
  }

  /** Chooses a server for it; with a place there, if it takes only so many. */
  #connect(pair: Pair): void {
    if (pair.place !== null) this.#slots.give(pair.place);
    pair.place = null;
    const asker = { sourceAddress: pair.from?.sourceAddress ?? '' };
    const stay = this.#stays(pair);
    if (stay !== null && stay.server.connectionsMax === null) return this.#connectTo(pair, stay);
    let ranked = this.#chooser.rank(asker, pair.failed);
    if (ranked.length === 0 && pair.failed.size > 0) {
      pair.failed.clear();
      ranked = this.#chooser.rank(asker);
    }
    // One that is full is passed over.
    if (stay !== null) ranked = [stay, ...ranked.filter((one) => one !== stay)];
    const [best] = ranked;
    if (best === undefined) return this.#wait(pair);
    if (best.server.connectionsMax === null) return this.#connectTo(pair, best);
    const { ofServer } = this.#conf.limits;
    const choices = ranked.map(({ server }) =>
      server.connectionsMax === null ? [] : [`${ofServer}${targetText(server)}`],
    );
    this.#wait(pair);
    pair.place = this.#slots.take(choices, Infinity, (choice) => {
      const chosen = ranked[choice ?? 0];
      // If it left meanwhile, there may be others.
      if (chosen !== undefined && this.#backends.get(targetText(chosen.server)) === chosen)
        this.#connectTo(pair, chosen);
      else this.#connect(pair);
    });
  }

  /** There is no server for it now, or no place. */
  #wait(pair: Pair): void {
    if (this.#waiting.has(pair)) return;
    const { frontend, limits } = this.#conf;
    this.#waiting.set(
      pair,
      setTimeout(() => this.#turnAway(pair), frontend.queue.timeoutMs),
    );
    pair.room = this.#slots.take([[limits.waiting]], 0, (choice) => {
      if (choice === null) this.#turnAway(pair);
    });
  }

  #waitsNoMore(pair: Pair): void {
    clearTimeout(this.#waiting.get(pair));
    this.#waiting.delete(pair);
    if (pair.room !== null) this.#slots.give(pair.room);
    pair.room = null;
  }

  #connectTo(pair: Pair, backend: TcpBackend): void {
    this.#waitsNoMore(pair);
    pair.backend = backend;
    pair.attempts++;
    backend.clients++;
    backend.sessions.began(this.#now());
    this.#steering?.began(pair.from ?? NO_ENDS, backend.server, this.#now());
    const { socket, connectEvent } = this.#dialer.dial(backend.server, pair.from, (chunk) => {
      if (!pair.client.write(chunk)) socket.pause();
      this.#expects('client');
    });
    pair.upstream = socket;
    const failed = (): void => this.#failed(pair, socket);
    socket.once('error', failed);
    socket.once('close', failed);
    socket.once(connectEvent, () => {
      socket.off('error', failed);
      socket.off('close', failed);
      this.#sawConnection(backend.server, true);
      this.#join(pair, socket);
    });
  }

  /** That all is well is worth a word only where it was not. */
  #sawConnection(server: RouteServer, isMade: boolean): void {
    if (this.#conf.isObserved !== true) return;
    const name = targetText(server);
    const wasUnreachable = isMade && this.#unreachable.delete(name);
    if (!isMade) this.#unreachable.add(name);
    if (!isMade || wasUnreachable) this.#seen?.(server, isMade);
  }

  /** The server that it is to have; null: any will do. */
  #stays({ from, failed }: Pair): TcpBackend | null {
    if (this.#steering === null) return null;
    const able = [...this.#backends.values()].filter((backend) => !failed.has(backend));
    return this.#steering.choose(from ?? NO_ENDS, this.#now(), able);
  }

  #part({ from }: Pair, backend: TcpBackend): void {
    backend.clients--;
    backend.sessions.ended();
    this.#steering?.ended(from ?? NO_ENDS, backend.server, this.#now());
  }

  #failed(pair: Pair, socket: Socket): void {
    if (pair.isOver || pair.upstream !== socket) return;
    pair.upstream = null;
    const { backend } = pair;
    pair.backend = null;
    if (backend !== null) {
      this.#part(pair, backend);
      pair.failed.add(backend);
      this.#sawConnection(backend.server, false);
    }
    socket.on('error', () => undefined);
    socket.destroy();
    if (pair.attempts >= ATTEMPTS_MAX) return this.#turnAway(pair);
    const isFresh = pair.failed.size < this.#backends.size;
    const again = (): void => {
      if (!pair.isOver) this.#connect(pair);
    };
    if (isFresh) again();
    else setTimeout(again, RETRY_MS);
  }

  #join(pair: Pair, upstream: Socket): void {
    const { client } = pair;
    const end = (): void => this.#end(pair);
    upstream.on('error', end);
    upstream.once('close', () => this.#closed(pair, client));
    if (pair.first !== null && pair.first.length > 0) upstream.write(pair.first);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      to.on('drain', () => from.resume());
      from.once('end', () => to.end());
    }
    client.resume();
  }

  /** Bytes of a client to its server, no faster than that reads. */
  #pass(pair: Pair, chunk: Uint8Array): void {
    if (this.#endIfLate()) return;
    if (pair.upstream?.write(chunk) === false) pair.client.pause();
    this.#expects('server');
  }

  /** One end is closed; the other may still have to be given what was written to it. */
  #closed(pair: Pair, other: Socket | null): void {
    if (other !== null && !other.destroyed && other.writableEnded && !other.writableFinished) return;
    this.#end(pair);
  }

  #turnAway(pair: Pair): void {
    this.counts.unserved++;
    this.#end(pair);
  }

  #end(pair: Pair): void {
    if (pair.isOver) return;
    pair.isOver = true;
    this.#waitsNoMore(pair);
    if (pair.place !== null) this.#slots.give(pair.place);
    pair.leave();
    this.#pairs.delete(pair);
    this.counts.clients--;
    if (pair.backend !== null) this.#part(pair, pair.backend);
    for (const socket of [pair.client, pair.upstream]) {
      if (socket === null) continue;
      socket.on('error', () => undefined);
      // What was written and ended in order is still sent.
      if (socket.writableFinished) socket.destroy();
      else endAtOnce(socket);
    }
  }
}
