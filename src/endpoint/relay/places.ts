// Places that clients of all workers share: in the waiting room, and at servers that take so many connections. Clients
// hold theirs until they leave.

import { targetText } from '../route.ts';
import type { Backend } from './backend.ts';
import type { Client } from './client.ts';
import type { SharedLimits } from './messages.ts';
import type { Slots } from './slots.ts';

export interface SharedSlots {
  readonly slots: Slots;
  readonly limits: SharedLimits;
}

export interface PlacesHost {
  /** There is no place for it to wait in. */
  noRoom(client: Client): void;
  /** Null: it has to ask again, since the server left meanwhile. */
  ledTo(client: Client, backend: Backend | null): void;
}

interface Place {
  readonly id: number;
  isGranted: boolean;
}

export class Places {
  readonly #shared: SharedSlots | null;
  readonly #host: PlacesHost;
  readonly #inRoom = new Map<Client, number>();
  readonly #atServers = new Map<Client, Place>();
  #asking = 0;

  /** `shared` null: nobody else is there to share with, and servers take any number. */
  constructor(shared: SharedSlots | null, host: PlacesHost) {
    this.#shared = shared;
    this.#host = host;
  }

  /** How many wait for a place at a server. */
  get asking(): number {
    return this.#asking;
  }

  isAsking(client: Client): boolean {
    return this.#atServers.get(client)?.isGranted === false;
  }

  /** Whether nobody may be led to it without a place. */
  isLimited({ server }: Backend): boolean {
    return this.#shared !== null && server.connectionsMax !== null;
  }

  /** Asks for a place at one of these, the first that has one. */
  ask(client: Client, ranked: readonly Backend[]): void {
    if (this.#shared === null) return;
    const { slots, limits } = this.#shared;
    const choices = ranked.map((backend) =>
      this.isLimited(backend) ? [`${limits.ofServer}${targetText(backend.server)}`] : [],
    );
    const id = slots.take(choices, Infinity, (choice) => {
      const backend = choice === null ? undefined : ranked[choice];
      place.isGranted = true;
      this.#asking--;
      const stays = backend !== undefined && !backend.isLeaving;
      if (!stays) this.leaveServer(client);
      this.#host.ledTo(client, stays ? backend : null);
    });
    const place: Place = { id, isGranted: false };
    this.#atServers.set(client, place);
    this.#asking++;
  }

  /** It needs its place at a server no more, or waits for none. */
  leaveServer(client: Client): void {
    const place = this.#atServers.get(client);
    if (place === undefined) return;
    this.#atServers.delete(client);
    if (!place.isGranted) this.#asking--;
    this.#shared?.slots.give(place.id);
  }

  /** The servers are others: whoever waits for a place has to ask anew. */
  askNoMore(): void {
    for (const [client, { isGranted }] of Array.from(this.#atServers)) {
      if (!isGranted) this.leaveServer(client);
    }
  }

  enterRoom(client: Client): void {
    if (this.#shared === null) return;
    const { slots, limits } = this.#shared;
    const id = slots.take([[limits.waiting]], 0, (choice) => {
      if (choice === null) this.#host.noRoom(client);
    });
    this.#inRoom.set(client, id);
  }

  leaveRoom(client: Client): void {
    const id = this.#inRoom.get(client);
    if (id === undefined) return;
    this.#inRoom.delete(client);
    this.#shared?.slots.give(id);
  }
}
