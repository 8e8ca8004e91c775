// The ledger of acknowledged writes, against a plain set of numbers.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Ledger } from './ledger.ts';

/** The bits as Redis keeps them (SETBIT). */
function bitmap(numbers: Iterable<number>): Uint8Array {
  const bits: number[] = [];
  for (const number of numbers) {
    while (bits.length <= number >> 3) bits.push(0);
    bits[number >> 3] = (bits[number >> 3] ?? 0) | (0x80 >> (number % 8));
  }
  return Uint8Array.from(bits);
}

const increasing = fc.uniqueArray(fc.nat(300), { minLength: 1 }).map((all) => all.sort((a, b) => a - b));

it('counts exactly the acknowledged writes that are missing, and each only once', () => {
  fc.assert(
    fc.property(increasing, fc.array(fc.nat(300)), (acknowledged, found) => {
      const ledger = new Ledger();
      for (const number of acknowledged) ledger.acknowledge(number);
      const missing = acknowledged.filter((number) => !found.includes(number)).length;
      assert.equal(ledger.compare(bitmap(found), ledger.last), missing);
      assert.equal(ledger.compare(bitmap(found), ledger.last), 0);
      assert.equal(ledger.lost, missing);
      assert.equal(ledger.acknowledged, acknowledged.length);
    }),
  );
});

it('does not look for writes that came after the question', () => {
  fc.assert(
    fc.property(increasing, fc.nat(300), (acknowledged, asked) => {
      const ledger = new Ledger();
      for (const number of acknowledged) ledger.acknowledge(number);
      assert.equal(
        ledger.compare(new Uint8Array(0), asked),
        acknowledged.filter((number) => number <= asked).length,
      );
    }),
  );
});

it('grows beyond what it starts with', () => {
  const ledger = new Ledger();
  ledger.acknowledge(5_000_000);
  assert.equal(ledger.compare(new Uint8Array(0), ledger.last), 1);
});
