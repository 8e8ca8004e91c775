// `baton simulate`: the quorum in the simulator, for many seeds or, with its story, for one; with --vrrp the floating
// addresses (simulate-vrrp.ts), with --endpoint the endpoints (simulate-endpoint.ts).

import { parseArgs } from 'node:util';
import { Campaign, type Tally } from '../sim/campaign.ts';
import { SABOTAGES as ENDPOINT_SABOTAGES } from '../sim/endpoint/sabotage.ts';
import { run } from '../sim/run.ts';
import type { Sabotage } from '../sim/sabotage.ts';
import { SABOTAGES } from '../sim/sabotage.ts';
import { planScenario } from '../sim/scenario.ts';
import { sentinelMachine } from '../sim/sentinel-machine.ts';
import { shrink } from '../sim/shrink.ts';
import { SABOTAGES as VRRP_SABOTAGES } from '../sim/vrrp/sabotage.ts';
import { simulateEndpoint, type SimulateEndpointOptions } from './simulate-endpoint.ts';
import { simulateMany, tellRun } from './simulate-many.ts';
import { simulateVrrp, type SimulateVrrpOptions } from './simulate-vrrp.ts';

const EXIT_USAGE = 2;
const SEEDS_DEFAULT = 200;

const listed = (sabotages: readonly { readonly name: string; readonly sentence: string }[]): string =>
  sabotages.map(({ name, sentence }) => `                       ${name.padEnd(17)} ${sentence}`).join('\n');

const USAGE = `Usage: baton simulate [--vrrp|--endpoint] [--seeds N] [--first N] [--json]   many runs; 1 if a check accuses
       baton simulate [--vrrp|--endpoint] --seed N [--shrink]                one run and its story
Options:
  --vrrp             floating addresses: two to five routers instead of a quorum
  --endpoint         endpoints before model servers and model sentinels
  --seeds N          how many seeds to run (default ${SEEDS_DEFAULT})
  --first N          the first of them (default 1)
  --seed N           replay one seed exactly and print its story
  --shrink           leave out what that seed does not need to fail
  --plain            3 members, 1 primary, 2 replicas; what the speed is measured on (only the quorum)
  --sabotage NAME    run with a deliberate defect, which the checks must find:
${listed(SABOTAGES)}
                     and with --vrrp:
${listed(VRRP_SABOTAGES.map((make) => make()))}
                     and with --endpoint:
${listed(ENDPOINT_SABOTAGES.map((make) => make()))}
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
  /** Floating addresses instead. */
  readonly vrrp: SimulateVrrpOptions | null;
  /** Endpoints instead. */
  readonly endpoint: SimulateEndpointOptions | null;
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
  if (options.vrrp !== null) return simulateVrrp(options.vrrp);
  if (options.endpoint !== null) return simulateEndpoint(options.endpoint);
  return options.seed === null ? runMany(options) : tellOne(options, options.seed);
}

/** Null: help was asked for. A string: what is wrong. */
function readOptions(argv: readonly string[]): SimulateOptions | string | null {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        vrrp: { type: 'boolean', default: false },
        endpoint: { type: 'boolean', default: false },
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
  const { vrrp, endpoint, plain, json, sabotage: name } = values;
  if (vrrp && endpoint) return 'one simulation at a time: --vrrp or --endpoint';
  const kind = vrrp ? ' with --vrrp' : endpoint ? ' with --endpoint' : '';
  if (kind !== '' && plain) return `--plain is for the quorum, not${kind.replace('with', 'for')}`;
  const find = <S>(make: readonly (() => S & { readonly name: string })[]): (() => S) | null =>
    make.find((one) => one().name === name) ?? null;
  const sabotage = kind === '' ? (SABOTAGES.find((one) => one.name === name) ?? null) : null;
  const vrrpSabotage = vrrp ? find(VRRP_SABOTAGES) : null;
  const endpointSabotage = endpoint ? find(ENDPOINT_SABOTAGES) : null;
  if (name !== undefined && (sabotage ?? vrrpSabotage ?? endpointSabotage) === null)
    return `there is no sabotage '${name}'${kind}`;
  const common = {
    seeds: Number(values.seeds),
    first: Number(values.first),
    seed: values.seed === undefined ? null : Number(values.seed),
    isShrunk: values.shrink,
    json,
  };
  return {
    ...common,
    plain,
    sabotage,
    vrrp: vrrp ? { ...common, sabotage: vrrpSabotage } : null,
    endpoint: endpoint ? { ...common, sabotage: endpointSabotage } : null,
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
  return tellRun(seed, outcome, options.json);
}

function runMany(options: SimulateOptions): number {
  const { sabotage, plain } = options;
  const campaign = new Campaign({ factory: sentinelMachine, sabotage, scenario: { plain } });
  return simulateMany(campaign, { ...options, describe: describeTally });
}

function describeTally(tally: Tally): string {
  const settled = (tally.settledAfterMsMax / 1_000).toFixed(0);
  return (
    `${tally.elected} leaders elected, ${tally.forced} failovers forced, ${tally.aborted} attempts given up, ` +
    `settled after at most ${settled} s (${Math.round(tally.settledShareMax * 100)} % of what is allowed)\n` +
    `${tally.lostWrites} of ${tally.acknowledgedWrites} acknowledged writes lost, which asynchronous replication allows; ` +
    `${tally.forcedCollisions} runs ended with two answers under one forced epoch\n`
  );
}
