import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseDescriptorLimit } from './descriptor-limit.ts';

const textOf = (soft: string): string =>
  [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max cpu time              unlimited            unlimited            seconds   ',
    `Max open files            ${soft.padEnd(20)} 524288               files     `,
    'Max locked memory         8388608              8388608              bytes     ',
    '',
  ].join('\n');

it('reads the soft limit of open files, which may be none (proc_pid_limits(5))', () => {
  assert.equal(parseDescriptorLimit(textOf('1024')), 1_024);
  assert.equal(parseDescriptorLimit(textOf('unlimited')), null);
  assert.equal(parseDescriptorLimit(''), null);
});
