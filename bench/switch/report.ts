// What the switches' bench prints: tables, and a sentence for each goal.

import { printTable, quantile, type Verdict } from '../shared/report.ts';
import type { Switches } from './switches.ts';

/** By connections. */
const PAUSE_MS_MAX: Readonly<Record<number, number>> = { 50: 30, 500: 100 };
const DEAD_PRIMARY_MS_MAX = 20;

export interface Deaths {
  readonly front: string;
  readonly decidedBy: string;
  readonly ms: readonly number[];
}

const ms = (value: number): string => value.toFixed(1);

export function reportSwitches(all: readonly Switches[]): void {
  printTable(
    [
      'ordered switches',
      'switches',
      'writes',
      'errors',
      'lost',
      'doubled',
      'stale reads',
      'longest pause ms: median',
      'worst',
      'undisturbed',
      'order ms',
    ],
    all.map(({ options, judged, pausesMs, undisturbedMs, ordersMs }) => [
      `${options.front}, ${options.connections} ${options.clients}`,
      `${options.switches}`,
      judged.acknowledged.toLocaleString('en'),
      `${judged.errors}`,
      `${judged.lost}`,
      `${judged.doubled}`,
      `${judged.stale}`,
      ms(quantile(pausesMs, 0.5)),
      ms(quantile(pausesMs, 1)),
      ms(quantile(undisturbedMs, 0.5)),
      ms(quantile(ordersMs, 0.5)),
    ]),
  );
  for (const { options, errors, refused } of all) {
    const told = Object.entries(errors).map(([text, count]) => `  ${count} x ${text}`);
    if (told.length > 0) console.log(`errors, ${options.front}, ${options.connections} ${options.clients}:`);
    for (const line of told) console.log(line);
    for (const sentence of new Set(refused))
      console.log(`  an order was refused, then given again: ${sentence}`);
  }
}

export function reportDeaths(all: readonly Deaths[]): void {
  printTable(
    ['primary killed', 'decided by', 'times', 'from decision to success ms: median', 'worst'],
    all.map(({ front, decidedBy, ms: values }) => [
      front,
      decidedBy,
      `${values.length}`,
      ms(quantile(values, 0.5)),
      ms(quantile(values, 1)),
    ]),
  );
}

/** Goals are the relay's; HAProxy is there for comparison. */
export function judgeSwitches(all: readonly Switches[]): Verdict[] {
  return all
    .filter(({ options }) => options.front === 'relay')
    .flatMap(({ options, judged, pausesMs }) => {
      const { errors, lost, doubled, stale } = judged;
      const who = `${options.connections} ${options.clients}, ${options.switches} switches`;
      const exact: Verdict = {
        sentence: `${who}: ${errors} errors, ${lost} lost, ${doubled} doubled, ${stale} stale (goal: none)`,
        isMet: errors + lost + doubled + stale === 0,
      };
      const limit = options.clients === 'plain' ? PAUSE_MS_MAX[options.connections] : undefined;
      if (limit === undefined) return [exact];
      const found = quantile(pausesMs, 0.5);
      return [
        exact,
        {
          sentence: `${who}: longest pause ${ms(found)} ms, median of the switches (goal: at most ${limit})`,
          isMet: found <= limit,
        },
      ];
    });
}

export function judgeDeaths(all: readonly Deaths[]): Verdict[] {
  return all
    .filter(({ front }) => front === 'relay')
    .map(({ decidedBy, ms: values }) => ({
      sentence:
        `dead primary, decided by ${decidedBy}: first success ${ms(quantile(values, 0.5))} ms later, ` +
        `median of ${values.length} (goal: at most ${DEAD_PRIMARY_MS_MAX})`,
      isMet: quantile(values, 0.5) <= DEAD_PRIMARY_MS_MAX,
    }));
}
