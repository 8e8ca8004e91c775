// Watches one endpoint daemon from outside and accuses: every route it makes, every step it takes, must follow from what
// it had been told. Times are the host's own.

import type { AdminState, Effect, Event } from '../../endpoint/io.ts';
import type { EndpointsConf } from '../../endpoint/endpoint-conf.ts';
import { targetText, type Route } from '../../endpoint/route.ts';
import { LAG_BYTES_MAX, LAG_MS_MAX, LEASE_MS } from './configuration.ts';
import { Hearing, type Word } from './hearing.ts';
import type { Host } from './host.ts';
import type { Scenario } from './scenario.ts';
import { SwitchWatch } from './switch-watch.ts';

export type CheckName =
  /** A primary endpoint leads to one server at most. */
  | 'one-target'
  /** A route ends by itself within the lease. */
  | 'lease'
  /** A primary route stands on the server's own word that it is the primary, and ends with it. */
  | 'confirmed'
  /** With sentinels: on a majority's word; without one to whom it led, as the same process. */
  | 'majority'
  /** With sentinels: never to a server of an epoch below one that was believed. */
  | 'epoch'
  /** With checks: the one in use stays while it claims to be the primary. */
  | 'in-use'
  /** With checks: after a start nobody is chosen of several. */
  | 'cold-start'
  /** Servers get clients only after a good word, not by order against it, and near enough to the primary. */
  | 'admitted'
  /** One generation is one set of servers. */
  | 'generation'
  /** Trouble is told while it lasts. */
  | 'alarm'
  /** An ordered switch ends, with clients let go, and is undone only before the promotion. */
  | 'switch'
  /** Nobody is promoted by us while the old primary takes writes. */
  | 'two-writable'
  /** Nor without its writes. */
  | 'lost-writes'
  /** In the end every endpoint leads to the one primary, and no alarm stays. */
  | 'leads-home'
  /** The machine does not throw, and comes to rest. */
  | 'no-crash';

export interface WitnessHooks {
  accuse(check: CheckName, sentence: string): void;
  /** An endpoint orders `to` to be the primary in place of `from`. */
  promoting(from: string | null, to: string): void;
}

/** A word is old after this; then nothing can be demanded because of it. */
const FRESH_MS = 1_000;
/** How long trouble may last untold. */
const TELL_MS = 1_200;

export class Witness {
  readonly #host: Host;
  readonly #scenario: Scenario;
  readonly #hooks: WitnessHooks;
  hearing = new Hearing();
  readonly switches: SwitchWatch;
  /** Alarms that stand. */
  readonly alarms = new Set<string>();
  #endpoints: readonly string[] = [];
  #states = new Map<string, AdminState>();
  #routes = new Map<string, Route>();
  /** What may stand after a reload without being confirmed anew. */
  #inherited = new Map<string, { readonly servers: string; readonly until: number }>();
  /** The primary that was last led to. */
  #ledTo: string | null = null;
  /** The word that the last route stood on. */
  #stoodOn: Word | null = null;
  #begunAt = 0;
  #believedEpoch = 0;
  #hadMajority = false;
  #troubleSince: number | null = null;

  constructor(host: Host, scenario: Scenario, hooks: WitnessHooks) {
    this.#host = host;
    this.#scenario = scenario;
    this.#hooks = hooks;
    this.switches = new SwitchWatch(host, scenario, hooks);
  }

  started(conf: EndpointsConf): void {
    this.stopped();
    this.#endpoints = conf.frontends.map(({ name }) => name);
    this.#begunAt = this.#host.localNow;
  }

  stopped(): void {
    this.switches.left();
    this.hearing = new Hearing();
    this.alarms.clear();
    this.#states.clear();
    this.#routes.clear();
    this.#inherited.clear();
    this.#ledTo = null;
    this.#stoodOn = null;
    this.#believedEpoch = 0;
    this.#hadMajority = false;
    this.#troubleSince = null;
  }

