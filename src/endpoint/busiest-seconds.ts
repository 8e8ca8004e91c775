// At most how many sessions several processes had at the same time, and began in one second. Each tells how busy its last
// seconds were, of one clock; those of all are added up second by second. (The sum of what each had at most would be more:
// they are not at their most at the same time.) Within one second it is still a sum, so that it is never too little.

import type { EndpointTraffic, Tally, Traffic } from './traffic.ts';

/** Of endpoints and servers that are remembered; addresses of a cloud change for ever. */
const NAMES_MAX = 4_096;

interface Busiest {
  sessions: number;
  begun: number;
}

type Named = readonly [name: string, tally: Tally];

export class BusiestSeconds {
  readonly #found = new Map<string, Busiest>();

  /** What the processes that live now told last, each in its own. */
  hear(all: readonly Traffic[]): void {
    const tallies = new Map<string, Tally[]>();
    for (const [name, tally] of all.flatMap(namedIn)) {
      const told = tallies.get(name);
      if (told === undefined) tallies.set(name, [tally]);
      else told.push(tally);
    }
    for (const [name, told] of tallies) this.#look(name, told);
  }

  /** The same with what was found in place of sums. */
  correct(sum: Traffic): Traffic {
    return Object.fromEntries(
      Object.entries(sum).map(([endpoint, { clients, servers }]): [string, EndpointTraffic] => [
        endpoint,
        {
          clients: this.#corrected(nameOf(endpoint), clients),
          servers: Object.fromEntries(
            Object.entries(servers).map(([server, tally]) => [
              server,
              this.#corrected(nameOf(endpoint, server), tally),
            ]),
          ),
        },
      ]),
    );
  }

  #corrected(name: string, tally: Tally): Tally {
    const found = this.#found.get(name);
    if (found === undefined) return tally;
    const sessionsMost = Math.max(tally.sessions, found.sessions);
    return { ...tally, sessionsMost, rateMost: Math.max(tally.rate, found.begun) };
  }

  #look(name: string, told: readonly Tally[]): void {
    const busy = told.flatMap((tally) => tally.busy ?? []);
    const found = this.#found.get(name) ?? { sessions: 0, begun: 0 };
    // A second counts once all have told of it.
    const first = Math.max(...busy.map(({ second }) => second));
    const last = Math.min(...busy.map(({ second, mosts }) => second + mosts.length - 1));
    for (let second = first; second <= last; second++) {
      const sumOf = (which: 'mosts' | 'begun'): number =>
        busy.reduce((sum, one) => sum + (one[which][second - one.second] ?? 0), 0);
      found.sessions = Math.max(found.sessions, sumOf('mosts'));
      found.begun = Math.max(found.begun, sumOf('begun'));
    }
    // The one that was heard of longest ago goes first.
    this.#found.delete(name);
    this.#found.set(name, found);
    const [oldest] = this.#found.keys();
    if (this.#found.size > NAMES_MAX && oldest !== undefined) this.#found.delete(oldest);
  }
}

const nameOf = (endpoint: string, server = ''): string => `${endpoint} ${server}`;

const namedIn = (traffic: Traffic): Named[] =>
  Object.entries(traffic).flatMap(([endpoint, { clients, servers }]): Named[] => [
    [nameOf(endpoint), clients],
    ...Object.entries(servers).map(([server, tally]): Named => [nameOf(endpoint, server), tally]),
  ]);
