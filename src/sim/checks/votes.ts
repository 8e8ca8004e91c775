// One vote an epoch (sentinel.md §6.4), judged by what leaves a member, restarts included:
//
// - `one-vote`: for one group and epoch a member never names two leaders. Having been elected counts as having named
//   itself.
// - `vote-is-durable`: when a member names a leader, its disk already knows that epoch, so that a crash right after
//   can't make it vote again.

import type { Reply } from '../../resp/reply.ts';
import type { Member } from '../member.ts';
import type { Command } from '../wire.ts';
import type { Accuse, Witness } from '../witness.ts';
import type { Elections } from './elections.ts';
import { readInstance, readVote, readVoteRequest } from './payload.ts';

export class VotesCheck implements Witness {
  readonly #accuse: Accuse;
  readonly #elections: Elections;
  /** `ip:port` to the group whose node that is. */
  readonly #groups: ReadonlyMap<string, string>;
  readonly #named = new Map<string, string>();

  constructor(accuse: Accuse, elections: Elections, groups: ReadonlyMap<string, string>) {
    this.#accuse = accuse;
    this.#elections = elections;
    this.#groups = groups;
  }

  answered(member: Member, command: Command, reply: Reply): void {
    const request = readVoteRequest(command);
    const vote = request && readVote(reply);
    if (request === null || vote === null) return;
    const group = this.#groups.get(request.address);
    if (group === undefined) return;
    this.#name(member, group, vote.epoch, vote.leader);
    const durable = member.disk.durable.masters.find((master) => master.name === group)?.leaderEpoch ?? 0n;
    if (durable < vote.epoch) {
      this.#accuse(
        'vote-is-durable',
        `${member.name} named a leader of ${group} in epoch ${vote.epoch}, but its disk knows only epoch ${durable}`,
      );
    }
  }

  event(member: Member, name: string, text: string): void {
    if (name !== '+elected-leader') return;
    const group = readInstance(text)?.group;
    if (group === undefined) return;
    const election = this.#elections.of(member, group);
    if (election !== null && !election.isForced) this.#name(member, group, election.epoch, member.id);
  }

  #name(member: Member, group: string, epoch: bigint, leader: string): void {
    const key = `${member.name} ${group} ${epoch}`;
    const before = this.#named.get(key);
    if (before === undefined) this.#named.set(key, leader);
    else if (before !== leader) {
      this.#accuse(
        'one-vote',
        `${member.name} voted twice for ${group} in epoch ${epoch}: for ${before} and for ${leader}`,
      );
    }
  }
}
