// One run: servers, sentinels and endpoint daemons on a faulty network, played until the faults are over and every
// endpoint leads home, or until a check accuses. The same seed tells the same story.

import { Random } from '../../base/random.ts';
import { Network } from '../network.ts';
import { RedisNode } from '../redis/node.ts';
import { Story, type StoryLine } from '../story.ts';
import { Timeline } from '../timeline.ts';
import { hostIp, nodeAddress, nodeIp, REDIS_PORT } from './configuration.ts';
import { Faults } from './faults.ts';
import { Fleet } from './fleet.ts';
import { Host } from './host.ts';
import type { Sabotage } from './sabotage.ts';
import { describeFault, scenarioOf, type Scenario } from './scenario.ts';
import { Witness, type CheckName } from './witness.ts';

export interface Violation {
  readonly check: CheckName;
  readonly sentence: string;
  readonly atMs: number;
}

export interface EndpointOutcome {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly violation: Violation | null;
  readonly simulatedMs: number;
  /** From the moment at which there was one primary, and nothing wrong any more, until all led to it. */
  readonly settledAfterMs: number;
  readonly routes: number;
  readonly switches: number;
  readonly switchesDone: number;
  /** Empty unless it was to be told. */
  readonly story: readonly StoryLine[];
}

export interface EndpointRunOptions {
  readonly sabotage?: Sabotage | null;
  /** Whether to keep the story. */
  readonly told?: boolean;
}

/** Until sentinels and servers agree once faults are over: a down-after, elections, what is put right. */
const FLEET_MS_MAX = 60_000;
/** Then every endpoint leads home: silence is noticed, a connection made again, a lease passes, twice. */
const HOME_MS_MAX = 12_000;
const WRITE_EVERY_MS = 40;
/** An order that is carried out later than this was held up on its way. */
const ORDER_MS_MAX = 4_000;

/** Plays one seed. */
export function runEndpoint(seed: number, options: EndpointRunOptions = {}): EndpointOutcome {
  return playEndpoint(scenarioOf(seed), options);
}

/** Plays a plan, which may be a seed's with fewer faults. */
export function playEndpoint(scenario: Scenario, options: EndpointRunOptions = {}): EndpointOutcome {
  return new World(scenario, options).play();
}

class World {
  readonly #scenario: Scenario;
  readonly #timeline = new Timeline();
  readonly #random: Random;
  readonly #nodes: RedisNode[];
  readonly #hosts: Host[];
  readonly #fleet: Fleet;
  readonly #faults: Faults;
  readonly #story: Story;
  #violation: Violation | null = null;
  /** Sentinels or an operator are at work, not an endpoint. */
  #isByHand = false;
  #ordered: { readonly from: string | null; readonly to: string; readonly atMs: number } | null = null;
  #writes = 0;
  #routes = 0;
  #switches = 0;
  #switchesDone = 0;

