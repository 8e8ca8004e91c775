// The relay of one endpoint, in one worker: clients on one side, servers on the other. It is called with bytes and with
// the time, and speaks through wires; sockets and timers are the shell's (net/relay).
//
// Within one turn of the event loop requests are gathered, and sent by `flush` at its end; replies are given out as they
// are read, one write for each client.

import type { Route, RouteServer } from '../route.ts';
import { Backend, type Dial } from './backend.ts';
import { Chooser } from './choose-server.ts';
import { Client } from './client.ts';
import { CommandTable } from './command-table.ts';
import { LIMITS, type RelayLimits } from './limits.ts';
import type { Owed, Verdict } from './owed.ts';
import type { RelayCore } from './relay-core.ts';
import { RequestScanner } from './request-scanner.ts';
import type { ConnectionOwner, ServerConnection } from './server-connection.ts';
import { Logins, type SignOn } from './sign-on.ts';
import type { Wire } from './wire.ts';

export interface RelayOptions {
  readonly dial: Dial;
  /** {@link Relay.flush} is wanted at the end of this turn. */
  readonly wantsFlush: () => void;
  readonly isTransparent: boolean;
  readonly limits?: RelayLimits;
}

/** What happened so far, for status and metrics. */
export interface RelayCounts {
  clients: number;
  /** Clients that were closed because nobody knows whether their last writes were done. */
  outcomeUnknown: number;
  /** That did not take their replies. */
  tooSlow: number;
  /** That found no server in time. */
  unserved: number;
}

