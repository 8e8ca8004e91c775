// At most one leader an epoch, seen from two sides:
//
// - `one-leader`: at most one member is elected for a group in an epoch. Forced failovers are exempt, as in the
//   reference (sentinel.md §6.8): they take an epoch without asking; elections.ts counts them.
// - `one-configuration`: a configuration epoch names one address, whoever tells it. Two addresses under one epoch would
//   never be reconciled, since equal epochs overwrite nothing (sentinel.md §5.2).

import type { Member } from '../member.ts';
import type { Command } from '../wire.ts';
import type { Accuse, Remote, Witness } from '../witness.ts';
import type { Elections } from './elections.ts';
import { readHello, readInstance } from './payload.ts';

export class LeadersCheck implements Witness {
  readonly #accuse: Accuse;
  readonly #elections: Elections;
  readonly #leaders = new Map<string, string>();
  readonly #configurations = new Map<string, { readonly address: string; readonly teller: string }>();

  constructor(accuse: Accuse, elections: Elections) {
    this.#accuse = accuse;
    this.#elections = elections;
  }

  event(member: Member, name: string, text: string): void {
    if (name !== '+elected-leader') return;
    const group = readInstance(text)?.group;
    if (group === undefined) return;
    const election = this.#elections.of(member, group);
    if (election === null || election.isForced) return;
    const key = `${group} ${election.epoch}`;
    const before = this.#leaders.get(key);
    if (before === undefined) this.#leaders.set(key, member.name);
    else if (before !== member.name) {
      this.#accuse(
        'one-leader',
        `${before} and ${member.name} were both elected for ${group} in epoch ${election.epoch}`,
      );
    }
  }

  sent(member: Member, _remote: Remote, command: Command): void {
    const hello = readHello(command);
    // Epoch 0 is what the files said before anything happened.
    if (hello === null || hello.configEpoch === 0n) return;
    const key = `${hello.group} ${hello.configEpoch}`;
    const before = this.#configurations.get(key);
    if (before === undefined) {
      this.#configurations.set(key, { address: hello.address, teller: member.name });
    } else if (
      before.address !== hello.address &&
      !this.#elections.wasForced(hello.group, hello.configEpoch)
    ) {
      this.#accuse(
        'one-configuration',
        `in epoch ${hello.configEpoch} of ${hello.group}, ${before.teller} says ${before.address} is primary ` +
          `and ${member.name} says ${hello.address}`,
      );
    }
  }
}
