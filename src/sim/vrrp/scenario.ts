// What a seed stands for: who takes part, how good the network is, and what goes wrong when.

import { unreachable } from '../../base/assert.ts';
import { Random } from '../../base/random.ts';
import { activeDownMs } from '../../vrrp/timing.ts';
import { defaultLifetimeSeconds } from '../../vrrp/lifetime.ts';

/** One thing that goes wrong for a while. Indices are of routers. */
export type Fault =
  /** The daemon is killed; its machine lives on. `after`: it starts again. */
  | { readonly kind: 'kill'; readonly router: number }
  /** The machine loses its power. */
  | { readonly kind: 'power'; readonly router: number }
  /** The daemon is stopped, as by SIGSTOP: sockets fill up, the kernel goes on. */
  | { readonly kind: 'freeze'; readonly router: number }
  /** The whole machine stands still, its kernel's timers too, and what is sent to it is lost. */
  | { readonly kind: 'pause'; readonly router: number }
  /** Nothing passes between it and the others. */
  | { readonly kind: 'cut'; readonly router: number }
  /** Any packet may be lost. */
  | { readonly kind: 'loss'; readonly chance: number }
  /** Somebody deletes the address on it. */
  | { readonly kind: 'delete'; readonly router: number };

/** For the story. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `the daemon of router-${fault.router} is killed`;
    case 'power':
      return `router-${fault.router} loses its power`;
    case 'freeze':
      return `the daemon of router-${fault.router} is stopped`;
    case 'pause':
      return `the machine of router-${fault.router} stands still`;
    case 'cut':
      return `router-${fault.router} is cut off`;
    case 'loss':
      return `${Math.round(100 * fault.chance)} % of all packets are lost`;
    case 'delete':
      return `somebody deletes the address on router-${fault.router}`;
    default:
      return unreachable(fault, 'a fault without a description');
  }
}

export interface PlannedFault {
  readonly fault: Fault;
  readonly atMs: number;
  readonly forMs: number;
}

export interface RouterPlan {
  readonly priority: number;
  /** Of its clock: 1.01 gains one in a hundred. */
  readonly clockRate: number;
  readonly startsAtMs: number;
}

export interface Scenario {
  readonly seed: number;
  readonly version: 2 | 3;
  readonly advertIntervalMs: number;
  readonly preempt: boolean;
  readonly unicast: boolean;
  readonly lifetimeSeconds: number;
  /** There is nft on every machine, and it is used. */
  readonly guard: boolean;
  /** A packet takes up to this long, usually much less. */
  readonly delayMsMax: number;
  readonly routers: readonly RouterPlan[];
  readonly faults: readonly PlannedFault[];
  /** When the last fault is over. */
  readonly calmAtMs: number;
  /** How long until one router must hold the address. */
  readonly settleMs: number;
}

/** How far a clock may be off. */
const CLOCK_ERROR = 0.01;

export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const [version, advertIntervalMs] = random.pick([
    [2, 1000],
    [2, 2000],
    [3, 1000],
    [3, 500],
    [3, 100],
    [3, 3000],
  ] as const);
  const count = 2 + random.int(4);
  const priorities = random.chance(0.2) ? [100] : [254, 200, 150, 100, 50, 1, 120];
  const routers = Array.from({ length: count }, (_, index): RouterPlan => {
    const priority =
      priorities.length === 1 ? 100 : (priorities[(index + random.int(2)) % priorities.length] ?? 100);
    const clockRate = 1 + (2 * random.float() - 1) * CLOCK_ERROR;
    return { priority, clockRate, startsAtMs: random.int(3 * advertIntervalMs) };
  });
  const conf = { version, advertIntervalMs, downTimerAdverts: 3 };
  const downMs = activeDownMs(conf, 1, advertIntervalMs);
  const faults = planFaults(random, count, downMs);
  const calmAtMs = Math.max(...faults.map(({ atMs, forMs }) => atMs + forMs));
  return {
    seed,
    version,
    advertIntervalMs,
    preempt: random.chance(0.6),
    unicast: random.chance(0.3),
    lifetimeSeconds: defaultLifetimeSeconds(conf),
    delayMsMax: random.pick([1, 5, 20]),
    guard: random.chance(0.5),
    routers,
    faults,
    calmAtMs,
    settleMs: 4 * downMs + 4000,
  };
}

function planFaults(random: Random, count: number, downMs: number): PlannedFault[] {
  const faults: PlannedFault[] = [];
  for (let left = 1 + random.int(5); left > 0; left--) {
    const router = random.int(count);
    const fault: Fault = random.pick<Fault>([
      { kind: 'kill', router },
      { kind: 'power', router },
      { kind: 'freeze', router },
      { kind: 'pause', router },
      { kind: 'cut', router },
      { kind: 'loss', chance: 0.1 + 0.6 * random.float() },
      { kind: 'delete', router },
    ]);
    // From well within an interval to several down times.
    const forMs =
      fault.kind === 'delete' ? 0 : downMs * random.pick([0.1, 0.5, 0.9, 1.1, 2, 4]) * (0.5 + random.float());
    faults.push({ fault, atMs: 2 * downMs + random.float() * 12 * downMs, forMs });
  }
  return faults;
}
