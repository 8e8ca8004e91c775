// One server of an `any` backend: judged by checks that the shell runs, one after the other by their own clocks. It is up
// while none of its checks is down (keepalived's rule; HAProxy has one check a server).

import { ServerAgent } from './agent.ts';
import { weightIsAdded } from './checks/check-conf.ts';
import { namingOf, noAddressText, type Core } from './core.ts';
import type { ServerCheckConf, ServerConf, TrackedConf } from './endpoint-conf.ts';
import type { AdminState, CheckRunId } from './io.ts';
import { nextAddress } from './next-address.ts';
import { Observed } from './observed.ts';
import { targetText, type Target } from './route.ts';
import { ServerHistory } from './server-history.ts';
import { Verdict, type Health } from './verdict.ts';

/** In so many steps a weight grows. */
const SLOW_START_STEPS = 20;

class Check {
  readonly conf: ServerCheckConf;
  verdict: Verdict;
  run: CheckRunId | null = null;
  dueAt: number;
  /** What its last good result said of the weight; null: nothing. */
  saysWeight: number | null = null;
  #isBegun = false;

  constructor(conf: ServerCheckConf, isPresumedUp: boolean, now: number) {
    this.conf = conf;
    this.verdict = new Verdict(isPresumedUp);
    this.dueAt = now;
  }

  /** Of what it was before nothing is known any more. */
  beginAnew(): void {
    this.verdict = new Verdict(this.verdict.isPresumedUp);
    this.saysWeight = null;
  }

  /** A run begins. */
  begin(run: CheckRunId, now: number): void {
    const { secondAfterMs } = this.conf;
    this.run = run;
    this.dueAt = now + (this.#isBegun ? this.intervalMs : (secondAfterMs ?? this.intervalMs));
    this.#isBegun = true;
  }

  /** By how much it changes the weight of a server that is configured to have `weight`. */
  weightChange(weight: number): number {
    if (this.saysWeight === null) return 0;
    return weightIsAdded(this.conf.check) ? this.saysWeight : this.saysWeight - weight;
  }

  /** HAProxy's inter, fastinter and downinter. */
  get intervalMs(): number {
    const { timing } = this.conf;
    if (this.verdict.isChanging || this.verdict.health === 'unknown') return timing.fastIntervalMs;
    return this.verdict.health === 'down' ? timing.downIntervalMs : timing.intervalMs;
  }
}

/** What a name means is asked again after so long; and so long after a check failed. */
const RESOLVE_MS = 10_000;
const RESOLVE_AGAIN_MS = 1_000;

export interface CheckedServerOwner {
  /** Its health or its weight has changed. */
  serverChanged(server: CheckedServer, sentence: string | null): void;
  /** It came to life, or died. */
  lifeChanged(server: CheckedServer): void;
}

/** How another server fares. */
export interface Followed {
  readonly health: Health;
  readonly adminState: AdminState;
}

export type Follow = (where: TrackedConf) => Followed;

const NOBODY: Follow = () => ({ health: 'unknown', adminState: 'ready' });
const ERRORS = 'clients cannot be connected to it';

export interface CheckedServerOptions {
  /** What it was before a reload; null: it is new. */
  readonly before?: CheckedServer | null;
  readonly follow?: Follow;
}

export class CheckedServer {
  readonly conf: ServerConf;
  adminState: AdminState;
  weight: number;
  ip: string | null = null;
  readonly history: ServerHistory;
  readonly #core: Core;
  readonly #owner: CheckedServerOwner;
  readonly #checks: readonly Check[];
  readonly #agent: ServerAgent | null;
  readonly #observed: Observed | null;
  readonly #follow: Follow;
  /** What was told of one that follows another. */
  #followedHealth: Health = 'unknown';
  /** When it came back, after it was down; its weight may still grow. */
  #risenAt = -Infinity;
  #isResolving = false;
  /** Why it has no address; null: it has one, or nobody knows yet. */
  #noAddress: string | null = null;
  /** Infinity: it has no name, but an address. */
  #resolveAt = 0;
  /** The last check failed. */
  #hasFailed = false;

