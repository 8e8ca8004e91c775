// Scripts as they are typed.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FAULTS, parseScript } from './fault-table.ts';

it('a script is names with commas between them', () => {
  const parsed = parseScript('kill-primary, restart');
  assert.deepEqual(parsed.ok && parsed.value.map(({ name }) => name), ['kill-primary', 'restart']);
});

it('a word that is no fault is named, with those that are', () => {
  const parsed = parseScript('kill-primary,explode');
  assert.equal(parsed.ok, false);
  assert.match(parsed.problem, /^"explode" is no fault; there are: kill-primary, freeze-primary, /);
});

it('no two faults share a key, and none has that of quitting', () => {
  const keys = [...FAULTS.map(({ key }) => key), 'q'];
  assert.equal(new Set(keys).size, keys.length);
});
