// One run: a plan, played until its faults are over and the fleet has settled, or until a check accuses.

import { AgreementCheck, ASK_EVERY_MS, settleBoundMs } from './checks/agreement.ts';
import { ChoiceCheck } from './checks/choice.ts';
import { Elections } from './checks/elections.ts';
import { EpochsCheck } from './checks/epochs.ts';
import { LeadersCheck } from './checks/leaders.ts';
import { VotesCheck } from './checks/votes.ts';
import { planFaultsOf } from './inflict.ts';
import type { MachineFactory } from './machine.ts';
import type { Sabotage } from './sabotage.ts';
import type { Scenario } from './scenario.ts';
import type { StoryLine } from './story.ts';
import { Story } from './story.ts';
import { World } from './world.ts';

/** All checks there are. */
export const CHECKS = [
  'one-leader',
  'one-configuration',
  'one-vote',
  'vote-is-durable',
  'epochs-grow',
  'replica-choice',
  'agreement',
  'no-crash',
] as const;

export interface Violation {
  readonly check: string;
  readonly sentence: string;
  readonly atMs: number;
}

export interface Outcome {
  readonly seed: number;
  readonly violation: Violation | null;
  readonly simulatedMs: number;
  /** From the last fault's end until everybody agreed; null if that was not reached. */
  readonly settledAfterMs: number | null;
  /** What `agreement` allowed. */
  readonly settleBoundMs: number;
  readonly elected: number;
  readonly forced: number;
  readonly aborted: number;
  /** The run ended with two addresses under one epoch, because an operator forced a failover. */
  readonly isForcedCollision: boolean;
  readonly acknowledgedWrites: number;
  /** Acknowledged, and on no primary at the end. Not a fault of the quorum: replication is asynchronous. */
  readonly lostWrites: number;
  readonly story: readonly StoryLine[];
}

export interface RunOptions {
  readonly factory: MachineFactory;
  readonly sabotage?: Sabotage | null;
  /** Whether to keep the story. */
  readonly told?: boolean;
}

export function run(scenario: Scenario, options: RunOptions): Outcome {
  const story = new Story(options.told === true);
  const verdict: { violation: Violation | null } = { violation: null };
  const accuse = (check: string, sentence: string): void => {
    if (verdict.violation !== null) return;
    verdict.violation = { check, sentence, atMs: world.timeline.now };
    world.tell('check', `${check}: ${sentence}`);
  };
  const groups = groupsByAddress(scenario);
  const elections = new Elections();
  const agreement = new AgreementCheck(elections);
  const world: World = new World(scenario, {
    factory: options.factory,
    sabotage: options.sabotage ?? null,
    story,
    // Elections first: the others ask it.
    witnesses: [
      elections,
      new LeadersCheck(accuse, elections),
      new VotesCheck(accuse, elections, groups),
      new EpochsCheck(accuse),
      new ChoiceCheck(accuse, groups),
      agreement,
    ],
    broke: (sentence) => accuse('no-crash', sentence),
  });
  world.start();
  planFaultsOf(world);

  const goOn = (until: number): void => {
    while (verdict.violation === null && world.timeline.runNext(until));
  };
  const { healedAtMs } = scenario;
  const boundMs = settleBoundMs(scenario);
  goOn(healedAtMs);
  if (verdict.violation === null) world.tell('world', 'nothing is wrong any more');
  let isSettled = false;
  while (verdict.violation === null && !isSettled) {
    if (world.timeline.now > healedAtMs + boundMs) {
      if (agreement.isForcedCollision) {
        world.tell('world', `a forced failover left two answers: ${agreement.disagreement}`);
        break;
      }
      accuse(
        'agreement',
        `not settled ${Math.round(boundMs / 1_000)} s after the last fault: ${agreement.disagreement}`,
      );
      break;
    }
    goOn(world.timeline.now + ASK_EVERY_MS);
    isSettled = agreement.ask(world);
  }
  if (isSettled) world.tell('world', 'everybody agrees');
  return {
    seed: scenario.seed,
    violation: verdict.violation,
    simulatedMs: world.timeline.now,
    settledAfterMs: isSettled ? agreement.agreedSinceMs - healedAtMs : null,
    settleBoundMs: boundMs,
    elected: elections.elected,
    forced: elections.forced,
    aborted: elections.aborted,
    isForcedCollision: !isSettled && agreement.isForcedCollision,
    ...countWrites(world),
    story: story.lines,
  };
}

function groupsByAddress(scenario: Scenario): Map<string, string> {
  const groups = new Map<string, string>();
  for (const group of scenario.groups) {
    for (const node of group.nodes) groups.set(`${node.ip}:${node.port}`, group.name);
  }
  return groups;
}

function countWrites(world: World): { acknowledgedWrites: number; lostWrites: number } {
  let acknowledgedWrites = 0;
  let lostWrites = 0;
  for (const { nodes, writer } of world.groups) {
    acknowledgedWrites += writer.acknowledged.length;
    const kept = new Set<string>();
    for (const node of nodes) if (node.isPrimary) for (const id of node.history.data) kept.add(id);
    for (const id of writer.acknowledged) if (!kept.has(id)) lostWrites += 1;
  }
  return { acknowledgedWrites, lostWrites };
}
