// What a fault that must cost nothing is judged by.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { whatWasNoticed } from './script.ts';

it('a switch without a failed or lost write is not noticed', () => {
  assert.equal(whatWasNoticed({ failed: 0, lost: 0 }), null);
});

it('every failed write, every lost one and not knowing is noticed', () => {
  assert.equal(whatWasNoticed({ failed: 1, lost: 0 }), 'writes failed: 1, acknowledged ones lost: 0');
  assert.equal(whatWasNoticed({ failed: 0, lost: 2 }), 'writes failed: 0, acknowledged ones lost: 2');
  assert.match(whatWasNoticed({ failed: 0, lost: null }) ?? '', /could not be asked/);
});
