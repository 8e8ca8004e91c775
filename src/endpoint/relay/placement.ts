// Who is led to which server, and who waits until there is one: by the route's balance, within what servers take, and no
// longer than clients are made to wait.

import { NO_ENDS } from '../condition.ts';
import type { Backend } from './backend.ts';
import type { Client } from './client.ts';
import type { RelayLimits } from './limits.ts';
import { Places, type SharedSlots } from './places.ts';
import type { Servers } from './servers.ts';
import type { Steering } from './steering.ts';
import { WaitingRoom } from './waiting-room.ts';

/** What {@link Placement} needs of the relay. */
export interface PlacementHost {
  readonly limits: RelayLimits;
  readonly nowMs: number;
  readonly counts: { unserved: number };
  /** What was passed on is to be given out. */
  settle(): void;
  /** Somebody began to wait: the deadline may be earlier. */
  beganToWait(): void;
}

export interface PlacementOptions {
  /** What all workers of this endpoint share; absent: there are no others. */
  readonly shared?: SharedSlots | null;
  /** Absent: the balance decides. */
  readonly steering?: Steering | null;
}

export class Placement {
  readonly #host: PlacementHost;
  readonly #servers: Servers;
  readonly #queue: WaitingRoom;
  readonly #places: Places;
  readonly #steering: Steering | null;

  constructor({ shared = null, steering = null }: PlacementOptions, host: PlacementHost, servers: Servers) {
    this.#host = host;
    this.#steering = steering;
    this.#servers = servers;
    this.#places = new Places(shared, {
      noRoom: (client) => {
        this.#turnAway(client);
        host.settle();
      },
      ledTo: (client, backend) => {
        if (backend !== null) this.#assign(client, backend);
        if (client.wait === 'server') client.goOn();
        host.settle();
      },
    });
    this.#queue = new WaitingRoom(
      (client) => this.#places.enterRoom(client),
      (client) => this.#places.leaveRoom(client),
    );
  }

  /** The server that `client` is led to; null: there is none, or no place at it yet. */
  backendOf(client: Client): Backend | null {
    this.unassignIfLeaving(client);
    if (client.backend === null && !this.#places.isAsking(client)) {
      const ranked = this.#steered(client, this.#servers.rank(client.wire));
      const [best] = ranked;
      if (best !== undefined && this.#places.isLimited(best)) this.#places.ask(client, ranked);
      else if (best !== undefined) this.#assign(client, best);
    }
    return client.backend;
  }

  /** Its server left the route: it needs another. */
  unassignIfLeaving(client: Client): void {
    if (client.backend?.isLeaving === true) this.#unassign(client);
  }

  /** There is no server for it now. */
  enqueue(client: Client): void {
    const { limits, nowMs } = this.#host;
    client.wait = 'server';
    if (!this.#queue.has(client) && this.#queue.size >= limits.queuedMax) {
      this.#turnAway(client);
      return;
    }
    this.#queue.enter(client, nowMs);
    this.#host.beganToWait();
  }

  /** It asks for nothing. */
  stopWaiting(client: Client): void {
    this.#queue.leave(client);
    client.wait = null;
  }

  waitsNoMore(client: Client): void {
    this.#queue.leave(client);
  }

  /** It is gone. */
  left(client: Client): void {
    this.#queue.leave(client);
    this.#unassign(client);
  }

  /** The servers are others. */
  tryAnew(): void {
    this.#places.askNoMore();
    this.#queue.tryAll(() => true);
  }

  /** When {@link tick} is due, Infinity if never. */
  deadline(): number {
    const { limits, nowMs } = this.#host;
    let due = this.#queue.oldestMs + limits.queueMs;
    if (this.#queue.size > this.#places.asking) {
      for (const { retryAtMs } of this.#servers.present) due = Math.min(due, Math.max(retryAtMs, nowMs + 1));
    }
    return due;
  }

  /** Time has passed. */
  tick(): void {
    const { limits, nowMs } = this.#host;
    this.#queue.tryAll((client) => !this.#places.isAsking(client));
    for (const client of this.#queue.takeOlder(nowMs - limits.queueMs)) this.#turnAway(client);
  }

  /** The one that it is to have comes first. */
  #steered({ wire }: Client, ranked: Backend[]): Backend[] {
    const first = this.#steering?.choose(wire.ends ?? NO_ENDS, this.#host.nowMs, ranked) ?? null;
    return first === null ? ranked : [first, ...ranked.filter((one) => one !== first)];
  }

  #assign(client: Client, backend: Backend): void {
    client.backend = backend;
    backend.join(this.#host.nowMs);
    this.#steering?.began(client.wire.ends ?? NO_ENDS, backend.server, this.#host.nowMs);
  }

  #unassign(client: Client): void {
    const { backend, wire } = client;
    backend?.part();
    if (backend !== null) this.#steering?.ended(wire.ends ?? NO_ENDS, backend.server, this.#host.nowMs);
    client.backend = null;
    this.#places.leaveServer(client);
  }

  #turnAway(client: Client): void {
    this.#host.counts.unserved++;
    this.#queue.leave(client);
    client.answer('-ERR no server to lead to at this moment: try again later\r\n');
    client.isClosing = true;
    client.finishIfDone();
  }
}
