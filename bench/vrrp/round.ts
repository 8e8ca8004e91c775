// One fault, done to the active machine of a pair, and what was seen of it: on the wire, on the machine, by a client.

import { bootClockMs } from '../../src/os/boot-clock.ts';
import { defaultLifetimeSeconds } from '../../src/vrrp/lifetime.ts';
import { activeDownMs, skewMs } from '../../src/vrrp/timing.ts';
import { pause } from '../../test/harness/wait.ts';
import type { Client } from './client.ts';
import type { Pair, Timing } from './pair.ts';

export const FAULTS = ['crash', 'loss', 'term', 'redis'] as const;
/** `crash`: kill -9 of the daemon; `loss`: cable and daemon; `term`: SIGTERM; `redis`: kill -9 of the redis-server. */
export type Fault = (typeof FAULTS)[number];

export const FAULT_NAMES: Readonly<Record<Fault, string>> = {
  crash: 'daemon killed',
  loss: 'host lost',
  term: 'SIGTERM',
  redis: 'Redis killed',
};

/** How late the kernel may end an address, and how late we may hear of it. */
export const ADDRESS_GRACE_MS = 750;
/** How long an address that should be gone is watched for, beyond that. */
const ADDRESS_PATIENCE_MS = 250;

/** Milliseconds. */
export interface Round {
  /** What the protocol dictates between the last advert and the successor's first. */
  readonly protocolMs: number;
  /** What was captured. */
  readonly takeOverMs: number;
  /** From the fault to the successor's first answer to a ping, and to the first write it accepted. */
  readonly answersMs: number;
  readonly writableMs: number;
  /** From a crash until the old machine's kernel took the address; null: still there when we stopped looking. */
  readonly addressLeftMs: number | null;
}

/** How long an address may be left after a crash. */
export function addressLeftMsMax({ version, advertIntervalMs }: Timing): number {
  const lifetimeSeconds = defaultLifetimeSeconds({ version, advertIntervalMs, downTimerAdverts: 3 });
  return lifetimeSeconds * 1_000 + ADDRESS_GRACE_MS;
}

export async function playRound(pair: Pair, client: Client, fault: Fault): Promise<Round> {
  const { timing, address } = pair.options;
  const old = pair.active;
  const successor = pair.otherThan(old);
  client.watch(address);
  await pair.soon(
    'the client to reach the active machine',
    () => client.changedTo('write', old.machine, 0) !== null,
  );
  // Another moment of the interval each time.
  await pause(Math.random() * timing.advertIntervalMs);

  const mark = successor.capture.adverts.length;
  const faultAtMs = bootClockMs();
  let ended: Promise<void> = Promise.resolve();
  switch (fault) {
    case 'crash':
      ended = old.daemon.killWhole();
      break;
    case 'loss':
      pair.cut(old);
      ended = old.daemon.killWhole();
      break;
    case 'term':
      ended = old.daemon.stop();
      break;
    case 'redis':
      ended = old.redis.kill();
      break;
  }
  const first = await pair.firstAdvert(successor, mark);
  const last = old.capture.adverts.findLast(({ atMs }) => atMs < first.atMs);
  if (last === undefined) throw new Error('the successor was first to be heard');
  const reached = (what: 'ping' | 'write'): number | null =>
    client.changedTo(what, successor.machine, faultAtMs);
  await pair.soon(
    'the client to reach the successor',
    () => reached('ping') !== null && reached('write') !== null,
  );
  const round = {
    protocolMs: protocolMs(timing, fault, successor.priority),
    takeOverMs: first.atMs - last.atMs,
    answersMs: (reached('ping') ?? NaN) - faultAtMs,
    writableMs: (reached('write') ?? NaN) - faultAtMs,
    addressLeftMs: fault === 'crash' ? await addressLeft(old.address, faultAtMs, timing) : null,
  };
  client.watch('');
  await ended;
  await pair.restore(old);
  return round;
}

/** Three intervals and the successor's skew; its skew alone after a release, which a dead Redis leads to as well. */
function protocolMs(timing: Timing, fault: Fault, priority: number): number {
  const { version, advertIntervalMs } = timing;
  return fault === 'crash' || fault === 'loss'
    ? activeDownMs({ version, downTimerAdverts: 3 }, priority, advertIntervalMs)
    : skewMs(version, priority, advertIntervalMs);
}

async function addressLeft(
  address: { readonly has: boolean; readonly changedAtMs: number },
  sinceMs: number,
  timing: Timing,
): Promise<number | null> {
  const until = sinceMs + addressLeftMsMax(timing) + ADDRESS_PATIENCE_MS;
  while (address.has && bootClockMs() < until) await pause(5);
  return address.has ? null : address.changedAtMs - sinceMs;
}
