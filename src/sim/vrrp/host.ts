// One simulated machine: a clock of its own, a kernel that holds addresses for as long as it was told, and the daemon,
// which is the product's own VRRP machine. Being frozen, paused, killed and switched off is decided by the world.

import { routerConf, virtualAddress, vrrpConf } from '../../vrrp/test-conf.ts';
import type { Effect, Event } from '../../vrrp/io.ts';
import type { VrrpConf } from '../../vrrp/router-conf.ts';
import { Vrrp } from '../../vrrp/vrrp.ts';
import type { Random } from '../../base/random.ts';
import type { Agenda } from './agenda.ts';
import type { Sabotage } from './sabotage.ts';
import type { Scenario } from './scenario.ts';

export const FLOATING_ADDRESS = '10.99.0.100';
const INTERFACE = 'eth0';
/** The kernel takes an expired address away up to this late. */
const EXPIRY_LATENESS_MS_MAX = 500;
/** How long the guard's rules take to stand, in a process that does not stop with ours. */
const GUARD_LATENESS_MS_MAX = 3;
/** How late a timer of an idle process fires. */
const WAKE_LATENESS_MS_MAX = 1;
/** Packets a frozen process's socket holds. */
const SOCKET_PACKETS_MAX = 200;

export type Advert = Extract<Effect, { readonly kind: 'send-advert' }>;

/** What a host needs of the world. */
export interface HostWorld {
  readonly agenda: Agenda;
  readonly random: Random;
  readonly scenario: Scenario;
  readonly sabotage: Sabotage | null;
  send(from: Host, advert: Advert): void;
  /** Whether a story is told at all. */
  readonly isTold: boolean;
  tell(who: string, text: string): void;
  /** It was put on an interface that did not have it. */
  tookAddress(): void;
  /** For the checks. */
  released(host: Host): void;
  crashed(host: Host, reason: string): void;
}

export function addressOf(index: number): string {
  return `10.99.0.${index + 1}`;
}

export class Host {
  readonly index: number;
  readonly #world: HostWorld;
  readonly #rate: number;
  #vrrp: Vrrp | null = null;
  /** Goes up with each start, so that nothing scheduled for an earlier life acts on a later one. */
  #life = 0;
  #wakeAt = Infinity;
  /** The floating address is on the interface. */
  hasAddress = false;
  #expiry = 0;
  isPowered = true;
  isFrozen = false;
  isPaused = false;
  /** It was started while its machine stood still. */
  #isToStart = false;
  /** Since when the daemon does not act; null: it does. */
  silentSince: number | null = null;
  /** Until when it did not, the last time. */
  actsSince = -Infinity;
  #backlog: Event[] = [];
  /** When its machine last stood still; its kernel's timers then go on late. */
  resumedAt = -Infinity;
  /** Between these the guard keeps this machine from answering for the address. */
  #silentFrom = Infinity;
  #silentTo = -Infinity;
  #guarding = 0;
  #pausedAt = -Infinity;
  #expiresIn = Infinity;
  #expiryAt = Infinity;

  constructor(index: number, world: HostWorld) {
    this.index = index;
    this.#world = world;
    this.#rate = world.scenario.routers[index]?.clockRate ?? 1;
  }

  get isRunning(): boolean {
    return this.#vrrp !== null;
  }

  /** Clients that ask for the address are answered by it. */
  get holds(): boolean {
    const { now } = this.#world.agenda;
    const isSilent = now >= this.#silentFrom && now < this.#silentTo;
    return this.hasAddress && this.isPowered && !this.isPaused && !isSilent;
  }

  get acts(): boolean {
    return this.isRunning && this.isPowered && !this.isFrozen && !this.isPaused;
  }

  /** Its own clock; it counts pauses, as CLOCK_BOOTTIME does. */
  get localMs(): number {
    return this.#world.agenda.now * this.#rate;
  }

