// What a seed stands for: which servers, sentinels and endpoints there are, what goes wrong when, and what operators
// order meanwhile.

import { unreachable } from '../../base/assert.ts';
import { Random } from '../../base/random.ts';
import type { AdminState } from '../../endpoint/io.ts';

/** Which machines: `node` 0, `sentinel` 2, `host` 1. */
export interface Machine {
  readonly kind: 'node' | 'sentinel' | 'host';
  readonly index: number;
}

/** One thing that goes wrong for a while, or that somebody does. */
export type Fault =
  /** kill -9; it starts again at the end. `comesBack`: as the primary it may not be any more, or without its data. */
  | {
      readonly kind: 'kill';
      readonly node: number;
      readonly comesBack: 'as-configured' | 'as-primary' | 'empty';
      readonly loadingMs: number;
    }
  /** SIGSTOP. */
  | { readonly kind: 'freeze'; readonly machine: Machine }
  /** Nothing passes from one to the other; `bothWays`: nor back. */
  | { readonly kind: 'cut'; readonly from: Machine; readonly to: Machine; readonly bothWays: boolean }
  /** Whatever it says takes long. */
  | { readonly kind: 'slow'; readonly node: number; readonly byMs: number }
  | { readonly kind: 'kill-sentinel'; readonly sentinel: number }
  /** Its subscribers hear nothing of +switch-master. */
  | { readonly kind: 'mute'; readonly sentinel: number }
  /** The daemon is killed, or told to stop; it starts again at the end. */
  | { readonly kind: 'kill-host'; readonly host: number; readonly isAsked: boolean }
  /** All its connections to a server end, and nothing else happens. */
  | { readonly kind: 'disconnect'; readonly host: number; readonly node: number }
  /** Somebody promotes a replica, past every endpoint. */
  | { readonly kind: 'promote'; readonly node: number }
  /** An operator's order to an endpoint. */
  | { readonly kind: 'switch'; readonly host: number; readonly to: number }
  /** `ready` again at the end. */
  | { readonly kind: 'set-state'; readonly host: number; readonly node: number; readonly state: AdminState }
  | { readonly kind: 'reload'; readonly host: number; readonly variant: number }
  /** Replies in flight do not come home. */
  | { readonly kind: 'no-drain'; readonly host: number };

const nameOf = ({ kind, index }: Machine): string => `${kind}-${index}`;

/** For the story. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `node-${fault.node} is killed, and comes back ${fault.comesBack}, loading ${fault.loadingMs} ms`;
    case 'freeze':
      return `${nameOf(fault.machine)} stands still`;
    case 'cut':
      return `${nameOf(fault.from)} does not reach ${nameOf(fault.to)}${fault.bothWays ? ', nor the other way' : ''}`;
    case 'slow':
      return `node-${fault.node} is slow by ${Math.round(fault.byMs)} ms`;
    case 'kill-sentinel':
      return `sentinel-${fault.sentinel} is killed`;
    case 'mute':
      return `sentinel-${fault.sentinel} tells nobody of a switch`;
    case 'kill-host':
      return `the daemon of host-${fault.host} is ${fault.isAsked ? 'told to stop' : 'killed'}`;
    case 'disconnect':
      return `connections of host-${fault.host} to node-${fault.node} end`;
    case 'promote':
      return `somebody promotes node-${fault.node}`;
    case 'switch':
      return `an operator orders host-${fault.host} to switch to node-${fault.to}`;
    case 'set-state':
      return `an operator sets node-${fault.node} to ${fault.state} on host-${fault.host}`;
    case 'reload':
      return `host-${fault.host} reads configuration ${fault.variant}`;
    case 'no-drain':
      return `replies in flight of host-${fault.host} do not come home`;
    default:
      return unreachable(fault, 'a fault without a description');
  }
}

export interface PlannedFault {
  readonly fault: Fault;
  readonly atMs: number;
  readonly forMs: number;
}

export interface Scenario {
  readonly seed: number;
  readonly source: 'sentinels' | 'checks';
  readonly nodes: number;
  /** None with checks as the source. */
  readonly sentinels: number;
  /** Of each host's clock: 1.01 gains one in a hundred. */
  readonly hostClockRates: readonly number[];
  /** Sentinels that know SENTINEL FAILOVER ... COORDINATED. */
  readonly isCoordinated: boolean;
  readonly downAfterMs: number;
  /** With checks: the node preferred among several claims. */
  readonly preferred: number | null;
  readonly withoutReplica: 'primary' | 'refuse';
  readonly shareMax: number;
  /** There is a backend of servers that only checks judge. */
  readonly hasAny: boolean;
  readonly delayMs: number;
  readonly faults: readonly PlannedFault[];
  readonly healedAtMs: number;
}

const CLOCK_ERROR = 0.005;

