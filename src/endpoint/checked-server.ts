// One server of an `any` backend: judged by checks that the shell runs, one after the other by their own clocks. It is up
// while none of its checks is down (keepalived's rule; HAProxy has one check a server).

import type { Core } from './core.ts';
import type { ServerCheckConf, ServerConf } from './endpoint-conf.ts';
import type { AdminState, CheckRunId } from './io.ts';
import { targetText, type Target } from './route.ts';
import { Verdict } from './verdict.ts';

class Check {
  readonly conf: ServerCheckConf;
  readonly verdict = new Verdict();
  run: CheckRunId | null = null;
  dueAt: number;

  constructor(conf: ServerCheckConf, now: number) {
    this.conf = conf;
    this.dueAt = now;
  }

  /** HAProxy's inter, fastinter and downinter. */
  get intervalMs(): number {
    const { timing } = this.conf;
    if (this.verdict.isChanging || this.verdict.health === 'unknown') return timing.fastIntervalMs;
    return this.verdict.health === 'down' ? timing.downIntervalMs : timing.intervalMs;
  }
}

export interface CheckedServerOwner {
  /** Its health or its weight has changed. */
  serverChanged(server: CheckedServer, sentence: string | null): void;
}

export class CheckedServer {
  readonly conf: ServerConf;
  adminState: AdminState;
  weight: number;
  /** What a check says of its weight, in percent; null: nothing. */
  weightPercent: number | null = null;
  ip: string | null = null;
  readonly #core: Core;
  readonly #owner: CheckedServerOwner;
  readonly #checks: readonly Check[];
  #isResolving = false;
  #resolveAt = 0;

  constructor(core: Core, conf: ServerConf, owner: CheckedServerOwner) {
    this.#core = core;
    this.conf = conf;
    this.#owner = owner;
    this.weight = conf.weight;
    this.adminState = conf.isDisabled ? 'maint' : 'ready';
    this.#checks = conf.checks.map((check) => new Check(check, core.now));
    this.#resolveAt = core.now;
  }

  get name(): string {
    return this.conf.name;
  }

  get target(): Target {
    return { host: this.ip ?? this.conf.host, port: this.conf.port };
  }

  /** Without a check nothing speaks against it. */
  get health(): 'unknown' | 'up' | 'down' {
    if (this.ip === null) return 'unknown';
    const healths = this.#checks.map(({ verdict }) => verdict.health);
    if (healths.includes('down')) return 'down';
    return healths.includes('unknown') ? 'unknown' : 'up';
  }

  get reason(): string {
    if (this.ip === null) return `${this.conf.host} has no address`;
    const failing = this.#checks.find(({ verdict }) => verdict.health !== 'up');
    return failing?.verdict.reason ?? '';
  }

  get effectiveWeight(): number {
    if (this.adminState !== 'ready') return 0;
    return this.weightPercent === null ? this.weight : Math.round((this.weight * this.weightPercent) / 100);
  }

  get isUsable(): boolean {
    return this.health === 'up' && this.effectiveWeight > 0;
  }

  dueAt(): number {
    if (this.ip === null) return this.#isResolving ? Infinity : this.#resolveAt;
    if (this.adminState === 'maint') return Infinity;
    return Math.min(Infinity, ...this.#checks.filter(({ run }) => run === null).map(({ dueAt }) => dueAt));
  }

  attend(): void {
    if (this.#core.now < this.dueAt()) return;
    if (this.ip === null) return this.#resolve();
    for (const check of this.#checks) {
      if (check.run !== null || check.dueAt > this.#core.now) continue;
      check.run = this.#core.nextId();
      check.dueAt = this.#core.now + check.intervalMs;
      this.#core.emit({
        kind: 'run-check',
        run: check.run,
        check: check.conf.check,
        server: this.target,
        timeoutMs: check.conf.timing.timeoutMs,
      });
    }
  }

  /** False: the run is none of its. */
  ended(run: CheckRunId, isUp: boolean, detail: string, weightPercent: number | null): boolean {
    const check = this.#checks.find((one) => one.run === run);
    if (check === undefined) return false;
    check.run = null;
    const before = this.health;
    const { timing } = check.conf;
    if (isUp) check.verdict.succeeded(timing);
    else check.verdict.failed(timing, detail);
    check.dueAt = Math.min(check.dueAt, this.#core.now + check.intervalMs);
    const after = this.health;
    const sentence =
      before === after
        ? null
        : `${this.name} (${targetText(this.conf)}) is ${after}${detail === '' ? '' : `: ${detail}`}`;
    if (sentence !== null || this.weightPercent !== weightPercent) {
      this.weightPercent = weightPercent;
      this.#owner.serverChanged(this, sentence);
    }
    return true;
  }

  close(): void {
    for (const { run } of this.#checks) if (run !== null) this.#core.emit({ kind: 'stop-check', run });
  }

  #resolve(): void {
    this.#isResolving = true;
    this.#core.resolve(this.conf.host, (ip) => {
      this.#isResolving = false;
      this.ip = ip;
      this.#resolveAt = this.#core.now + Math.max(1_000, this.#checks[0]?.conf.timing.intervalMs ?? 0);
      for (const check of this.#checks) check.dueAt = this.#core.now;
      this.#owner.serverChanged(this, ip === null ? `${this.name}: ${this.conf.host} has no address` : null);
    });
  }
}
