// Makes a failing run short: leaves out faults, in halves and then one by one, as long as the same check still accuses
// (delta debugging), and then shortens what is left. The shortest plan's story is what a person reads.

import type { Fault } from './faults.ts';
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

/** `check` is the one that accused. Null if the plan does not fail by it at all. */
export function shrink(scenario: Scenario, check: string, options: RunOptions): Shrunk | null {
  let runs = 0;
  const fails = (candidate: Scenario): boolean => {
    runs += 1;
    return run(candidate, { ...options, told: false }).violation?.check === check;
  };
  if (!fails(scenario)) return null;

  let best = scenario;
  const attempt = (faults: readonly Fault[], healedAtMs = best.healedAtMs): boolean => {
    if (runs >= RUNS_MAX) return false;
    const candidate = { ...best, faults, healedAtMs };
    if (!fails(candidate)) return false;
    best = candidate;
    return true;
  };

  for (let size = Math.ceil(best.faults.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    let from = 0;
    while (from < best.faults.length) {
      const rest = [...best.faults.slice(0, from), ...best.faults.slice(from + size)];
      if (!attempt(rest)) from += size;
    }
  }
  // The quiet that needs nobody's attention: end as soon as the last fault has.
  const lastEnd = Math.max(0, ...best.faults.map((fault) => fault.atMs + fault.forMs));
  if (lastEnd < best.healedAtMs) attempt(best.faults, lastEnd);
  return { scenario: best, outcome: run(best, { ...options, told: true }), runs };
}
