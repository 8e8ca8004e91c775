// Many seeds, one after the other: what they found, how fast they went, and the shortest story of what failed.

import type { MachineFactory } from './machine.ts';
import type { Outcome } from './run.ts';
import { run } from './run.ts';
import type { Sabotage } from './sabotage.ts';
import type { ScenarioOptions } from './scenario.ts';
import { planScenario } from './scenario.ts';
import { shrink } from './shrink.ts';
import type { StoryLine } from './story.ts';

export interface Failure {
  readonly seed: number;
  readonly check: string;
  readonly sentence: string;
  /** How many faults the plan had, and how many were left of them. */
  readonly faults: number;
  readonly faultsLeft: number;
  /** Of the shortest plan that still fails. */
  readonly story: readonly StoryLine[];
}

/** Totals over the runs so far. */
export interface Tally {
  runs: number;
  failed: number;
  simulatedMs: number;
  elected: number;
  forced: number;
  aborted: number;
  forcedCollisions: number;
  acknowledgedWrites: number;
  lostWrites: number;
  /** The longest any run took to settle, and how that compares with what it was allowed. */
  settledAfterMsMax: number;
  settledShareMax: number;
}

export interface CampaignOptions {
  readonly factory: MachineFactory;
  readonly sabotage: Sabotage | null;
  readonly scenario: ScenarioOptions;
}

export class Campaign {
  readonly #options: CampaignOptions;
  readonly tally: Tally = {
    runs: 0,
    failed: 0,
    simulatedMs: 0,
    elected: 0,
    forced: 0,
    aborted: 0,
    forcedCollisions: 0,
    acknowledgedWrites: 0,
    lostWrites: 0,
    settledAfterMsMax: 0,
    settledShareMax: 0,
  };

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  /** Runs one seed. A failure is shrunk unless `isShrunk` is false. */
  run(seed: number, isShrunk = true): Failure | null {
    const { factory, sabotage } = this.#options;
    const scenario = planScenario(seed, this.#options.scenario);
    const outcome = run(scenario, { factory, sabotage });
    this.#count(outcome);
    const { violation } = outcome;
    if (violation === null) return null;
    const { check, sentence } = violation;
    const faults = scenario.faults.length;
    const shrunk = isShrunk ? shrink(scenario, check, { factory, sabotage }) : null;
    return {
      seed,
      check,
      sentence: shrunk?.outcome.violation?.sentence ?? sentence,
      faults,
      faultsLeft: shrunk?.scenario.faults.length ?? faults,
      story: shrunk?.outcome.story ?? [],
    };
  }

  #count(outcome: Outcome): void {
    const { tally } = this;
    tally.runs += 1;
    if (outcome.violation !== null) tally.failed += 1;
    tally.simulatedMs += outcome.simulatedMs;
    tally.elected += outcome.elected;
    tally.forced += outcome.forced;
    tally.aborted += outcome.aborted;
    if (outcome.isForcedCollision) tally.forcedCollisions += 1;
    tally.acknowledgedWrites += outcome.acknowledgedWrites;
    tally.lostWrites += outcome.lostWrites;
    const settledMs = outcome.settledAfterMs ?? 0;
    tally.settledAfterMsMax = Math.max(tally.settledAfterMsMax, settledMs);
    tally.settledShareMax = Math.max(tally.settledShareMax, settledMs / outcome.settleBoundMs);
  }
}
