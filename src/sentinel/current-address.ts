// Which address a master has for others: from the moment a replica has been promoted it is that replica's, although
// our own tables are switched only when the other replicas follow (sentinel.md §5.1, §12.10).

import type { Address } from './address.ts';
import type { Master } from './instance.ts';

export function currentAddress(master: Master): Address {
  const { state, promoted } = master.failover;
  return promoted !== null && (state === 'reconf_slaves' || state === 'update_config')
    ? promoted.address
    : master.address;
}
