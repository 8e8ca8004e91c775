// What the comparison prints: a table for each way of sending adverts, and a sentence for each goal.

import { printTable, quantile, type Verdict } from '../shared/report.ts';
import type { Contender, Timing } from './pair.ts';
import { INTERVAL_MS, ROUTERS, type Punctuality } from './punctuality.ts';
import { addressLeftMsMax, FAULT_NAMES, type Fault, type Round } from './round.ts';

const MEDIAN_OVER_MS_MAX = 3;
const P95_BEHIND_KEEPALIVED_MS_MAX = 5;
const REDIS_OVER_SKEW_MS_MAX = 50;
const LATE_MS_MAX = 5;
const LATE_TIMES_TIMER_MAX = 2;

export type Rounds = ReadonlyMap<Fault, ReadonlyMap<Contender, readonly Round[]>>;

const ms = (value: number): string => value.toFixed(1);
const over = ({ takeOverMs, protocolMs }: Round): number => takeOverMs - protocolMs;
const at = (rounds: readonly Round[], of: (round: Round) => number, p: number): number =>
  quantile(rounds.map(of), p);

export function reportTiming(timing: Timing, rounds: Rounds): Verdict[] {
  const rows: string[][] = [];
  for (const [fault, byContender] of rounds) {
    for (const [contender, all] of byContender) {
      // A Redis's death is noticed before the release, so only the client's times say how long that took.
      const wire = [0.5, 0.95, 1].map((p) => ms(at(all, over, p)));
      rows.push([
        FAULT_NAMES[fault],
        contender,
        String(all.length),
        ms(at(all, ({ protocolMs }) => protocolMs, 0.5)),
        ...wire,
        ...[0.5, 0.95, 0, 1].map((p) => at(all, ({ writableMs }) => writableMs, p).toFixed(0)),
        at(all, ({ answersMs }) => answersMs, 0.5).toFixed(0),
        fault === 'crash' ? addressLeft(all) : '',
      ]);
    }
  }
  printTable(
    [
      timing.name,
      'daemon',
      'rounds',
      'protocol ms',
      'over it: median',
      'p95',
      'worst',
      'writable after ms: median',
      'p95',
      'best',
      'worst',
      'ping ms: median',
      'address left on the dead one, ms',
    ],
    rows,
  );
  for (const [fault, byContender] of rounds) printRatio(timing, fault, byContender);
  return [...rounds].flatMap(([fault, byContender]) => verdictsOf(timing, fault, byContender));
}

function addressLeft(rounds: readonly Round[]): string {
  const left = rounds.flatMap(({ addressLeftMs }) => (addressLeftMs === null ? [] : [addressLeftMs]));
  const forEver = rounds.length - left.length;
  if (left.length === 0) return `stays (${forEver} of ${rounds.length})`;
  const spread = `${Math.min(...left).toFixed(0)} to ${Math.max(...left).toFixed(0)}`;
  return forEver === 0 ? spread : `${spread}, stays in ${forEver}`;
}

function printRatio(timing: Timing, fault: Fault, rounds: ReadonlyMap<Contender, readonly Round[]>): void {
  const [theirs, ours] = [rounds.get('keepalived'), rounds.get('Baton')];
  if (theirs === undefined || ours === undefined) return;
  const writable = (all: readonly Round[]): number => at(all, ({ writableMs }) => writableMs, 0.5);
  const wire = (all: readonly Round[]): number => at(all, ({ takeOverMs }) => takeOverMs, 0.5);
  const ratios = [
    `advert to advert ${(wire(ours) / wire(theirs)).toFixed(3)}`,
    `until writable ${(writable(ours) / writable(theirs)).toFixed(2)}`,
  ];
  console.log(`${timing.name}, ${FAULT_NAMES[fault]}: Baton / keepalived, medians: ${ratios.join(', ')}`);
}

function verdictsOf(
  timing: Timing,
  fault: Fault,
  rounds: ReadonlyMap<Contender, readonly Round[]>,
): Verdict[] {
  const [theirs, ours] = [rounds.get('keepalived'), rounds.get('Baton')];
  if (ours === undefined) return [];
  const what = `${timing.name}, ${FAULT_NAMES[fault]}`;
  if (fault === 'redis') {
    const median = at(ours, ({ writableMs, protocolMs }) => writableMs - protocolMs, 0.5);
    const sentence = `${what}: writable ${ms(median)} ms after the skew (goal: at most ${REDIS_OVER_SKEW_MS_MAX})`;
    return [{ sentence, isMet: median <= REDIS_OVER_SKEW_MS_MAX }];
  }
  const median = at(ours, over, 0.5);
  const verdicts: Verdict[] = [
    {
      sentence: `${what}: median ${ms(median)} ms over the protocol's time (goal: at most ${MEDIAN_OVER_MS_MAX})`,
      isMet: median <= MEDIAN_OVER_MS_MAX,
    },
  ];
  if (theirs !== undefined) {
    const [p95, limit] = [at(ours, over, 0.95), at(theirs, over, 0.95) + P95_BEHIND_KEEPALIVED_MS_MAX];
    verdicts.push({
      sentence: `${what}: p95 ${ms(p95)} ms over it (goal: at most keepalived's + ${P95_BEHIND_KEEPALIVED_MS_MAX}, ${ms(limit)})`,
      isMet: p95 <= limit,
    });
  }
  if (fault === 'crash') {
    const limit = addressLeftMsMax(timing);
    const worst = Math.max(...ours.map(({ addressLeftMs }) => addressLeftMs ?? Infinity));
    verdicts.push({
      sentence: `${what}: the dead daemon's address gone after at most ${worst.toFixed(0)} ms (goal: at most ${limit})`,
      isMet: worst <= limit,
    });
  }
  return verdicts;
}

export function reportPunctuality({ lateMs, timersLateMs }: Punctuality): Verdict[] {
  const row = (name: string, late: readonly number[]): string[] => [
    name,
    String(late.length),
    ...[0.5, 0.99, 0.999, 1].map((p) => ms(quantile(late, p))),
  ];
  printTable(
    [
      `${ROUTERS} routers, an advert each every ${INTERVAL_MS} ms, all cores busy`,
      'n',
      'late ms: median',
      'p99',
      'p99.9',
      'worst',
    ],
    [...[...lateMs].map(([name, late]) => row(name, late)), row('an idle Node timer', timersLateMs)],
  );
  const ours = lateMs.get('Baton');
  if (ours === undefined) return [];
  const [late, timers] = [quantile(ours, 0.999), quantile(timersLateMs, 0.999)];
  const theirs = lateMs.get('keepalived');
  if (theirs !== undefined) {
    console.log(
      `adverts on time, p99.9: Baton / keepalived = ${(late / quantile(theirs, 0.999)).toFixed(2)}`,
    );
  }
  const limit = Math.max(LATE_MS_MAX, LATE_TIMES_TIMER_MAX * timers);
  const sentence = `adverts on time: p99.9 ${ms(late)} ms late (goal: at most max(${LATE_MS_MAX}, twice the timer's), ${ms(limit)})`;
  return [{ sentence, isMet: late <= limit }];
}
