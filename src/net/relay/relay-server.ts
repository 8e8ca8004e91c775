// The relay of one endpoint with real sockets and a real clock: what was pure in endpoint/relay meets the world here.

import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { Relay, type RelayCounts } from '../../endpoint/relay/relay.ts';
import { LIMITS, type RelayLimits } from '../../endpoint/relay/limits.ts';
import type { RelayConf } from '../../endpoint/relay/messages.ts';
import type { ScriptNews } from '../../endpoint/relay/scripts.ts';
import type { Steering } from '../../endpoint/relay/steering.ts';
import type { Slots } from '../../endpoint/relay/slots.ts';
import type { Route, Target } from '../../endpoint/route.ts';
import type { EndpointTraffic, OpenSession } from '../../endpoint/traffic.ts';
import type { SwitchStep } from '../../endpoint/io.ts';
import type { Dialer } from './dialer.ts';
import type { Awaited } from './attentive.ts';
import { type Leave, admit } from './door.ts';
import { turnAway } from './listeners.ts';
import type { ProxiedConnection } from './proxy-protocol.ts';
import { readFrom } from './reading.ts';
import { SocketWire, listenTo } from './socket-wire.ts';

export interface RelayServerOptions {
  readonly conf: RelayConf;
  readonly dialer: Dialer;
  /** Boot-clock milliseconds. */
  readonly now: () => number;
  readonly demoted: (server: Target, text: string) => void;
  /** Something was passed on, and this is awaited next. */
  readonly expects: (awaited: Awaited) => void;
  readonly slots: Slots;
  /** Reply bytes that clients of this process have not taken, of all its endpoints. */
  readonly untaken: { bytes: number };
  readonly shareScript: (news: ScriptNews) => void;
  /** Which server a client is to have; absent: the balance decides. */
  readonly steering?: Steering | null;
}

/** Said to those beyond a limit of clients. */
export const FULL_TEXT = '-ERR max number of clients reached at this endpoint\r\n';
/** How often silent clients are looked for, as a part of what they may be silent. */
const IDLE_LOOKS = 4;

export class RelayServer {
  readonly relay: Relay;
  readonly #options: RelayServerOptions;
  #route: Route | null = null;
  #hasLapsed = false;
  #timer: NodeJS.Timeout | null = null;
  #armedFor = Infinity;
  #idleTimer: NodeJS.Timeout | null = null;

  constructor(options: RelayServerOptions) {
    this.#options = options;
    const { frontend, isPrimary, limits } = options.conf;
    let isAwaited = false;
    const flush = (): void => {
      isAwaited = false;
      this.#flush();
    };
    this.relay = new Relay({
      dial: (server, events, client) => {
        const from = client instanceof SocketWire ? client.connection : null;
        const dialed = options.dialer.dial(server, from, (chunk) => {
          events.received(chunk);
          options.expects('client');
        });
        listenTo(dialed.socket, dialed.connectEvent, events);
        return new SocketWire(dialed.socket, null);
      },
      wantsFlush: () => {
        if (isAwaited) return;
        isAwaited = true;
        setImmediate(flush);
      },
      checkTime: () => {
        this.#setNow();
        this.#endIfLate();
      },
      sha1: (text) => createHash('sha1').update(text, 'latin1').digest('hex'),
      shareScript: options.shareScript,
      shared: { slots: options.slots, limits },
      untaken: options.untaken,
      isTransparent: frontend.isTransparent,
      steering: options.steering ?? null,
      sessionsOf: (server) => options.dialer.meter.server(server).sessions,
      limits: limitsOf(options.conf, options.conf.workers),
      rejection: isPrimary ? { holdMsMax: frontend.hold.holdMsMax, demoted: options.demoted } : null,
    });
    this.relay.nowMs = options.now();
    const { idleMsMax } = frontend;
    if (idleMsMax !== null) {
      this.#idleTimer = setInterval(() => this.#endIdle(idleMsMax), Math.max(50, idleMsMax / IDLE_LOOKS));
    }
  }

  /** `socket` is a client's; `first` was read of it already. */
  accept(socket: Socket, first: Uint8Array | null, proxied: ProxiedConnection | null): void {
    const { conf, slots } = this.#options;
    const refuse = (): void => turnAway(socket, FULL_TEXT);
    admit(socket, conf, slots, (leave) => this.#enter(socket, first, proxied, leave), refuse);
  }

  #enter(accepted: Socket, first: Uint8Array | null, proxied: ProxiedConnection | null, leave: Leave): void {
    const { conf, expects } = this.#options;
    const { frontend } = conf;
    const { relay } = this;
    this.#setNow();
    const socket = readFrom(accepted, (chunk) => {
      client.received(chunk);
      expects('server');
    });
    this.#options.dialer.meter.accepted(socket);
    socket.setNoDelay(true);
    if (frontend.keepAliveMs !== null) socket.setKeepAlive(true, frontend.keepAliveMs);
    const wire = new SocketWire(socket, proxied);
    const client = relay.accept(wire);
    socket.on('drain', () => relay.clientDrained(client));
    // It may have waited at the door.
    socket.resume();
    const gone = (): void => {
      client.gone();
      socket.destroy();
    };
    socket.once('end', () => {
      client.ended();
      // Nothing is left to be read by it: its place is free at once.
      if (client.isGone && wire.isEmpty) socket.destroy();
    });
    socket.once('error', gone);
    socket.once('close', gone);
    socket.once('close', leave);
    if (first !== null && first.length > 0) client.received(first);
  }

