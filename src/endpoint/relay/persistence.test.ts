import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Persistence } from './persistence.ts';

it('an address stays with its server until its time after the last connection is over', () => {
  const persistence = new Persistence(1_000);
  assert.equal(persistence.serverOf('x', 0), null);
  persistence.began('x', 'a', 0);
  persistence.began('x', 'a', 100);
  persistence.ended('x', 'a', 200);
  assert.equal(persistence.serverOf('x', 9_999), 'a');
  persistence.ended('x', 'a', 10_000);
  assert.equal(persistence.serverOf('x', 10_999), 'a');
  assert.equal(persistence.serverOf('y', 10_999), null);
  assert.equal(persistence.serverOf('x', 11_000), null);
});

it('an address that had to go elsewhere stays there, whatever becomes of its old connections', () => {
  const persistence = new Persistence(1_000);
  persistence.began('x', 'a', 0);
  persistence.began('x', 'b', 100);
  persistence.ended('x', 'a', 200);
  assert.equal(persistence.serverOf('x', 9_999), 'b');
  persistence.ended('x', 'b', 10_000);
  assert.equal(persistence.serverOf('x', 11_000), null);
});

it('addresses are forgotten before there are too many', () => {
  const persistence = new Persistence(1_000);
  for (let at = 0; at < 100_001; at++) persistence.began(`${at}`, 'a', 0);
  assert.equal(persistence.serverOf('0', 0), null);
  assert.equal(persistence.serverOf('100000', 0), 'a');
});
