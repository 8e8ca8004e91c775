// Deals a number of slots to servers by their weights. A program that may not loop then chooses a server by choosing a
// slot at random.

import { assert } from '../../base/assert.ts';

/**
 * For each slot the index of its server. Shares are as near to the weights as whole slots allow (largest remainders; of
 * equal ones the earlier server's), but everybody gets at least one. Servers beyond the number of slots get none.
 */
export function dealSlots(weights: readonly number[], slotCount: number): number[] {
  const served = weights.slice(0, slotCount);
  assert(
    served.every((weight) => weight > 0),
    'a server of a route has a weight of at least 1',
  );
  const sum = served.reduce((total, weight) => total + weight, 0);
  const exact = served.map((weight) => (weight / sum) * slotCount);
  const shares = exact.map((share) => Math.max(1, Math.floor(share)));
  let left = slotCount - shares.reduce((total, share) => total + share, 0);
  const owed = (index: number): number => (exact[index] ?? 0) - (shares[index] ?? 0);
  const indices = served.map((_, index) => index);
  while (left !== 0 && indices.length > 0) {
    // The least served gets one more; where minimums made too many, the one that has most over its due gives one back.
    const step = Math.sign(left);
    const open = step > 0 ? indices : indices.filter((index) => (shares[index] ?? 0) > 1);
    const chosen = open.reduce((best, index) => (step * owed(index) > step * owed(best) ? index : best));
    shares[chosen] = (shares[chosen] ?? 0) + step;
    left -= step;
  }
  return shares.flatMap((share, index) => Array<number>(share).fill(index));
}
