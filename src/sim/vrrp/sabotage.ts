// Deliberate defects, laid around the machine without touching it. Each breaks one rule, and the seeds must find it by
// the check named here; a checker that cannot fail proves nothing.

import type { Effect, Event } from '../../vrrp/io.ts';
import type { CheckName } from './checks.ts';
import type { Host } from './host.ts';

export interface Sabotage {
  readonly name: string;
  /** What is broken, in a sentence. */
  readonly sentence: string;
  readonly caughtBy: CheckName;
  /** What is carried out instead; null: nothing. */
  spoil(effect: Effect, host: Host): Effect | null;
  /** Events that never arrive. */
  drops?(event: Event): boolean;
  /** The time it is told. */
  clock?(host: Host, localMs: number): number;
}

const honest = (effect: Effect): Effect => effect;

/** A clock that stands still while its process does. */
function forgetfulClock(): (host: Host, localMs: number) => number {
  const told = new Map<Host, { last: number; lost: number }>();
  return (host, localMs) => {
    const memory = told.get(host) ?? { last: localMs, lost: 0 };
    told.set(host, memory);
    const gap = localMs - memory.last;
    // Longer than any sleep of a router that has something to send.
    if (gap > 3500) memory.lost += gap - 10;
    memory.last = localMs;
    return localMs - memory.lost;
  };
}

/** Loses every second event it is asked about. */
function everySecond(): () => boolean {
  let count = 0;
  return () => (count += 1) % 2 === 0;
}

/** After this much of its life a clock leaps back, by a second. */
const LEAP_AT_MS = 10_000;

/** Of the first guard, what comes later is silence: as if nothing were refreshed. */
function keepsFirstGuard(): (effect: Effect, host: Host) => Effect {
  const until = new Map<Host, number>();
  return (effect, host) => {
    if (effect.kind === 'unguard-addresses') until.delete(host);
    if (effect.kind !== 'guard-addresses') return effect;
    const aliveUntil = until.get(host) ?? effect.aliveUntil;
    until.set(host, aliveUntil);
    return { ...effect, aliveUntil };
  };
}

/** Made anew for each run: some remember. */
export const SABOTAGES: readonly (() => Sabotage)[] = [
  () => ({
    name: 'immortal-address',
    sentence: 'addresses have no lifetime, as with keepalived',
    caughtBy: 'two-holders',
    spoil: (effect) => (effect.kind === 'set-address' ? { ...effect, lifetimeSeconds: null } : effect),
  }),
  () => ({
    name: 'long-lifetime',
    sentence: 'an address lives three seconds longer than it should',
    caughtBy: 'two-holders',
    spoil: (effect) =>
      effect.kind === 'set-address' && effect.lifetimeSeconds !== null
        ? { ...effect, lifetimeSeconds: effect.lifetimeSeconds + 3 }
        : effect,
  }),
  () => ({
    name: 'watchman-asleep',
    sentence: 'the guard lets an address answer for as long as it is there',
    caughtBy: 'two-holders',
    spoil: (effect) =>
      effect.kind === 'guard-addresses' ? { ...effect, aliveUntil: effect.heldUntil } : effect,
  }),
  () => ({
    name: 'watchman-stays',
    sentence: 'the guard is not told that an address is held for longer',
    caughtBy: 'one-holder',
    spoil: keepsFirstGuard(),
  }),
  () => ({
    name: 'stubborn',
    sentence: 'an address is never given up',
    caughtBy: 'two-holders',
    spoil: (effect) => (effect.kind === 'remove-address' ? null : effect),
  }),
  () => ({
    name: 'deaf',
    sentence: 'nothing is heard',
    caughtBy: 'two-holders',
    spoil: honest,
    drops: (event) => event.kind === 'packet',
  }),
  () => {
    const isSecond = everySecond();
    return {
      name: 'half-deaf',
      sentence: 'every second packet is not heard',
      caughtBy: 'two-holders',
      spoil: honest,
      drops: (event) => event.kind === 'packet' && isSecond(),
    };
  },
  () => ({
    name: 'coward',
    sentence: 'an address is never taken',
    caughtBy: 'one-holder',
    spoil: (effect) => (effect.kind === 'set-address' ? null : effect),
  }),
  () => ({
    name: 'forgetful-clock',
    sentence: 'the clock stands still while the process is frozen',
    caughtBy: 'stale-advert',
    spoil: honest,
    clock: forgetfulClock(),
  }),
  () => ({
    name: 'leaping-clock',
    sentence: 'the clock goes back, which the machine refuses to believe',
    caughtBy: 'no-crash',
    spoil: honest,
    clock: (_, localMs) => (localMs < LEAP_AT_MS ? localMs : localMs - 1_000),
  }),
];
