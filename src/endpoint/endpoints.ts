// The endpoint machine: where every endpoint of one daemon leads, as a function from events to effects.
//
//   const effects = endpoints.step(event, now)   what happened, boot-clock milliseconds  ->  what to do, in order
//   endpoints.deadline()                         when to send the next `tick` at the latest
//
// Nothing here asks the time, opens a socket or rolls a die.

import { assert } from '../base/assert.ts';
import { Backend } from './backend.ts';
import { Core } from './core.ts';
import { HOLD } from './defaults.ts';
import { CheckedServer, type Followed } from './checked-server.ts';
import type { BackendConf, EndpointsConf, TrackedConf } from './endpoint-conf.ts';
import { Group, groupKey } from './group.ts';
import { HookLines } from './hook-lines.ts';
import type { AdminState, Effect, Event, SwitchId } from './io.ts';
import { takeSnapshot, type EndpointsSnapshot } from './snapshot.ts';
import { isUp, ServerFactsTeller } from './server-facts.ts';
import { Switchover } from './switchover.ts';
import { isSameTarget, type Target } from './route.ts';

/** A step that does not settle goes round in a circle: a bug. */
const ROUNDS_MAX = 1_000;
/** At the end, commands that tell of it may take so long. */
const LAST_HOOKS_MS = 5_000;

export class Endpoints {
  readonly #core = new Core();
  readonly #hooks = new HookLines(this.#core);
  readonly #facts = new ServerFactsTeller();
  #conf: EndpointsConf;
  #groups = new Map<string, Group>();
  #backends = new Map<string, Backend>();
  #switchovers: Switchover[] = [];
  /** Read while a switch is under way that it would leave half done. */
  #awaited: EndpointsConf | null = null;
  #isStopping = false;
  /** Stopping: when to leave at the latest. */
  #leaveAt = Infinity;

  constructor(conf: EndpointsConf) {
    this.#conf = conf;
  }

