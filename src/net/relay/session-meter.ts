// Counts what an endpoint carries, without looking at a byte of it: sockets know how many they have read and written, and
// are asked when somebody wants to know, and once more at their end.

import type { Socket } from 'node:net';
import { type Target, targetText } from '../../endpoint/route.ts';
import { plainAddress } from './proxy-protocol.ts';
import {
  type EndpointTraffic,
  type OpenSession,
  SessionCounter,
  type Tally,
} from '../../endpoint/traffic.ts';

/** Servers that are remembered after they are gone; addresses of a cloud change for ever. */
const SERVERS_MAX = 256;

/** What sockets of one kind have carried. */
class ByteMeter {
  #read = 0;
  #written = 0;
  readonly #open = new Set<Socket>();

  carry(socket: Socket): void {
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#read += socket.bytesRead;
      this.#written += socket.bytesWritten;
    });
  }

  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  get read(): number {
    let sum = this.#read;
    for (const { bytesRead } of this.#open) sum += bytesRead;
    return sum;
  }

  get written(): number {
    let sum = this.#written;
    for (const { bytesWritten } of this.#open) sum += bytesWritten;
    return sum;
  }
}

export interface ServerMeter {
  readonly sessions: SessionCounter;
  /** Its connections. */
  readonly bytes: ByteMeter;
}

/** A client's connection. */
interface MeteredClient {
  readonly id: number;
  readonly socket: Socket;
  readonly sinceMs: number;
}

/** As others are told of it. `server`: the one it is led to. */
function openSession(
  endpoint: string,
  { id, socket, sinceMs }: MeteredClient,
  server: Target | null,
  nowMs: number,
): OpenSession {
  const { remoteAddress, remotePort } = socket;
  const host = remoteAddress === undefined ? undefined : plainAddress(remoteAddress);
  return {
    id,
    endpoint,
    source:
      host === undefined || remotePort === undefined ? 'unix:1' : targetText({ host, port: remotePort }),
    server: server === null ? null : targetText(server),
    ageMs: Math.max(0, nowMs - sinceMs),
  };
}

/** Ids of all endpoints of this process. */
let lastId = 0;

export class SessionMeter {
  readonly #now: () => number;
  readonly #sessions = new SessionCounter();
  readonly #bytes = new ByteMeter();
  readonly #clients = new Map<Socket, MeteredClient>();
  readonly #servers = new Map<string, ServerMeter>();

  /** `now`: milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A client came; its end is seen. */
  accepted(socket: Socket): void {
    const sinceMs = this.#now();
    this.#sessions.began(sinceMs);
    this.#bytes.carry(socket);
    this.#clients.set(socket, { id: (lastId += 1), socket, sinceMs });
    socket.once('close', () => {
      this.#sessions.ended();
      this.#clients.delete(socket);
    });
  }

  server(target: Target): ServerMeter {
    const name = targetText(target);
    let meter = this.#servers.get(name);
    if (meter === undefined) {
      this.#forget();
      meter = { sessions: new SessionCounter(), bytes: new ByteMeter() };
      this.#servers.set(name, meter);
    }
    return meter;
  }

  /** Those that are connected to `endpoint`. `servers`: where each is led. */
  sessions(endpoint: string, servers: ReadonlyMap<Socket, Target>): OpenSession[] {
    const nowMs = this.#now();
    return [...this.#clients.values()].map((client) =>
      openSession(endpoint, client, servers.get(client.socket) ?? null, nowMs),
    );
  }

  /** Closes one; what follows is told by its socket. False: there is none. */
  end(id: number): boolean {
    const client = [...this.#clients.values()].find((one) => one.id === id);
    client?.socket.destroy();
    return client !== undefined;
  }

  read(): EndpointTraffic {
    const now = this.#now();
    const tally = (sessions: SessionCounter, bytesIn: number, bytesOut: number): Tally => ({
      sessions: sessions.now,
      sessionsMost: sessions.most,
      sessionsTotal: sessions.total,
      rate: sessions.rate(now),
      rateMost: sessions.rateMost,
      busy: sessions.busy(now),
      bytesIn,
      bytesOut,
    });
    return {
      clients: tally(this.#sessions, this.#bytes.read, this.#bytes.written),
      servers: Object.fromEntries(
        // What comes in from clients is written to servers.
        [...this.#servers].map(([name, { sessions, bytes }]) => [
          name,
          tally(sessions, bytes.written, bytes.read),
        ]),
      ),
    };
  }

  /** Makes room: the one that was met first and has nothing any more. */
  #forget(): void {
    if (this.#servers.size < SERVERS_MAX) return;
    for (const [name, { sessions, bytes }] of this.#servers) {
      if (sessions.now > 0 || !bytes.isIdle) continue;
      this.#servers.delete(name);
      return;
    }
  }
}
