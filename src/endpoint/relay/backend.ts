// One server as the relay uses it: connections that many clients share, one set for each way of being signed on, and
// connections that wait for a client who needs one of its own.

import type { RouteServer } from '../route.ts';
import type { SessionCounter } from '../traffic.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import type { RelayLimits } from './limits.ts';
import { ServerConnection } from './server-connection.ts';
import { type SignOn, shareKey } from './sign-on.ts';
import type { Wire, WireEvents } from './wire.ts';
import { Fate, type Writes } from './writes.ts';

/**
 * Begins to connect to `server`; what follows is told to `events`, never before this returns. `client`: whose connection it
 * will be; null: it is shared.
 */
export type Dial = (server: RouteServer, events: WireEvents, client: Wire | null) => Wire;

/** After a refused connection, how long until the next is tried, in ms. */
const RETRY_MS = 100;

interface Pool {
  readonly shared: ServerConnection[];
  readonly idle: ServerConnection[];
}

export class Backend {
  server: RouteServer;
  /** Clients that were led to it. */
  clients = 0;
  readonly #sessions: SessionCounter;
  /** Not connected to before this moment. */
  retryAtMs = 0;
  /** Out of the route: no more clients, and what is left ends. */
  isLeaving = false;
  /** And its clients have to go elsewhere, each once it has its replies. */
  isEnding = false;
  /** It has said that it is no primary, since the route last named it. */
  wasDemoted = false;
  /** Of writes over connections that others have now: until any connection is lost. */
  fate = new Fate(this);
  readonly #owner: ConnectionOwner;
  readonly #dial: Dial;
  readonly #limits: RelayLimits;
  readonly #pools = new Map<string, Pool>();
  /** All of them. */
  readonly connections = new Set<ServerConnection>();

  constructor(
    server: RouteServer,
    owner: ConnectionOwner,
    { dial, limits, sessions }: { dial: Dial; limits: RelayLimits; sessions: SessionCounter },
  ) {
    this.server = server;
    this.#sessions = sessions;
    this.#owner = owner;
    this.#dial = dial;
    this.#limits = limits;
  }

  /** The route names it (again). */
  enter(): void {
    // What was written before counts as lost, but not what is written from now on.
    if (this.isLeaving) this.#renewFates();
    this.isLeaving = false;
    this.isEnding = false;
    this.wasDemoted = false;
  }

  /** Its clients go elsewhere, where it is not known that everything is that they wrote here. */
  leave(): void {
    this.isEnding = true;
    for (const fate of this.fates) fate.isOver = true;
  }

  /** Of everything that was written here lately. */
  get fates(): Fate[] {
    return [this.fate, ...[...this.connections].map(({ fate }) => fate)];
  }

  #renewFates(): void {
    this.fate = new Fate(this);
    for (const connection of this.connections) connection.fate = new Fate(this);
  }

  /** A client is led to it. */
  join(nowMs: number): void {
    this.clients++;
    this.#sessions.began(nowMs);
  }

  /** One is not any more. */
  part(): void {
    this.clients--;
    this.#sessions.ended();
  }

  /** A connection for requests that leave nothing behind; null while none may be made. */
  share(signOn: SignOn, nowMs: number): ServerConnection | null {
    const { shared } = this.#pool(shareKey(signOn));
    /** Connections for everybody, and one of them that is busy. */
    let count = 0;
    let busy: ServerConnection | null = null;
    for (const connection of shared) {
      if (connection.slowdown?.isOn === true) continue;
      if (!connection.isStreaming) return connection;
      count++;
      busy ??= connection;
    }
    if (count >= this.#limits.sharedMax) return busy;
    const connection = this.#connect(null, nowMs);
    if (connection === null) return busy;
    shared.push(connection);
    connection.signOn(signOn, false);
    return connection;
  }

  /** A connection for `client`: one that is signed on as `wanted`, or a new one. Null while none may be made. */
  lend(wanted: SignOn, client: Wire, nowMs: number): ServerConnection | null {
    return this.#pools.get(shareKey(wanted))?.idle.pop() ?? this.#connect(client, nowMs);
  }

  /** Takes back a connection that nothing was left on, of a client that wrote so. */
  giveBack(connection: ServerConnection, writes: Writes): void {
    if (connection.isOver) return;
    // From now on it is others', and may end with them.
    if (writes.at === connection.fate) writes.at = this.fate;
    const { idle } = this.#pool(shareKey(connection.has));
    if (this.isLeaving || idle.length >= this.#limits.idleMax) this.drop(connection);
    else idle.push(connection);
  }

  /** Ends one that somebody had and nobody is to have again. */
  drop(connection: ServerConnection): void {
    this.connections.delete(connection);
    connection.discard();
  }

  /** Forgets one that is over. */
  remove(connection: ServerConnection): void {
    if (!this.connections.delete(connection)) return;
    this.fate.isOver = true;
    this.fate = new Fate(this);
    for (const [key, pool] of this.#pools) {
      for (const list of [pool.shared, pool.idle]) {
        const at = list.indexOf(connection);
        if (at !== -1) list.splice(at, 1);
      }
      if (pool.shared.length + pool.idle.length === 0) this.#pools.delete(key);
    }
  }

  /** Ends all its connections; nothing is owed on them. */
  close(): void {
    for (const connection of this.connections) connection.discard();
    this.connections.clear();
    this.#pools.clear();
  }

  /** The last attempt to connect failed. */
  backOff(nowMs: number): void {
    this.retryAtMs = nowMs + RETRY_MS;
  }

  #connect(client: Wire | null, nowMs: number): ServerConnection | null {
    if (nowMs < this.retryAtMs || this.isLeaving) return null;
    const connection = new ServerConnection(this.#owner, client === null);
    connection.fate = new Fate(this);
    connection.attach(this.#dial(this.server, connection, client));
    this.connections.add(connection);
    return connection;
  }

  #pool(key: string): Pool {
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = { shared: [], idle: [] };
      this.#pools.set(key, pool);
    }
    return pool;
  }
}
