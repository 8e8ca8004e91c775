// Sentinel's own rules: all known sentinels vote, whoever asks first gets the vote, any hello is believed.

import { ALLOWED, type Policy } from './policy.ts';
import { selectReplica } from './select-replica.ts';

export const SENTINEL_POLICY: Policy = {
  name: 'sentinel',
  voters: (master, view) => [view.myId, ...master.peers.keys()],
  mayVote: () => ALLOWED,
  mayStart: () => ALLOWED,
  chooseReplica: selectReplica,
  acceptHello: () => ALLOWED,
  onManualFailover: () => ALLOWED,
};
