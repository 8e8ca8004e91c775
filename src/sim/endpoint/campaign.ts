// Many seeds of endpoints, one after the other: what they found, and the shortest story of what failed.

import type { Failure } from '../campaign.ts';
import { fewestFaults } from '../shrink.ts';
import { playEndpoint, type EndpointOutcome } from './run.ts';
import type { Sabotage } from './sabotage.ts';
import { scenarioOf } from './scenario.ts';

/** Totals over the runs so far. */
export interface EndpointTally {
  runs: number;
  failed: number;
  simulatedMs: number;
  faults: number;
  /** How often an endpoint changed where it leads. */
  routes: number;
  switches: number;
  switchesDone: number;
  /** The longest it took until every endpoint led to the one primary. */
  settledAfterMsMax: number;
}

export class EndpointCampaign {
  /** Made anew for each run: some remember. */
  readonly #sabotage: (() => Sabotage) | null;
  readonly tally: EndpointTally = {
    runs: 0,
    failed: 0,
    simulatedMs: 0,
    faults: 0,
    routes: 0,
    switches: 0,
    switchesDone: 0,
    settledAfterMsMax: 0,
  };

  constructor(sabotage: (() => Sabotage) | null) {
    this.#sabotage = sabotage;
  }

  /** Runs one seed. A failure is shrunk unless `isShrunk` is false. */
  run(seed: number, isShrunk = true): Failure | null {
    const outcome = this.#play(scenarioOf(seed).faults, seed, false);
    this.#count(outcome);
    const { violation, scenario } = outcome;
    if (violation === null) return null;
    const faults = scenario.faults.length;
    const shortest = isShrunk ? this.shrink(outcome) : outcome;
    return {
      seed,
      check: violation.check,
      sentence: shortest.violation?.sentence ?? violation.sentence,
      faults,
      faultsLeft: shortest.scenario.faults.length,
      story: shortest.story,
    };
  }

  /** One seed and its story, not counted. */
  tell(seed: number): EndpointOutcome {
    return this.#play(scenarioOf(seed).faults, seed, true);
  }

  /** The same with as few faults as accuse by the same check, and its story. */
  shrink({ seed, scenario, violation }: EndpointOutcome): EndpointOutcome {
    const fewest = fewestFaults(
      scenario.faults,
      (faults) => this.#play(faults, seed, false).violation?.check === violation?.check,
    );
    return this.#play(fewest, seed, true);
  }

  #play(faults: EndpointOutcome['scenario']['faults'], seed: number, told: boolean): EndpointOutcome {
    return playEndpoint({ ...scenarioOf(seed), faults }, { sabotage: this.#sabotage?.() ?? null, told });
  }

  #count(outcome: EndpointOutcome): void {
    const { tally } = this;
    tally.runs += 1;
    if (outcome.violation !== null) tally.failed += 1;
    tally.simulatedMs += outcome.simulatedMs;
    tally.faults += outcome.scenario.faults.length;
    tally.routes += outcome.routes;
    tally.switches += outcome.switches;
    tally.switchesDone += outcome.switchesDone;
    tally.settledAfterMsMax = Math.max(tally.settledAfterMsMax, outcome.settledAfterMs);
  }
}