  /** So many workers share the memory that one had at first. */
  shareMemory(workers: number): void {
    this.relay.limits = limitsOf(this.#options.conf, workers);
  }

  get counts(): RelayCounts {
    return this.relay.counts;
  }

  get traffic(): EndpointTraffic {
    return this.#options.dialer.meter.read();
  }

  /** Those that are open, with the server that each is led to. */
  get sessions(): OpenSession[] {
    const { dialer, conf } = this.#options;
    const servers = new Map<Socket, Target>();
    for (const { wire, backend } of this.relay.clients) {
      if (backend !== null && wire instanceof SocketWire) servers.set(wire.socket, backend.server);
    }
    return dialer.meter.sessions(conf.frontend.name, servers);
  }

  /** Carries out a route, or moves its deadline. */
  lead(route: Route): void {
    const before = this.#route;
    this.#route = route;
    this.#setNow();
    if (this.relay.nowMs < route.deadline) {
      const isNew = before === null || before.generation !== route.generation;
      if (isNew || this.#hasLapsed) this.relay.lead(route);
      this.#hasLapsed = false;
    }
    this.#endIfLate();
    this.#arm();
  }

  /** A step of an ordered switch; `done` when it is. */
  takeStep(step: SwitchStep, done: () => void): void {
    this.#setNow();
    switch (step.kind) {
      case 'prepare':
        if (step.to !== null) {
          this.relay.prepare({ ...step.to, weight: 1, connectionsMax: null });
        }
        return done();
      case 'hold':
        this.relay.beginHold(this.relay.nowMs + step.msMax, done);
        return this.#arm();
      case 'release':
        this.relay.release(step.isUndone, step.hasAll);
        return done();
    }
  }

  /** Closes one client; false: there is no such session. */
  endSession(id: number): boolean {
    return this.#options.dialer.meter.end(id);
  }

  /** Closes the clients that `server` has now. */
  endSessions(server: Target): void {
    this.#setNow();
    this.relay.endSessions(server);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#idleTimer !== null) clearInterval(this.#idleTimer);
    this.relay.lapse();
  }

  #flush(): void {
    this.#setNow();
    // After a stall, what was read may be too late to be passed on.
    this.#endIfLate();
    this.relay.flush();
    this.#arm();
  }

  #setNow(): void {
    this.relay.nowMs = this.#options.now();
  }

  /** Once the route has lapsed, nobody is served any more. */
  #endIfLate(): void {
    if (this.#hasLapsed || this.#route === null || this.relay.nowMs < this.#route.deadline) return;
    this.#hasLapsed = true;
    this.relay.lapse();
  }

  /** One timer for the deadline and for whatever the relay waits for. */
  #arm(): void {
    const lapsesAt = this.#hasLapsed ? Infinity : (this.#route?.deadline ?? Infinity);
    const due = Math.min(this.relay.deadline(), lapsesAt);
    if (due === this.#armedFor) return;
    this.#armedFor = due;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (due === Infinity) return;
    const inMs = Math.min(Math.max(0, Math.ceil(due - this.relay.nowMs)), 0x7fff_ffff);
    this.#timer = setTimeout(() => {
      this.#armedFor = Infinity;
      this.#setNow();
      this.#endIfLate();
      this.relay.tick();
      this.#arm();
    }, inMs);
  }

  /** Closes who has been silent for too long; never one who listens or waits for an answer. */
  #endIdle(idleMsMax: number): void {
    this.#setNow();
    for (const client of Array.from(this.relay.clients)) {
      if (client.owed > 0 || client.wait !== null) continue;
      if (client.pinned.hearsUnasked || client.pinned.tracking !== null) continue;
      if (this.relay.nowMs - client.lastActiveMs >= idleMsMax) client.reset();
    }
  }
}

/** Memory is dealt evenly to workers. */
function limitsOf({ frontend }: RelayConf, workers: number): RelayLimits {
  return {
    ...LIMITS,
    allReplyBytesMax: LIMITS.allReplyBytesMax / workers,
    heldBytesMax: frontend.hold.clientBytesMax,
    allHeldBytesMax: frontend.hold.bytesMax / workers,
    queueMs: frontend.queue.timeoutMs,
    queuedMax: frontend.queue.clientsMax,
  };
}
