// The servers that HTTP requests are led to: one is chosen for each request, by the route's balance and weights. Each has
// its idle connections, which are kept while the route leads there.

import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import { Chooser } from '../../endpoint/relay/choose-server.ts';
import { isSameTarget, type Route, type RouteServer, targetText } from '../../endpoint/route.ts';
import type { SessionCounter } from '../../endpoint/traffic.ts';
import type { Dialer } from '../relay/dialer.ts';

/** Of each server. */
const IDLE_CONNECTIONS_MAX = 256;

/** Node's agent, with connections of our dialer. */
class DialingAgent extends Agent {
  readonly #dial: () => Duplex;

  constructor(dial: () => Duplex) {
    super({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS_MAX });
    this.#dial = dial;
  }

  override createConnection(): Duplex {
    return this.#dial();
  }
}

export interface HttpUpstream {
  server: RouteServer;
  /** Requests under way. */
  clients: number;
  readonly sessions: SessionCounter;
  readonly agent: Agent;
}

export class HttpServers {
  readonly #dialer: Dialer;
  readonly #now: () => number;
  readonly #lapsed: () => void;
  readonly #freed: () => void;
  readonly #chooser = new Chooser<HttpUpstream>();
  #upstreams = new Map<string, HttpUpstream>();
  #route: Route | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** `now`: boot-clock milliseconds; `lapsed`: the route's time is over; `freed`: a server has one request less. */
  constructor(dialer: Dialer, now: () => number, told: { lapsed: () => void; freed: () => void }) {
    this.#dialer = dialer;
    this.#now = now;
    this.#lapsed = told.lapsed;
    this.#freed = told.freed;
  }

  lead(route: Route): void {
    this.#route = route;
    const before = this.#upstreams;
    const isLapsed = this.#isLapsed();
    this.#upstreams = new Map();
    for (const server of isLapsed ? [] : route.servers) {
      const name = targetText(server);
      const upstream = before.get(name) ?? this.#upstream(server);
      upstream.server = server;
      this.#upstreams.set(name, upstream);
    }
    for (const [name, { agent }] of before) if (!this.#upstreams.has(name)) closeIdle(agent);
    this.#chooser.set([...this.#upstreams.values()], route.balance);
    this.#arm(isLapsed ? Infinity : route.deadline);
  }

  /** One for a new request that is not in `failed`; null if there is none. */
  choose(sourceAddress: string, failed: ReadonlySet<HttpUpstream>): HttpUpstream | null {
    // After a stall of ours, the deadline may have passed before its timer ran.
    if (this.#isLapsed()) return null;
    return this.#chooser.choose({ sourceAddress }, failed);
  }

  /** Whether a request that is under way there may go on. */
  stands(upstream: HttpUpstream): boolean {
    const route = this.#route;
    if (route === null || this.#isLapsed()) return false;
    return (
      !route.endsOthers ||
      this.#upstreams.get(targetText(upstream.server)) === upstream ||
      (route.keeps ?? []).some((kept) => isSameTarget(kept, upstream.server))
    );
  }

  /** A request is sent there. */
  began(upstream: HttpUpstream): void {
    upstream.clients += 1;
    upstream.sessions.began(this.#now());
  }

  /** A request there has ended, one way or the other. */
  ended(upstream: HttpUpstream): void {
    upstream.clients -= 1;
    upstream.sessions.ended();
    if (this.#upstreams.get(targetText(upstream.server)) !== upstream && upstream.clients === 0) {
      // Its last connection becomes idle in this turn of the loop.
      setImmediate(() => closeIdle(upstream.agent));
    }
    this.#freed();
  }

  close(): void {
    this.#arm(Infinity);
    for (const { agent } of this.#upstreams.values()) agent.destroy();
  }

  #upstream(server: RouteServer): HttpUpstream {
    const upstream: HttpUpstream = {
      server,
      clients: 0,
      sessions: this.#dialer.meter.server(server).sessions,
      agent: new DialingAgent(() => this.#dialer.dial(upstream.server).socket),
    };
    return upstream;
  }

  #isLapsed(): boolean {
    return this.#route !== null && this.#now() >= this.#route.deadline;
  }

  #arm(deadline: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (deadline === Infinity) return;
    const inMs = Math.min(Math.max(0, Math.ceil(deadline - this.#now())), 0x7fff_ffff);
    this.#timer = setTimeout(() => {
      if (this.#route !== null) this.lead(this.#route);
      if (this.#isLapsed()) this.#lapsed();
    }, inMs);
  }
}

function closeIdle(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets))
    for (const socket of sockets ?? []) socket.destroy();
}
