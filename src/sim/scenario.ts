// From a seed to a run's plan: who is there, how it is set up, what goes wrong and when. Pure data: the same seed gives
// the same plan, and a plan with fewer faults is still a plan (shrink.ts).

import { Random } from '../base/random.ts';
import type { Fault } from './faults.ts';

export interface MemberPlan {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  /** `sentinel myid`. */
  readonly id: string;
  /** Its clock's value at true time 0, and local milliseconds per true one. */
  readonly clockOffsetMs: number;
  readonly clockRate: number;
}

export interface NodePlan {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly priority: number;
  readonly syncMs: number;
  readonly hasConfigFile: boolean;
}

export interface GroupPlan {
  readonly name: string;
  readonly quorum: number;
  readonly downAfterMs: number;
  readonly failoverTimeoutMs: number;
  readonly parallelSyncs: number;
  /** The first is the primary at the beginning. */
  readonly nodes: readonly NodePlan[];
}

export interface Scenario {
  readonly seed: number;
  readonly members: readonly MemberPlan[];
  readonly groups: readonly GroupPlan[];
  /** Members list each other in their files from the start, and faults need not wait for discovery. */
  readonly knowsPeers: boolean;
  readonly fastCrash: boolean;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly faults: readonly Fault[];
  /** From here on nothing is wrong any more. */
  readonly healedAtMs: number;
}

/** By then members that did not know each other have met, if nothing was in their way. */
const DISCOVERY_MS = 12_000;
const FAULTS_FROM_MS = 2_000;

export interface ScenarioOptions {
  /** Three members, one primary and two replicas: what the speed is measured on. */
  readonly plain?: boolean;
}

export function planScenario(seed: number, options: ScenarioOptions = {}): Scenario {
  const random = new Random(seed);
  const plain = options.plain === true;
  const memberCount = plain ? 3 : random.pick([3, 3, 3, 3, 3, 5, 5, 7]);
  const groupCount = plain ? 1 : random.pick([1, 1, 1, 1, 2]);
  const isShared = random.chance(0.6);
  const members: MemberPlan[] = [];
  for (let index = 0; index < memberCount; index += 1) {
    members.push({
      name: `member-${index + 1}`,
      ip: `10.0.${isShared ? 0 : 1}.${index + 1}`,
      port: 26_379,
      id: random.hex(40),
      clockOffsetMs: random.int(10_000_000),
      clockRate: 1 + (random.float() - 0.5) * 0.01,
    });
  }
  const groups: GroupPlan[] = [];
  for (let index = 0; index < groupCount; index += 1) {
    groups.push(planGroup(random, index, memberCount, plain ? 3 : 2 + random.int(4)));
  }
  const knowsPeers = random.chance(0.5);
  const base = {
    seed,
    members,
    groups,
    knowsPeers,
    fastCrash: random.chance(0.3),
    delayMs: 0.1 + random.float() * random.pick([0.5, 2, 20]),
    jitterMs: random.float() * random.pick([0.2, 1, 10]),
  };
  const fromMs = knowsPeers ? FAULTS_FROM_MS : DISCOVERY_MS;
  const healedAtMs = fromMs + 30_000 + random.int(150_000);
  return { ...base, faults: planFaults(random, base, fromMs, healedAtMs), healedAtMs };
}

function planGroup(random: Random, index: number, memberCount: number, nodeCount: number): GroupPlan {
  const nodes: NodePlan[] = [];
  const letter = 'abcdefg'[index] ?? 'x';
  const samePriority = random.chance(0.6);
  for (let node = 0; node < nodeCount; node += 1) {
    nodes.push({
      name: `node-${letter}${node + 1}`,
      ip: `10.0.0.${node + 1}`,
      port: 6_379 + index,
      priority: samePriority ? 100 : random.pick([0, 10, 50, 100, 100]),
      syncMs: random.pick([20, 200, 2_000]),
      // Without one, a restarted node forgets its role, and a ring of replicas can form that Sentinel's rules don't
      // leave when down-after is short (README.md here).
      hasConfigFile: true,
    });
  }
  const majority = Math.floor(memberCount / 2) + 1;
  return {
    name: `group-${letter}`,
    quorum: random.chance(0.8) ? majority : 1 + random.int(memberCount),
    downAfterMs: random.pick([1_000, 1_000, 2_000, 3_000, 5_000]),
    failoverTimeoutMs: random.pick([5_000, 10_000, 20_000]),
    parallelSyncs: random.pick([1, 1, 2]),
    nodes,
  };
}

