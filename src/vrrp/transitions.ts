// The states of a virtual router (RFC 9568 §6.4, vrrp.md §1.8) and every step between them; {@link enter} refuses any
// other.

import { assert } from '../base/assert.ts';

/** `stopped` is final: the daemon ends, or a reload took the virtual router away. */
export type State = 'initialize' | 'backup' | 'active' | 'fault' | 'stopped';

/** As keepalived's users call the states. */
export const STATE_WORDS = {
  initialize: 'INIT',
  backup: 'BACKUP',
  active: 'MASTER',
  fault: 'FAULT',
  stopped: 'STOP',
} as const satisfies Record<State, string>;

/** What moves a virtual router. */
export type Cause =
  | 'ready'
  | 'owner'
  | 'fault'
  | 'recovered'
  | 'down-timer'
  | 'better-advert'
  | 'stall'
  | 'address-expired'
  | 'address-deleted'
  | 'group'
  | 'stop';

export interface Transition {
  readonly from: State;
  readonly to: State;
  readonly when: Cause;
  /** The end of a sentence. */
  readonly because: string;
}

export const TRANSITIONS: readonly Transition[] = [
  { from: 'initialize', to: 'backup', when: 'ready', because: 'all it depends on is there' },
  { from: 'initialize', to: 'active', when: 'owner', because: 'it owns the addresses' },
  { from: 'initialize', to: 'fault', when: 'fault', because: 'something it depends on is missing' },
  { from: 'initialize', to: 'stopped', when: 'stop', because: 'it was told to stop' },
  { from: 'backup', to: 'active', when: 'down-timer', because: 'no active router was heard in time' },
  { from: 'backup', to: 'fault', when: 'fault', because: 'something it depends on failed' },
  { from: 'backup', to: 'stopped', when: 'stop', because: 'it was told to stop' },
  { from: 'active', to: 'backup', when: 'better-advert', because: 'a better router is active' },
  { from: 'active', to: 'backup', when: 'stall', because: 'it was frozen so long that a peer may be active' },
  { from: 'active', to: 'backup', when: 'address-expired', because: 'its address expired unrefreshed' },
  { from: 'active', to: 'backup', when: 'address-deleted', because: 'somebody deleted an address of it' },
  { from: 'active', to: 'backup', when: 'group', because: 'another member of its group is backup' },
  { from: 'active', to: 'fault', when: 'fault', because: 'something it depends on failed' },
  { from: 'active', to: 'stopped', when: 'stop', because: 'it was told to stop' },
  { from: 'fault', to: 'backup', when: 'recovered', because: 'all it depends on is back' },
  { from: 'fault', to: 'active', when: 'owner', because: 'it owns the addresses' },
  { from: 'fault', to: 'stopped', when: 'stop', because: 'it was told to stop' },
];

/** The one row for a step; a step without a row is a bug. */
export function transition(from: State, to: State, when: Cause): Transition {
  const row = TRANSITIONS.find((one) => one.from === from && one.to === to && one.when === when);
  assert(row !== undefined, `a virtual router never goes from ${from} to ${to} by ${when}`);
  return row;
}
