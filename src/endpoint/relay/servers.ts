// The servers of one endpoint as its relay sees them: those that the route names, those that left it and still owe
// something, and the one that the next route will name.

import { type Route, type RouteServer, targetText } from '../route.ts';
import type { Backend } from './backend.ts';
import { type Asker, Chooser } from './choose-server.ts';
import { takesItsTime } from './requests.ts';
import type { ServerConnection } from './server-connection.ts';
import type { Fate } from './writes.ts';

/** How long a server that left keeps what it has, in the relay's time. */
export interface Leaving {
  /** Until then replies in flight may come home; Infinity: until there is another server. */
  drainUntilMs: number;
  /** Until then those may stay who wait there for something that may never come. */
  waitUntilMs: number;
}

export class Servers {
  readonly #make: (server: RouteServer) => Backend;
  readonly #present = new Map<string, Backend>();
  readonly #leaving = new Map<Backend, Leaving>();
  #prepared: Backend | null = null;
  readonly #chooser = new Chooser<Backend>();

  constructor(make: (server: RouteServer) => Backend) {
    this.#make = make;
  }

  /** Those of the route. */
  get present(): Iterable<Backend> {
    return this.#present.values();
  }

  /** Whether those of the route have answered all, but for what takes its time. */
  get areDrained(): boolean {
    for (const backend of this.#present.values()) {
      for (const { firstOwed, client } of backend.connections) {
        if (client !== null && (client.pinned.isMulti || client.isMidRequest)) return false;
        if (firstOwed !== undefined && !takesItsTime(firstOwed)) return false;
      }
    }
    return true;
  }

  /** Of all that was written to those of the route. */
  get fates(): ReadonlySet<Fate> {
    return new Set([...this.#present.values()].flatMap(({ fates }) => fates));
  }

  /** Those that left it. */
  get leaving(): Iterable<[Backend, Leaving]> {
    return this.#leaving;
  }

  /** Makes it those of `route`. Says how many left. */
  replace(route: Route): number {
    const left = new Map(this.#present);
    this.#present.clear();
    for (const server of route.servers) {
      const key = targetText(server);
      const backend = left.get(key) ?? this.#returning(key) ?? this.#takePrepared(key) ?? this.#make(server);
      backend.server = server;
      backend.enter();
      left.delete(key);
      this.#leaving.delete(backend);
      this.#present.set(key, backend);
    }
    this.#chooser.set([...this.#present.values()], route.balance);
    for (const backend of left.values()) {
      backend.isLeaving = true;
      this.#leaving.set(backend, { drainUntilMs: Infinity, waitUntilMs: Infinity });
    }
    return left.size;
  }

  /** One that the next route will name; null if this one does. */
  prepare(server: RouteServer): Backend | null {
    if (this.#present.has(targetText(server))) return null;
    this.#prepared?.close();
    this.#prepared = this.#make(server);
    return this.#prepared;
  }

  /** One that left has nothing any more. */
  forget(backend: Backend): void {
    this.#leaving.delete(backend);
  }

  /** All that a client may be led to, the one to choose first. */
  rank(asker: Asker): Backend[] {
    return this.#chooser.rank(asker);
  }

  /** One of the route's, by its address and port; null if there is none such. */
  find(is: (server: string) => boolean): Backend | null {
    for (const [key, backend] of this.#present) if (is(key)) return backend;
    return null;
  }

  /** Whose connection it is. */
  with(connection: ServerConnection): Backend | null {
    for (const backend of this.#present.values()) if (backend.connections.has(connection)) return backend;
    for (const backend of this.#leaving.keys()) if (backend.connections.has(connection)) return backend;
    return this.#prepared?.connections.has(connection) === true ? this.#prepared : null;
  }

  /** Ends them all: nobody is served any more. */
  close(): void {
    for (const backend of [...this.#present.values(), ...this.#leaving.keys()]) backend.close();
    this.#prepared?.close();
    this.#prepared = null;
    this.#present.clear();
    this.#leaving.clear();
    this.#chooser.set([], 'roundrobin');
  }

  #returning(key: string): Backend | null {
    for (const backend of this.#leaving.keys()) if (targetText(backend.server) === key) return backend;
    return null;
  }

  #takePrepared(key: string): Backend | null {
    const prepared = this.#prepared;
    if (prepared === null || targetText(prepared.server) !== key) return null;
    this.#prepared = null;
    return prepared;
  }
}