export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const source = random.chance(0.5) ? 'sentinels' : 'checks';
  const nodes = 2 + random.int(4);
  const sentinels = source === 'sentinels' ? 1 + random.int(5) : 0;
  const hosts = 1 + random.int(3);
  const faults = planFaults(random, source, { nodes, sentinels, hosts });
  faults.push(...planLateReplica(new Random(seed ^ 0x1a6), nodes, hosts));
  faults.push(...planUnvouched(new Random(seed ^ 0x70), sentinels));
  return {
    seed,
    source,
    nodes,
    sentinels,
    hostClockRates: Array.from({ length: hosts }, () => 1 + (2 * random.float() - 1) * CLOCK_ERROR),
    isCoordinated: random.chance(0.5),
    downAfterMs: random.pick([500, 1_000, 3_000]),
    preferred: source === 'checks' && random.chance(0.3) ? random.int(nodes) : null,
    withoutReplica: random.pick(['primary', 'refuse'] as const),
    shareMax: random.pick([100, 50, 30]),
    hasAny: random.chance(0.3),
    delayMs: random.pick([0.1, 1, 10]),
    faults,
    healedAtMs: Math.max(...faults.map(({ atMs, forMs }) => atMs + forMs)) + 100,
  };
}

interface Counts {
  readonly nodes: number;
  readonly sentinels: number;
  readonly hosts: number;
}

const FIRST_MS = 3_000;
const LAST_MS = 20_000;

function planFaults(random: Random, source: Scenario['source'], counts: Counts): PlannedFault[] {
  const faults: PlannedFault[] = [];
  // Many things happen because of each other: half of them come shortly after another.
  let lastMs = FIRST_MS;
  for (let left = 1 + random.int(8); left > 0; left -= 1) {
    const isClose = faults.length > 0 && random.chance(0.5);
    const atMs = isClose
      ? lastMs + random.float() * random.pick([20, 300, 3_000])
      : random.pick([0, FIRST_MS]) + random.float() * LAST_MS;
    lastMs = atMs;
    faults.push({ fault: planFault(random, source, counts), atMs, forMs: durationMs(random) });
  }
  return faults;
}

/** Now and then, a switch to a replica that has yet to hear of the last writes. */
function planLateReplica(random: Random, nodes: number, hosts: number): PlannedFault[] {
  if (random.chance(0.85)) return [];
  const replica = 1 + random.int(nodes - 1);
  const atMs = FIRST_MS + random.float() * LAST_MS;
  const [from, to] = [0, replica].map((index): Machine => ({ kind: 'node', index })) as [Machine, Machine];
  return [
    { fault: { kind: 'cut', from, to, bothWays: false }, atMs, forMs: 500 + random.float() * 3_000 },
    {
      fault: { kind: 'switch', host: random.int(hosts), to: replica },
      atMs: atMs + random.float() * 1_000,
      forMs: 0,
    },
  ];
}

/** Now and then, a primary that is restarted while no majority of the sentinels is there. */
function planUnvouched(random: Random, sentinels: number): PlannedFault[] {
  if (sentinels === 0 || random.chance(0.9)) return [];
  const atMs = FIRST_MS + random.float() * LAST_MS;
  const silent = Math.ceil(sentinels / 2);
  const away = Array.from({ length: silent }, (_, sentinel): PlannedFault => {
    return { fault: { kind: 'kill-sentinel', sentinel }, atMs, forMs: 12_000 };
  });
  const kill = { kind: 'kill', node: 0, comesBack: 'as-primary', loadingMs: 0 } as const;
  return [...away, { fault: kill, atMs: atMs + 4_000, forMs: 500 + random.float() * 2_000 }];
}

/** From well within a round to several leases. */
const durationMs = (random: Random): number =>
  random.pick([100, 700, 2_000, 4_000, 10_000]) * (0.5 + random.float());

function planFault(random: Random, source: Scenario['source'], counts: Counts): Fault {
  const node = random.int(counts.nodes);
  const host = random.int(counts.hosts);
  const sentinel = random.int(Math.max(1, counts.sentinels));
  const machines: Machine[] = [
    { kind: 'node', index: node },
    { kind: 'host', index: host },
    ...(counts.sentinels === 0 ? [] : [{ kind: 'sentinel', index: sentinel } as const]),
  ];
  const from = random.pick(machines);
  const others = machines.filter(({ kind }) => kind !== from.kind || kind === 'node');
  const other = random.pick(others);
  const to = other === from ? { kind: 'node' as const, index: (node + 1) % counts.nodes } : other;
  const kinds: Fault[] = [
    {
      kind: 'kill',
      node: random.chance(0.5) ? 0 : node,
      comesBack: random.pick(['as-configured', 'as-primary', 'as-primary', 'empty'] as const),
      loadingMs: random.pick([0, 100, 2_000]),
    },
    { kind: 'freeze', machine: random.pick(machines) },
    { kind: 'cut', from, to, bothWays: random.chance(0.7) },
    { kind: 'slow', node, byMs: random.pick([50, 400, 1_500]) * (0.5 + random.float()) },
    { kind: 'kill-host', host, isAsked: random.chance(0.5) },
    { kind: 'disconnect', host, node },
    { kind: 'promote', node },
    { kind: 'switch', host, to: node },
    { kind: 'switch', host, to: random.int(counts.nodes) },
    { kind: 'set-state', host, node, state: random.pick(['drain', 'maint'] as const) },
    { kind: 'reload', host, variant: 1 + random.int(7) },
    { kind: 'no-drain', host },
  ];
  if (source === 'sentinels')
    kinds.push({ kind: 'kill-sentinel', sentinel }, { kind: 'mute', sentinel }, { kind: 'mute', sentinel });
  return random.pick(kinds);
}