type Base = Omit<Scenario, 'faults' | 'healedAtMs'>;

/** All faults have ended when `untilMs` comes. */
function planFaults(random: Random, base: Base, fromMs: number, untilMs: number): Fault[] {
  const faults: Fault[] = [];
  const count = 2 + random.int(14);
  for (let index = 0; index < count; index += 1) {
    const atMs = Math.round(fromMs + random.float() * (untilMs - fromMs - 1_000));
    // Short ones test tolerance, middling ones failovers, long ones what a member missed.
    const lengthMs = random.pick([200, 1_000, 4_000, 10_000, 30_000, 60_000]) * (0.5 + random.float());
    const forMs = Math.round(Math.min(lengthMs, untilMs - atMs));
    faults.push({ atMs, forMs, ...planFault(random, base, forMs) });
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

type FaultBody<F = Fault> = F extends Fault ? Omit<F, 'atMs' | 'forMs'> : never;

function planFault(random: Random, base: Base, forMs: number): FaultBody {
  const nodeCount = base.groups.reduce((sum, group) => sum + group.nodes.length, 0);
  const member = random.int(base.members.length);
  const node = random.chance(0.5) ? 0 : random.int(nodeCount);
  const machines = machinesOf(base);
  const kind = random.pick<Fault['kind']>([
    'crash-member',
    'crash-member',
    'freeze-member',
    'leap-clock',
    'full-disk',
    'slow-disk',
    'crash-node',
    'crash-node',
    'crash-node',
    'freeze-node',
    'freeze-node',
    'power-off',
    'partition',
    'partition',
    'partition',
    'swizzle',
    'bad-line',
    'manual-failover',
    'stray-slaveof',
  ]);
  switch (kind) {
    case 'crash-member':
    case 'freeze-member':
    case 'full-disk':
      return { kind, member };
    case 'leap-clock':
      return { kind, member, byMs: random.pick([100, 1_000, 5_000, 60_000]) };
    case 'slow-disk':
      return { kind, member, byMs: random.pick([50, 500, 3_000]) };
    case 'crash-node':
      return {
        kind,
        node,
        keepsData: random.chance(0.7),
        loadingMs: random.pick([0, 100, 3_000]),
      };
    case 'freeze-node':
      return { kind, node };
    case 'power-off':
      return { kind, ip: random.pick(machines) };
    case 'partition': {
      const side = machines.filter(() => random.chance(0.4));
      return {
        kind,
        side: side.length === 0 ? [random.pick(machines)] : side,
        direction: random.pick(['both', 'both', 'in', 'out']),
      };
    }
    case 'swizzle':
      return { kind, paths: planSwizzle(random, machines, forMs) };
    case 'bad-line': {
      const from = random.pick(machines);
      const to = random.pick(machines);
      return { kind, from, to, extraDelayMs: random.pick([5, 50, 300]), loss: random.pick([0, 0.05, 0.3]) };
    }
    case 'manual-failover':
      return { kind, member, group: random.pick(base.groups).name };
    case 'stray-slaveof':
      return planStray(random, base, node);
  }
}

/** Only within one group: following a stranger is an operator's error that nobody promises to survive. */
function planStray(random: Random, base: Base, node: number): FaultBody {
  let first = 0;
  for (const group of base.groups) {
    const next = first + group.nodes.length;
    if (node < next) {
      const target = first + random.int(group.nodes.length);
      return { kind: 'stray-slaveof', node, target: target === node ? null : target };
    }
    first = next;
  }
  return { kind: 'stray-slaveof', node, target: null };
}

function planSwizzle(
  random: Random,
  machines: readonly string[],
  forMs: number,
): Extract<Fault, { kind: 'swizzle' }>['paths'] {
  const paths: { from: string; to: string; cutAfterMs: number; healAfterMs: number }[] = [];
  for (const from of machines) {
    for (const to of machines) {
      if (from === to || !random.chance(0.5)) continue;
      const cutAfterMs = Math.round(random.float() * forMs);
      const healAfterMs = Math.round(cutAfterMs + random.float() * (forMs - cutAfterMs));
      paths.push({ from, to, cutAfterMs, healAfterMs });
    }
  }
  return paths;
}

/** Every machine that runs a member or a node. */
export function machinesOf(plan: Pick<Scenario, 'members' | 'groups'>): string[] {
  const all = [...plan.members, ...plan.groups.flatMap((group) => group.nodes)];
  return [...new Set(all.map((one) => one.ip))];
}
