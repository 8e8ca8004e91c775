// A proxy of HTTP/1.1 on Node's own parser, small: what frontends of HAProxy's `mode http` do in tutorials. Requests of a
// connection are led to servers one by one. Nothing is looked up, rewritten or kept.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RelayConf } from '../../endpoint/relay/messages.ts';
import type { Route, Target } from '../../endpoint/route.ts';
import type { EndpointTraffic } from '../../endpoint/traffic.ts';
import type { Dialer } from '../relay/dialer.ts';
import { plainAddress, type ProxiedConnection } from '../relay/proxy-protocol.ts';
import { type Asking, Exchange, type ExchangeHands, type HttpCounts, hasBody } from './http-exchange.ts';
import { headWithoutUpgrade } from './headers.ts';
import { HttpServers } from './http-servers.ts';

/** A request's head has to be there after this; HAProxy waits as long as for anything else. */
const HEAD_MS_MAX = 10_000;
/** Between two requests of one connection, where nothing else is said. */
const BETWEEN_MS_MAX = 60_000;
const LOOK_MS = 1_000;
/** Requests of one connection that were read before they were answered. No client is known to send that many. */
const PIPELINED_MAX = 64;

export interface HttpProxyOptions {
  readonly conf: RelayConf;
  readonly dialer: Dialer;
  /** Boot-clock milliseconds. */
  readonly now: () => number;
  /** Whether servers are told who the client is. */
  readonly forwardsFor: () => boolean;
  /** Answers requests for pages of our own; false: it is none. */
  readonly answerOwn: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Default 10 s. */
  readonly headMsMax?: number;
}

export class HttpProxy {
  readonly counts: HttpCounts = { requests: 0, retried: 0, unserved: 0, failed: 0, tooSlow: 0 };
  readonly #conf: RelayConf;
  readonly #dialer: Dialer;
  readonly #answerOwn: HttpProxyOptions['answerOwn'];
  readonly #http: Server;
  readonly #servers: HttpServers;
  readonly #hands: ExchangeHands;
  readonly #clients = new Set<Socket>();
  readonly #exchanges = new Set<Exchange>();
  readonly #waiting = new Set<Exchange>();
  /** Those of each connection; the first is under way. A pipelined write must not be overtaken. */
  readonly #pipelines = new WeakMap<Duplex, Exchange[]>();
  /** Whom the proxy in front of us named. */
  readonly #proxied = new WeakMap<Duplex, string>();

  constructor(options: HttpProxyOptions) {
    const { conf, dialer, now, forwardsFor, answerOwn, headMsMax } = options;
    const { idleMsMax, queue } = conf.frontend;
    this.#conf = conf;
    this.#dialer = dialer;
    this.#answerOwn = answerOwn;
    this.#servers = new HttpServers(dialer, now, {
      lapsed: () => this.#reconsider(),
      freed: () => this.#giveTurn(),
    });
    this.#hands = {
      servers: this.#servers,
      dialer,
      counts: this.counts,
      idleMsMax,
      queueMs: queue.timeoutMs,
      waiting: this.#waiting,
      waitingMax: queue.clientsMax,
      forwardsFor,
      over: (exchange) => this.#over(exchange),
    };
    this.#http = createServer(
      {
        keepAliveTimeout: idleMsMax ?? BETWEEN_MS_MAX,
        headersTimeout: headMsMax ?? HEAD_MS_MAX,
        // Of a whole request: an upload may take its time, as long as it moves.
        requestTimeout: 0,
        connectionsCheckingInterval: Math.min(LOOK_MS, headMsMax ?? LOOK_MS),
      },
      (request, response) => this.#request(request, response),
    );
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    // Others listen for it; from here on it looks for clients that do not say what they want.
    this.#http.emit('listening');
  }

  /** A client; `first` was read of it already. */
  accept(client: Socket, first: Uint8Array | null, proxied: ProxiedConnection | null): void {
    const { frontend } = this.#conf;
    const { connectionsMax } = frontend;
    client.on('error', () => client.destroy());
    // Each pipelined request listens for its end.
    client.setMaxListeners(0);
    if (connectionsMax !== null && this.#clients.size >= connectionsMax) {
      client.destroy();
      return;
    }
    if (frontend.keepAliveMs !== null) client.setKeepAlive(true, frontend.keepAliveMs);
    this.#dialer.meter.accepted(client);
    this.#clients.add(client);
    client.once('close', () => this.#clients.delete(client));
    const address = proxied?.sourceAddress ?? client.remoteAddress ?? '';
    this.#proxied.set(client, plainAddress(address));
    if (first !== null && first.length > 0) client.unshift(first);
    this.#http.emit('connection', client);
  }

  lead(route: Route): void {
    this.#servers.lead(route);
    this.#reconsider();
  }

  get traffic(): EndpointTraffic {
    return this.#dialer.meter.read();
  }

  /** Ends what `server` is asked now. Clients of HTTP are no server's between two requests. */
  endSessions(server: Target): void {
    for (const exchange of Array.from(this.#exchanges)) if (exchange.isAt(server)) exchange.destroy();
  }

  close(): void {
    for (const exchange of Array.from(this.#exchanges)) exchange.destroy();
    for (const client of this.#clients) client.destroy();
    this.#servers.close();
    this.#http.close();
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    if (this.#answerOwn(request, response)) return;
    this.#begin(request, { kind: 'response', response });
  }

  /** WebSockets pass. Other protocols are not spoken: the request is read once more without that wish (RFC 9110 §7.8). */
  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (request.headers.upgrade?.toLowerCase() === 'websocket' && !hasBody(request)) {
      this.#begin(request, { kind: 'upgrade', socket, head });
      return;
    }
    const { method = '', url = '', httpVersion, rawHeaders } = request;
    if (head.length > 0) socket.unshift(head);
    socket.unshift(Buffer.from(headWithoutUpgrade(method, url, httpVersion, rawHeaders), 'latin1'));
    this.#http.emit('connection', socket);
  }

  #begin(request: IncomingMessage, answerTo: Asking['answerTo']): void {
    const clientAddress = this.#proxied.get(request.socket) ?? '';
    const exchange = new Exchange(this.#hands, { request, clientAddress, answerTo });
    this.#exchanges.add(exchange);
    const pipeline = this.#pipelines.get(request.socket) ?? [];
    this.#pipelines.set(request.socket, pipeline);
    pipeline.push(exchange);
    if (pipeline.length === 1) exchange.seek();
    else if (pipeline.length > PIPELINED_MAX) request.socket.destroy();
  }

  #over(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
    const pipeline = this.#pipelines.get(exchange.connection) ?? [];
    const at = pipeline.indexOf(exchange);
    pipeline.splice(at, 1);
    if (at === 0) pipeline[0]?.seek();
  }

  /** In the order in which they came. */
  #giveTurn(): void {
    for (const exchange of this.#waiting) {
      exchange.seek();
      if (this.#waiting.has(exchange)) return;
    }
  }

  #reconsider(): void {
    for (const exchange of Array.from(this.#exchanges)) exchange.review();
    for (const exchange of Array.from(this.#waiting)) exchange.seek();
  }
}
