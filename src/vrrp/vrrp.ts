// The VRRP machine: all virtual routers of one daemon as a function from events to effects.
//
//   const effects = vrrp.step(event, now)    what happened, monotonic milliseconds  ->  what to do, in order
//   vrrp.deadline()                          when to send the next `tick` at the latest
//
// Nothing here asks the time, opens a socket or rolls a die.

import { assert } from '../base/assert.ts';
import { configure, reload } from './configure.ts';
import { Core } from './core.ts';
import { guardReported } from './guard.ts';
import type { HookQueue } from './hook-queue.ts';
import type { Effect, Event } from './io.ts';
import { attend, checkStall, dueAt, stopRouter } from './life.ts';
import { tellGroupState, tellState } from './notices.ts';
import { observeAddressAdded, observeAddressRemoved, observeInterface } from './observe.ts';
import { receivePacket } from './receive-advert.ts';
import type { VrrpConf } from './router-conf.ts';
import type { Group } from './router.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';
import type { State } from './transitions.ts';

/** A step that looks at one virtual router more often than this goes round in a circle: a bug. */
const LOOKS_PER_STEP_MAX = 100_000;

export class Vrrp {
  readonly #core: Core;

  constructor(conf: VrrpConf) {
    this.#core = new Core(conf);
  }

  /** What to do now that `event` has happened. The first event is `start`. */
  step(event: Event, now: number): readonly Effect[] {
    const core = this.#core;
    assert(now >= core.now, 'time never goes back');
    core.now = now;
    for (const router of core.routers) checkStall(core, router);
    this.#handle(event);
    this.#settle();
    if (core.stopsAt < Infinity) this.#finish();
    return core.takeEffects();
  }

  /** When `tick` is due at the latest; absolute milliseconds. */
  deadline(): number {
    const core = this.#core;
    let due = core.stopsAt;
    for (const router of core.routers) due = Math.min(due, router.dueAt);
    for (const queue of this.#otherQueues()) due = Math.min(due, queue.dueAt());
    for (const tracker of core.scripts.values()) due = Math.min(due, tracker.dueAt());
    for (const tracker of core.processes.values()) due = Math.min(due, tracker.dueAt());
    for (const tracker of core.redis.values()) due = Math.min(due, tracker.dueAt());
    return due;
  }

  snapshot(now: number): Snapshot {
    this.#core.now = Math.max(this.#core.now, now);
    return takeSnapshot(this.#core);
  }

  #handle(event: Event): void {
    const core = this.#core;
    const isStopping = core.stopsAt < Infinity;
    switch (event.kind) {
      case 'start':
        for (const state of event.interfaces) core.interfaces.set(state.name, state);
        for (const address of event.addresses) observeAddressAdded(core, address);
        configure(core);
        core.touchAll();
        break;
      case 'packet':
        receivePacket(core, event);
        break;
      case 'interface':
        observeInterface(core, event.name, event.state);
        break;
      case 'address-added':
        observeAddressAdded(core, event);
        break;
      case 'address-removed':
        observeAddressRemoved(core, event);
        break;
      case 'effect-failed':
        this.#effectFailed(event.effect, event.router, event.detail);
        break;
      case 'guard-reported':
        guardReported(core, event.problem);
        break;
      case 'script-ended':
        for (const script of core.scripts.values()) script.ended(event.run, event.exitCode, event.signal);
        break;
      case 'hook-ended':
        for (const queue of this.#queues()) queue.ended(event.run, event.exitCode, event.signal);
        core.touchAll();
        break;
      case 'process-count':
        core.processes.get(event.tracker)?.counted(event.count);
        break;
      case 'file-value':
        core.files.set(event.tracker, event.value);
        core.touchAll();
        break;
      case 'redis-connected':
      case 'redis-disconnected':
      case 'redis-answer':
        this.#handleRedis(event);
        break;
      case 'reload':
        if (!isStopping) reload(core, event.conf);
        break;
      case 'stop':
        if (!isStopping) this.#stop();
        break;
      case 'tick':
        break;
    }
  }

  #handleRedis(event: Extract<Event, { readonly connection: number }>): void {
    for (const tracker of this.#core.redis.values()) {
      if (tracker.connection !== event.connection) continue;
      if (event.kind === 'redis-connected') tracker.connected();
      else if (event.kind === 'redis-answer') tracker.answered(event.answer);
      else tracker.disconnected(event.reason);
      return;
    }
  }

  #effectFailed(effect: string, name: string, detail: string): void {
    const core = this.#core;
    const router = core.routers.find(({ conf }) => conf.name === name);
    if (router !== undefined) core.logOnce(router, `failed ${effect}`, `${effect} failed: ${detail}`);
  }

  /** Looks at everything that is due or touched, until nothing is. */
  #settle(): void {
    const core = this.#core;
    if (core.stopsAt === Infinity) {
      for (const tracker of core.scripts.values()) tracker.attend();
      for (const tracker of core.processes.values()) tracker.attend();
      for (const tracker of core.redis.values()) tracker.attend();
    }
    for (const router of core.routers) if (router.dueAt <= core.now) core.touch(router);
    let looks = 0;
    for (const router of core.touched) {
      assert((looks += 1) < LOOKS_PER_STEP_MAX, 'a step comes to an end');
      // Taken out first, so that it can be touched again; a set hands out what is added while it is walked.
      core.touched.delete(router);
      router.hooks.attend();
      attend(core, router);
      for (const mate of router.group?.members ?? [router]) mate.dueAt = dueAt(core, mate);
    }
    for (const group of core.groups) this.#settleGroup(group);
    for (const queue of this.#otherQueues()) queue.attend();
    core.leaving = core.leaving.filter((queue) => !queue.isIdle);
  }

  /** Tells the state of a group once all its members have settled. */
  #settleGroup(group: Group): void {
    const state = stateOfGroup(group);
    if (state === group.state) return;
    group.state = state;
    tellGroupState(this.#core, group);
  }

  /** Leaves everything as it should be left; `exit` follows when the stop hooks have ended, or their time is up. */
  #stop(): void {
    const core = this.#core;
    core.stopsAt = core.now + core.conf.stopTimeoutMs;
    for (const tracker of core.scripts.values()) tracker.close();
    for (const tracker of core.redis.values()) tracker.close();
    for (const queue of this.#queues()) queue.hurry();
    for (const router of core.routers) {
      stopRouter(core, router);
      tellState(core, router);
      router.dueAt = Infinity;
    }
  }

  #finish(): void {
    const core = this.#core;
    const queues = [...this.#queues()];
    const isLate = core.now >= core.stopsAt;
    if (!isLate && !queues.every(({ isIdle }) => isIdle)) return;
    if (isLate) for (const queue of queues) queue.kill();
    core.stopsAt = Infinity;
    core.routers = [];
    core.groups = [];
    core.leaving = [];
    core.scripts.clear();
    core.redis.clear();
    core.processes.clear();
    core.emit({ kind: 'exit', code: 0 });
  }

  *#otherQueues(): Generator<HookQueue> {
    for (const group of this.#core.groups) yield group.hooks;
    yield* this.#core.leaving;
  }

  *#queues(): Generator<HookQueue> {
    for (const router of this.#core.routers) yield router.hooks;
    yield* this.#otherQueues();
  }
}

/** The worst of its members'. */
function stateOfGroup(group: Group): State {
  const states = new Set(group.members.map(({ state }) => state));
  const order: readonly State[] = ['stopped', 'fault', 'initialize', 'backup', 'active'];
  return order.find((state) => states.has(state)) ?? 'initialize';
}
