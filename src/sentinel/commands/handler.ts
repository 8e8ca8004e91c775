// How the monitor's commands are written: arguments in, reply out, now or later.

import type { Reply } from '../../resp/reply.ts';
import { error } from '../../resp/reply.ts';
import type { Core } from '../core.ts';
import type { Master } from '../instance.ts';

/** Called once when the answer depends on something that takes time; the client is held until it is answered. */
export type Defer = () => (reply: Reply) => void;

/** `args` as sent: args[0] is the command, args[1] the subcommand. Arity has been checked. */
export type MonitorCommand = (core: Core, args: readonly string[], defer: Defer) => Reply | 'later';

export const NO_SUCH_MASTER: Reply = error('ERR No such master with that name');
export const CONTROL_CHARACTERS: Reply = error(
  'ERR Invalid argument: it must not contain control characters',
);
export const SAVE_FAILED: Reply = error('ERR Failed to save config file. Check server logs.');

/** Whether the configuration file could not hold these words in one line (sentinel.md §10.2). */
export function hasControlCharacters(words: readonly string[]): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return words.some((word) => /[\x00-\x1f\x7f]/.test(word));
}

/** Runs `command` with the master that args[2] names. */
export function withMaster(
  command: (core: Core, master: Master, args: readonly string[]) => Reply,
): MonitorCommand {
  return (core, args) => {
    const master = core.masters.get(args[2] ?? '');
    return master === undefined ? NO_SUCH_MASTER : command(core, master, args);
  };
}

/** Saves the configuration, then answers: `reply`, or that it could not be saved (what was changed stays changed). */
export function afterSaving(core: Core, defer: Defer, reply: Reply, then: () => void = () => {}): 'later' {
  const answer = defer();
  core.persistence.save((saved) => {
    answer(saved ? reply : SAVE_FAILED);
    then();
  });
  return 'later';
}
