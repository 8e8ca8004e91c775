// What a command is: its place in the table, its ACL categories, and the shape of what runs it (sentinel.md §1.2).

import type { Reply } from '../../resp/reply.ts';
import type { Session } from './session.ts';

/** All ACL categories, in the order ACL CAT tells them. Most have no command in a sentinel, yet rules may name them. */
export const CATEGORIES = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
] as const;

export type Category = (typeof CATEGORIES)[number];

export function isCategory(text: string): text is Category {
  return (CATEGORIES as readonly string[]).includes(text);
}

/** Flags as COMMAND INFO tells them. `no_auth`: may run before AUTH, and whatever the ACL rules say. */
export type Flag =
  'admin' | 'noscript' | 'pubsub' | 'loading' | 'stale' | 'no_multi' | 'fast' | 'no_auth' | 'allow_busy';

/** One line of the command table. */
export interface Command {
  /** Lower case; `parent|sub` for a subcommand. Never the renamed name. */
  readonly name: string;
  /** Words of a request, command and subcommand included; negative: at least that many. */
  readonly arity: number;
  readonly flags: readonly Flag[];
  readonly categories: readonly Category[];
  /** A sentence, for COMMAND DOCS and HELP. */
  readonly summary: string;
  /** The Redis version that first had it. */
  readonly since: string;
  /** COMMAND DOCS' group. */
  readonly group: string;
  /** The arguments, one entry a form, for HELP. */
  readonly usages: readonly string[];
  /** COMMAND INFO's tips. */
  readonly tips: readonly string[];
  /** Empty unless it is a container. */
  readonly subcommands: readonly Command[];
  /** False for Valkey's names on a sentinel that passes for Redis: they work and are not told of. */
  readonly isListed: boolean;
}

/** One request being served. */
export interface Call {
  readonly session: Session;
  /** As sent: `args[0]` is the command, `args[1]` the subcommand where there is one. */
  readonly args: readonly string[];
  /** Monotonic milliseconds. */
  readonly now: number;
}

/**
 * What a handler says. `later`: it called `Server.defer` and answers through it; the client is held until then.
 * `none`: no reply (SHUTDOWN), or the handler sent its frames itself.
 */
export type Outcome = Reply | 'later' | 'none';

/** Serves a command whose arity, and whose caller's right to it, have been checked. */
export type Handler = (call: Call) => Outcome;

/** Whether a request of `count` words has a length that `arity` accepts. */
export function fitsArity(arity: number, count: number): boolean {
  return arity >= 0 ? count === arity : count >= -arity;
}

/** The last part of a command's name: `kill` of `client|kill`. */
export function ownName(command: Command): string {
  return command.name.slice(command.name.indexOf('|') + 1);
}

/** Visits a command and its subcommands, those that are not listed too. */
export function* withSubcommands(commands: Iterable<Command>): Generator<Command> {
  for (const command of commands) {
    yield command;
    yield* command.subcommands;
  }
}
