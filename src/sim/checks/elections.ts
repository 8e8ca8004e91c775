// Follows each member's failover attempts by its events: in which epoch it runs, and whether an operator forced it.
// The other checks build on this; alone it accuses nobody.

import type { Reply } from '../../resp/reply.ts';
import type { Member } from '../member.ts';
import type { Command } from '../wire.ts';
import type { Witness } from '../witness.ts';
import { readInstance } from './payload.ts';

export interface Election {
  readonly epoch: bigint;
  /** SENTINEL FAILOVER: takes an epoch without asking anybody (sentinel.md §6.8). */
  readonly isForced: boolean;
}

export class Elections implements Witness {
  readonly #running = new Map<string, Election>();
  readonly #lastEpoch = new Map<Member, bigint>();
  /** Group and epoch of forced attempts: what they configure is exempt from the one-leader rules. */
  readonly #forced = new Set<string>();
  readonly #ordered = new Set<string>();
  elected = 0;
  forced = 0;
  aborted = 0;

  of(member: Member, group: string): Election | null {
    return this.#running.get(`${member.name} ${group}`) ?? null;
  }

  wasForced(group: string, epoch: bigint): boolean {
    return this.#forced.has(`${group} ${epoch}`);
  }

  started(member: Member): void {
    this.#forget(member);
  }

  stopped(member: Member): void {
    this.#forget(member);
  }

  answered(member: Member, command: Command, reply: Reply): void {
    const [verb, subcommand, group] = command;
    if (verb?.toLowerCase() !== 'sentinel' || subcommand?.toLowerCase() !== 'failover' || group === undefined)
      return;
    this.#ordered.delete(`${member.name} ${group}`);
    if (reply.kind !== 'simple') return;
    const key = `${member.name} ${group}`;
    const running = this.#running.get(key);
    // Answered after it began, in the same step or later.
    if (running === undefined) this.#ordered.add(key);
    else this.#force(key, group, running.epoch);
  }

  event(member: Member, name: string, text: string): void {
    if (name === '+new-epoch') {
      this.#lastEpoch.set(member, BigInt(text.trim()));
      return;
    }
    if (name === '+elected-leader') {
      const group = readInstance(text)?.group ?? '';
      if (this.of(member, group)?.isForced === true) this.forced += 1;
      else this.elected += 1;
      return;
    }
    const begins = name === '+try-failover';
    const ends = name.startsWith('-failover-abort') || name === '+switch-master';
    if (!begins && !ends) return;
    const group = name === '+switch-master' ? (text.split(' ')[0] ?? '') : (readInstance(text)?.group ?? '');
    const key = `${member.name} ${group}`;
    if (ends) {
      this.#running.delete(key);
      if (name !== '+switch-master') this.aborted += 1;
      return;
    }
    const epoch = this.#lastEpoch.get(member) ?? 0n;
    this.#running.set(key, { epoch, isForced: false });
    if (this.#ordered.delete(key)) this.#force(key, group, epoch);
  }

  #force(key: string, group: string, epoch: bigint): void {
    this.#running.set(key, { epoch, isForced: true });
    this.#forced.add(`${group} ${epoch}`);
  }

  #forget(member: Member): void {
    for (const key of this.#running.keys()) {
      if (key.startsWith(`${member.name} `)) this.#running.delete(key);
    }
    for (const key of this.#ordered) {
      if (key.startsWith(`${member.name} `)) this.#ordered.delete(key);
    }
  }
}