  constructor(scenario: Scenario, options: EndpointRunOptions) {
    this.#scenario = scenario;
    this.#story = new Story(options.told === true);
    const random = new Random(scenario.seed ^ 0x5eed);
    this.#random = random;
    const usual = { delayMs: scenario.delayMs, jitterMs: scenario.delayMs / 2 };
    const network = new Network(this.#timeline, random.fork(), usual);
    this.#nodes = Array.from({ length: scenario.nodes }, (_, index) => {
      const follows = index === 0 ? null : { host: nodeIp(0), port: REDIS_PORT };
      network.addMachine(nodeIp(index));
      return new RedisNode(
        network,
        random.fork(),
        {
          name: `node-${index}`,
          ip: nodeIp(index),
          port: REDIS_PORT,
          priority: 100,
          follows,
          syncMs: 300,
          hasConfigFile: true,
        },
        { roleChanged: (node, sentence) => this.#roleChanged(node, sentence) },
      );
    });
    const byHand = (action: () => void): void => this.#byHand(action);
    const tell = (who: string, text: string): void => this.#tell(who, text);
    this.#fleet = new Fleet(network, random.fork(), scenario, this.#nodes, { acts: byHand, tell });
    for (const { ip } of this.#fleet.sentinels) network.addMachine(ip);
    this.#hosts = scenario.hostClockRates.map((_, index) => {
      network.addMachine(hostIp(index));
      return new Host({
        network,
        random: random.fork(),
        scenario,
        nodes: this.#nodes,
        index,
        sabotage: options.sabotage ?? null,
        witness: (host) =>
          new Witness(host, scenario, {
            accuse: (check, sentence) => this.#accuse(check, sentence),
            promoting: (from, to) => this.#promoting(from, to),
          }),
        tell,
        broke: (sentence) => this.#accuse('no-crash', sentence),
      });
    });
    this.#faults = new Faults({
      network,
      nodes: this.#nodes,
      hosts: this.#hosts,
      fleet: this.#fleet,
      scenario,
      byHand,
    });
  }

  play(): EndpointOutcome {
    const { faults, healedAtMs } = this.#scenario;
    for (const node of this.#nodes) node.start({ data: [], loadingMs: 0 });
    this.#fleet.start();
    for (const host of this.#hosts) this.#timeline.at(this.#random.float() * 1_000, () => host.start());
    this.#timeline.after(WRITE_EVERY_MS, () => this.#write());
    for (const { fault, atMs, forMs } of faults) {
      this.#timeline.at(atMs, () => {
        this.#tell('fault', `${describeFault(fault)}, for ${Math.round(forMs)} ms`);
        const undo = this.#faults.begin(fault);
        if (undo === null) return;
        this.#timeline.after(forMs, () => {
          this.#tell('fault', `over: ${describeFault(fault)}`);
          undo();
        });
      });
    }
    this.#goOn(healedAtMs);
    this.#tell('world', 'nothing is wrong any more');
    this.#until(() => !this.#isSwitching, FLEET_MS_MAX);
    this.#makeOne();
    const oneAtMs = this.#until(() => this.#isOne, FLEET_MS_MAX);
    if (oneAtMs === null) this.#tell('world', 'the servers do not come to agree');
    const homeAtMs = oneAtMs === null ? null : this.#until(() => this.#whyNotHome() === null, HOME_MS_MAX);
    if (oneAtMs !== null && homeAtMs === null && this.#violation === null)
      this.#accuse('leads-home', this.#whyNotHome() ?? 'it took too long');
    if (oneAtMs === null)
      this.#accuse('leads-home', 'the model servers did not agree, so nothing was tested');
    return {
      seed: this.#scenario.seed,
      scenario: this.#scenario,
      violation: this.#violation,
      simulatedMs: this.#timeline.now,
      settledAfterMs: (homeAtMs ?? 0) - (oneAtMs ?? 0),
      routes: this.#routes,
      switches: this.#switches,
      switchesDone: this.#switchesDone,
      story: this.#story.lines,
    };
  }

  #goOn(until: number): void {
    while (this.#violation === null && this.#timeline.runNext(until));
  }

  /** The first moment at which `isTrue`, looked at every 100 ms; null: not within `msMax`. */
  #until(isTrue: () => boolean, msMax: number): number | null {
    const end = this.#timeline.now + msMax;
    while (this.#violation === null && this.#timeline.now < end) {
      if (isTrue()) return this.#timeline.now;
      this.#goOn(this.#timeline.now + 100);
    }
    return null;
  }

  /** Without sentinels an operator decides: who is in use somewhere stays, all others follow. */
  #makeOne(): void {
    if (this.#scenario.source === 'sentinels') return;
    const inUse = this.#hosts.flatMap((host) => host.leadsTo('to-redis').map(({ host: ip }) => ip));
    const primaries = this.#nodes.filter(({ isPrimary }) => isPrimary);
    const chosen = primaries.find(({ ip }) => inUse.includes(ip)) ?? primaries[0] ?? this.#nodes[0];
    if (chosen === undefined) return;
    this.#tell('operator', `${chosen.name} is to be the primary`);
    this.#byHand(() => {
      chosen.replicate(null);
      for (const node of this.#nodes)
        if (node !== chosen) node.replicate({ host: chosen.ip, port: chosen.port });
    });
  }

  get #isSwitching(): boolean {
    return this.#hosts.some((host) => host.witness.switches.isUnderWay);
  }

  get #isOne(): boolean {
    if (this.#isSwitching) return false;
    if (this.#nodes.some((node) => !node.awake || node.isLoading)) return false;
    if (this.#scenario.source === 'sentinels' && !this.#fleet.isSettled) return false;
    const primaries = this.#nodes.filter(({ isPrimary }) => isPrimary);
    return primaries.length === 1 && this.#nodes.every((node) => node.isPrimary || node.linkIsUp);
  }

  #whyNotHome(): string | null {
    const primary = this.#nodes.find(({ isPrimary }) => isPrimary);
    for (const host of this.#hosts) {
      const [target] = host.leadsTo('to-redis');
      if (target?.host !== primary?.ip)
        return `${host.name} leads to ${target?.host ?? 'nobody'}, and ${primary?.name} is the primary`;
      for (const endpoint of host.carriers.keys())
        if (host.leadsTo(endpoint).length === 0) return `${host.name} leads nowhere by ${endpoint}`;
      const readers = host.leadsTo('to-readers');
      if (readers.some(({ host: ip }) => ip === primary?.ip))
        return `${host.name} leads readers to the primary, and there are replicas`;
      if (host.carriers.has('to-readers') && readers.length !== this.#nodes.length - 1)
        return `${host.name} leads readers to ${readers.length} of ${this.#nodes.length - 1} replicas`;
      const [alarm] = host.witness.alarms;
      if (alarm !== undefined) return `${host.name} keeps its alarm: ${alarm}`;
      const shown = host.snapshot()?.backends.find(({ alarm: text }) => text !== null)?.alarm;
      if (shown !== null && shown !== undefined) return `${host.name} shows an alarm: ${shown}`;
    }
    return null;
  }

  /** Clients write through a random endpoint, and some go past all of them. */
  #write(): void {
    this.#timeline.after(WRITE_EVERY_MS, () => this.#write());
    const host = this.#random.pick(this.#hosts);
    const direct = this.#random.pick(this.#nodes);
    this.#writes += 1;
    if (this.#random.chance(0.2)) direct.write(`w${this.#writes}`);
    const [target] = host.leadsTo('to-redis');
    const node = this.#nodes.find(({ ip }) => ip === target?.host);
    if (target === undefined || node === undefined || !this.#faults.canReach(host.ip, node)) return;
    if (!node.write(`w${this.#writes}`) && !node.isPrimary)
      host.deliver(() =>
        host.feed({ kind: 'demoted', endpoint: 'to-redis', server: target, text: 'READONLY' }),
      );
  }

  #byHand(action: () => void): void {
    this.#isByHand = true;
    action();
    this.#isByHand = false;
  }

  #nodeAt(address: string | null): RedisNode | undefined {
    return this.#nodes.find((_, index) => nodeAddress(index) === address);
  }

  #promoting(from: string | null, to: string): void {
    this.#ordered = { from, to, atMs: this.#timeline.now };
    this.#judgePromotion('is to be promoted');
  }

  #roleChanged(node: RedisNode, sentence: string): void {
    this.#tell(node.name, sentence);
    const ordered = this.#ordered;
    if (this.#isByHand || !node.isPrimary || ordered === null || this.#nodeAt(ordered.to) !== node) return;
    if (this.#timeline.now - ordered.atMs > ORDER_MS_MAX) return;
    this.#judgePromotion('is promoted');
    const from = this.#nodeAt(ordered.from);
    if (from?.isPrimary === true && from.history.data.length > node.history.data.length)
      this.#accuse('lost-writes', `${node.name} is promoted without the last writes of ${from.name}`);
  }

  #judgePromotion(what: string): void {
    const ordered = this.#ordered;
    const from = this.#nodeAt(ordered?.from ?? null);
    if (from?.running === true && from.isPrimary && !from.writesArePaused)
      this.#accuse('two-writable', `${ordered?.to} ${what} while ${from.name} takes writes`);
  }

  #tell(who: string, text: string): void {
    if (text.startsWith('switch ended: ')) {
      this.#switches += 1;
      if (text.includes(' is the primary of ')) this.#switchesDone += 1;
    } else if (text.includes(' leads ')) this.#routes += 1;
    this.#story.tell(this.#timeline.now, who, text);
  }

  #accuse(check: CheckName, sentence: string): void {
    if (this.#violation !== null) return;
    this.#violation = { check, sentence, atMs: this.#timeline.now };
    this.#story.tell(this.#timeline.now, 'check', `${check}: ${sentence}`);
  }
}
