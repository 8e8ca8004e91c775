// For tests of the machine only: one VRRP machine on a stage. The test says what is heard and when hooks end; time
// passes when it says so. The simulator is the place for several routers and for chance.

import { decodeAdvert, encodeAdvert, type AdvertContent } from './advert.ts';
import type { Effect, Event, InterfaceState, RunId } from './io.ts';
import type { RouterConf, VrrpConf } from './router-conf.ts';
import { routerConf, vrrpConf } from './test-conf.ts';
import { Vrrp } from './vrrp.ts';
import type { RouterSnapshot } from './snapshot.ts';

export const OWN_ADDRESS = '10.99.0.5';

export function interfaceState(name: string, more: Partial<InterfaceState> = {}): InterfaceState {
  return {
    name,
    isUp: true,
    macAddress: Uint8Array.from([2, 0, 0, 0, 0, 5]),
    resolvesNeighbours: true,
    forwards: false,
    ...more,
  };
}

export interface StageOptions {
  readonly interfaces?: readonly InterfaceState[];
  /** On eth0; the first is where adverts come from. */
  readonly addresses?: readonly string[];
}

export class Stage {
  readonly vrrp: Vrrp;
  readonly conf: VrrpConf;
  readonly effects: { readonly at: number; readonly effect: Effect }[] = [];
  now = 0;

  constructor(conf: VrrpConf, options: StageOptions = {}) {
    this.conf = conf;
    this.vrrp = new Vrrp(conf);
    this.feed({
      kind: 'start',
      interfaces: options.interfaces ?? [interfaceState('eth0')],
      addresses: (options.addresses ?? [OWN_ADDRESS, 'fe80::5']).map((address) => ({
        interface: 'eth0',
        address,
        prefixLength: address.includes(':') ? 64 : 24,
      })),
    });
  }

  feed(event: Event): void {
    for (const effect of this.vrrp.step(event, this.now)) this.effects.push({ at: this.now, effect });
  }

  /** Time passes to `at`, with a tick at each deadline. */
  passTo(at: number): void {
    for (let due = this.vrrp.deadline(); due <= at; due = this.vrrp.deadline()) {
      this.now = Math.max(this.now, due);
      this.feed({ kind: 'tick' });
    }
    this.now = at;
  }

  pass(ms: number): void {
    this.passTo(this.now + ms);
  }

  /** Time passes with nothing done in it, as in a frozen process; then one tick. */
  freeze(ms: number): void {
    this.now += ms;
    this.feed({ kind: 'tick' });
  }

  /** An advert for the first virtual router (or another VRID) arrives, right in all that is not said. */
  hear(more: Partial<AdvertContent> & { source?: string; destination?: string } = {}): void {
    const conf = this.conf.routers.find((one) => one.virtualRouterId === more.virtualRouterId) ?? this.router;
    const isIpv6 = conf.family === 'ipv6';
    const source = more.source ?? (isIpv6 ? 'fe80::1' : '10.99.0.1');
    const destination = more.destination ?? (conf.unicast === null ? conf.multicastGroup : OWN_ADDRESS);
    const content = {
      version: conf.version,
      family: conf.family,
      virtualRouterId: conf.virtualRouterId,
      priority: 200,
      intervalMs: conf.advertIntervalMs,
      addresses: conf.addresses.map(({ address }) => address),
      password: conf.password,
      checksum: 'pseudo-header' as const,
      ...more,
    };
    const bytes = encodeAdvert(content, { source, destination });
    this.feed({
      kind: 'packet',
      interface: 'eth0',
      family: conf.family,
      source,
      destination,
      ttl: 255,
      bytes,
    });
  }

  get router(): RouterConf {
    const [first] = this.conf.routers;
    return first ?? routerConf();
  }

  /** The first virtual router, or the one of a name, as the machine sees it. */
  view(name = this.router.name): RouterSnapshot {
    const found = this.vrrp.snapshot(this.now).routers.find((router) => router.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  get state(): string {
    return this.view().state;
  }

  /** Effects of a kind since a time. */
  of<Kind extends Effect['kind']>(
    kind: Kind,
    since = 0,
  ): (Extract<Effect, { kind: Kind }> & { readonly at: number })[] {
    return this.effects.flatMap(({ at, effect }) =>
      effect.kind === kind && at >= since ? [{ ...(effect as Extract<Effect, { kind: Kind }>), at }] : [],
    );
  }

  /** `time priority` of each advert sent since a time. */
  adverts(since = 0): string[] {
    return this.of('send-advert', since).map(({ at, bytes, family }) => {
      const decoded = decodeAdvert(bytes, family);
      return `${at} ${decoded.ok ? decoded.value.priority : decoded.problem}`;
    });
  }

  /** `time script args` of each hook started since a time. */
  hooks(since = 0): string[] {
    return this.of('run-hook', since).map(({ at, command, args }) =>
      [at, ...command.argv, ...args].join(' '),
    );
  }

  /** Names of the events since a time. */
  events(since = 0): string[] {
    return this.of('event', since).map(({ name }) => name);
  }

  /** The kinds of all effects since a time, repeats as one. */
  kinds(since = 0): string[] {
    const kinds = this.effects.filter(({ at }) => at >= since).map(({ effect }) => effect.kind);
    return kinds.filter((kind, index) => kind !== kinds[index - 1] && kind !== 'decision' && kind !== 'log');
  }

  lastRun(kind: 'run-hook' | 'run-script' = 'run-hook'): RunId {
    return this.of(kind).at(-1)?.run ?? 0;
  }

  endHook(exitCode = 0, run = this.lastRun()): void {
    this.feed({ kind: 'hook-ended', run, exitCode, signal: 0 });
  }

  endScript(exitCode = 0, run = this.lastRun('run-script')): void {
    this.feed({ kind: 'script-ended', run, exitCode, signal: 0 });
  }
}

/** One virtual router on a stage; with `more` its settings. */
export function stageOf(more: Partial<RouterConf> = {}, rest: Partial<VrrpConf> = {}): Stage {
  return new Stage(vrrpConf([routerConf(more)], rest));
}

/** The same, active and past its first advert. */
export function activeStage(more: Partial<RouterConf> = {}, rest: Partial<VrrpConf> = {}): Stage {
  const stage = stageOf(more, rest);
  stage.passTo(10_000);
  return stage;
}
