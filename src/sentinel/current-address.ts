// Which address a master has for others: from the moment a replica has been promoted it is that replica's, although
// our own tables are switched only when the other replicas follow (sentinel.md §5.1, §12.10).

import type { Address } from './address.ts';
import type { FailoverState, Master } from './instance.ts';

/** Whether a failover in this state has made a new primary. */
export function hasPromoted(state: FailoverState): boolean {
  return state === 'reconf_slaves' || state === 'update_config';
}

export function currentAddress(master: Master): Address {
  const { state, promoted } = master.failover;
  return promoted !== null && hasPromoted(state) ? promoted.address : master.address;
}