  start(): void {
    this.#isToStart = this.isPaused;
    if (this.isRunning || !this.isPowered || this.isPaused) return;
    this.#life += 1;
    this.silentSince = null;
    this.#vrrp = new Vrrp(this.#conf());
    const addresses = [{ interface: INTERFACE, address: addressOf(this.index), prefixLength: 24 }];
    if (this.hasAddress)
      addresses.push({ interface: INTERFACE, address: FLOATING_ADDRESS, prefixLength: 32 });
    this.tell({
      kind: 'start',
      interfaces: [
        {
          name: INTERFACE,
          isUp: true,
          macAddress: Uint8Array.from([2, 0, 0, 0, 0, this.index + 1]),
          resolvesNeighbours: true,
          forwards: false,
        },
      ],
      addresses,
    });
  }

  /** kill -9: the kernel keeps what it was told. */
  kill(): void {
    this.isFrozen = false;
    if (!this.isRunning) return;
    this.#vrrp = null;
    this.#backlog = [];
    this.silentSince ??= this.#world.agenda.now;
  }

  cutPower(): void {
    this.kill();
    this.isPowered = false;
    this.#setAddress(false);
    this.#silence(Infinity, -Infinity);
  }

  setFrozen(isFrozen: boolean): void {
    this.isFrozen = isFrozen && this.isRunning;
    this.#becameStill();
  }

  setPaused(isPaused: boolean): void {
    const { now } = this.#world.agenda;
    if (isPaused && !this.isPaused) {
      this.#expiresIn = this.#expiryAt - now;
    } else if (!isPaused && this.isPaused && this.hasAddress && this.#expiryAt < Infinity) {
      // Where a lifetime is counted in jiffies, it goes on where it stood.
      this.#expireIn(this.#expiresIn);
    }
    if (isPaused && !this.isPaused) this.#pausedAt = now;
    else if (!isPaused && this.isPaused) {
      const stoodStillMs = now - this.#pausedAt;
      this.#silence(this.#silentFrom + stoodStillMs, this.#silentTo + stoodStillMs);
    }
    if (!isPaused) this.resumedAt = now;
    this.isPaused = isPaused;
    this.#becameStill();
  }

  /** An event for the daemon; kept while it is stopped, lost while the machine is. */
  tell(event: Event): void {
    if (!this.isRunning || this.isPaused || !this.isPowered) return;
    if (this.isFrozen) {
      if (this.#backlog.length < SOCKET_PACKETS_MAX) this.#backlog.push(event);
      return;
    }
    this.#step(event);
  }

  /** Somebody deletes the address. */
  deleteAddress(): void {
    if (this.hasAddress) this.#setAddress(false);
  }

  #becameStill(): void {
    const { now } = this.#world.agenda;
    if (this.isFrozen || this.isPaused) {
      this.silentSince ??= now;
      return;
    }
    if (this.#isToStart) this.start();
    if (!this.isRunning) return;
    if (this.silentSince !== null) this.actsSince = now;
    this.silentSince = null;
    // What came meanwhile is read first (io.ts, `tick`).
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const event of backlog) this.#step(event);
    if (this.localMs >= this.#wakeAt) this.#step({ kind: 'tick' });
    else this.#scheduleWake();
  }

  #conf(): VrrpConf {
    const { scenario } = this.#world;
    const others = scenario.routers.flatMap((_, index) => (index === this.index ? [] : [addressOf(index)]));
    return vrrpConf([
      routerConf({
        version: scenario.version,
        advertIntervalMs: scenario.advertIntervalMs,
        priority: scenario.routers[this.index]?.priority ?? 100,
        preempt: scenario.preempt,
        addresses: [virtualAddress(FLOATING_ADDRESS)],
        addressLifetimeSeconds: scenario.lifetimeSeconds,
        guard: scenario.guard,
        ...(scenario.unicast
          ? {
              sourceAddress: addressOf(this.index),
              unicast: {
                peers: others.map((address) => ({ address, ttlMin: 255, ttlMax: 255 })),
                ttl: 255,
                checkSource: true,
              },
            }
          : {}),
      }),
    ]);
  }

