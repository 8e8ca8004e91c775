// One run: routers on a faulty network, played until the faults are over and the address has settled, or until a check
// accuses. The same seed tells the same story.

import { Random } from '../../base/random.ts';
import { decodeAdvert } from '../../vrrp/advert.ts';
import { MULTICAST_GROUP_IPV4 } from '../../vrrp/router-conf.ts';
import { Story, type StoryLine } from '../story.ts';
import { Agenda } from './agenda.ts';
import { AdvertsCheck, expectedHolder, HoldersCheck, type CheckName, type Violation } from './checks.ts';
import { addressOf, Host, type Advert, type HostWorld } from './host.ts';
import type { Sabotage } from './sabotage.ts';
import { describeFault, scenarioOf, type Fault, type Scenario } from './scenario.ts';

export interface VrrpOutcome {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly violation: Violation | null;
  readonly simulatedMs: number;
  /** The longest that two held the address on a good network. */
  readonly longestOverlapMs: number;
  readonly advertsSent: number;
  /** How often a router took the address. */
  readonly timesTaken: number;
  /** Empty unless it was to be told. */
  readonly story: readonly StoryLine[];
}

export interface VrrpRunOptions {
  readonly sabotage?: Sabotage | null;
  /** Whether to keep the story. */
  readonly told?: boolean;
}

/** Plays one seed. */
export function runVrrp(seed: number, options: VrrpRunOptions = {}): VrrpOutcome {
  return playVrrp(scenarioOf(seed), options);
}

/** Plays a plan, which may be a seed's with fewer faults. */
export function playVrrp(scenario: Scenario, options: VrrpRunOptions = {}): VrrpOutcome {
  return new World(scenario, options).play();
}

class World implements HostWorld {
  readonly agenda = new Agenda();
  readonly random: Random;
  readonly scenario: Scenario;
  readonly sabotage: Sabotage | null;
  readonly #hosts: Host[];
  readonly #holders: HoldersCheck;
  readonly #adverts: AdvertsCheck;
  #violation: Violation | null = null;
  #advertsSent = 0;
  #timesTaken = 0;
  readonly #story: Story;
  /** Faults that now keep packets from a host, by host; and those that lose any packet. */
  readonly #cuts: number[];
  readonly #losses: number[] = [];
  /** When each host last could not be heard or hear. */
  readonly #cutUntil: number[];
  #lossUntil = -Infinity;

  constructor(scenario: Scenario, { sabotage = null, told = false }: VrrpRunOptions) {
    this.scenario = scenario;
    this.sabotage = sabotage;
    this.#story = new Story(told);
    // Another stream than the scenario's, or the plan and the dice would be the same.
    this.random = new Random(scenario.seed).fork();
    this.#hosts = scenario.routers.map((_, index) => new Host(index, this));
    this.#holders = new HoldersCheck(scenario);
    this.#adverts = new AdvertsCheck(scenario);
    this.#cuts = scenario.routers.map(() => 0);
    this.#cutUntil = scenario.routers.map(() => -Infinity);
  }

