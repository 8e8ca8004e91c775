// The states of a failover and every step between them; {@link enter} refuses any other.

import { assert } from '../base/assert.ts';
import type { Core } from './core.ts';
import type { FailoverState, Master } from './instance.ts';
import { calmInfo } from './polling.ts';

interface Transition {
  readonly from: FailoverState;
  readonly to: FailoverState;
  readonly because: string;
}

/** Every step a failover can take. {@link enter} refuses any other. */
export const FAILOVER_TRANSITIONS: readonly Transition[] = [
  { from: 'none', to: 'wait_start', because: 'objectively down, or ordered' },
  { from: 'wait_start', to: 'select_slave', because: 'elected, or ordered' },
  { from: 'wait_start', to: 'none', because: 'no majority in time' },
  { from: 'select_slave', to: 'send_slaveof_noone', because: 'a replica was chosen' },
  { from: 'select_slave', to: 'none', because: 'no replica can be promoted' },
  { from: 'send_slaveof_noone', to: 'wait_promotion', because: 'the replica was told' },
  { from: 'send_slaveof_noone', to: 'none', because: 'the replica stayed disconnected' },
  { from: 'wait_promotion', to: 'reconf_slaves', because: 'the replica says it is a primary' },
  { from: 'wait_promotion', to: 'none', because: 'the replica did not become a primary in time' },
  { from: 'reconf_slaves', to: 'update_config', because: 'the replicas follow, or took too long' },
  { from: 'update_config', to: 'none', because: 'the address was switched' },
];

/** Takes one step of the table. */
export function enter(core: Core, master: Master, to: FailoverState): void {
  const { failover } = master;
  assert(
    FAILOVER_TRANSITIONS.some((transition) => transition.from === failover.state && transition.to === to),
    `a failover never goes from ${failover.state} to ${to}`,
  );
  failover.state = to;
  failover.stateChangedAt = core.now;
}

/** Ends a failover in whatever state; times and epochs stay. */
export function clearFailover(core: Core, master: Master): void {
  const { failover } = master;
  if (failover.promoted !== null) calmInfo(failover.promoted);
  failover.state = 'none';
  failover.stateChangedAt = core.now;
  failover.promoted = null;
  failover.forced = false;
  failover.coordinated = false;
  failover.preparing = false;
}
