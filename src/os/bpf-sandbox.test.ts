import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hasFilter, isBpfFatal } from './bpf-sandbox.ts';

it('asks only where system calls are filtered, and then finds that bpf may be called', () => {
  assert.ok(!hasFilter('Name:\tnode\nSeccomp:\t0\nSeccomp_filters:\t0\n'));
  assert.ok(hasFilter('Name:\tnode\nSeccomp:\t2\nSeccomp_filters:\t1\n'));
  // Where tests run nobody is killed for it.
  assert.equal(
    isBpfFatal(() => 'Seccomp:\t2\n'),
    false,
  );
});
