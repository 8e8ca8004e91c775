import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { inRanges } from './address-range.ts';
import { decider, NO_ENDS, type Condition, type Term, type Test } from './condition.ts';

it('an address is in a range if its first bits are the same', () => {
  for (const [address, bits, inside, outside] of [
    ['10.0.0.0', 8, '10.255.0.1', '11.0.0.0'],
    ['10.1.2.3', 32, '10.1.2.3', '10.1.2.2'],
    ['0.0.0.0', 0, '255.1.1.1', '::1'],
    ['::', 0, 'fd00::1', '1.2.3.4'],
    ['fd00::', 8, 'fdff:1:2:3:4:5:6:7', 'fe00::'],
    ['2001:db8::1', 128, '2001:db8:0:0:0:0:0:1', '2001:db8::2'],
    ['::ffff:10.0.0.0', 104, '::ffff:10.9.9.9', '10.9.9.9'],
  ] as const) {
    const isIn = inRanges([{ address, bits }]);
    assert.deepEqual([isIn(inside), isIn(outside), isIn('')], [true, false, false], `${address}/${bits}`);
  }
});

it('what is no address is in no range', () => {
  const isIn = inRanges([
    { address: '0.0.0.0', bits: 0 },
    { address: '::', bits: 0 },
  ]);
  for (const text of [
    '',
    '1.2.3',
    '256.1.1.1',
    '1::2::3',
    '1:2:3',
    '::g',
    '/run/x.sock',
    '1:2:3:4:5:6:7:8:9',
  ])
    assert.equal(isIn(text), false, text);
  fc.assert(fc.property(fc.ipV4(), fc.ipV6(), (ipv4, ipv6) => isIn(ipv4) && isIn(ipv6)));
});

it('a condition is terms of which all hold, in one of its alternatives', () => {
  const port = (...ports: readonly number[]): Test => ({
    kind: 'port',
    of: 'destination',
    ranges: ports.map((one) => [one, one] as const),
  });
  const up: Test = { kind: 'servers-up', backend: 'b', server: null, ranges: [[2, Infinity]] };
  const holds = (isNegated: boolean, ...anyOf: readonly (readonly Term[])[]): boolean => {
    const condition: Condition = { isNegated, anyOf };
    const client = { ...NO_ENDS, targetAddress: '10.0.0.1', targetPort: 6379 };
    return decider(condition)(client, { b: 2, 'b/s': 1 });
  };
  const yes: Term = { isNegated: false, tests: [port(6379), port(1)] };
  const no: Term = { isNegated: true, tests: [port(6379)] };
  assert.equal(holds(false, [yes, { isNegated: false, tests: [up] }]), true);
  assert.equal(holds(true, [yes]), false);
  assert.equal(holds(false, [yes, no]), false);
  assert.equal(holds(false, [no], [yes]), true);
  assert.equal(holds(false, [{ isNegated: false, tests: [] }]), false);
  const unknown: Test = { kind: 'servers-up', backend: 'x', server: 's', ranges: [[1, Infinity]] };
  assert.equal(holds(false, [{ isNegated: false, tests: [unknown] }]), false);
});
