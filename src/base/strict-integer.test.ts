import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { strictInteger } from './strict-integer.ts';

it('reads every safe integer from its own text', () => {
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => assert.equal(strictInteger(`${value}`), value + 0)));
});

it('takes nothing else for one', () => {
  for (const text of [
    '',
    ' 1',
    '1 ',
    '+1',
    '-0',
    '01',
    '1.0',
    '1e3',
    '0x1',
    '9007199254740993',
    'NaN',
    '--1',
  ]) {
    assert.equal(strictInteger(text), null, text);
  }
});
