// `weight N [reverse]`, wherever it stands (vrrp.md §1.11).

import type { Weight } from './conf.ts';
import { type Report, show } from './problems.ts';
import { hint } from '../../base/suggest.ts';
import type { Statement, Word } from './tree.ts';
import { integerIn, valueAt } from './values.ts';

/** Beyond this, a weight would do what a fault does. */
export const WEIGHT_MAX = 253;

/** The weight that `values` begins with: a number and perhaps `reverse` or `noreverse`. null: reported. */
export function weightIn(
  report: Report,
  values: readonly Word[],
  owner: Word,
  max = WEIGHT_MAX,
): Weight | null {
  const [number, direction, extra] = values;
  if (number === undefined) {
    report.error(owner, 'missing-value', `weight takes a whole number of -${max} to ${max}`);
    return null;
  }
  const weight = integerIn(report, number, 'weight', -max, max);
  const unexpected =
    extra ?? (direction !== undefined && !/^(?:no)?reverse$/.test(direction.text) ? direction : undefined);
  if (unexpected !== undefined) {
    const sentence = `after a weight only reverse may come, not ${show(unexpected.text)}${hint(unexpected.text, ['reverse', 'noreverse'])}`;
    report.error(unexpected, 'bad-value', sentence);
    return null;
  }
  return weight === null ? null : { weight, reverse: direction?.text === 'reverse' };
}

/** The weight of a statement `weight N [reverse]`. */
export function readWeight(report: Report, statement: Statement, max = WEIGHT_MAX): Weight | null {
  if (valueAt(report, statement, 0, 'a whole number') === null) return null;
  return weightIn(report, statement.values, statement.keyword, max);
}
