// The kinds of fleets that every scenario runs with. To everybody outside they are to behave the same.

import type { VoterKind } from './voter.ts';

const FLEETS: Readonly<Record<string, readonly VoterKind[]>> = {
  'three redis-sentinel': ['redis', 'redis', 'redis'],
  'two redis-sentinel and a Baton': ['redis', 'redis', 'baton'],
  'a redis-sentinel and two Batons': ['redis', 'baton', 'baton'],
  'three Batons': ['baton', 'baton', 'baton'],
};

/**
 * Run when BATON_FLEETS does not say otherwise (`all`, or parts of names, separated by commas). The fleet without a Baton
 * proves the tests themselves.
 */
const IN_USE = 'Baton';

/** Names and voters of the fleets to test. */
export function fleetsUnderTest(): [string, readonly VoterKind[]][] {
  const asked = (process.env['BATON_FLEETS'] ?? IN_USE).split(',');
  return Object.entries(FLEETS).filter(([name]) =>
    asked.some((part) => part === 'all' || name.includes(part)),
  );
}
