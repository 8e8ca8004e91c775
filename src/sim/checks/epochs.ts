// `epochs-grow`: no epoch of a member ever goes back. On its disk that holds through restarts, for all three that are
// saved; in what it tells others it holds for one life, since a configuration epoch learned for an address already known
// need not be saved (sentinel.md §2.6).

import type { SentinelConf } from '../../sentinel/conf/conf.ts';
import type { Member } from '../member.ts';
import type { Command } from '../wire.ts';
import type { Accuse, Remote, Witness } from '../witness.ts';
import { readHello } from './payload.ts';

export class EpochsCheck implements Witness {
  readonly #accuse: Accuse;
  readonly #saved = new Map<string, bigint>();
  readonly #told = new Map<string, bigint>();

  constructor(accuse: Accuse) {
    this.#accuse = accuse;
  }

  started(member: Member, conf: SentinelConf): void {
    for (const key of this.#told.keys()) if (key.startsWith(`${member.name} `)) this.#told.delete(key);
    this.saved(member, conf);
  }

  saved(member: Member, conf: SentinelConf): void {
    const { name } = member;
    this.#grow(this.#saved, `${name} current epoch`, conf.currentEpoch, 'on its disk');
    for (const master of conf.masters) {
      this.#grow(this.#saved, `${name} config epoch of ${master.name}`, master.configEpoch, 'on its disk');
      this.#grow(this.#saved, `${name} leader epoch of ${master.name}`, master.leaderEpoch, 'on its disk');
    }
  }

  sent(member: Member, _remote: Remote, command: Command): void {
    const hello = readHello(command);
    if (hello === null) return;
    this.#grow(this.#told, `${member.name} current epoch`, hello.currentEpoch, 'in its hello');
    this.#grow(
      this.#told,
      `${member.name} config epoch of ${hello.group}`,
      hello.configEpoch,
      'in its hello',
    );
  }

  #grow(epochs: Map<string, bigint>, key: string, epoch: bigint, where: string): void {
    const before = epochs.get(key);
    if (before === undefined || epoch > before) epochs.set(key, epoch);
    else if (epoch < before)
      this.#accuse('epochs-grow', `${key} went from ${before} back to ${epoch} ${where}`);
  }
}
