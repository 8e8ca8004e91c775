import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { dealSlots } from './deal-slots.ts';

const SLOTS = 60;

it('deals every slot, to each server a share near its weight and at least one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: SLOTS }), (weights) => {
      const dealt = dealSlots(weights, SLOTS);
      assert.equal(dealt.length, SLOTS);
      const sum = weights.reduce((total, weight) => total + weight, 0);
      const counts = weights.map((_, server) => dealt.filter((index) => index === server).length);
      // Where nobody is raised to one slot, nobody is a whole slot from his due.
      const isEven = weights.every((weight) => (weight / sum) * SLOTS >= 1);
      weights.forEach((weight, index) => {
        const count = counts[index] ?? 0;
        assert.ok(count >= 1);
        if (isEven)
          assert.ok(
            Math.abs(count - (weight / sum) * SLOTS) < 1,
            `${counts.join(' ')} for ${weights.join(' ')}`,
          );
      });
    }),
  );
});

it('deals equal shares to up to six equal servers, and nothing to nobody', () => {
  assert.deepEqual(dealSlots([], SLOTS), []);
  for (const count of [1, 2, 3, 4, 5, 6]) {
    const dealt = dealSlots(Array<number>(count).fill(7), SLOTS);
    for (let server = 0; server < count; server++) {
      assert.equal(dealt.filter((index) => index === server).length, SLOTS / count);
    }
  }
  assert.equal(dealSlots(Array<number>(100).fill(1), SLOTS).at(-1), SLOTS - 1);
});

it('spreads the slots of each server', () => {
  assert.deepEqual(dealSlots([1, 1, 1], 6), [0, 1, 2, 0, 1, 2]);
  assert.deepEqual(dealSlots([2, 1], 6), [0, 1, 0, 0, 1, 0]);
});
