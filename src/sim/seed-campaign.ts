// Many seeds, one after the other, of any simulation whose scenario is a list of faults: what they found, and the
// shortest story of what failed.

import type { Failure } from './campaign.ts';
import { fewestFaults } from './shrink.ts';
import type { StoryLine } from './story.ts';

/** What one run came to. */
export interface Played<Fault> {
  readonly seed: number;
  readonly scenario: { readonly faults: readonly Fault[] };
  readonly violation: { readonly check: string; readonly sentence: string } | null;
  readonly simulatedMs: number;
  /** Empty unless it was to be told. */
  readonly story: readonly StoryLine[];
}

/** Totals over the runs so far; kinds of simulations have more. */
export interface SeedTally {
  runs: number;
  failed: number;
  simulatedMs: number;
  faults: number;
}

/** One kind of simulation. */
export interface Game<Fault, Outcome extends Played<Fault>, Tally extends SeedTally> {
  /** Plays a seed with the faults of its own scenario, or with `faults` in their place. */
  readonly play: (seed: number, faults: readonly Fault[] | null, told: boolean) => Outcome;
  readonly tally: Tally;
  /** Counts what only this kind has. */
  readonly count: (tally: Tally, outcome: Outcome) => void;
}

export class SeedCampaign<Fault, Outcome extends Played<Fault>, Tally extends SeedTally> {
  readonly #game: Game<Fault, Outcome, Tally>;

  constructor(game: Game<Fault, Outcome, Tally>) {
    this.#game = game;
  }

  get tally(): Tally {
    return this.#game.tally;
  }

  /** Runs one seed. A failure is shrunk unless `isShrunk` is false. */
  run(seed: number, isShrunk = true): Failure | null {
    const outcome = this.#game.play(seed, null, false);
    this.#count(outcome);
    const { violation, scenario } = outcome;
    if (violation === null) return null;
    const shortest = isShrunk ? this.shrink(outcome) : outcome;
    return {
      seed,
      check: violation.check,
      sentence: shortest.violation?.sentence ?? violation.sentence,
      faults: scenario.faults.length,
      faultsLeft: shortest.scenario.faults.length,
      story: shortest.story,
    };
  }

  /** One seed and its story, not counted. */
  tell(seed: number): Outcome {
    return this.#game.play(seed, null, true);
  }

  /** The same with as few faults as accuse by the same check, and its story. */
  shrink({ seed, scenario, violation }: Outcome): Outcome {
    const { play } = this.#game;
    const accuses = (faults: readonly Fault[]): boolean =>
      play(seed, faults, false).violation?.check === violation?.check;
    return play(seed, fewestFaults(scenario.faults, accuses), true);
  }

  #count(outcome: Outcome): void {
    const { tally, count } = this.#game;
    tally.runs += 1;
    if (outcome.violation !== null) tally.failed += 1;
    tally.simulatedMs += outcome.simulatedMs;
    tally.faults += outcome.scenario.faults.length;
    count(tally, outcome);
  }
}