export class Relay implements RelayCore, ConnectionOwner {
  readonly table = new CommandTable();
  readonly logins = new Logins();
  readonly limits: RelayLimits;
  readonly isTransparent: boolean;
  isHolding = false;
  nowMs = 0;
  readonly counts: RelayCounts = { clients: 0, outcomeUnknown: 0, tooSlow: 0, unserved: 0 };
  readonly clients = new Set<Client>();
  readonly #options: RelayOptions;
  readonly #backends = new Map<string, Backend>();
  readonly #chooser = new Chooser<Backend>();
  #route: Route | null = null;
  #dirtyClients: Client[] = [];
  #dirtyConnections: ServerConnection[] = [];
  /** Clients that have all their replies. */
  #replied: Client[] = [];
  /** Those without a server, the longest wait first. */
  readonly #queue = new Set<Client>();
  /** Those who wait until a server takes more. */
  readonly #waitForRoom = new Set<Client>();
  /** Reply bytes that clients have not taken. */
  #untakenBytes = 0;
  #isSettling = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.limits = options.limits ?? LIMITS;
    this.isTransparent = options.isTransparent;
  }

  get waitingBytesMax(): number {
    return this.limits.waitingBytesMax;
  }

  /** Somebody connected. */
  accept(wire: Wire): Client {
    const client = new Client(this, wire);
    client.lastActiveMs = this.nowMs;
    this.clients.add(client);
    this.counts.clients++;
    return client;
  }

  /** Leads clients where `route` says from now on. Those of servers that are not in it are led elsewhere, or closed. */
  lead(route: Route): void {
    this.#route = route;
    const left = new Map(this.#backends);
    this.#backends.clear();
    for (const server of route.servers) {
      const key = backendKey(server);
      const backend = left.get(key) ?? new Backend(server, this, this.#options.dial, this.limits);
      backend.server = server;
      backend.isLeaving = false;
      left.delete(key);
      this.#backends.set(key, backend);
    }
    this.#chooser.set([...this.#backends.values()], route.balance);
    for (const backend of left.values()) {
      backend.isLeaving = true;
      if (!route.endsOthers) continue;
      for (const connection of Array.from(backend.connections))
        connection.fail('the endpoint leads elsewhere');
      for (const client of this.clients) {
        if (client.backend === backend) this.#unassign(client);
      }
    }
    this.#serveQueue();
    this.settle();
  }

  /** The route lapsed: nobody may be served any more. Everybody is reset. */
  lapse(): void {
    for (const client of Array.from(this.clients)) client.reset();
    for (const backend of this.#backends.values()) {
      for (const connection of Array.from(backend.connections)) connection.discard();
      backend.connections.clear();
    }
    this.#backends.clear();
    this.#chooser.set([], 'roundrobin');
    this.#route = null;
  }

  /** Where it leads now. */
  get route(): Route | null {
    return this.#route;
  }

  /** When {@link tick} is due, Infinity if never. */
  deadline(): number {
    let due = Infinity;
    for (const client of this.#queue) {
      due = client.waitsSince + this.limits.queueMs;
      break;
    }
    if (this.#queue.size > 0) {
      for (const { retryAtMs } of this.#backends.values())
        due = Math.min(due, Math.max(retryAtMs, this.nowMs + 1));
    }
    return due;
  }

  /** Time has passed. */
  tick(): void {
    this.#serveQueue();
    for (const client of Array.from(this.#queue)) {
      if (this.nowMs < client.waitsSince + this.limits.queueMs) break;
      this.#refuse(client);
    }
    this.settle();
  }

  /** Sends what this turn has gathered for servers. */
  flush(): void {
    // What ends a connection here makes others speak: they join the end of the list.
    const dirty = this.#dirtyConnections;
    for (let at = 0; at < dirty.length; at++) {
      const connection = dirty[at] as ServerConnection;
      connection.flush();
      if (connection.unsentBytes > this.limits.congestedBytes) connection.isCongested = true;
    }
    dirty.length = 0;
  }

  share(client: Client): ServerConnection | null {
    const backend = this.#backendOf(client);
    const connection = backend?.share(client.signOn, this.nowMs) ?? null;
    if (connection === null) this.#enqueue(client);
    return connection;
  }

  lend(client: Client, wanted: SignOn): ServerConnection | null {
    const backend = this.#backendOf(client);
    const connection = backend?.lend(wanted, this.nowMs) ?? null;
    if (connection === null) this.#enqueue(client);
    return connection;
  }

  giveBack(connection: ServerConnection, client: Client): void {
    client.backend?.giveBack(connection);
  }

  wantsOutput(client: Client): void {
    this.#dirtyClients.push(client);
  }

  wantsFlush(connection: ServerConnection): void {
    if (this.#dirtyConnections.push(connection) === 1) this.#options.wantsFlush();
  }

  hasAllReplies(client: Client): void {
    this.#replied.push(client);
  }

  waitsNoMore(client: Client): void {
    this.#queue.delete(client);
  }

  left(client: Client): void {
    this.clients.delete(client);
    this.counts.clients--;
    this.#queue.delete(client);
    this.#waitForRoom.delete(client);
    this.#untakenBytes -= client.countedBytes;
    client.countedBytes = 0;
    if (client.backend !== null) client.backend.clients--;
    client.backend = null;
  }

  wrote(client: Client): void {
    const untaken = client.wire.unsentBytes;
    if (untaken === 0 && client.countedBytes === 0) return;
    this.#untakenBytes += untaken - client.countedBytes;
    client.countedBytes = untaken;
    if (untaken > this.limits.replyBytesMax || this.#untakenBytes > this.limits.allReplyBytesMax) {
      this.counts.tooSlow++;
      client.reset();
    } else if (untaken > this.limits.congestedBytes) {
      client.own?.pause();
    }
  }

  /** A client took what waited for it. */
  clientDrained(client: Client): void {
    this.#untakenBytes -= client.countedBytes;
    client.countedBytes = 0;
    client.drained();
  }

  settle(): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    while (this.#replied.length > 0) {
      const replied = this.#replied;
      this.#replied = [];
      for (const client of replied) client.settled();
    }
    const dirty = this.#dirtyClients;
    for (let at = 0; at < dirty.length; at++) (dirty[at] as Client).flush();
    dirty.length = 0;
    this.#isSettling = false;
  }

  connected(connection: ServerConnection): void {
    if (connection.unsentBytes <= this.limits.congestedBytes) this.drained(connection);
  }

  waitsForRoom(client: Client): void {
    this.#waitForRoom.add(client);
  }

  drained(connection: ServerConnection): void {
    connection.isCongested = false;
    for (const client of Array.from(this.#waitForRoom)) {
      if ((client.own ?? client.shared) !== connection) continue;
      this.#waitForRoom.delete(client);
      client.goOn();
    }
    this.settle();
  }

  refused(_owed: Owed, _bytes: Uint8Array, _start: number, _end: number): Verdict {
    return 'deliver';
  }

  /** Requests that a server surely did not carry out, or may carry out again, are sent anew; else clients are closed. */
  lost(connection: ServerConnection, owed: readonly Owed[], unsent: number, _because: string): void {
    for (const backend of this.#backends.values()) {
      if (!backend.connections.has(connection)) continue;
      backend.remove(connection);
      if (!connection.isConnected) backend.backOff(this.nowMs);
    }
    const pieces = new Map<Client, Uint8Array[]>();
    owed.forEach((each, index) => {
      const { client } = each;
      if (client === null || client.isGone) return;
      client.owed -= each.count;
      const isSent = connection.isConnected && index < owed.length - unsent;
      const rest = each.local !== null ? wholeOf(each) : isSent && each.hasWrite ? null : restOf(each);
      if (rest === null) {
        this.counts.outcomeUnknown++;
        client.reset();
        return;
      }
      const list = pieces.get(client);
      if (list === undefined) pieces.set(client, [rest]);
      else list.push(rest);
    });
    const { client: owner } = connection;
    if (owner !== null && !owner.isGone) {
      connection.client = null;
      owner.own = null;
      if (owner.pinned.isNeeded || owner.isMidRequest) owner.reset();
    }
    for (const [client, list] of pieces) {
      if (client.isGone) continue;
      client.shared = null;
      client.takeBack(list);
      client.goOn();
    }
    for (const client of Array.from(this.#waitForRoom)) {
      if (client.own === null && client.shared?.isOver !== false) {
        this.#waitForRoom.delete(client);
        client.goOn();
      }
    }
  }

  #backendOf(client: Client): Backend | null {
    if (client.backend === null) {
      client.backend = this.#chooser.choose(client.wire);
      if (client.backend !== null) client.backend.clients++;
    }
    return client.backend;
  }

  #unassign(client: Client): void {
    if (client.backend !== null) client.backend.clients--;
    client.backend = null;
  }

  /** There is no server for it now. */
  #enqueue(client: Client): void {
    client.wait = 'server';
    if (this.#queue.has(client)) return;
    if (this.#queue.size >= this.limits.queuedMax) {
      this.#refuse(client);
      return;
    }
    client.waitsSince = this.nowMs;
    this.#queue.add(client);
    this.#options.wantsFlush();
  }

  #serveQueue(): void {
    for (const client of Array.from(this.#queue)) {
      const since = client.waitsSince;
      this.#queue.delete(client);
      client.wait = null;
      client.advance();
      if (client.wait === 'server') client.waitsSince = since;
    }
  }

  #refuse(client: Client): void {
    this.counts.unserved++;
    this.#queue.delete(client);
    client.answer('-ERR no server to lead to at this moment: try again later\r\n');
    client.isClosing = true;
    client.finishIfDone();
  }
}

function backendKey({ host, port }: RouteServer): string {
  return `${host} ${port}`;
}

function wholeOf({ bytes, start, end }: Owed): Uint8Array | null {
  return bytes === null ? null : bytes.subarray(start, end);
}

/** The requests that were not answered; null if they are not kept. */
function restOf({ bytes, start, end, answered }: Owed): Uint8Array | null {
  if (bytes === null) return null;
  const scanner = new RequestScanner();
  let at = start;
  for (let skipped = 0; skipped < answered;) {
    if (scanner.scan(bytes, at, end) === 'whole') skipped++;
    at = scanner.end;
  }
  return bytes.subarray(at, end);
}