  /** What to do now that `event` has happened. The first event is `start`. */
  step(event: Event, now: number): readonly Effect[] {
    const core = this.#core;
    assert(now >= core.now, 'time never goes back');
    core.now = now;
    this.#handle(event);
    if (this.#isStopping) this.#leave();
    else this.#settle();
    return core.takeEffects();
  }

  /** When `tick` is due at the latest; absolute milliseconds. */
  deadline(): number {
    if (this.#isStopping) return this.#leaveAt;
    let due = this.#hooks.dueAt();
    for (const group of this.#groups.values()) due = Math.min(due, group.dueAt());
    for (const backend of this.#backends.values()) due = Math.min(due, backend.dueAt());
    for (const switchover of this.#switchovers) due = Math.min(due, switchover.dueAt());
    return due;
  }

  snapshot(now: number): EndpointsSnapshot {
    return takeSnapshot(
      { conf: this.#conf, backends: [...this.#backends.values()], switchovers: this.#switchovers },
      now,
    );
  }

  #handle(event: Event): void {
    const core = this.#core;
    switch (event.kind) {
      case 'start':
        return this.#configure(this.#conf);
      case 'tick':
        return;
      case 'connected':
        return core.ownerOf(event.connection)?.connected();
      case 'disconnected':
        return core.ownerOf(event.connection)?.disconnected(event.reason, event.detail);
      case 'reply':
        return core.ownerOf(event.connection)?.replied(event.reply);
      case 'resolved':
        return core.resolved(event.host, event.ips);
      case 'check-ended':
        for (const { allChecked } of this.#backends.values()) {
          if (allChecked.some((server) => server.ended(event.run, event.isUp, event.detail, event.weight)))
            return;
        }
        return;
      case 'hook-ended':
        return this.#hooks.ended(event.run, event.exitCode, event.signal);
      case 'connection-seen':
        for (const { frontends, checked } of this.#backends.values()) {
          if (!frontends.includes(event.endpoint)) continue;
          checked.find(({ target }) => isSameTarget(target, event.server))?.saw(event.isMade);
        }
        return;
      case 'demoted':
        return this.#doubt(event.endpoint, event.server, event.text);
      case 'set-state':
        return this.#setState(event.backend, event.server, event.state);
      case 'set-weight':
        return this.#setWeight(event.backend, event.server, event.weight);
      case 'end-sessions':
        return this.#endSessions(event.backend, event.server);
      case 'switch':
        return this.#beginSwitch(event.id, event.backend, event.to);
      case 'switch-answer':
        this.#switchovers.find(({ id }) => id === event.id)?.answered(event.answer);
        return;
      case 'reload':
        return this.#reload(event.conf);
      case 'stop':
        return this.#stop();
    }
  }

  /** Looks at everything that is due, until nothing is: a discovered server is due at once. */
  #settle(): void {
    let rounds = 0;
    do {
      assert((rounds += 1) < ROUNDS_MAX, 'a step comes to an end');
      for (const group of this.#groups.values()) group.attend();
      for (const backend of this.#backends.values()) backend.attend();
      this.#facts.tell(this.#core, this.#backends);
      this.#hooks.attend();
      for (const switchover of this.#switchovers) {
        switchover.attend(this.#backendsOf(switchover.group)[0]?.leadsTo ?? null);
      }
      this.#switchovers = this.#switchovers.filter(({ isEnded }) => !isEnded);
    } while (this.#configureAwaited() || this.deadline() <= this.#core.now);
  }

  /** A switch needs its servers to the end: a configuration that watches them anew waits until it is over. */
  #reload(conf: EndpointsConf): void {
    this.#awaited = conf;
    if (this.#disturbs(conf))
      this.#core.log('notice', 'the new configuration counts as soon as the switch under way is over');
    else this.#configureAwaited();
  }

  /** False: there is none, or it has to wait. */
  #configureAwaited(): boolean {
    const conf = this.#awaited;
    if (conf === null || this.#disturbs(conf)) return false;
    this.#awaited = null;
    this.#configure(conf);
    return true;
  }

  #disturbs(conf: EndpointsConf): boolean {
    return this.#switchovers.some(({ group }) => {
      const key = groupKey(group.conf);
      const stays = conf.backends.some((one) => one.role.kind === 'primary' && groupKey(one) === key);
      return !stays || !this.#isSameLease(conf);
    });
  }

  #isSameLease({ leaseMs, refreshMs }: EndpointsConf): boolean {
    return leaseMs === this.#conf.leaseMs && refreshMs === this.#conf.refreshMs;
  }

  /** What is as it was goes on undisturbed; only what is new or gone is begun or ended. */
  #configure(conf: EndpointsConf): void {
    const core = this.#core;
    const isSameLease = this.#isSameLease(conf);
    this.#conf = conf;
    this.#facts.configure(conf);
    core.keepSlots(conf.backends.flatMap(({ servers }) => servers.flatMap(({ slot }) => slot ?? [])));
    const groups = new Map<string, Group>();
    const backends = new Map<string, Backend>();
    for (const backendConf of conf.backends) {
      const key = groupKey(backendConf);
      const isRedis = backendConf.role.kind !== 'any';
      const before = isSameLease ? this.#groups.get(key) : undefined;
      const old = this.#backends.get(backendConf.name);
      const group = isRedis
        ? (groups.get(key) ??
          before ??
          new Group(core, backendConf, { ...leaseOf(conf), after: old?.group ?? null }))
        : null;
      if (group !== null) groups.set(key, group);
      if (old !== undefined && old.group !== null && group !== null && group !== old.group)
        group.inheritOrders(old.group);
      const frontends = conf.frontends
        .filter(({ backend }) => backend === backendConf.name)
        .map(({ name }) => name);
      const isUnchanged =
        old !== undefined &&
        isSameLease &&
        old.group === group &&
        isEqual(old.conf, backendConf) &&
        isEqual(old.frontends, frontends);
      backends.set(
        backendConf.name,
        isUnchanged
          ? old
          : new Backend(core, backendConf, {
              group,
              frontends,
              hooks: this.#hooks,
              follow: this.#follow,
              ...leaseOf(conf),
              ...(old === undefined ? {} : { after: old }),
            }),
      );
    }
    for (const [key, group] of this.#groups) if (groups.get(key) !== group) group.close();
    for (const [name, backend] of this.#backends) {
      if (!backends.has(name)) backend.close();
      else if (backends.get(name) !== backend) backend.closeChecks();
    }
    this.#groups = groups;
    this.#backends = backends;
  }

  /** How a server of whatever backend fares that others are to be as well as. */
  readonly #follow = ({ backend: name, server }: TrackedConf): Followed => {
    const backend = this.#backends.get(name);
    const one = backend?.serverNamed(server) ?? null;
    if (backend === undefined || one === null) return { health: 'unknown', adminState: 'ready' };
    const health = one instanceof CheckedServer ? one.health : one.verdict.health;
    const isRefused = !(one instanceof CheckedServer) && health === 'up' && !isUp(backend, server);
    return { health: isRefused ? 'down' : health, adminState: one.adminState };
  };

  #doubt(endpoint: string, server: Target, text: string): void {
    for (const backend of this.#backends.values()) {
      if (!backend.frontends.includes(endpoint) || backend.group === null) continue;
      this.#core.log('notice', `${endpoint}: ${server.host}:${server.port} says ${text}`);
      backend.group.doubt(server);
    }
  }

  #setState(backendName: string, name: string, state: AdminState): void {
    const backend = this.#backends.get(backendName);
    const server = backend?.serverNamed(name) ?? null;
    if (server === null) return;
    server.adminState = state;
    server.history.changed(this.#core.now);
    backend?.group?.changed();
    this.#core.tell('info', 'server', backendName, `${name} is set to ${state}`);
  }

  #setWeight(backendName: string, name: string, weight: number): void {
    const backend = this.#backends.get(backendName);
    const server = backend?.serverNamed(name) ?? null;
    if (server === null) return;
    server.weight = weight;
    backend?.group?.changed();
    this.#core.tell('info', 'server', backendName, `${name} has weight ${weight}`);
  }

  #endSessions(backendName: string, name: string): void {
    const backend = this.#backends.get(backendName);
    const server = backend?.serverNamed(name) ?? null;
    if (backend === undefined || server === null) return;
    this.#core.emit({ kind: 'end-sessions', endpoints: backend.frontends, server: server.target });
    this.#core.tell('info', 'server', backendName, `the clients of ${name} are closed by order`);
  }

