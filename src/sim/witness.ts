// What a checker may see: the boundary between a member and the world, never the machine's own memory. A checker
// implements what it needs of this; all times are the member's own clock, since its decisions are made by that.

import type { Reply } from '../resp/reply.ts';
import type { SentinelConf } from '../sentinel/conf/conf.ts';
import type { Member } from './member.ts';
import type { Command } from './wire.ts';

/** Where a member's outgoing connection leads. */
export interface Remote {
  readonly ip: string;
  readonly port: number;
}

export interface Witness {
  /** A process began with what it found on its disk. */
  started?(member: Member, conf: SentinelConf): void;
  /** It died. */
  stopped?(member: Member): void;
  /** An `event` effect: `+sdown`, `+switch-master` ... */
  event?(member: Member, name: string, text: string, now: number): void;
  /** One more outgoing connection has been asked for, or ended (by either side). */
  dialled?(member: Member, connection: number, remote: Remote): void;
  hungUp?(member: Member, connection: number, remote: Remote): void;
  /** A command left on an outgoing connection. */
  sent?(member: Member, remote: Remote, command: Command, now: number): void;
  /** The reply to `command` is about to be handed to the machine. */
  told?(member: Member, remote: Remote, command: Command, reply: Reply, now: number): void;
  /** The answer to somebody's `command` left. */
  answered?(member: Member, command: Command, reply: Reply, now: number): void;
  /** A state reached the disk. */
  saved?(member: Member, conf: SentinelConf): void;
}

/** Says that a rule was broken. The first call ends the run. */
export type Accuse = (check: string, sentence: string) => void;

/** All witnesses of a run as one. */
export class Witnesses implements Required<Witness> {
  readonly #all: readonly Witness[];

  constructor(all: readonly Witness[]) {
    this.#all = all;
  }

  started(member: Member, conf: SentinelConf): void {
    for (const witness of this.#all) witness.started?.(member, conf);
  }

  stopped(member: Member): void {
    for (const witness of this.#all) witness.stopped?.(member);
  }

  event(member: Member, name: string, text: string, now: number): void {
    for (const witness of this.#all) witness.event?.(member, name, text, now);
  }

  dialled(member: Member, connection: number, remote: Remote): void {
    for (const witness of this.#all) witness.dialled?.(member, connection, remote);
  }

  hungUp(member: Member, connection: number, remote: Remote): void {
    for (const witness of this.#all) witness.hungUp?.(member, connection, remote);
  }

  sent(member: Member, remote: Remote, command: Command, now: number): void {
    for (const witness of this.#all) witness.sent?.(member, remote, command, now);
  }

  told(member: Member, remote: Remote, command: Command, reply: Reply, now: number): void {
    for (const witness of this.#all) witness.told?.(member, remote, command, reply, now);
  }

  answered(member: Member, command: Command, reply: Reply, now: number): void {
    for (const witness of this.#all) witness.answered?.(member, command, reply, now);
  }

  saved(member: Member, conf: SentinelConf): void {
    for (const witness of this.#all) witness.saved?.(member, conf);
  }
}
