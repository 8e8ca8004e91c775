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

export interface DoorProblem {
  readonly sentence: string;
  /** Others come to it by TCP, and count on it. */
  readonly isPort: boolean;
}

interface Opening {
  readonly isPort: boolean;
  readonly open: () => Promise<Result<Door, string>>;
}

export class Doors {
  readonly #hands: RuntimeHands;
  /** By all that they were opened with, as text. */
  readonly #open = new Map<string, Door>();

  constructor(hands: RuntimeHands) {
    this.#hands = hands;
  }

  /** Makes them those of `conf`. Resolves to what is in the way of some; the others serve. */
  async configure(conf: DoorsConf): Promise<readonly DoorProblem[]> {
    const wanted = this.#openings(conf);
    for (const [key, door] of this.#open) {
      if (wanted.has(key)) continue;
      door.close();
      this.#open.delete(key);
    }
    const problems: DoorProblem[] = [];
    for (const [key, { isPort, open }] of wanted) {
      if (this.#open.has(key)) continue;
      const opened = await open();
      if (opened.ok) this.#open.set(key, opened.value);
      else problems.push({ sentence: opened.problem, isPort });
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
      openings.set(JSON.stringify(socket), {
        isPort: socket.bind.kind === 'tcp',
        open: () => openRuntimeSocket(socket, this.#hands),
      });
    }
    const pages = statsPages.flatMap((page) =>
      page.binds.flatMap((bind) => (bind.kind === 'tcp' ? [{ host: bind.host, port: bind.port, page }] : [])),
    );
    const questions = http === null ? [] : [{ ...http, page: null }];
    for (const one of [...pages, ...questions]) {
      openings.set(JSON.stringify(one), { isPort: true, open: () => openHealthHttp({ ...one, view }) });
    }
    return openings;
  }
}
