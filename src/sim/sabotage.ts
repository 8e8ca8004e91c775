// Deliberate defects, laid around the machine without touching it: on its way to the wire, to the disk and back. Each
// breaks one rule, and the seeds must find it by the check named here; a checker that cannot fail proves nothing.

import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import type { Reply } from '../resp/reply.ts';
import { array, bulk, integer } from '../resp/reply.ts';
import type { SentinelConf } from '../sentinel/conf/conf.ts';
import type { Machine } from './machine.ts';
import type { Command } from './wire.ts';

export interface Sabotage {
  readonly name: string;
  /** What is broken, in a sentence. */
  readonly sentence: string;
  /** The checks it is there to prove; one of them must find it. */
  readonly caughtBy: readonly string[];
  /** The disk says "written" before it is. */
  readonly diskLies?: boolean;
  /** What a starting member reads from its disk. */
  load?(conf: SentinelConf): SentinelConf;
  /** What a member is told instead of the reply it got. */
  told?(member: SabotagedMember, command: Command, reply: Reply): Reply;
  /** What a member sends instead of what it meant to. */
  sent?(member: SabotagedMember, command: Command): Command;
  /** What a member answers instead of what it meant to. */
  answered?(member: SabotagedMember, command: Command, reply: Reply): Reply;
  /** What runs instead of the machine. */
  wrap?(member: SabotagedMember, machine: Machine): Machine;
}

/** What a sabotage knows of the member it spoils. */
export interface SabotagedMember {
  readonly id: string;
  readonly random: Random;
  readonly trueMs: number;
}

const isVoteRequest = (command: Command): boolean =>
  command.length === 6 && command[1]?.toLowerCase() === 'is-master-down-by-addr' && command[5] !== '*';

const isHello = (command: Command): boolean =>
  command.length === 3 && command[0]?.toLowerCase() === 'publish' && command[1] === '__sentinel__:hello';

const isFollow = (command: Command): boolean =>
  command.length === 3 &&
  /^(slaveof|replicaof)$/i.test(command[0] as string) &&
  command[1]?.toLowerCase() !== 'no';

export const SABOTAGES: readonly Sabotage[] = [
  {
    name: 'lying-disk',
    sentence: 'votes are answered before they are on disk',
    caughtBy: ['vote-is-durable'],
    diskLies: true,
  },
  {
    name: 'forgotten-votes',
    sentence: 'a restart forgets which epochs a member has voted in',
    caughtBy: ['epochs-grow'],
    load: (conf) => ({
      ...conf,
      currentEpoch: 0n,
      masters: conf.masters.map((master) => ({ ...master, leaderEpoch: 0n })),
    }),
  },
  {
    name: 'forged-votes',
    sentence: 'every vote a candidate asks for comes back as a vote for it',
    caughtBy: ['one-leader'],
    told: (member, command, reply) =>
      isVoteRequest(command) && reply.kind === 'array'
        ? array([integer(1), bulk(member.id), integer(BigInt(command[4] as string))])
        : reply,
  },
  {
    name: 'two-faced-voter',
    sentence: 'a voter tells every candidate that it has its vote',
    caughtBy: ['one-vote'],
    answered: (_member, command, reply) =>
      isVoteRequest(command) && reply.kind === 'array'
        ? array([integer(1), bulk(command[5] as string), integer(BigInt(command[4] as string))])
        : reply,
  },
  {
    name: 'wrong-address',
    sentence: 'now and then a hello names another primary under the same epoch',
    caughtBy: ['one-configuration'],
    sent: (member, command) => {
      if (!isHello(command) || !member.random.chance(0.05)) return command;
      const fields = (command[2] as string).split(',');
      fields[5] = '10.0.0.99';
      return [command[0] as string, command[1] as string, fields.join(',')];
    },
  },
  {
    name: 'failed-assertion',
    sentence: 'the machine throws on a closed connection',
    caughtBy: ['no-crash'],
    wrap: (_member, machine) => ({
      step: (event, now) => {
        assert(event.kind !== 'disconnected', 'nothing ever disconnects');
        return machine.step(event, now);
      },
      deadline: () => machine.deadline(),
      stateToPersist: () => machine.stateToPersist(),
    }),
  },
  {
    name: 'wrong-replica',
    sentence: 'the replica with the least data looks like the one with the most',
    caughtBy: ['replica-choice'],
    told: (_member, command, reply) =>
      command[0]?.toLowerCase() === 'info' && reply.kind === 'bulk'
        ? bulk(turnRanksAround(reply.value))
        : reply,
  },
  {
    name: 'rewound-epoch',
    sentence: 'now and then a hello carries an older configuration epoch',
    caughtBy: ['epochs-grow'],
    sent: (member, command) => {
      if (!isHello(command) || !member.random.chance(0.05)) return command;
      const fields = (command[2] as string).split(',');
      const epoch = BigInt(fields[7] as string);
      if (epoch > 0n) fields[7] = String(epoch - 1n);
      return [command[0] as string, command[1] as string, fields.join(',')];
    },
  },
  {
    name: 'nobody-follows',
    sentence: 'replicas are never told whom to follow',
    caughtBy: ['agreement'],
    sent: (_member, command) => (isFollow(command) ? ['PING'] : command),
  },
  {
    name: 'silence',
    sentence: 'members do not tell each other what they know',
    caughtBy: ['agreement'],
    sent: (member, command) =>
      isHello(command) && member.trueMs > 15_000 ? ['PUBLISH', 'elsewhere', ''] : command,
  },
];

/** Priorities and offsets upside down. */
function turnRanksAround(info: string): string {
  return info
    .replace(
      /^slave_priority:([1-9]\d*)/m,
      (_line, priority: string) => `slave_priority:${1_000 - Number(priority)}`,
    )
    .replace(
      /^slave_repl_offset:(\d+)/m,
      (_line, offset: string) => `slave_repl_offset:${1_000_000_000 - Number(offset)}`,
    );
}
