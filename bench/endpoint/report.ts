// What the comparison of the paths prints: a table for each case, and a sentence for each goal.

import { printTable, quantile, type Verdict } from '../shared/report.ts';
import { IDLE_CONNECTIONS, type Idle } from './idle.ts';
import { COMMANDS, type Case, type Command, type Measured, type Run } from './load.ts';
import { WAY_NAMES, type WayName } from './ways.ts';

/** By case and way, a run for each round. */
export type Rounds = ReadonlyMap<Case, ReadonlyMap<WayName, readonly Run[]>>;

const IDLE_KIBIBYTES_MAX = 20;
const P99_RATIO_MAX = 1.8;

interface Goal {
  readonly way: WayName;
  readonly to: WayName;
  readonly cases: readonly string[];
  readonly least: number;
  /** All cases and commands together, against noise; else each by itself. */
  readonly isPooled?: boolean;
}

const ALL_CASES = ['c1', 'c50', 'c50p16', 'c500'];
const GOALS: readonly Goal[] = [
  { way: 'socket', to: 'direct', cases: ALL_CASES, least: 0.97, isPooled: true },
  { way: 'nat', to: 'direct', cases: ['c50', 'c500'], least: 0.85 },
  { way: 'nat-gateway', to: 'direct', cases: ['c50', 'c500'], least: 0.7 },
  { way: 'relay', to: 'haproxy', cases: ['c50'], least: 1.4 },
  { way: 'relay', to: 'direct', cases: ['c500'], least: 0.85 },
  { way: 'relay', to: 'haproxy', cases: ['c50p16'], least: 0.95 },
  { way: 'relay', to: 'haproxy', cases: ['c1'], least: 0.85 },
  { way: 'transparent', to: 'haproxy', cases: ALL_CASES, least: 0.85 },
];
/** Whose p99 has a goal. */
const P99_WAYS: readonly WayName[] = ['nat', 'nat-gateway'];
const P99_CASES = ['c50', 'c500'];

const median = (values: readonly number[]): number => quantile(values, 0.5);
const ratioText = (value: number): string => value.toFixed(2);
const msText = (value: number): string => value.toFixed(2);

/** Of one round each, so that whatever else the machine did then cancels out. */
function ratios(
  rounds: Rounds,
  load: Case,
  [way, to]: readonly [WayName, WayName],
  [command, of]: readonly [Command, keyof Measured],
): number[] {
  const others = rounds.get(load)?.get(to) ?? [];
  return (rounds.get(load)?.get(way) ?? []).flatMap((run, round) => {
    const other = others[round];
    return other === undefined ? [] : [run[command][of] / other[command][of]];
  });
}

export function reportCase(load: Case, rounds: Rounds): void {
  const byWay = rounds.get(load) ?? new Map<WayName, readonly Run[]>();
  const head = [load.title];
  for (const command of COMMANDS) head.push(`${command} req/s`, 'of direct', 'p50 ms', 'p99 ms');
  if (load.connections === 1) head.push('dearer by us');
  const rows = WAY_NAMES.flatMap((name) => {
    const runs = byWay.get(name);
    if (runs === undefined) return [];
    const row: string[] = [name];
    for (const command of COMMANDS) {
      const at = (of: keyof Measured): number => median(runs.map((run) => run[command][of]));
      row.push(
        Math.round(at('perSecond')).toLocaleString('en'),
        ratioText(median(ratios(rounds, load, [name, 'direct'], [command, 'perSecond']))),
        msText(at('p50Ms')),
        msText(at('p99Ms')),
      );
    }
    if (load.connections === 1) row.push(addedUs(runs, byWay.get('direct') ?? []).toFixed(1));
    return [row];
  });
  printTable(head, rows);
}

/** What one request takes longer than directly, in microseconds; both commands together. */
function addedUs(runs: readonly Run[], direct: readonly Run[]): number {
  return median(
    runs.flatMap((run, round) =>
      COMMANDS.map((command) => {
        const other = direct[round]?.[command].perSecond ?? Number.NaN;
        return 1e6 / run[command].perSecond - 1e6 / other;
      }),
    ),
  );
}

export function judge(rounds: Rounds): Verdict[] {
  const measured = [...rounds.keys()];
  const verdicts: Verdict[] = [];
  for (const goal of GOALS) {
    const cases = measured.filter(({ name }) => goal.cases.includes(name));
    for (const group of goal.isPooled === true ? [cases] : cases.map((one) => [one]))
      verdicts.push(...judgeRate(rounds, goal, group));
  }
  for (const way of P99_WAYS) {
    for (const load of measured.filter(({ name }) => P99_CASES.includes(name))) {
      const found = COMMANDS.map((command) =>
        median(ratios(rounds, load, [way, 'direct'], [command, 'p99Ms'])),
      );
      if (found.some(Number.isNaN)) continue;
      const what = `${way}, ${load.title}: p99 ${inWords(found)} of direct`;
      verdicts.push({
        sentence: `${what} (goal: at most ${P99_RATIO_MAX})`,
        isMet: Math.max(...found) <= P99_RATIO_MAX,
      });
    }
  }
  return verdicts;
}

function judgeRate(rounds: Rounds, { way, to, least, isPooled }: Goal, cases: readonly Case[]): Verdict[] {
  const byCommand = COMMANDS.map((command) =>
    cases.flatMap((load) => ratios(rounds, load, [way, to], [command, 'perSecond'])),
  );
  const pooled = byCommand.flat();
  if (pooled.length === 0) return [];
  const found = isPooled === true ? [median(pooled)] : byCommand.map(median);
  const where = cases.map(({ title }) => title).join('; ');
  const text = isPooled === true ? `${ratioText(median(pooled))} (${pooled.length} ratios)` : inWords(found);
  return [
    {
      sentence: `${way}, ${where}: ${text} of ${to} (goal: at least ${ratioText(least)})`,
      isMet: Math.min(...found) >= least,
    },
  ];
}

const inWords = (found: readonly number[]): string =>
  COMMANDS.map((command, index) => `${command} ${ratioText(found[index] ?? Number.NaN)}`).join(', ');

export function judgeIdle({ bytesEach, held }: Idle): Verdict {
  const kibibytes = bytesEach / 1024;
  return {
    sentence:
      `relay, idle connections: ${kibibytes.toFixed(1)} KiB each, ${held} of ${IDLE_CONNECTIONS} held ` +
      `(goal: at most ${IDLE_KIBIBYTES_MAX} KiB, all held)`,
    isMet: kibibytes <= IDLE_KIBIBYTES_MAX && held === IDLE_CONNECTIONS,
  };
}
