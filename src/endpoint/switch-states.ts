// The states of an ordered switch (switchover.ts), and what an operator is told of each while it lasts.

export type SwitchState =
  | 'looking'
  | 'preparing'
  | 'holding'
  | 'pausing'
  | 'catching-up'
  | 'promoting'
  | 'ordering'
  | 'routing'
  | 'releasing'
  | 'demoting'
  | 'settling'
  | 'ended';

/** What is being waited for. */
export const WAITS_FOR: Readonly<Record<SwitchState, string>> = {
  looking: 'the servers are asked how they are',
  preparing: 'the relays connect to the new primary',
  holding: 'clients are held, and replies in flight come home',
  pausing: 'clients are held, and the old primary is to pause writes',
  'catching-up': 'clients are held, and the new primary takes the last writes',
  promoting: 'clients are held, and the new primary is promoted',
  ordering: 'clients are held, and the sentinels promote',
  routing: 'clients are held, and are led over',
  releasing: 'clients go on',
  demoting: 'clients go on, and the old primary is to follow',
  settling: 'clients go on, and the old primary is to say that it follows',
  ended: 'it is over',
};
