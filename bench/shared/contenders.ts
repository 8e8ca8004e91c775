// Who is compared with whom, and what the command line of a bench says. Every bench gives the same work to redis-sentinel
// and to Baton in turn, round by round, so that whatever else the machine does hits both.

import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Fleet, type FleetOptions, startFleet } from '../../test/harness/fleet.ts';
import type { VoterKind } from '../../test/harness/voter.ts';

/** One side of a comparison. */
export interface Contender {
  readonly name: string;
  readonly kind: VoterKind;
  readonly args: readonly string[];
}

const REDIS: Contender = { name: 'redis-sentinel', kind: 'redis', args: [] };
const BATON: Contender = { name: 'Baton', kind: 'baton', args: [] };
/** Takes a refused connection for a death, which a silent machine does not give. */
export const BATON_FAST_CRASH: Contender = {
  name: 'Baton --fast-crash yes',
  kind: 'baton',
  args: ['--fast-crash', 'yes'],
};

export interface BenchOptions {
  readonly rounds: number;
  readonly contenders: readonly Contender[];
  /** Further options of the bench, as text. */
  readonly more: Readonly<Record<string, string>>;
}

/** Reads `--rounds N`, `--only redis|baton`, and the options in `more` with their defaults; leaves with 2 on others. */
export function benchOptions(
  rounds: number,
  more: Readonly<Record<string, string>> = {},
  contenders: readonly Contender[] = [REDIS, BATON],
): BenchOptions {
  const names = ['rounds', 'only', ...Object.keys(more)];
  let values: Record<string, string | undefined>;
  try {
    ({ values } = parseArgs({
      options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
    }));
  } catch (error) {
    return leave(`${(error as Error).message}; options: ${names.map((name) => `--${name}`).join(' ')}`);
  }
  const { rounds: asked = String(rounds), only } = values;
  if (!/^[1-9]\d*$/.test(asked)) return leave('--rounds needs a number from 1');
  if (only !== undefined && only !== 'redis' && only !== 'baton') return leave('--only is redis or baton');
  const chosen = contenders.filter(({ kind }) => only === undefined || kind === only);
  if (chosen.some(({ kind }) => kind === 'baton') && !existsSync('dist/main.js'))
    return leave('npm run build first');
  const asText = Object.entries(more).map(([name, fallback]) => [name, values[name] ?? fallback] as const);
  return { rounds: Number(asked), contenders: chosen, more: Object.fromEntries(asText) };
}

/** Runs `work` with a fleet of three voters of the contender's kind, and takes the fleet down again. */
export async function withFleet<T>(
  contender: Contender,
  options: Omit<FleetOptions, 'voters'>,
  work: (fleet: Fleet) => Promise<T>,
): Promise<T> {
  const cleanups: (() => Promise<void>)[] = [];
  const voters = [contender.kind, contender.kind, contender.kind];
  try {
    const fleet = await startFleet(
      { after: (cleanup) => cleanups.push(cleanup) },
      { ...options, voters, batonArgs: contender.args },
    );
    return await work(fleet);
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

/** `Baton : redis-sentinel`, if both were measured. */
export function printRatio(what: string, redis: number | undefined, baton: number | undefined): void {
  if (redis !== undefined && baton !== undefined)
    console.log(`${what}: Baton / redis-sentinel = ${(baton / redis).toFixed(2)}`);
}

function leave(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}
