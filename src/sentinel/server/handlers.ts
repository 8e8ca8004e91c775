// Which function serves which command: the port's own, and those the monitor gives it.

import { assert } from '../../base/assert.ts';
import { error } from '../../resp/reply.ts';
import { ACL_HANDLERS } from './acl-command.ts';
import { CLIENT_HANDLERS } from './client-command.ts';
import { COMMAND_HANDLERS } from './command-command.ts';
import { withSubcommands, type Handler } from './command.ts';
import type { CommandTable } from './command-table.ts';
import type { OwnHandler } from './desk.ts';
import { helpReply } from './help.ts';
import { auth, hello } from './login.ts';
import { ping, subscribe, unsubscribe } from './pubsub.ts';
import { SYNTAX_ERROR } from './replies.ts';
import { sentinelHandlerName, type SentinelHandlers } from './sentinel-rows.ts';

/** What the monitor answers. Arity and rights have been checked when one is called. */
export interface Handlers {
  /** By subcommand, under Redis's names: `slaves`, `primary` and the like arrive at the handler of the other name. */
  readonly sentinel: SentinelHandlers;
  readonly info: Handler;
  readonly publish: Handler;
  readonly role: Handler;
  /** Options are sound and ask for an end; `none` is the proper outcome. */
  readonly shutdown: Handler;
}

/** SHUTDOWN's options; there is never one in progress to abort, and nothing to save. */
const shutdown =
  (end: Handler): OwnHandler =>
  (call) => {
    const options = call.args.slice(1).map((option) => option.toUpperCase());
    const isKnown = options.every((option) => ['NOSAVE', 'SAVE', 'NOW', 'FORCE', 'ABORT'].includes(option));
    const contradicts = options.includes('SAVE') && options.includes('NOSAVE');
    const aborts = options.includes('ABORT');
    if (!isKnown || contradicts || (aborts && options.length > 1)) return SYNTAX_ERROR;
    return aborts ? error('ERR No shutdown in progress.') : end(call);
  };

/** A handler for every command of the table that can run, by full name; a gap is a bug. */
export function bindHandlers(table: CommandTable, handlers: Handlers): ReadonlyMap<string, OwnHandler> {
  const bound = new Map<string, OwnHandler>([
    ...Object.entries({ ...ACL_HANDLERS, ...CLIENT_HANDLERS, ...COMMAND_HANDLERS }),
    ['auth', auth],
    ['hello', hello],
    ['info', handlers.info],
    ['ping', ping],
    ['psubscribe', subscribe(true)],
    ['publish', handlers.publish],
    ['punsubscribe', unsubscribe(true)],
    ['role', handlers.role],
    ['shutdown', shutdown(handlers.shutdown)],
    ['subscribe', subscribe(false)],
    ['unsubscribe', unsubscribe(false)],
  ]);
  const fromMonitor: Readonly<Record<string, Handler | undefined>> = handlers.sentinel;
  for (const parent of table.commands()) {
    for (const { name } of parent.subcommands) {
      const sub = name.slice(parent.name.length + 1);
      const handler = parent.name === 'sentinel' ? fromMonitor[sentinelHandlerName(sub)] : undefined;
      if (sub === 'help') bound.set(name, () => helpReply(parent));
      else if (handler !== undefined) bound.set(name, handler);
    }
  }
  for (const { name, subcommands } of withSubcommands(table.commands())) {
    // A container alone has too few words to pass the check of arity; COMMAND means COMMAND INFO.
    assert(bound.has(name) || subcommands.length > 0, `no handler serves ${name}`);
  }
  return bound;
}
