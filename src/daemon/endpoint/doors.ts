// Doors of an endpoint daemon for others than clients: HAProxy's runtime API, its pages of status, and what load balancers
// and Prometheus ask. A reload opens those that are new and closes those that are gone; who uses another does not notice.

import type { StatsPage, StatsSocket } from '../../endpoint/conf/haproxy/haproxy-conf.ts';
import type { Result } from '../../base/result.ts';
import { openHealthHttp } from './health-http.ts';
import { openRuntimeSocket, type RuntimeHands } from './runtime-socket.ts';

export interface DoorsConf {
  readonly statsSockets: readonly StatsSocket[];
  readonly statsPages: readonly StatsPage[];
  /** Where to answer load balancers; null: nowhere. */
  readonly http: { readonly host: string; readonly port: number } | null;
}

interface Door {
  close(): void;
}

type Opening = () => Promise<Result<Door, string>>;

export class Doors {
  readonly #hands: RuntimeHands;
  /** By all that they were opened with, as text. */
  readonly #open = new Map<string, Door>();

  constructor(hands: RuntimeHands) {
    this.#hands = hands;
  }

  /** Makes them those of `conf`. Resolves to what is in the way of some, in sentences; the others serve. */
  async configure(conf: DoorsConf): Promise<readonly string[]> {
    const wanted = this.#openings(conf);
    for (const [key, door] of this.#open) {
      if (wanted.has(key)) continue;
      door.close();
      this.#open.delete(key);
    }
    const problems: string[] = [];
    for (const [key, opening] of wanted) {
      if (this.#open.has(key)) continue;
      const opened = await opening();
      if (opened.ok) this.#open.set(key, opened.value);
      else problems.push(opened.problem);
    }
    return problems;
  }

  close(): void {
    for (const door of this.#open.values()) door.close();
    this.#open.clear();
  }

  #openings({ statsSockets, statsPages, http }: DoorsConf): Map<string, Opening> {
    const view = (): ReturnType<RuntimeHands['view']> => this.#hands.view(false);
    const openings = new Map<string, Opening>();
    for (const socket of statsSockets) {
      openings.set(JSON.stringify(socket), () => openRuntimeSocket(socket, this.#hands));
    }
    const pages = statsPages.flatMap((page) =>
      page.binds.flatMap((bind) => (bind.kind === 'tcp' ? [{ host: bind.host, port: bind.port, page }] : [])),
    );
    const questions = http === null ? [] : [{ ...http, page: null }];
    for (const one of [...pages, ...questions]) {
      openings.set(JSON.stringify(one), () => openHealthHttp({ ...one, view }));
    }
    return openings;
  }
}