  #step(event: Event): void {
    const vrrp = this.#vrrp;
    const { sabotage } = this.#world;
    if (vrrp === null || sabotage?.drops?.(event) === true) return;
    let effects: readonly Effect[];
    try {
      effects = vrrp.step(event, sabotage?.clock?.(this, this.localMs) ?? this.localMs);
    } catch (error) {
      this.#world.crashed(this, String(error));
      return;
    }
    for (const effect of effects) {
      const spoiled = sabotage === null ? effect : sabotage.spoil(effect, this);
      if (spoiled !== null) this.#carryOut(spoiled);
    }
    this.#scheduleWake();
  }

  #scheduleWake(): void {
    const vrrp = this.#vrrp;
    if (vrrp === null) return;
    const deadline = vrrp.deadline();
    this.#wakeAt = deadline;
    if (deadline === Infinity) return;
    const life = this.#life;
    const { agenda, random } = this.#world;
    // A sabotaged clock may ask for the past.
    const inMs =
      Math.max(0.01, (deadline - this.localMs) / this.#rate) + random.float() * WAKE_LATENESS_MS_MAX;
    agenda.after(inMs, () => {
      if (life === this.#life && this.#wakeAt === deadline && this.acts) this.#step({ kind: 'tick' });
    });
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'send-advert':
        this.#world.send(this, effect);
        break;
      case 'set-address':
        if (!this.hasAddress) this.#setAddress(true);
        this.#expireIn(
          effect.lifetimeSeconds === null
            ? Infinity
            : (effect.lifetimeSeconds * 1000) / this.#rate +
                this.#world.random.float() * EXPIRY_LATENESS_MS_MAX,
        );
        break;
      case 'remove-address':
      case 'clear-address':
        this.#world.released(this);
        if (this.hasAddress) this.#setAddress(false);
        break;
      case 'decision':
        this.#tell(effect.sentence);
        break;
      case 'event':
        if (effect.level === 'alarm') this.#tell(`alarm: ${effect.text}`);
        break;
      case 'guard-addresses':
        this.#guard(effect.aliveUntil, effect.heldUntil);
        break;
      case 'unguard-addresses':
        this.#guard(Infinity, -Infinity);
        break;
      default:
    }
  }

  #tell(text: string): void {
    if (this.#world.isTold) this.#world.tell(`router-${this.index}`, text);
  }

  /** The rules stand a little later, whatever becomes of the daemon meanwhile; how long they allow is reckoned now. */
  #guard(aliveUntil: number, heldUntil: number): void {
    const { agenda, random } = this.#world;
    const guarding = (this.#guarding += 1);
    const inTrueTime = (localMs: number): number => (localMs - this.localMs) / this.#rate;
    const [aliveMs, heldMs] = [inTrueTime(aliveUntil), inTrueTime(heldUntil)];
    agenda.after(random.float() * GUARD_LATENESS_MS_MAX, () => {
      if (guarding === this.#guarding) this.#silence(agenda.now + aliveMs, agenda.now + heldMs);
    });
  }

  #silence(from: number, to: number): void {
    this.#guarding += 1;
    this.#silentFrom = from;
    this.#silentTo = to;
  }

  #expireIn(ms: number): void {
    const { agenda } = this.#world;
    this.#expiryAt = agenda.now + ms;
    const expiry = (this.#expiry += 1);
    if (ms === Infinity) return;
    agenda.after(ms, () => {
      if (expiry === this.#expiry && this.hasAddress && !this.isPaused) this.#setAddress(false);
    });
  }

  #setAddress(isThere: boolean): void {
    this.hasAddress = isThere;
    if (isThere) this.#world.tookAddress();
    this.#tell(isThere ? 'has the address' : 'has the address no more');
    if (!isThere) this.#expiry += 1;
    const kind = isThere ? 'address-added' : 'address-removed';
    const life = this.#life;
    this.#world.agenda.after(0.1, () => {
      if (life === this.#life) {
        this.tell({ kind, interface: INTERFACE, address: FLOATING_ADDRESS, prefixLength: 32 });
      }
    });
  }
}
