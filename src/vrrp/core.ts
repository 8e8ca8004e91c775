// The state of the VRRP machine and its hands. Every other file of this room is functions over a Core: they read and
// change its state, and ask for effects through it. Nothing here decides anything.

import { commandText } from './command-text.ts';
import type { HookHands, HookQueue, Outcome } from './hook-queue.ts';
import type { ConnectionId, Effect, EventName, InterfaceState, LogLevel, RunId } from './io.ts';
import { isLinkLocal, familyOf } from './ip-address.ts';
import type { Command, VrrpConf } from './router-conf.ts';
import { allAddresses, type Group, type Router } from './router.ts';
import type { ProcessTracker } from './trackers/process.ts';
import type { RedisTracker } from './trackers/redis.ts';
import type { ScriptTracker } from './trackers/script.ts';
import type { Hands } from './trackers/tracker.ts';

export class Core implements Hands, HookHands {
  conf: VrrpConf;
  readonly interfaces = new Map<string, InterfaceState>();
  /** Addresses on each interface, in the kernel's order. */
  readonly addresses = new Map<string, { readonly address: string; readonly prefixLength: number }[]>();
  /** Of the configuration, in its order. */
  routers: Router[] = [];
  groups: Group[] = [];
  readonly scripts = new Map<string, ScriptTracker>();
  readonly processes = new Map<string, ProcessTracker>();
  readonly redis = new Map<string, RedisTracker>();
  /** null: no number. */
  readonly files = new Map<string, number | null>();
  /** Hooks of virtual routers that a reload took away, until they are told. */
  leaving: HookQueue[] = [];
  /** Adverts with a VRID that is not ours. */
  unknownIds = 0;
  /** Nothing leaves `initialize` before this. */
  heldUntil = 0;
  /** Why the nft guard does not stand; null: it does; undefined: not known yet. */
  guardProblem: string | null | undefined = undefined;
  /** Somebody's clients were to be reset. */
  hasResets = false;
  /** When stopping ends at the latest; Infinity: not stopping. */
  stopsAt = Infinity;

  /** Of the step under way. */
  now = 0;
  /** What to look at before this step ends. */
  readonly touched = new Set<Router>();
  #effects: Effect[] = [];
  #lastRun = 0;
  #lastConnection = 0;

  constructor(conf: VrrpConf) {
    this.conf = conf;
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** What the step asked for so far; the list starts anew. */
  takeEffects(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  log(level: LogLevel, text: string): void {
    this.emit({ kind: 'log', level, text });
  }

  /** Logs once per `kind` until the active router changes (vrrp.md §1.6). */
  logOnce(router: Router, kind: string, text: string): void {
    if (router.logged.has(kind)) return;
    router.logged.add(kind);
    this.log('warning', `${router.conf.name}: ${text}`);
  }

  decide(router: Router, sentence: string): void {
    this.emit({ kind: 'decision', router: router.conf.name, sentence });
  }

  tell(level: 'info' | 'alarm', name: EventName, router: string, text: string): void {
    this.emit({ kind: 'event', level, name, router, text });
  }

  nextRun(): RunId {
    this.#lastRun += 1;
    return this.#lastRun;
  }

  nextConnection(): ConnectionId {
    this.#lastConnection += 1;
    return this.#lastConnection;
  }

  touch(router: Router): void {
    this.touched.add(router);
  }

  touchAll(): void {
    for (const router of this.routers) this.touched.add(router);
  }

  verdictChanged(tracker: string, isUp: boolean, why: string): void {
    this.tell(isUp ? 'info' : 'alarm', 'tracker', '', `${tracker} is ${isUp ? 'up' : 'down'}: ${why}`);
    this.touchAll();
  }

  trackerSays(tracker: string, text: string): void {
    this.tell('info', 'tracker', '', `${tracker} ${text}`);
  }

  hookFailed(owner: string, command: Command, outcome: Outcome): void {
    this.tell('alarm', 'hook-failed', owner, `${commandText(command)}: ${outcomeText(outcome)}`);
  }

  /** Our own address for a virtual router's adverts; null: there is none (vrrp.md §1.8). */
  sourceOf(router: Router): string | null {
    const { conf } = router;
    if (conf.sourceAddress !== null) {
      return conf.trackSource && !this.isLocal(conf.interface, conf.sourceAddress)
        ? null
        : conf.sourceAddress;
    }
    const candidates = (this.addresses.get(conf.interface) ?? []).filter(
      ({ address }) => familyOf(address) === conf.family && !this.isVirtual(address),
    );
    if (conf.family === 'ipv4') return candidates[0]?.address ?? null;
    // Adverts over IPv6 come from a link-local address (RFC 9568 §5.1.2.1).
    return candidates.find(({ address }) => isLinkLocal(address))?.address ?? null;
  }

  /** Whether the interface (or any, for '') has this address. */
  isLocal(name: string, address: string): boolean {
    const lists = name === '' ? [...this.addresses.values()] : [this.addresses.get(name) ?? []];
    return lists.some((list) => list.some((one) => one.address === address));
  }

  /** Moves with some virtual router, so it's never ours for good. */
  isVirtual(address: string): boolean {
    return this.routers.some(({ conf }) => allAddresses(conf).some((one) => one.address === address));
  }
}

export function outcomeText({ exitCode, signal, timedOut }: Outcome): string {
  if (timedOut) return 'took too long and was ended';
  return signal === 0 ? `exit code ${exitCode}` : `ended by signal ${signal}`;
}
