// Many seeds of routers, one after the other: what they found, and the shortest story of what failed.

import type { Failure } from '../campaign.ts';
import { fewestFaults } from '../shrink.ts';
import { playVrrp, type VrrpOutcome } from './run.ts';
import type { Sabotage } from './sabotage.ts';
import { scenarioOf } from './scenario.ts';

/** Totals over the runs so far. */
export interface VrrpTally {
  runs: number;
  failed: number;
  simulatedMs: number;
  routers: number;
  faults: number;
  advertsSent: number;
  /** How often a router took the address. */
  timesTaken: number;
  /** The longest that two held it on a good network. */
  longestOverlapMs: number;
}

export class VrrpCampaign {
  /** Made anew for each run: some remember. */
  readonly #sabotage: (() => Sabotage) | null;
  readonly tally: VrrpTally = {
    runs: 0,
    failed: 0,
    simulatedMs: 0,
    routers: 0,
    faults: 0,
    advertsSent: 0,
    timesTaken: 0,
    longestOverlapMs: 0,
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
    const { check, sentence } = violation;
    const faults = scenario.faults.length;
    if (!isShrunk) return { seed, check, sentence, faults, faultsLeft: faults, story: [] };
    const shortest = this.shrink(outcome);
    return {
      seed,
      check,
      sentence: shortest.violation?.sentence ?? sentence,
      faults,
      faultsLeft: shortest.scenario.faults.length,
      story: shortest.story,
    };
  }

  /** One seed and its story, not counted. */
  tell(seed: number): VrrpOutcome {
    return this.#play(scenarioOf(seed).faults, seed, true);
  }

  /** The same with as few faults as accuse by the same check, and its story. */
  shrink({ seed, scenario, violation }: VrrpOutcome): VrrpOutcome {
    const fewest = fewestFaults(
      scenario.faults,
      (faults) => this.#play(faults, seed, false).violation?.check === violation?.check,
    );
    return this.#play(fewest, seed, true);
  }

  #play(faults: VrrpOutcome['scenario']['faults'], seed: number, told: boolean): VrrpOutcome {
    return playVrrp({ ...scenarioOf(seed), faults }, { sabotage: this.#sabotage?.() ?? null, told });
  }

  #count({ violation, simulatedMs, scenario, advertsSent, timesTaken, longestOverlapMs }: VrrpOutcome): void {
    const { tally } = this;
    tally.runs += 1;
    if (violation !== null) tally.failed += 1;
    tally.simulatedMs += simulatedMs;
    tally.routers += scenario.routers.length;
    tally.faults += scenario.faults.length;
    tally.advertsSent += advertsSent;
    tally.timesTaken += timesTaken;
    tally.longestOverlapMs = Math.max(tally.longestOverlapMs, longestOverlapMs);
  }
}
