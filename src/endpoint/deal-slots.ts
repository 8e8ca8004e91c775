// Deals a number of slots to servers by their weights. An eBPF program that may not loop, or a firewall rule, then chooses
// a server by choosing a slot.

import { assert } from '../base/assert.ts';

/**
 * For each slot the index of its server. Shares are as near to the weights as whole slots allow (largest remainders; of
 * equal ones the earlier server's), but everybody gets at least one. Servers beyond the number of slots get none. Each server's slots
 * are spread evenly, so that taking one after the other is a weighted round robin.
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
  return shares
    .flatMap((share, index) =>
      Array.from({ length: share }, (_, turn) => ({ index, at: (turn + 0.5) / share })),
    )
    .sort((a, b) => a.at - b.at || a.index - b.index)
    .map(({ index }) => index);
}