  play(): VrrpOutcome {
    const { scenario, agenda } = this;
    if (this.#story.isTold) this.#story.tell(0, 'plan', describePlan(scenario));
    for (const [index, { startsAtMs }] of scenario.routers.entries()) {
      agenda.after(startsAtMs, () => this.#hosts[index]?.start());
    }
    for (const { fault, atMs, forMs } of scenario.faults) {
      agenda.after(atMs, () => this.#inflict(fault, forMs));
    }
    const end = scenario.calmAtMs + scenario.settleMs;
    agenda.runTo(end, () => this.#look());
    this.#look();
    this.#judgeEnd();
    return {
      seed: scenario.seed,
      scenario,
      violation: this.#violation,
      simulatedMs: end,
      longestOverlapMs: this.#holders.longestMs,
      advertsSent: this.#advertsSent,
      timesTaken: this.#timesTaken,
      story: this.#story.lines,
    };
  }

  get isTold(): boolean {
    return this.#story.isTold;
  }

  tell(who: string, text: string): void {
    this.#story.tell(this.agenda.now, who, text);
  }

  tookAddress(): void {
    this.#timesTaken += 1;
  }

  send(from: Host, advert: Advert): void {
    this.#advertsSent += 1;
    const decoded = decodeAdvert(advert.bytes, advert.family);
    const stale = this.#adverts.sent(from, decoded.ok ? decoded.value.priority : 0);
    if (stale !== null) this.#accuse('stale-advert', stale);
    for (const to of this.#hosts) {
      const isMeant =
        advert.destination === MULTICAST_GROUP_IPV4 || advert.destination === addressOf(to.index);
      if (to === from || !isMeant) continue;
      if (this.#isCut(from) || this.#isCut(to)) continue;
      if (this.#losses.some((chance) => this.random.chance(chance))) continue;
      // Most packets are quick, a few are slow.
      const delayMs = this.scenario.delayMsMax * this.random.float() ** 3;
      const { interface: name, family, source, destination, ttl, bytes } = advert;
      this.agenda.after(delayMs, () => {
        to.tell({ kind: 'packet', interface: name, family, source, destination, ttl, bytes });
      });
    }
  }

  released(host: Host): void {
    this.#adverts.released(host);
  }

  crashed(host: Host, reason: string): void {
    this.#accuse('no-crash', `router ${host.index}: ${reason}`);
  }

  #isCut(host: Host): boolean {
    return (this.#cuts[host.index] ?? 0) > 0;
  }

  #inflict(fault: Fault, forMs: number): void {
    const description = describeFault(fault);
    this.tell('fault', forMs === 0 ? description : `${description}, for ${Math.round(forMs)} ms`);
    const undo = this.#begin(fault);
    this.agenda.after(forMs, () => {
      if (forMs > 0) this.tell('fault', `over: ${description}`);
      undo();
    });
  }

  /** Begins a fault; the answer ends it. A machine that is down already is left alone. */
  #begin(fault: Fault): () => void {
    if (fault.kind === 'loss') {
      this.#losses.push(fault.chance);
      return () => {
        this.#losses.splice(this.#losses.indexOf(fault.chance), 1);
        this.#lossUntil = this.agenda.now;
      };
    }
    const host = this.#hosts[fault.router];
    if (host === undefined) return () => {};
    switch (fault.kind) {
      case 'kill':
        host.kill();
        return () => host.start();
      case 'power':
        host.cutPower();
        return () => {
          host.isPowered = true;
          host.start();
        };
      case 'freeze':
        host.setFrozen(true);
        return () => host.setFrozen(false);
      case 'pause':
        host.setPaused(true);
        // What was sent to it meanwhile is lost, as with a cut.
        return this.#cut(host, () => host.setPaused(false));
      case 'cut':
        return this.#cut(host, () => {});
      case 'delete':
        host.deleteAddress();
        return () => {};
    }
  }

  #cut(host: Host, also: () => void): () => void {
    this.#cuts[host.index] = (this.#cuts[host.index] ?? 0) + 1;
    return () => {
      this.#cuts[host.index] = (this.#cuts[host.index] ?? 0) - 1;
      this.#cutUntil[host.index] = this.agenda.now;
      also();
    };
  }

  #healedAt(a: Host, b: Host): number {
    if (this.#losses.length > 0 || this.#isCut(a) || this.#isCut(b)) return Infinity;
    return Math.max(this.#lossUntil, this.#cutUntil[a.index] ?? 0, this.#cutUntil[b.index] ?? 0);
  }

  #look(): void {
    if (this.#violation !== null) return;
    const trouble = this.#holders.look(this.#hosts, this.agenda.now, (a, b) => this.#healedAt(a, b));
    if (trouble !== null) this.#accuse('two-holders', trouble);
  }

  #judgeEnd(): void {
    const holders = this.#hosts.filter(({ holds }) => holds).map(({ index }) => index);
    const expected = expectedHolder(this.scenario);
    if (holders.length !== 1) {
      this.#accuse('one-holder', `in the end ${holders.length} routers hold the address`);
    } else if (expected !== null && holders[0] !== expected) {
      this.#accuse('one-holder', `in the end router ${holders[0]} holds the address, not ${expected}`);
    }
  }

  #accuse(check: CheckName, sentence: string): void {
    this.tell('check', `${check}: ${sentence}`);
    this.#violation ??= { check, sentence, atMs: this.agenda.now };
  }
}

function describePlan(scenario: Scenario): string {
  const { version, advertIntervalMs, preempt, unicast, lifetimeSeconds, delayMsMax, routers } = scenario;
  const each = routers.map(
    ({ priority, clockRate }, index) =>
      `router-${index} has priority ${priority} and a clock at ${(100 * clockRate).toFixed(2)} %`,
  );
  const way = `${unicast ? 'unicast' : 'multicast'}, up to ${delayMsMax} ms on the way`;
  return [
    `version ${version}, an advert every ${advertIntervalMs} ms, ${preempt ? 'preempt' : 'nopreempt'}, ${way}`,
    `addresses live ${lifetimeSeconds} s`,
    ...each,
  ].join('; ');
}
