// What must hold, judged from outside: who answers for the address, and who says what on the wire.

import { bothHoldMs } from '../../vrrp/lifetime.ts';
import { peerDownMsMin } from '../../vrrp/timing.ts';
import type { Host } from './host.ts';
import type { Scenario } from './scenario.ts';

export type CheckName =
  /** Never two holders for longer than a crash, a hand-over or a healing network explains. */
  | 'two-holders'
  /** One holder, and the right one, once faults have stopped. */
  | 'one-holder'
  /** No advert of a router that was silent for so long that a peer may be active, unless it let go in between. */
  | 'stale-advert'
  /** The machine does not throw. */
  | 'no-crash';

export interface Violation {
  readonly check: CheckName;
  readonly sentence: string;
  readonly atMs: number;
}

/** Clocks differ by up to two in a hundred, and a little for the rest. */
const CLOCK_SLACK = 0.025;
const SLACK_MS = 10;

/** Watches all pairs of hosts for both holding the address. */
export class HoldersCheck {
  readonly #scenario: Scenario;
  /** Since when a pair holds, by `first * 8 + second`. */
  readonly #since = new Map<number, number>();
  readonly #bothHoldMs: number;
  readonly #lifetimeMs: number;
  /** The longest unexcused overlap, in ms. */
  longestMs = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    const conf = { ...scenario, downTimerAdverts: 3, addressLifetimeSeconds: scenario.lifetimeSeconds };
    // With the guard one of the two is silent in that time.
    this.#bothHoldMs = scenario.guard ? 0 : bothHoldMs(conf);
    this.#lifetimeMs = scenario.lifetimeSeconds * 1000 + 500;
  }

  /** `healedAt(a, b)`: when packets last began to pass between them surely; Infinity: they do not now. */
  look(hosts: readonly Host[], now: number, healedAt: (a: Host, b: Host) => number): string | null {
    for (const [index, first] of hosts.entries()) {
      for (const second of hosts.slice(index + 1)) {
        const pair = first.index * 8 + second.index;
        if (!first.holds || !second.holds) {
          this.#since.delete(pair);
          continue;
        }
        const since = this.#since.get(pair) ?? now;
        this.#since.set(pair, since);
        const healed = healedAt(first, second);
        if (now > this.#allowedUntil(since, first, second, healed)) {
          return `routers ${first.index} and ${second.index} both hold the address for ${Math.round(now - since)} ms`;
        }
        if (healed < since) this.longestMs = Math.max(this.longestMs, now - since);
      }
    }
    return null;
  }

  #preempts(taker: Host, holder: Host): boolean {
    const { routers, preempt } = this.#scenario;
    const priority = (host: Host): number => routers[host.index]?.priority ?? 0;
    return preempt && priority(taker) > priority(holder);
  }

  #allowedUntil(since: number, first: Host, second: Host, healed: number): number {
    const { advertIntervalMs, delayMsMax } = this.#scenario;
    const clocks = CLOCK_SLACK * (this.#lifetimeMs + 4 * advertIntervalMs) + SLACK_MS;
    // A hand-over: the new one's advert is on its way.
    let until = since + delayMsMax + SLACK_MS;
    // A network that healed: an interval until the next advert of either, and its way.
    const healing = advertIntervalMs * (1 + CLOCK_SLACK) + delayMsMax + SLACK_MS;
    until = Math.max(until, healed + healing);
    for (const host of [first, second]) {
      // One that was frozen meanwhile hears, and is heard, from now on.
      until = Math.max(until, host.actsSince + healing);
      if (host.silentSince === null) continue;
      // A crash: the kernel ends what the dead one held.
      until = Math.max(until, since + this.#bothHoldMs + clocks);
      // A kernel that stood still counts on from there, with nobody alive to let go first.
      if (host.resumedAt > host.silentSince)
        until = Math.max(until, host.resumedAt + this.#lifetimeMs + clocks);
      // Its last adverts may have been lost, and then the other was sooner; one that preempts does not wait for them.
      const other = host === first ? second : first;
      const heardItAll = healed <= host.silentSince - 5 * advertIntervalMs;
      if (!heardItAll || this.#preempts(other, host)) {
        until = Math.max(until, host.silentSince + this.#lifetimeMs + clocks);
      }
    }
    return until;
  }
}

/** Watches each host's adverts for a gap that was slept through. */
export class AdvertsCheck {
  readonly #peerDownMs: number;
  readonly #last = new Map<Host, number>();

  constructor(scenario: Scenario) {
    this.#peerDownMs = peerDownMsMin({ ...scenario, downTimerAdverts: 3 });
  }

  released(host: Host): void {
    this.#last.delete(host);
  }

  sent(host: Host, priority: number): string | null {
    if (priority === 0) return null;
    const { localMs } = host;
    const gap = localMs - (this.#last.get(host) ?? localMs);
    this.#last.set(host, localMs);
    return gap < this.#peerDownMs
      ? null
      : `router ${host.index} sends an advert after ${Math.round(gap)} ms of silence without having let go`;
  }
}

/** Who must hold the address in the end; null: any one. */
export function expectedHolder(scenario: Scenario): number | null {
  if (!scenario.preempt) return null;
  const best = Math.max(...scenario.routers.map(({ priority }) => priority));
  const candidates = scenario.routers.flatMap(({ priority }, index) => (priority === best ? [index] : []));
  // Among equals whoever came first may keep it.
  return candidates.length === 1 ? (candidates[0] ?? null) : null;
}
