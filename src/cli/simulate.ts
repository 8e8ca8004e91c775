// `baton simulate`: the quorum in the simulator, for many seeds or, with its story, for one.

import { parseArgs } from 'node:util';
import type { Failure, Tally } from '../sim/campaign.ts';
import { Campaign } from '../sim/campaign.ts';
import { run } from '../sim/run.ts';
import type { Sabotage } from '../sim/sabotage.ts';
import { SABOTAGES } from '../sim/sabotage.ts';
import { planScenario } from '../sim/scenario.ts';
import { sentinelMachine } from '../sim/sentinel-machine.ts';
import { shrink } from '../sim/shrink.ts';
import { storyText } from '../sim/story.ts';

const EXIT_USAGE = 2;
const SEEDS_DEFAULT = 200;
/** Failures beyond these are only counted: one story is what a person reads. */
const STORIES_MAX = 3;
const PROGRESS_EVERY_MS = 1_000;

const USAGE = `Usage: baton simulate [--seeds N] [--first N] [--json]     many runs; 1 if a check accuses
       baton simulate --seed N [--shrink]               one run and its story
Options:
  --seeds N          how many seeds to run (default ${SEEDS_DEFAULT})
  --first N          the first of them (default 1)
  --seed N           replay one seed exactly and print its story
  --shrink           leave out what that seed does not need to fail
  --plain            3 members, 1 primary, 2 replicas; what the speed is measured on
  --sabotage NAME    run with a deliberate defect, which the checks must find:
${SABOTAGES.map(({ name, sentence }) => `                       ${name.padEnd(17)} ${sentence}`).join('\n')}
  --json             print JSON
`;

interface SimulateOptions {
  readonly seeds: number;
  readonly first: number;
  readonly seed: number | null;
  readonly isShrunk: boolean;
  readonly plain: boolean;
  readonly sabotage: Sabotage | null;
  readonly json: boolean;
}

/** Runs the command with its arguments; the answer is the exit code: 0, 1 (a check accused), 2 (usage). */
export function simulate(argv: readonly string[]): number {
  const options = readOptions(argv);
  if (typeof options === 'string') {
    process.stderr.write(`baton: ${options}\n${USAGE}`);
    return EXIT_USAGE;
  }
  if (options === null) {
    process.stdout.write(USAGE);
    return 0;
  }
  return options.seed === null ? runMany(options) : tellOne(options, options.seed);
}

/** Null: help was asked for. A string: what is wrong. */
function readOptions(argv: readonly string[]): SimulateOptions | string | null {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        seeds: { type: 'string', default: String(SEEDS_DEFAULT) },
        first: { type: 'string', default: '1' },
        seed: { type: 'string' },
        shrink: { type: 'boolean', default: false },
        plain: { type: 'boolean', default: false },
        sabotage: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (problem) {
    return problem instanceof Error ? problem.message : String(problem);
  }
  if (values.help) return null;
  for (const name of ['seeds', 'first', 'seed'] as const) {
    const text = values[name];
    if (text !== undefined && !/^\d{1,15}$/.test(text))
      return `--${name} takes a whole number, not '${text}'`;
  }
  const sabotage = SABOTAGES.find(({ name }) => name === values.sabotage) ?? null;
  if (values.sabotage !== undefined && sabotage === null) return `there is no sabotage '${values.sabotage}'`;
  return {
    seeds: Number(values.seeds),
    first: Number(values.first),
    seed: values.seed === undefined ? null : Number(values.seed),
    isShrunk: values.shrink,
    plain: values.plain,
    sabotage,
    json: values.json,
  };
}

function tellOne(options: SimulateOptions, seed: number): number {
  const { sabotage, plain } = options;
  const scenario = planScenario(seed, { plain });
  const runOptions = { factory: sentinelMachine, sabotage, told: true };
  let outcome = run(scenario, runOptions);
  if (options.isShrunk && outcome.violation !== null) {
    outcome = shrink(scenario, outcome.violation.check, runOptions)?.outcome ?? outcome;
  }
  if (options.json) {
    process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  } else {
    process.stdout.write(storyText(outcome.story));
    const { violation } = outcome;
    process.stdout.write(
      violation === null
        ? `\nseed ${seed}: every check held\n`
        : `\nseed ${seed}: ${violation.check}: ${violation.sentence}\n`,
    );
  }
  return outcome.violation === null ? 0 : 1;
}

function runMany(options: SimulateOptions): number {
  const { seeds, first, sabotage, plain, json } = options;
  const campaign = new Campaign({ factory: sentinelMachine, sabotage, scenario: { plain } });
  const failures: Failure[] = [];
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1_000;
  let progressAt = startedAt + PROGRESS_EVERY_MS;
  for (let seed = first; seed < first + seeds; seed += 1) {
    const failure = campaign.run(seed, failures.length < STORIES_MAX);
    if (failure !== null) {
      failures.push(failure);
      if (!json) process.stdout.write(describeFailure(failure));
    }
    if (process.stderr.isTTY && performance.now() > progressAt) {
      progressAt = performance.now() + PROGRESS_EVERY_MS;
      process.stderr.write(`\r${campaign.tally.runs} of ${seeds} seeds, ${failures.length} failed `);
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  const { tally } = campaign;
  const speed = tally.simulatedMs / 1_000 / seconds();
  if (json)
    process.stdout.write(`${JSON.stringify({ ...tally, seconds: seconds(), speed, failures }, null, 2)}\n`);
  else process.stdout.write(describeTally(tally, seconds(), speed));
  return failures.length === 0 ? 0 : 1;
}

function describeFailure(failure: Failure): string {
  const { seed, check, sentence, faults, faultsLeft, story } = failure;
  const head = `seed ${seed}: ${check}: ${sentence}\n`;
  if (story.length === 0) return head;
  return `${head}the shortest story (${faultsLeft} of ${faults} faults):\n${storyText(story)}\n`;
}

function describeTally(tally: Tally, seconds: number, speed: number): string {
  const settled = (tally.settledAfterMsMax / 1_000).toFixed(0);
  return (
    `${tally.runs} seeds, ${tally.failed} failed: ${(tally.simulatedMs / 3_600_000).toFixed(1)} simulated hours ` +
    `in ${seconds.toFixed(1)} s (${Math.round(speed)} simulated seconds per second)\n` +
    `${tally.elected} leaders elected, ${tally.forced} failovers forced, ${tally.aborted} attempts given up, ` +
    `settled after at most ${settled} s (${Math.round(tally.settledShareMax * 100)} % of what is allowed)\n` +
    `${tally.lostWrites} of ${tally.acknowledgedWrites} acknowledged writes lost, which asynchronous replication allows; ` +
    `${tally.forcedCollisions} runs ended with two answers under one forced epoch\n`
  );
}