  #beginSwitch(id: SwitchId, backendName: string, to: Target | null): void {
    const backend = this.#backends.get(backendName);
    const refuse = (sentence: string): void =>
      this.#core.emit({ kind: 'switch-ended', id, isDone: false, sentence });
    const group = backend?.conf.role.kind === 'primary' ? backend.group : null;
    if (group === null) {
      const could = this.#conf.backends.filter(({ role }) => role.kind === 'primary').map(({ name }) => name);
      return refuse(
        `${backendName} is no backend that leads to a primary: ${could.length > 0 ? `--backend ${could.join(' or ')}` : 'there is none'}`,
      );
    }
    const underWay = this.#switchovers.find((one) => one.group === group);
    if (underWay !== undefined)
      return refuse(`${underWay.describe()}: wait until it is over, "baton endpoint status" tells`);
    const names = new Set(this.#backendsOf(group).flatMap(({ frontends }) => frontends));
    const frontends = this.#conf.frontends.filter(({ name }) => names.has(name));
    // Where nobody is led there, nobody is held, but the other steps must end, too.
    const holdMsMax =
      frontends.length === 0 ? HOLD.holdMsMax : Math.min(...frontends.map(({ hold }) => hold.holdMsMax));
    const switchover = new Switchover(this.#core, group, { id, to, endpoints: [...names], holdMsMax });
    this.#switchovers.push(switchover);
    switchover.start();
  }

  /** The backends whose clients write to the group's primary. */
  #backendsOf(group: Group): Backend[] {
    return [...this.#backends.values()].filter(
      (one) => one.group === group && one.conf.role.kind === 'primary',
    );
  }

  #stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const switchover of this.#switchovers) switchover.stop();
    for (const backend of this.#backends.values()) backend.close();
    for (const group of this.#groups.values()) group.close();
    this.#leaveAt = this.#core.now + LAST_HOOKS_MS;
  }

  /** As soon as all has been told, or it takes too long. */
  #leave(): void {
    if (this.#leaveAt === Infinity || (!this.#hooks.isIdle && this.#core.now < this.#leaveAt)) return;
    this.#leaveAt = Infinity;
    this.#core.emit({ kind: 'exit', code: 0 });
  }
}

const leaseOf = ({ leaseMs, refreshMs }: EndpointsConf): { leaseMs: number; refreshMs: number } => ({
  leaseMs,
  refreshMs,
});

/** Plain data. */
const isEqual = (a: BackendConf | readonly string[], b: BackendConf | readonly string[]): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
