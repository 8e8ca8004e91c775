import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fnv1a } from './fnv.ts';

it('gives the numbers that the makers of FNV-1a published', () => {
  assert.equal(fnv1a(''), 0x811c_9dc5);
  assert.equal(fnv1a('a'), 0xe40c_292c);
  assert.equal(fnv1a('foobar'), 0xbf9c_f968);
});
