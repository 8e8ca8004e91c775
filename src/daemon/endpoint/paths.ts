// The paths of a daemon's endpoints: hands each route to the path of its endpoint, and an ordered switch's steps to all
// that have a part in it.

import type { ServerFacts } from '../../endpoint/condition.ts';
import type { EndpointsConf } from '../../endpoint/endpoint-conf.ts';
import type { Route, Target } from '../../endpoint/route.ts';
import { addTraffic, type OpenSession, type Traffic } from '../../endpoint/traffic.ts';
import type { SwitchAnswer, SwitchStep } from '../../endpoint/io.ts';
import type { TlsFiles } from '../../net/tls-files.ts';
import { NatPath } from './nat-path.ts';
import { RelayPath } from './relay-path.ts';
import type { RoutePath } from './route-path.ts';
import type { SlotDesk } from './slot-desk.ts';
import { SocketPath } from './socket-path.ts';

/** Paths of which a daemon has one at most, for all endpoints that take it; null: nobody does yet. */
export interface SharedPaths {
  readonly socket: SocketPath | null;
  readonly nat: NatPath | null;
  /** Where relays count what all of them share. */
  readonly slots: SlotDesk | null;
}

/** Numbers of paths begin anew after so many, which were not all opened by reloads between two orders. */
const PATHS_MAX = 4_096;

export class Paths {
  /** By the frontend's name. */
  readonly #paths: Map<string, RoutePath>;
  /** Of each endpoint, all that are known. */
  readonly #servers = new Map<string, readonly Target[]>();
  #facts: ServerFacts = {};
  readonly #numbers = new WeakMap<RoutePath, number>();
  #lastNumber = 0;

  constructor(paths: ReadonlyMap<string, RoutePath>) {
    this.#paths = new Map(paths);
  }

  add(paths: ReadonlyMap<string, RoutePath>): void {
    for (const [name, path] of paths) {
      this.#paths.set(name, path);
      const servers = this.#servers.get(name);
      if (servers !== undefined) path.avoid?.(name, servers);
      path.know?.(this.#facts);
    }
  }

  /** Endpoints to come join these. */
  get shared(): SharedPaths {
    const paths = this.#distinct();
    return {
      socket: paths.find((path) => path instanceof SocketPath) ?? null,
      nat: paths.find((path) => path instanceof NatPath) ?? null,
      slots: paths.find((path) => path instanceof RelayPath)?.slots ?? null,
    };
  }

  /** All servers of these endpoints that are known. */
  avoid(endpoints: readonly string[], servers: readonly Target[]): void {
    for (const endpoint of endpoints) {
      this.#servers.set(endpoint, servers);
      this.#paths.get(endpoint)?.avoid?.(endpoint, servers);
    }
  }

  know(facts: ServerFacts): void {
    this.#facts = facts;
    for (const path of this.#distinct()) path.know?.(facts);
  }

  /** Takes back what was opened for these endpoints; resolves when it is. */
  async drop(endpoints: readonly string[]): Promise<void> {
    for (const path of this.#distinct()) {
      const mine = endpoints.filter((endpoint) => this.#paths.get(endpoint) === path);
      for (const endpoint of mine) this.#paths.delete(endpoint);
      if (this.#distinct().includes(path)) await path.drop?.(mine);
      else await path.close();
    }
  }

  apply(route: Route): void {
    this.#paths.get(route.endpoint)?.apply(route);
  }

  endSessions(endpoints: readonly string[], server: Target): void {
    for (const path of this.#distinct()) {
      const mine = endpoints.filter((endpoint) => this.#paths.get(endpoint) === path);
      if (mine.length > 0) path.endSessions(mine, server);
    }
  }

  /** Done when all are. */
  async takeStep(endpoints: readonly string[], step: SwitchStep): Promise<SwitchAnswer> {
    const answers = await Promise.all(
      this.#distinct().map(async (path): Promise<SwitchAnswer> => {
        const mine = endpoints.filter((endpoint) => this.#paths.get(endpoint) === path);
        if (mine.length === 0 || path.takeStep === undefined) return { kind: 'done' };
        return path.takeStep(mine, step);
      }),
    );
    return answers.find(({ kind }) => kind === 'failed') ?? { kind: 'done' };
  }

  resize(workers: number | null, staysAwake: boolean | null): void {
    for (const path of this.#distinct()) path.resize?.(workers, staysAwake);
  }

  renewTls(files: TlsFiles): void {
    for (const path of this.#distinct()) path.renewTls?.(files);
  }

  async traffic(): Promise<Traffic> {
    return addTraffic(
      await Promise.all(this.#distinct().map(async (path) => (await path.traffic?.()) ?? {})),
    );
  }

  /** Their numbers tell the paths apart. */
  async sessions(): Promise<readonly OpenSession[]> {
    const all = this.#distinct().map(async (path) => {
      const number = this.#numberOf(path);
      const sessions = (await path.sessions?.()) ?? [];
      return sessions.map((session) => ({ ...session, id: session.id * PATHS_MAX + number }));
    });
    return (await Promise.all(all)).flat();
  }

  /** False: there is no such session any more. */
  async endSession(id: number): Promise<boolean> {
    const path = this.#distinct().find((one) => this.#numberOf(one) === id % PATHS_MAX);
    return (await path?.endSession?.(Math.floor(id / PATHS_MAX))) ?? false;
  }

  renewAccess(conf: EndpointsConf, files: TlsFiles): void {
    for (const path of this.#distinct()) path.renewAccess?.(conf, files);
  }

  status(): unknown[] {
    return this.#distinct().map((path) => path.status());
  }

  async close(): Promise<void> {
    await Promise.all(this.#distinct().map((path) => path.close()));
  }

  #numberOf(path: RoutePath): number {
    const number = this.#numbers.get(path) ?? (this.#lastNumber += 1) % PATHS_MAX;
    this.#numbers.set(path, number);
    return number;
  }

  #distinct(): RoutePath[] {
    return [...new Set(this.#paths.values())];
  }
}
