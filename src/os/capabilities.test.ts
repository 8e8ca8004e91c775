import assert from 'node:assert/strict';
import { it } from 'node:test';
import { capabilityAdvice, parseEffectiveCapabilities } from './capabilities.ts';

it('reads the effective capabilities, not the permitted ones', () => {
  const status = (hex: string): string => `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${hex}\n`;
  assert.deepEqual([...parseEffectiveCapabilities(status('0000000000000000'))], []);
  assert.deepEqual(
    [...parseEffectiveCapabilities(status('0000000000003000'))],
    ['CAP_NET_ADMIN', 'CAP_NET_RAW'],
  );
  assert.equal(parseEffectiveCapabilities(status('000001ffffffffff')).size, 6);
  assert.deepEqual([...parseEffectiveCapabilities('nothing of the kind')], []);
});

it('says what to do about those that are missing', () => {
  assert.equal(
    capabilityAdvice('CAP_SETUID', 'CAP_SETGID'),
    'needs CAP_SETUID and CAP_SETGID: run as root or add AmbientCapabilities=CAP_SETUID CAP_SETGID',
  );
});
