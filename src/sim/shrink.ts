// Makes a failing run short: leaves out faults, in halves and then one by one, as long as the same check still accuses
// (delta debugging), and then shortens what is left. The shortest plan's story is what a person reads.

import type { Outcome, RunOptions } from './run.ts';
import { run } from './run.ts';
import type { Scenario } from './scenario.ts';

const RUNS_MAX = 400;

export interface Shrunk {
  readonly scenario: Scenario;
  readonly outcome: Outcome;
  /** How many runs it took. */
  readonly runs: number;
}

/**
 * The fewest of `faults` with which `fails` still says yes, as far as leaving out runs of them finds it: halves first,
 * then ever smaller parts, then one by one.
 */
export function fewestFaults<F>(
  faults: readonly F[],
  fails: (candidate: readonly F[]) => boolean,
): readonly F[] {
  let best = faults;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    let from = 0;
    while (from < best.length) {
      const rest = [...best.slice(0, from), ...best.slice(from + size)];
      if (fails(rest)) best = rest;
      else from += size;
    }
  }
  return best;
}

/** `check` is the one that accused. Null if the plan does not fail by it at all. */
export function shrink(scenario: Scenario, check: string, options: RunOptions): Shrunk | null {
  let runs = 0;
  const fails = (candidate: Scenario): boolean => {
    runs += 1;
    return run(candidate, { ...options, told: false }).violation?.check === check;
  };
  if (!fails(scenario)) return null;

  const faults = fewestFaults(
    scenario.faults,
    (rest) => runs < RUNS_MAX && fails({ ...scenario, faults: rest }),
  );
  let best: Scenario = { ...scenario, faults };
  // The quiet that needs nobody's attention: end as soon as the last fault has.
  const lastEnd = Math.max(0, ...faults.map((fault) => fault.atMs + fault.forMs));
  if (lastEnd < best.healedAtMs && runs < RUNS_MAX) {
    const shorter = { ...best, healedAtMs: lastEnd };
    if (fails(shorter)) best = shorter;
  }
  return { scenario: best, outcome: run(best, { ...options, told: true }), runs };
}
