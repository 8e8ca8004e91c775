// The relay of one endpoint, in one worker: clients on one side, servers on the other. It is called with bytes and with
// the time, and speaks through wires; sockets and timers are the shell's (net/relay).
//
// Within one turn of the event loop requests and replies are gathered, and sent by `flush` at its end, one write for each
// connection. While there is little to do they are sent at once.

import { isSameTarget, type Route, type RouteServer, type Target, targetText } from '../route.ts';
import { SessionCounter } from '../traffic.ts';
import { BackPressure, type BackPressureHost } from './back-pressure.ts';
import { Backend } from './backend.ts';
import { Client } from './client.ts';
import { CommandTable } from './command-table.ts';
import { Congestion } from './congestion.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { Hold } from './hold.ts';
import { LIMITS, type RelayLimits } from './limits.ts';
import { LoadedScripts } from './loaded-scripts.ts';
import { Losses, type LossHost } from './losses.ts';
import { type Owed, type Verdict, empty } from './owed.ts';
import { Placement, type PlacementHost } from './placement.ts';
import { type RejectionHost, Rejections } from './rejections.ts';
import type { RelayCore } from './relay-core.ts';
import type { RelayOptions } from './relay-options.ts';
import type { SeenReply } from './replay.ts';
import { takesItsTime } from './requests.ts';
import { Scripts } from './scripts.ts';
import type { ServerConnection } from './server-connection.ts';
import { type Leaving, Servers } from './servers.ts';
import { Logins, type SignOn } from './sign-on.ts';
import type { Wire } from './wire.ts';
import { handOver } from './writes.ts';

/** What happened so far, for status and metrics. */
export interface RelayCounts {
  clients: number;
  /** Clients that were closed because nobody knows whether their last writes were done. */
  outcomeUnknown: number;
  /** That did not take their replies. */
  tooSlow: number;
  /** That were closed because what they had at a server can't be had at another. */
  unmovable: number;
  /** That found no server in time. */
  unserved: number;
}

