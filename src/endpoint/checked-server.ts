// One server of an `any` backend: judged by checks that the shell runs, one after the other by their own clocks. It is up
// while none of its checks is down (keepalived's rule; HAProxy has one check a server).

import { weightIsAdded } from './checks/check-conf.ts';
import type { Core } from './core.ts';
import type { ServerCheckConf, ServerConf } from './endpoint-conf.ts';
import type { AdminState, CheckRunId } from './io.ts';
import { nextAddress } from './next-address.ts';
import { targetText, type Target } from './route.ts';
import { ServerHistory } from './server-history.ts';
import { Verdict, type Health } from './verdict.ts';

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

export class CheckedServer {
  readonly conf: ServerConf;
  adminState: AdminState;
  weight: number;
  ip: string | null = null;
  readonly history: ServerHistory;
  readonly #core: Core;
  readonly #owner: CheckedServerOwner;
  readonly #checks: readonly Check[];
  #isResolving = false;
  #hasNoAddress = false;
  /** Infinity: it has no name, but an address. */
  #resolveAt = 0;
  /** The last check failed. */
  #hasFailed = false;

  /** `wasAlive`: before a reload; null: it is new. */
  constructor(core: Core, conf: ServerConf, owner: CheckedServerOwner, wasAlive: boolean | null = null) {
    this.#core = core;
    this.conf = conf;
    this.#owner = owner;
    this.weight = conf.weight;
    this.adminState = conf.isDisabled ? 'maint' : 'ready';
    const isPresumedUp = wasAlive ?? conf.real?.startsAlive ?? false;
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
    if (this.ip === null) return 'unknown';
    const healths = this.#checks.map(({ verdict }) => verdict.health);
    if (healths.includes('down')) return 'down';
    return healths.includes('unknown') ? 'unknown' : 'up';
  }

  get reason(): string {
    if (this.#hasNoAddress) return `${this.conf.host} has no address`;
    if (this.ip === null) return 'not checked yet';
    const failing = this.#checks.find(({ verdict }) => verdict.health !== 'up');
    return failing?.verdict.reason ?? '';
  }

  get effectiveWeight(): number {
    if (this.adminState !== 'ready') return 0;
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
    if (this.adminState === 'maint') return Infinity;
    return Math.min(resolveAt, ...this.#checks.filter(({ run }) => run === null).map(({ dueAt }) => dueAt));
  }

  attend(): void {
    if (this.#core.now < this.dueAt()) return;
    if (!this.#isResolving && this.#core.now >= this.#resolveAt) this.#resolve();
    if (this.ip === null) return;
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
    const check = this.#checks.find((one) => one.run === run);
    if (check === undefined) return false;
    check.run = null;
    const before = this.health;
    const wasAlive = this.isAlive;
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
    const after = this.health;
    if (before !== after) this.history.became(after, this.#core.now);
    const sentence =
      before === after
        ? null
        : `${this.name} (${targetText(this.conf)}) is ${after}${detail === '' ? '' : `: ${detail}`}`;
    const saysMore = weight !== null && weight !== check.saysWeight;
    if (saysMore) check.saysWeight = weight;
    if (sentence !== null || saysMore) this.#owner.serverChanged(this, sentence);
    if (this.isAlive !== wasAlive) this.#owner.lifeChanged(this);
    return true;
  }

  close(): void {
    for (const { run } of this.#checks) if (run !== null) this.#core.emit({ kind: 'stop-check', run });
  }

  #resolve(): void {
    const { host } = this.conf;
    this.#isResolving = true;
    this.#core.resolve(host, (ips) => {
      this.#isResolving = false;
      const ip = nextAddress(ips, this.ip, this.#hasFailed && this.health === 'down');
      this.#resolveAt = this.#core.now + (ip === null ? RESOLVE_AGAIN_MS : RESOLVE_MS);
      if (ip === host) this.#resolveAt = Infinity;
      if (ip !== null && ip !== this.ip) return this.#moveTo(ip);
      // Names are lost for a moment; the address was good until now.
      if (ip !== null || this.ip !== null || this.#hasNoAddress) return;
      this.#hasNoAddress = true;
      this.#owner.serverChanged(this, `${this.name}: ${host} has no address`);
    });
  }

  /** Whoever is there has to be checked before it gets clients. */
  #moveTo(ip: string): void {
    const wasAlive = this.isAlive;
    const wasUp = this.health === 'up';
    this.ip = ip;
    this.#hasNoAddress = false;
    this.#hasFailed = false;
    for (const check of this.#checks) {
      if (check.run !== null) this.#core.emit({ kind: 'stop-check', run: check.run });
      check.run = null;
      check.dueAt = this.#core.now;
      if (wasUp) check.beginAnew();
    }
    this.#owner.serverChanged(this, wasUp ? `${this.name}: ${this.conf.host} is at ${ip} now` : null);
    if (this.isAlive !== wasAlive) this.#owner.lifeChanged(this);
  }
}