  reloaded(conf: EndpointsConf): void {
    const now = this.#host.localNow;
    this.#begunAt = now;
    this.#endpoints = conf.frontends.map(({ name }) => name);
    for (const [endpoint, route] of this.#routes) {
      if (!this.#endpoints.includes(endpoint)) {
        this.#routes.delete(endpoint);
        this.#inherited.delete(endpoint);
        continue;
      }
      const until = endpoint === 'to-redis' ? route.deadline : now + LEASE_MS;
      this.#inherited.set(endpoint, { servers: addressesOf(route), until });
    }
  }

  /** It is an endpoint of the configuration. */
  watches(endpoint: string): boolean {
    return this.#endpoints.includes(endpoint);
  }

  ordered(id: number): void {
    this.switches.ordered(id);
  }

  serverOf(connection: number): string | null {
    return this.hearing.serverOf(connection);
  }

  /** Servers that surely claim to be the primary now. */
  get claimants(): string[] {
    return [...this.hearing.servers].filter(([address]) => this.#claims(address)).map(([address]) => address);
  }

  happened(event: Event): void {
    if (event.kind === 'set-state') this.#states.set(event.server, event.state);
    const answered = this.hearing.happened(event, this.#host.localNow);
    if (answered !== null && event.kind === 'reply') this.switches.answered(answered, event.reply);
    const majority = this.#majority();
    if (majority === null || majority.since + LEASE_MS <= this.#host.localNow) return;
    this.#hadMajority = true;
    this.#believedEpoch = Math.max(this.#believedEpoch, majority.epoch);
  }

  done(effect: Effect): void {
    this.hearing.done(effect, this.#host.localNow);
    this.switches.done(effect, this.#ledTo);
    if (effect.kind === 'route' && this.watches(effect.route.endpoint)) this.#judgeRoute(effect.route);
    if (effect.kind !== 'event') return;
    if (effect.name !== 'two-primaries' && effect.name !== 'sentinels') return;
    if (effect.level === 'alarm') this.alarms.add(`${effect.backend} ${effect.name}`);
    else this.alarms.delete(`${effect.backend} ${effect.name}`);
  }

  /** After each step: what stands must still be right, and what is wrong must be told. */
  stepped(): void {
    const now = this.#host.localNow;
    this.switches.stepped(now);
    const [target] = this.#host.carriers.get('to-redis')?.route.servers ?? [];
    const isLive = (this.#host.carriers.get('to-redis')?.route.deadline ?? 0) > now;
    if (target !== undefined && isLive) {
      const address = targetText(target);
      const word = this.hearing.servers.get(address);
      if (word !== undefined && (!word.isGood || word.info?.role !== 'master'))
        this.#accuse('confirmed', `clients are led to ${address}, which says that it is no primary`);
      if (this.#stateOf(address) !== 'ready')
        this.#accuse('admitted', `clients are led to ${address}, which is taken out by order`);
    }
    this.#judgeAlarm(now);
  }

  #accuse(check: CheckName, sentence: string): void {
    this.#hooks.accuse(check, `${this.#host.name}: ${sentence}`);
  }

  #judgeAlarm(now: number): void {
    const isTrouble =
      this.#scenario.source === 'checks'
        ? this.claimants.length > 1 && !this.switches.isUnderWay
        : this.#freshSentinels(now).length < this.#majoritySize && !this.switches.isUnderWay;
    if (!isTrouble) {
      this.#troubleSince = null;
      return;
    }
    this.#troubleSince ??= now;
    const isLate = now - this.#troubleSince > TELL_MS && now - this.#begunAt > LEASE_MS + TELL_MS;
    if (isLate && this.alarms.size === 0)
      this.#accuse(
        'alarm',
        `nobody is told of ${this.#scenario.source === 'checks' ? 'two primaries' : 'missing sentinels'}`,
      );
  }

  #judgeRoute(route: Route): void {
    const now = this.#host.localNow;
    const { endpoint, servers, deadline, generation } = route;
    const before = this.#routes.get(endpoint);
    this.#routes.set(endpoint, route);
    if (before !== undefined) {
      const isSame = sameServers(before, route);
      if (isSame ? generation < before.generation : generation <= before.generation)
        this.#accuse('generation', `${endpoint} changes its servers within generation ${generation}`);
    }
    if (servers.length === 0) return;
    if (deadline > now + LEASE_MS || deadline < now)
      this.#accuse('lease', `${endpoint} is to stand for ${Math.round(deadline - now)} ms`);
    const inherited = this.#inherited.get(endpoint);
    const isInherited =
      inherited !== undefined && inherited.servers === addressesOf(route) && deadline <= inherited.until;
    if (!isInherited) this.#inherited.delete(endpoint);
    for (const { host, port, name } of servers) {
      if (this.#stateOf(targetText({ host, port })) !== 'ready' && endpoint !== 'to-any')
        this.#accuse('admitted', `${endpoint} leads to ${name}, which is taken out by order`);
    }
    if (endpoint === 'to-redis') this.#judgePrimary(route, isInherited, now);
    else if (!isInherited && endpoint === 'to-readers') this.#judgeReaders(route, now);
    else if (!isInherited) this.#judgeAny(route);
  }

  #judgePrimary(route: Route, isInherited: boolean, now: number): void {
    const [server, ...more] = route.servers;
    if (server === undefined) return;
    if (more.length > 0) this.#accuse('one-target', `it leads to ${route.servers.length} primaries`);
    const address = targetText(server);
    const before = this.#ledTo;
    this.#ledTo = address;
    if (this.#scenario.source === 'sentinels') {
      const epoch = this.hearing.epochOf.get(address) ?? 0;
      if (epoch < this.#believedEpoch)
        this.#accuse('epoch', `${address} is of epoch ${epoch}, and ${this.#believedEpoch} was believed`);
    }
    if (isInherited) return;
    const word = this.hearing.servers.get(address);
    if (word === undefined || !word.isGood || word.info?.role !== 'master')
      return this.#accuse('confirmed', `it leads to ${address}, which did not say that it is the primary`);
    if (route.deadline > word.askedAt + LEASE_MS)
      this.#accuse('confirmed', `it leads to ${address} for longer than its word stands`);
    if (this.#scenario.source === 'sentinels') this.#judgeMajority(route, address, before === address, now);
    else this.#judgeClaims(address, before);
    this.#stoodOn = word;
  }

  #judgeMajority(route: Route, address: string, isKnown: boolean, now: number): void {
    if (!this.#hadMajority) this.#accuse('majority', 'it leads somewhere before a majority has answered');
    const isEnough = this.#freshSentinels(now).length >= this.#majoritySize;
    const majority = this.#majority();
    // What was heard before a reload is not known after it.
    const isHeard = isEnough && majority !== null && majority.since >= this.#begunAt;
    if (isHeard && route.deadline > majority.since + LEASE_MS)
      this.#accuse('majority', 'the route stands for longer than the word of the majority');
    if (!isEnough && !isKnown)
      this.#accuse('majority', 'a new primary is led to without a majority of the sentinels');
    if (!isEnough && isKnown && this.#isRestarted(address))
      this.#accuse('majority', `${address} was restarted, and nobody vouches for it`);
  }

  /** Since it was led to last: its connection ended, and it begins another history. */
  #isRestarted(address: string): boolean {
    const [was, is] = [this.#stoodOn, this.hearing.servers.get(address)];
    const hasFailed = (this.hearing.failedAt.get(address) ?? -Infinity) > (was?.heardAt ?? Infinity);
    return hasFailed && was?.info?.history !== is?.info?.history;
  }

  #judgeClaims(address: string, before: string | null): void {
    if (before === address || this.switches.isUnderWay) return;
    if (before !== null && this.#claims(before))
      this.#accuse('in-use', `it leads to ${address} though ${before}, in use, says that it is the primary`);
    const others = this.claimants.filter((one) => one !== address);
    const { preferred } = this.#scenario;
    const isPreferred = preferred !== null && address.startsWith(`10.0.0.${preferred + 1}:`);
    if (before === null && others.length > 0 && !isPreferred)
      this.#accuse('cold-start', `it chose ${address}, and ${others.join(', ')} says the same`);
  }

  #judgeReaders(route: Route, now: number): void {
    const primary = this.#ledTo === null ? undefined : this.hearing.servers.get(this.#ledTo);
    for (const server of route.servers) {
      const address = targetText(server);
      const word = this.hearing.servers.get(address);
      const why = word === undefined ? 'it said nothing' : this.#whyNot(word, address, primary, now);
      if (why !== null) this.#accuse('admitted', `readers are led to ${address}: ${why}`);
    }
    const sum = route.servers.reduce((total, { weight }) => total + weight, 0);
    const share = Math.max(...route.servers.map(({ weight }) => weight)) / sum;
    const allowed = Math.max(this.#scenario.shareMax / 100, 1 / route.servers.length);
    if (share > allowed + 0.02)
      this.#accuse('admitted', `one server has ${Math.round(100 * share)} % of the readers`);
  }

  #whyNot(word: Word, address: string, primary: Word | undefined, now: number): string | null {
    const { info } = word;
    if (!word.isGood || info === null) return 'it does not serve';
    if (info.role === 'master')
      return address === this.#ledTo && this.#scenario.withoutReplica === 'primary'
        ? null
        : 'it is a primary';
    if (!info.isLinkUp || info.isSyncing) return 'its link is not up';
    if (primary === undefined || primary.info === null) return null;
    // Of several histories the machine may know another one's end than we think.
    if (primary.info.role !== 'master' || primary.info.history !== info.history) return null;
    if (primary.info.offset - info.offset > LAG_BYTES_MAX) return 'it is too many bytes behind';
    const passed = this.hearing.offsets.get(info.history)?.find(({ offset }) => offset > info.offset);
    return passed !== undefined && now - passed.at > LAG_MS_MAX + LEASE_MS ? 'its data are too old' : null;
  }

  #judgeAny(route: Route): void {
    for (const server of route.servers) {
      const failures = this.hearing.failures.get(targetText(server));
      if (failures === undefined || failures >= 2)
        this.#accuse('admitted', `${server.name} gets clients, and its checks do not pass`);
    }
  }

  #claims(address: string): boolean {
    const word = this.hearing.servers.get(address);
    if (word?.info?.role !== 'master' || !word.isGood || this.#stateOf(address) !== 'ready') return false;
    const isNew = this.#host.localNow - word.askedAt <= FRESH_MS;
    return isNew && (this.hearing.failedAt.get(address) ?? -Infinity) < word.heardAt;
  }

  #stateOf(address: string): AdminState {
    if (this.#states.size === 0) return 'ready';
    const [ip = ''] = address.split(':');
    const name = `node-${Number(ip.split('.').at(-1)) - 1}`;
    return this.#states.get(this.#scenario.source === 'checks' ? name : address) ?? 'ready';
  }

  get #majoritySize(): number {
    return Math.floor(this.#scenario.sentinels / 2) + 1;
  }

  #freshSentinels(now: number): { askedAt: number; epoch: number }[] {
    return [...this.hearing.sentinels.values()].filter(({ askedAt }) => askedAt > now - LEASE_MS);
  }

  /** Since when a majority's word is known, and the highest epoch in fresh ones. */
  #majority(): { readonly since: number; readonly epoch: number } | null {
    const now = this.#host.localNow;
    const fresh = this.#freshSentinels(now).sort((a, b) => b.askedAt - a.askedAt);
    const last = fresh[this.#majoritySize - 1];
    return last === undefined
      ? null
      : { since: last.askedAt, epoch: Math.max(...fresh.map(({ epoch }) => epoch)) };
  }
}

const addressesOf = (route: Route): string => route.servers.map(targetText).join(' ');

const sameServers = (a: Route, b: Route): boolean =>
  JSON.stringify([a.servers, a.keeps]) === JSON.stringify([b.servers, b.keeps]);
