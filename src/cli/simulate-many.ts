// Many seeds of one kind of simulation, with progress on a terminal: each failure as it comes, the first ones with
// their stories, and the totals with the speed.

import type { Failure } from '../sim/campaign.ts';
import type { Played, SeedCampaign, SeedTally } from '../sim/seed-campaign.ts';
import { storyText } from '../sim/story.ts';

/** Failures beyond these are only counted: one story is what a person reads. */
const STORIES_MAX = 3;
const PROGRESS_EVERY_MS = 1_000;

/** What every kind of campaign counts, and maybe more. */
export interface CommonTally {
  readonly runs: number;
  readonly failed: number;
  readonly simulatedMs: number;
}

/** Seeds that can be run one after the other. */
export interface ManySeeds<Tally extends CommonTally> {
  readonly tally: Tally;
  /** Runs one seed. A failure is shrunk and told if `isShrunk`. */
  run(seed: number, isShrunk: boolean): Failure | null;
}

export interface ManyOptions<Tally> {
  readonly seeds: number;
  readonly first: number;
  readonly json: boolean;
  /** Lines about what only this kind counts. */
  readonly describe: (tally: Tally) => string;
}

/** Runs them and prints; the answer is the exit code: 1 if a check accused. */
export function simulateMany<Tally extends CommonTally>(
  campaign: ManySeeds<Tally>,
  { seeds, first, json, describe }: ManyOptions<Tally>,
): number {
  const failures: Failure[] = [];
  const startedAt = performance.now();
  const { tally } = campaign;
  let progressAt = startedAt + PROGRESS_EVERY_MS;
  for (let seed = first; seed < first + seeds; seed += 1) {
    const failure = campaign.run(seed, failures.length < STORIES_MAX);
    if (failure !== null) {
      failures.push(failure);
      if (!json) process.stdout.write(describeFailure(failure));
    }
    if (process.stderr.isTTY && performance.now() > progressAt) {
      progressAt = performance.now() + PROGRESS_EVERY_MS;
      process.stderr.write(`\r${tally.runs} of ${seeds} seeds, ${failures.length} failed `);
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  const seconds = (performance.now() - startedAt) / 1_000;
  const speed = tally.simulatedMs / 1_000 / seconds;
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...tally, seconds, speed, failures }, null, 2)}\n`
      : `${tally.runs} seeds, ${tally.failed} failed: ${(tally.simulatedMs / 3_600_000).toFixed(1)} simulated hours ` +
          `in ${seconds.toFixed(1)} s (${Math.round(speed)} simulated seconds per second)\n${describe(tally)}`,
  );
  return failures.length === 0 ? 0 : 1;
}

function describeFailure({ seed, check, sentence, faults, faultsLeft, story }: Failure): string {
  const head = `seed ${seed}: ${check}: ${sentence}\n`;
  if (story.length === 0) return head;
  return `${head}the shortest story (${faultsLeft} of ${faults} faults):\n${storyText(story)}\n`;
}

/** What is asked of a campaign of any kind. */
export interface SeedOptions {
  readonly seeds: number;
  readonly first: number;
  /** Null: many. */
  readonly seed: number | null;
  readonly isShrunk: boolean;
  readonly json: boolean;
}

/** Runs many seeds, or tells one; the answer is the exit code. */
export function simulateSeeds<Fault, Outcome extends Played<Fault>, Tally extends SeedTally>(
  campaign: SeedCampaign<Fault, Outcome, Tally>,
  options: SeedOptions,
  describe: (tally: Tally) => string,
): number {
  const { seed, json } = options;
  if (seed === null) return simulateMany(campaign, { ...options, describe });
  const outcome = campaign.tell(seed);
  const isShrunk = options.isShrunk && outcome.violation !== null;
  return tellRun(seed, isShrunk ? campaign.shrink(outcome) : outcome, json);
}

/** What one run came to, of any kind. */
export interface Told {
  readonly story: Failure['story'];
  readonly violation: { readonly check: string; readonly sentence: string } | null;
}

/** Prints one run; the answer is the exit code. */
export function tellRun(seed: number, outcome: Told, json: boolean): number {
  const { story, violation } = outcome;
  if (json) process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  else {
    const end = violation === null ? 'every check held' : `${violation.check}: ${violation.sentence}`;
    process.stdout.write(`${storyText(story)}\nseed ${seed}: ${end}\n`);
  }
  return violation === null ? 0 : 1;
}
