// What a member thinks, put into words: its snapshot holds the flags of everybody it watches.

import type { MasterSnapshot, Snapshot } from '../sentinel/snapshot.ts';
import type { Names } from './names.ts';

/** How many others a member should know. */
export interface Company {
  readonly replicas: number;
  readonly otherMembers: number;
}

/** The states of a failover (sentinel.md §1.4) as what the member is doing. */
const FAILOVER_PHRASES: Readonly<Record<string, string>> = {
  wait_start: 'stands for election',
  select_slave: 'was elected and compares the replicas',
  send_slaveof_noone: 'tells the chosen replica to become the primary',
  wait_promotion: 'waits for the chosen replica to become the primary',
  reconf_slaves: 'points the other replicas at the new primary',
  update_config: 'has finished the failover',
};

/** Phrases that follow the member's name; none if all is well. */
export function concernsOf(
  snapshot: Snapshot,
  master: MasterSnapshot,
  names: Names,
  company: Company,
): string[] {
  const concerns: string[] = [];
  const isDown = ({ flags }: { readonly flags: string }): boolean => flags.split(',').includes('s_down');

  if (snapshot.tilt) concerns.push('judges nobody: its clock jumped (TILT)');
  if (master.failoverState !== 'none') {
    concerns.push(FAILOVER_PHRASES[master.failoverState] ?? master.failoverState);
  }
  const primary = names.ofAddress(master.address);
  if (master.status === 'odown') concerns.push(`${primary} is down, and ${master.quorum} of us agree`);
  if (master.status === 'sdown') concerns.push(`${primary} is down`);
  const missingMembers = company.otherMembers - master.sentinels.length;
  if (missingMembers > 0) concerns.push(`has yet to meet ${count(missingMembers, 'member')}`);
  const missingReplicas = company.replicas - master.replicas.length;
  if (missingReplicas > 0) concerns.push(`has yet to find ${count(missingReplicas, 'replica')}`);
  for (const replica of master.replicas) {
    if (isDown(replica)) concerns.push(`${names.ofAddress(replica.address)} is down`);
  }
  for (const peer of master.sentinels) {
    if (isDown(peer)) concerns.push(`${names.ofAddress(peer.address)} is down`);
  }
  return concerns;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