  constructor(
    core: Core,
    conf: ServerConf,
    owner: CheckedServerOwner,
    { before = null, follow = NOBODY }: CheckedServerOptions = {},
  ) {
    this.#core = core;
    this.#follow = follow;
    this.#agent =
      conf.agent === undefined
        ? null
        : new ServerAgent(conf.agent, core.now, before === null ? null : before.#agent);
    this.#observed = conf.observe === undefined ? null : new Observed(conf.observe);
    this.conf = conf;
    this.#owner = owner;
    this.weight = this.#agent?.weightOf(conf.weight) ?? conf.weight;
    // As in inheritOrders of group.ts.
    const ordered = before === null || before.conf.isDisabled ? 'ready' : before.adminState;
    this.adminState = conf.isDisabled && ordered === 'ready' ? 'maint' : ordered;
    if (before !== null) this.#risenAt = before.#risenAt;
    const isPresumedUp = before?.isAlive ?? conf.real?.startsAlive ?? false;
    this.#checks = conf.checks.map((check) => new Check(check, isPresumedUp, core.now));
    this.#resolveAt = core.now;
    this.history = new ServerHistory(core.now);
  }

  get name(): string {
    return this.conf.name;
  }

  get target(): Target {
    return { host: this.ip ?? this.conf.host, port: this.conf.port };
  }

  /** None of its checks is down; one without a result yet counts as its configuration says. Is not enough for clients. */
  get isAlive(): boolean {
    return this.#checks.every(({ verdict }) => verdict.isAlive);
  }

  /** Without a check nothing speaks against it. */
  get health(): Health {
    if (this.ip === null) return this.#noAddress === null ? 'unknown' : 'down';
    if (this.#agent?.isDown === true) return 'down';
    const followed = this.#followed;
    if (followed !== null) return followed.adminState === 'maint' ? 'down' : followed.health;
    const healths = this.#checks.map(({ verdict }) => verdict.health);
    if (healths.includes('down')) return 'down';
    return healths.includes('unknown') ? 'unknown' : 'up';
  }

  get reason(): string {
    if (this.ip === null) return this.#noAddress ?? 'not checked yet';
    if (this.#agent?.isDown === true) return 'its agent says so';
    const { tracks } = this.conf;
    if (tracks !== undefined)
      return this.health === 'up' ? '' : `as ${tracks.backend}/${tracks.server}, which it tracks`;
    const failing = this.#checks.find(({ verdict }) => verdict.health !== 'up');
    return failing?.verdict.reason ?? '';
  }

  get connectionsMax(): number | null {
    return this.#agent?.connectionsMax ?? this.conf.connectionsMax;
  }

  /** The part of its weight that it has; 1: all of it. */
  get slowStartPart(): number {
    const { slowStartMs } = this.conf;
    if (slowStartMs === undefined) return 1;
    const steps = Math.floor(((this.#core.now - this.#risenAt) / slowStartMs) * SLOW_START_STEPS);
    return Math.min(1, (steps + 1) / SLOW_START_STEPS);
  }

  get effectiveWeight(): number {
    if (this.adminState !== 'ready' || (this.#followed?.adminState ?? 'ready') !== 'ready') return 0;
    return Math.max(
      0,
      this.#checks.reduce((sum, check) => sum + check.weightChange(this.weight), this.weight),
    );
  }

  get isUsable(): boolean {
    return this.health === 'up' && this.effectiveWeight > 0;
  }

  dueAt(): number {
    const resolveAt = this.#isResolving ? Infinity : this.#resolveAt;
    if (this.ip === null) return resolveAt;
    // An agent that took it out must be able to bring it back.
    const agentAt = this.#agent === null || this.#agent.run !== null ? Infinity : this.#agent.dueAt;
    if (this.adminState === 'maint') return agentAt;
    const { slowStartMs = 0 } = this.conf;
    const growsAt = this.slowStartPart < 1 ? this.#core.now + slowStartMs / SLOW_START_STEPS : Infinity;
    const checksAt = this.#checks.filter(({ run }) => run === null).map(({ dueAt }) => dueAt);
    return Math.min(resolveAt, agentAt, growsAt, ...checksAt);
  }

  attend(): void {
    this.#tellFollowed();
    if (this.#core.now < this.dueAt()) return;
    if (!this.#isResolving && this.#core.now >= this.#resolveAt) this.#resolve();
    if (this.ip === null) return;
    this.#askAgent();
    if (this.adminState === 'maint') return;
    for (const check of this.#checks) {
      if (check.run !== null || check.dueAt > this.#core.now) continue;
      const run = this.#core.nextId();
      check.begin(run, this.#core.now);
      this.#core.emit({
        kind: 'run-check',
        run,
        check: check.conf.check,
        server: this.target,
        timeoutMs: check.conf.timing.timeoutMs,
      });
    }
  }

  /** False: the run is none of its. */
  ended(run: CheckRunId, isUp: boolean, detail: string, weight: number | null): boolean {
    if (this.#agent !== null && this.#agent.run === run) {
      this.#obeyAgent(this.#agent, isUp ? detail : null);
      return true;
    }
    const check = this.#checks.find((one) => one.run === run);
    if (check === undefined) return false;
    check.run = null;
    this.#change(detail, () => {
      const { timing } = check.conf;
      if (isUp) check.verdict.succeeded(timing);
      else {
        check.verdict.failed(timing, detail);
        this.history.failedChecks += 1;
      }
      check.dueAt = Math.min(check.dueAt, this.#core.now + check.intervalMs);
      this.#hasFailed = !isUp;
      if (!isUp && this.#resolveAt < Infinity)
        this.#resolveAt = Math.min(this.#resolveAt, this.#core.now + RESOLVE_AGAIN_MS);
      const saysMore = weight !== null && weight !== check.saysWeight;
      if (saysMore) check.saysWeight = weight;
    });
    return true;
  }

  /** A client's connection to it was made, or could not be. */
  saw(isConnected: boolean): void {
    const action = this.#observed?.saw(isConnected) ?? null;
    const [check] = this.#checks;
    if (action === null || check === undefined || this.adminState === 'maint') return;
    const { timing } = check.conf;
    this.#change(ERRORS, () => {
      if (action === 'fail-check') check.verdict.failed(timing, ERRORS);
      else if (action === 'mark-down') check.verdict.failed(timing, ERRORS, true);
      else if (action === 'sudden-death') check.verdict.despair(timing, ERRORS);
      check.dueAt = Math.min(check.dueAt, this.#core.now + timing.fastIntervalMs);
    });
  }

  /** Does what may change its health, and tells whoever wants to know. `detail`: why. */
  #change(detail: string, act: () => void): void {
    const before = this.health;
    const weightBefore = this.effectiveWeight;
    const wasAlive = this.isAlive;
    act();
    const after = this.health;
    if (before !== after) this.#note(before, after);
    const sentence =
      before === after
        ? null
        : `${this.name} (${targetText(this.conf)}) is ${after}${detail === '' ? '' : `: ${detail}`}`;
    if (sentence !== null || this.effectiveWeight !== weightBefore) this.#owner.serverChanged(this, sentence);
    if (this.isAlive !== wasAlive) this.#owner.lifeChanged(this);
  }

  #note(before: Health, after: Health): void {
    this.history.became(after, this.#core.now);
    if (before === 'down' && after === 'up') this.#risenAt = this.#core.now;
  }

  get #followed(): Followed | null {
    return this.conf.tracks === undefined ? null : this.#follow(this.conf.tracks);
  }

  /** Of one that follows another the change shows only when it is looked at. */
  #tellFollowed(): void {
    if (this.conf.tracks === undefined) return;
    const { health } = this;
    const before = this.#followedHealth;
    if (health === before) return;
    this.#followedHealth = health;
    this.#note(before, health);
    const { reason } = this;
    this.#owner.serverChanged(this, `${this.name} is ${health}${reason === '' ? '' : `: ${reason}`}`);
  }

  #askAgent(): void {
    const agent = this.#agent;
    if (agent === null || agent.run !== null || agent.dueAt > this.#core.now) return;
    const run = this.#core.nextId();
    agent.begin(run, this.#core.now);
    const { host, port, send, timing } = agent.conf;
    this.#core.emit({
      kind: 'run-check',
      run,
      check: { kind: 'agent', host, port, send },
      server: this.target,
      timeoutMs: timing.timeoutMs,
    });
  }

  #obeyAgent(agent: ServerAgent, line: string | null): void {
    this.#change('its agent says so', () => {
      const says = agent.ended(line);
      if (says === null) return;
      const { adminState, percent } = says;
      if (adminState !== null && adminState !== this.adminState) {
        this.adminState = adminState;
        this.history.changed(this.#core.now);
        this.#owner.serverChanged(this, `${this.name} is set to ${adminState} by its agent`);
      }
      if (percent !== null) this.weight = agent.weightOf(this.conf.weight);
    });
  }

  close(): void {
    const agentRun = this.#agent?.run ?? null;
    if (agentRun !== null) this.#core.emit({ kind: 'stop-check', run: agentRun });
    for (const { run } of this.#checks) if (run !== null) this.#core.emit({ kind: 'stop-check', run });
  }

  #resolve(): void {
    const { host } = this.conf;
    this.#isResolving = true;
    this.#core.resolve(host, namingOf(this.conf), (ips, isKnown) => {
      this.#isResolving = false;
      const ip = nextAddress(ips, this.ip, this.#hasFailed && this.health === 'down');
      this.#resolveAt = this.#core.now + (ip === null ? RESOLVE_AGAIN_MS : RESOLVE_MS);
      if (ip === host) this.#resolveAt = Infinity;
      if (ip !== null && ip !== this.ip) return this.#moveTo(ip);
      // Others that share the name have all that it has.
      if (ip === null && isKnown && this.ip !== null) return this.#moveTo(null);
      // Names are lost for a moment; the address was good until now.
      const why = noAddressText(host, isKnown);
      if (ip !== null || this.ip !== null || this.#noAddress === why) return;
      if (this.#noAddress === null) this.history.became('down', this.#core.now);
      this.#noAddress = why;
      this.#owner.serverChanged(this, `${this.name}: ${why}`);
    });
  }

  /** Whoever is there has to be checked before it gets clients. */
  #moveTo(ip: string | null): void {
    const wasAlive = this.isAlive;
    const { health } = this;
    const wasUp = health === 'up';
    this.ip = ip;
    this.#noAddress = ip === null ? noAddressText(this.conf.host, true) : null;
    if (ip === null && health !== 'down') this.history.became('down', this.#core.now);
    this.#hasFailed = false;
    for (const check of this.#checks) {
      if (check.run !== null) this.#core.emit({ kind: 'stop-check', run: check.run });
      check.run = null;
      check.dueAt = this.#core.now;
      if (wasUp) check.beginAnew();
    }
    this.#owner.serverChanged(
      this,
      wasUp ? `${this.name}: ${this.conf.host} is at ${ip ?? 'nowhere'} now` : null,
    );
    if (this.isAlive !== wasAlive) this.#owner.lifeChanged(this);
  }
}
