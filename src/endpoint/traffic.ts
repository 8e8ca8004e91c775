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

/** Of processes that work side by side. The most of all may be less than the sum of each one's most, which is said here. */
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

/** Counts sessions as they come and go. Times are milliseconds of one clock. */
export class SessionCounter {
  now = 0;
  most = 0;
  total = 0;
  rateMost = 0;
  #second = 0;
  #inSecond = 0;
  #inSecondBefore = 0;

  began(nowMs: number): void {
    this.now += 1;
    this.total += 1;
    if (this.now > this.most) this.most = this.now;
    this.#turn(nowMs);
    this.#inSecond += 1;
    if (this.#inSecond > this.rateMost) this.rateMost = this.#inSecond;
  }

  ended(): void {
    this.now -= 1;
  }

  /** In the second up to now: of the one before, the part that is not over a second ago is taken to be evenly spread. */
  rate(nowMs: number): number {
    this.#turn(nowMs);
    const passed = (nowMs % SECOND_MS) / SECOND_MS;
    return Math.round(this.#inSecond + this.#inSecondBefore * (1 - passed));
  }

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second === this.#second) return;
    this.#inSecondBefore = second === this.#second + 1 ? this.#inSecond : 0;
    this.#inSecond = 0;
    this.#second = second;
  }
}
