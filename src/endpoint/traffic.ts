// How many sessions and bytes an endpoint and its servers have, as HAProxy counts them: a session is a client's connection
// (of a server: a client that is led to it), and bytes come in from clients and go out to them.

/** Of a frontend, or of one server behind it. */
export interface Tally {
  /** At present, and at most since the start. */
  readonly sessions: number;
  readonly sessionsMost: number;
  /** Since the start. */
  readonly sessionsTotal: number;
  /** Begun in the last second, and in the busiest one. */
  readonly rate: number;
  readonly rateMost: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** What {@link BusiestSeconds} needs; absent where several were added up. */
  readonly busy?: BusySeconds;
}

/** How busy the last seconds were, each of the clock that all processes of a machine share. */
export interface BusySeconds {
  /** Of the first of them. */
  readonly second: number;
  /** At most at the same time. */
  readonly mosts: readonly number[];
  /** Begun. */
  readonly begun: readonly number[];
}

export interface EndpointTraffic {
  readonly clients: Tally;
  /** By address and port. */
  readonly servers: Readonly<Record<string, Tally>>;
}

/** By the endpoint. Those whose path does not see their clients are not in it. */
export type Traffic = Readonly<Record<string, EndpointTraffic>>;

/** One session that is open now. */
export interface OpenSession {
  /** Unlike that of any other session of this daemon. */
  readonly id: number;
  readonly endpoint: string;
  /** `10.0.0.9:41234`, `unix:1`. */
  readonly source: string;
  /** Address and port; null: it is led nowhere at the moment. */
  readonly server: string | null;
  readonly ageMs: number;
}

/** Of processes that work side by side. The most of all may be less than the sum of each one's most: busiest-seconds.ts. */
export function addTallies(tallies: readonly Tally[]): Tally {
  const sum = (of: (tally: Tally) => number): number =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  return {
    sessions: sum(({ sessions }) => sessions),
    sessionsMost: sum(({ sessionsMost }) => sessionsMost),
    sessionsTotal: sum(({ sessionsTotal }) => sessionsTotal),
    rate: sum(({ rate }) => rate),
    rateMost: sum(({ rateMost }) => rateMost),
    bytesIn: sum(({ bytesIn }) => bytesIn),
    bytesOut: sum(({ bytesOut }) => bytesOut),
  };
}

export function addTraffic(all: readonly Traffic[]): Traffic {
  const names = new Set(all.flatMap((traffic) => Object.keys(traffic)));
  return Object.fromEntries(
    [...names].map((name) => {
      const parts = all.flatMap((traffic) => traffic[name] ?? []);
      const servers = new Set(parts.flatMap((part) => Object.keys(part.servers)));
      return [
        name,
        {
          clients: addTallies(parts.map(({ clients }) => clients)),
          servers: Object.fromEntries(
            [...servers].map((server) => [
              server,
              addTallies(parts.flatMap((part) => part.servers[server] ?? [])),
            ]),
          ),
        },
      ];
    }),
  );
}

const SECOND_MS = 1_000;
/** So many are remembered: a process that is too busy to tell each second is heard later. */
const SECONDS_MAX = 8;

/** Counts sessions as they come and go. Times are milliseconds of one clock. */
export class SessionCounter {
  now = 0;
  most = 0;
  total = 0;
  rateMost = 0;
  #second = 0;
  /** Of the last seconds, up to the present one. */
  #mosts = [0];
  #begun = [0];

  began(nowMs: number): void {
    this.#turn(nowMs);
    this.now += 1;
    this.total += 1;
    if (this.now > this.most) this.most = this.now;
    const last = this.#begun.length - 1;
    if (this.now > (this.#mosts[last] ?? 0)) this.#mosts[last] = this.now;
    const begun = (this.#begun[last] ?? 0) + 1;
    this.#begun[last] = begun;
    if (begun > this.rateMost) this.rateMost = begun;
  }

  ended(): void {
    this.now -= 1;
  }

  /** In the second up to now: of the one before, the part that is not over a second ago is taken to be evenly spread. */
  rate(nowMs: number): number {
    this.#turn(nowMs);
    const passed = (nowMs % SECOND_MS) / SECOND_MS;
    const [inSecond = 0, before = 0] = this.#begun.toReversed();
    return Math.round(inSecond + before * (1 - passed));
  }

  busy(nowMs: number): BusySeconds {
    this.#turn(nowMs);
    return {
      second: this.#second - this.#mosts.length + 1,
      mosts: [...this.#mosts],
      begun: [...this.#begun],
    };
  }

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second <= this.#second) return;
    for (let passed = Math.min(second - this.#second, SECONDS_MAX); passed > 0; passed--) {
      this.#mosts.push(this.now);
      this.#begun.push(0);
    }
    this.#mosts = this.#mosts.slice(-SECONDS_MAX);
    this.#begun = this.#begun.slice(-SECONDS_MAX);
    this.#second = second;
  }
}
