// Which server a client is to have before the balance is asked: by a rule that names one (HAProxy's use-server), or because
// its address stays with one (stick on src, keepalived's persistence_timeout).

import { decider, type ClientEnds, type Decide, type ServerFacts } from '../condition.ts';
import { targetText, type RouteServer } from '../route.ts';
import type { RelayConf } from './messages.ts';
import { Persistence } from './persistence.ts';

export class Steering {
  readonly #rules: readonly { readonly server: string; readonly holds: Decide }[];
  readonly #persistence: Persistence | null;
  readonly #knows: () => ServerFacts;

  constructor(
    {
      serverRules = [],
      persistMs,
      persistTable,
    }: Pick<RelayConf, 'serverRules' | 'persistMs' | 'persistTable'>,
    knows: () => ServerFacts,
  ) {
    this.#rules = serverRules.map(({ server, when }) => ({ server, holds: decider(when) }));
    this.#persistence = persistMs === null ? null : new Persistence(persistMs, persistTable);
    this.#knows = knows;
  }

  /** The one of `able` that it is to have; null: any will do. */
  choose<Each extends { readonly server: RouteServer }>(
    client: ClientEnds,
    nowMs: number,
    able: readonly Each[],
  ): Each | null {
    for (const { server, holds } of this.#rules) {
      const named = holds(client, this.#knows()) ? able.find((one) => one.server.name === server) : undefined;
      if (named !== undefined) return named;
    }
    const stay = this.#persistence?.serverOf(client.sourceAddress, nowMs) ?? null;
    return stay === null ? null : (able.find(({ server }) => targetText(server) === stay) ?? null);
  }

  /** A connection is led to `server`, and has ended. */
  began({ sourceAddress }: ClientEnds, server: RouteServer, nowMs: number): void {
    this.#persistence?.began(sourceAddress, targetText(server), nowMs);
  }

  ended({ sourceAddress }: ClientEnds, server: RouteServer, nowMs: number): void {
    this.#persistence?.ended(sourceAddress, targetText(server), nowMs);
  }
}
