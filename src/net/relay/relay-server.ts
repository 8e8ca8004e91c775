// The relay of one endpoint with real sockets and a real clock: what was pure in endpoint/relay meets the world here.

import { type Server, type Socket, connect } from 'node:net';
import type { Client } from '../../endpoint/relay/client.ts';
import { Relay } from '../../endpoint/relay/relay.ts';
import type { Wire, WireEvents } from '../../endpoint/relay/wire.ts';
import type { Route, RouteServer } from '../../endpoint/route.ts';
import { SocketWire, listenTo } from './socket-wire.ts';

export interface RelayServerOptions {
  readonly isTransparent: boolean;
  /** Monotonic milliseconds that go on while the machine sleeps. */
  readonly now: () => number;
}

export class RelayServer {
  readonly relay: Relay;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: RelayServerOptions) {
    this.#now = options.now;
    const flush = (): void => {
      this.relay.flush();
      this.#arm();
    };
    this.relay = new Relay({
      dial: (server, events) => this.#dial(server, events),
      wantsFlush: () => setImmediate(flush),
      isTransparent: options.isTransparent,
    });
    this.relay.nowMs = this.#now();
  }

  /** Clients of `server` are ours. */
  serve(server: Server): void {
    server.on('connection', (socket: Socket) => this.#accept(socket));
  }

  lead(route: Route): void {
    this.relay.nowMs = this.#now();
    this.relay.lead(route);
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true);
    this.relay.nowMs = this.#now();
    const client: Client = this.relay.accept(new SocketWire(socket));
    socket.on('data', (chunk: Buffer) => client.received(chunk));
    socket.on('drain', () => this.relay.clientDrained(client));
    const gone = (): void => {
      client.gone();
      socket.destroy();
    };
    socket.once('end', gone);
    socket.once('error', gone);
    socket.once('close', gone);
  }

  #dial(server: RouteServer, events: WireEvents): Wire {
    const socket = connect({ host: server.host, port: server.port, noDelay: true });
    listenTo(socket, 'connect', events);
    return new SocketWire(socket);
  }

  /** One timer for whatever the relay waits for. */
  #arm(): void {
    const due = this.relay.deadline();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (due === Infinity) return;
    this.#timer = setTimeout(
      () => {
        this.relay.nowMs = this.#now();
        this.relay.tick();
        this.#arm();
      },
      Math.max(0, due - this.#now()),
    );
  }
}