export class Relay
  implements RelayCore, ConnectionOwner, RejectionHost, PlacementHost, LossHost, BackPressureHost
{
  readonly table = new CommandTable();
  readonly logins = new Logins();
  readonly scripts: Scripts;
  readonly loadedScripts = new LoadedScripts();
  readonly hold = new Hold();
  limits: RelayLimits;
  readonly isTransparent: boolean;
  nowMs = 0;
  readonly counts: RelayCounts = { clients: 0, outcomeUnknown: 0, tooSlow: 0, unmovable: 0, unserved: 0 };
  readonly clients = new Set<Client>();
  readonly #options: RelayOptions;
  readonly #servers: Servers;
  readonly #rejections: Rejections;
  readonly #dirtyClients: Client[] = [];
  readonly #dirtyConnections: ServerConnection[] = [];
  /** Clients that have all their replies. */
  #replied: Client[] = [];
  readonly #placement: Placement;
  readonly #losses: Losses;
  readonly #congestion = new Congestion(this);
  readonly #pressure: BackPressure;
  #isSettling = false;
  /** Runs of requests that were sent in this turn. */
  #runs = 0;
  /** The last turn had several: worth waiting for this turn's end. */
  #isBusy = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.limits = options.limits ?? LIMITS;
    this.isTransparent = options.isTransparent;
    this.scripts = new Scripts(options.sha1, options.shareScript);
    const { dial, sessionsOf = () => new SessionCounter() } = options;
    this.#servers = new Servers(
      (server) => new Backend(server, this, { dial, limits: this.limits, sessions: sessionsOf(server) }),
    );
    this.#pressure = new BackPressure(this, options.untaken ?? { bytes: 0 });
    this.#placement = new Placement(options, this, this.#servers);
    this.#rejections = new Rejections(options.rejection, this, this.#servers);
    this.#losses = new Losses(this, this.#servers, this.#placement, this.#rejections);
  }

  get kept(): { bytes: number } {
    return this.#congestion.kept;
  }

  get isHolding(): boolean {
    return this.hold.isOn;
  }

  get waitingBytesMax(): number {
    if (!this.hold.isOn) return this.limits.waitingBytesMax;
    return this.#heldBytes() > this.limits.allHeldBytesMax ? 0 : this.limits.heldBytesMax;
  }

  /** Somebody connected. */
  accept(wire: Wire): Client {
    const client = new Client(this, wire);
    client.lastActiveMs = this.nowMs;
    this.clients.add(client);
    this.counts.clients++;
    return client;
  }

  /** Leads clients where `route` says from now on. Those of servers that are not in it are moved, or closed. */
  lead(route: Route): void {
    const left = this.#servers.replace(route);
    // Held clients of a primary that is gone are moved when there is another.
    const isBetween = this.hold.isOn && route.servers.length === 0;
    if (route.endsOthers && !isBetween) {
      const { keeps = [] } = route;
      for (const [backend, leaving] of Array.from(this.#servers.leaving)) {
        const stays = keeps.some((one) => isSameTarget(one, backend.server));
        if (!backend.isEnding && !stays) this.#leave(backend, leaving);
      }
    }
    this.#placement.tryAnew();
    if (this.hold.isOwn && left > 0 && !isBetween) this.release(false);
    this.settle();
    this.#options.wantsFlush();
  }

  /** Closes the clients that `server` has now. */
  endSessions(server: Target): void {
    for (const client of Array.from(this.clients)) {
      if (client.backend !== null && isSameTarget(client.backend.server, server)) client.reset();
    }
  }

  /** The route lapsed: nobody may be served any more. Everybody is reset. */
  lapse(): void {
    // A hold that waits for the last subscribers does not end with these.
    this.hold.isEnding = false;
    for (const client of Array.from(this.clients)) client.reset();
    this.#servers.close();
  }

  /** Connects to `server` and signs on there as the clients are, so that a hold is short. */
  prepare(server: RouteServer): void {
    const backend = this.#servers.prepare(server);
    if (backend === null) return;
    for (const { signOn, own, backend: from } of this.clients) {
      if (own === null && from !== null) backend.share(signOn, this.nowMs);
    }
  }

  /** Begins no request from now on; `onDrained` once all replies in flight are home. Ends by itself at `untilMs`. */
  beginHold(untilMs: number, onDrained: () => void): void {
    this.hold.begin(untilMs, false, onDrained);
    this.#pressure.holdChanged();
    this.hold.fates = this.#servers.fates;
    this.#tellAll();
    this.settle();
    this.#options.wantsFlush();
  }

  /** Everybody goes on, where the endpoint leads now. `hasAll`: what was done before an ordered hold is there. */
  release(wasInVain: boolean, hasAll = false): void {
    if (!this.hold.isOn) return;
    if (hasAll) handOver(this.clients, this.hold.fates, this.#servers.present);
    // What those publish who go on is for them, too.
    this.hold.isEnding = !wasInVain && this.#losses.isResubscribing && this.nowMs < this.hold.untilMs;
    if (this.hold.isEnding) return;
    this.hold.end(this.nowMs, wasInVain, this.limits.quietMs);
    this.#pressure.holdChanged();
    this.#tellAll();
    for (const client of Array.from(this.clients)) {
      if (client.wait === 'hold') client.goOn();
    }
    this.settle();
  }

  /** When {@link tick} is due, Infinity if never. */
  deadline(): number {
    let due = Math.min(this.hold.untilMs, this.#placement.deadline(), this.#pressure.dueMs);
    for (const [, { drainUntilMs, waitUntilMs }] of this.#servers.leaving) {
      due = Math.min(due, drainUntilMs, waitUntilMs);
    }
    return due;
  }

  /** Time has passed. */
  tick(): void {
    if (this.nowMs >= this.hold.untilMs) this.release(!this.hold.isEnding);
    for (const [backend, leaving] of Array.from(this.#servers.leaving)) {
      if (this.nowMs >= leaving.waitUntilMs) {
        this.#servers.forget(backend);
        this.#end(backend, () => true);
      } else if (this.nowMs >= leaving.drainUntilMs) {
        leaving.drainUntilMs = leaving.waitUntilMs;
        this.#end(backend, (connection) => !isWaitedOn(connection));
      }
    }
    this.#placement.tick();
    if (this.#pressure.isDue) this.#pressure.attend();
    this.settle();
  }

  /** The turn is over: sends what it has gathered. */
  flush(): void {
    if (this.#pressure.isDue) {
      this.#pressure.attend();
      this.settle();
    }
    this.#flushClients();
    this.#flushServers();
    this.#isBusy = this.#runs > 1;
    this.#runs = 0;
  }

  #flushClients(): void {
    const dirty = this.#dirtyClients;
    for (let at = 0; at < dirty.length; at++) (dirty[at] as Client).flush();
    empty(dirty);
  }

  #flushServers(): void {
    // What ends a connection here makes others speak: they join the end of the list.
    const dirty = this.#dirtyConnections;
    for (let at = 0; at < dirty.length; at++) {
      const connection = dirty[at] as ServerConnection;
      this.#runs += connection.unsentRuns;
      connection.flush();
      this.#congestion.sent(connection);
    }
    empty(dirty);
    // Those who waited for room may have been answered here.
    if (this.#dirtyClients.length + this.#replied.length > 0) this.settle();
  }

  share(client: Client): ServerConnection | null {
    const connection = this.#placement.backendOf(client)?.share(client.signOn, this.nowMs) ?? null;
    if (connection === null) this.#placement.enqueue(client);
    return connection;
  }

  isServer(is: (server: string) => boolean): boolean {
    return this.#servers.find(is) !== null;
  }

  shareWith(client: Client, is: (server: string) => boolean): ServerConnection | null {
    const connection = this.#servers.find(is)?.share(client.signOn, this.nowMs) ?? null;
    if (connection === null) this.#placement.enqueue(client);
    return connection;
  }

  lend(client: Client, wanted: SignOn): ServerConnection | null {
    const connection = this.#placement.backendOf(client)?.lend(wanted, client.wire, this.nowMs) ?? null;
    if (connection === null) this.#placement.enqueue(client);
    return connection;
  }

  serverOf(connection: ServerConnection): string {
    const backend = this.#servers.with(connection);
    return backend === null ? '' : targetText(backend.server);
  }

  giveBack(connection: ServerConnection, client: Client): void {
    client.backend?.giveBack(connection, client.writes);
    this.#placement.unassignIfLeaving(client);
  }

  drop(connection: ServerConnection): void {
    const backend = this.#servers.with(connection);
    if (backend === null) connection.discard();
    else backend.drop(connection);
  }

  wantsOutput(client: Client): void {
    this.#dirtyClients.push(client);
  }

  wantsFlush(connection: ServerConnection): void {
    this.#dirtyConnections.push(connection);
  }

  hasAllReplies(client: Client): void {
    this.#replied.push(client);
  }

  waitsNoMore(client: Client): void {
    this.#placement.waitsNoMore(client);
  }

  waitsForRoom(client: Client): void {
    this.#congestion.wait(client);
  }

  left(client: Client): void {
    this.hold.forget(client);
    this.clients.delete(client);
    this.counts.clients--;
    this.#congestion.forget(client);
    this.#rejections.forget(client);
    this.#losses.forget(client);
    this.#pressure.left(client);
    this.#placement.left(client);
  }

  wrote(client: Client): void {
    this.#pressure.wrote(client);
  }

  /** A client took what waited for it. */
  clientDrained(client: Client): void {
    this.#pressure.drained(client);
  }

  wantsAttention(): void {
    this.#options.wantsFlush();
  }

  settle(): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    while (this.#replied.length > 0) {
      const replied = this.#replied;
      this.#replied = [];
      for (const client of replied) {
        client.settled();
        if (this.hold.isOn) this.hold.tell(client, this.#holdSeconds());
      }
    }
    if (!this.hold.isOn && this.hold.told.size > 0) {
      for (const client of this.hold.told) this.hold.tell(client, 0);
    }
    if (this.#dirtyClients.length > 0) {
      if (this.#isBusy) this.#options.wantsFlush();
      else {
        // After a stall, what was read may be too late to be told.
        this.#options.checkTime();
        this.#flushClients();
      }
    }
    this.#isSettling = false;
    if (this.hold.awaitsDrained && this.#servers.areDrained) this.hold.drained();
    if (this.#dirtyConnections.length > 0) this.#flushOrWait();
  }

  /** Waiting for the end of the turn brings requests together, if there are several; else it only costs time. */
  #flushOrWait(): void {
    const [first] = this.#dirtyConnections;
    const isAlone = this.#dirtyConnections.length === 1 && first !== undefined;
    if (isAlone && !this.#isBusy && first.owedRuns <= 1) {
      this.#options.checkTime();
      this.#flushServers();
    }
    // Also to learn how many they were.
    this.#options.wantsFlush();
  }

  connected(connection: ServerConnection): void {
    connection.drained();
  }

  drained(connection: ServerConnection): void {
    this.#congestion.relieve(connection);
    this.settle();
  }

  unusual(owed: Owed, reply: SeenReply, connection: ServerConnection): Verdict {
    return this.#rejections.judge(owed, reply, connection);
  }

  beginsLong(connection: ServerConnection, bytes: number): void {
    this.#pressure.beginsLong(connection, bytes);
  }

  isRetried(text: string, connection: ServerConnection): boolean {
    return this.#rejections.isRetried(text, connection);
  }

  holdBegan(): void {
    this.#pressure.holdChanged();
    this.#tellAll();
    this.#options.wantsFlush();
  }

  lost(connection: ServerConnection, owed: readonly Owed[], unsent: number, _because: string): void {
    this.#losses.take(connection, owed, unsent);
    this.#congestion.goOn(connection);
  }

  resubscribed(): void {
    if (this.hold.isEnding) this.release(false);
  }

  giveUp(client: Client): void {
    this.#losses.giveUp(client);
  }

  beganToWait(): void {
    this.#options.wantsFlush();
  }

  /** Moves what `backend`, which left the route, still has. */
  #leave(backend: Backend, leaving: Leaving): void {
    backend.leave();
    leaving.drainUntilMs = this.nowMs + this.limits.drainMs;
    leaving.waitUntilMs = this.nowMs + this.limits.leavingMs;
    // In a switch that is held for, or once the server has said that it is no primary, what is in flight may come home: it was
    // done before, or comes back as a refusal. Else the server may be cut off and still acknowledge what will be lost.
    const drains = this.#rejections.areHeldFor && (this.isHolding || backend.wasDemoted);
    this.#end(backend, (connection) => !(drains && connection.hasSent) && !isWaitedOn(connection));
    for (const client of this.clients) {
      if (client.own === null && client.owed === 0) this.#placement.unassignIfLeaving(client);
    }
    if (backend.connections.size === 0) this.#servers.forget(backend);
  }

  /** Ends some connections of a server that left. */
  #end(backend: Backend, which: (connection: ServerConnection) => boolean): void {
    for (const connection of Array.from(backend.connections)) {
      if (which(connection)) connection.fail('the endpoint leads elsewhere');
    }
  }

  #heldBytes(): number {
    let bytes = 0;
    for (const client of this.clients) if (client.wait === 'hold') bytes += client.heldBytes;
    return bytes;
  }

  #tellAll(): void {
    for (const client of this.clients) this.hold.tell(client, this.#holdSeconds());
  }

  #holdSeconds(): number {
    return Math.max(1, Math.ceil((this.hold.untilMs - this.nowMs) / 1000));
  }
}

/** Whether somebody waits there for something that may have come just now: only the server can tell. */
function isWaitedOn({ firstOwed }: ServerConnection): boolean {
  return firstOwed !== undefined && takesItsTime(firstOwed);
}
