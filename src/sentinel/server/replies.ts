// The error replies every command shares, in the words clients look for (sentinel.md §1.1).

import { error, type Reply } from '../../resp/reply.ts';

/** The words of an unknown command that are repeated in the error. */
const ECHO_CHARACTERS_MAX = 128;

/** An error whose text repeats what a client sent: one line whatever that was. */
export function errorLine(text: string): Reply {
  return error(text.replace(/[\r\n]/g, ' '));
}

/** The arguments are quoted, each followed by a blank, so without any the text ends in one. */
export function unknownCommand(args: readonly string[]): Reply {
  let shown = '';
  for (const arg of args.slice(1)) {
    if (shown.length >= ECHO_CHARACTERS_MAX) break;
    shown += `'${arg.slice(0, ECHO_CHARACTERS_MAX - shown.length)}' `;
  }
  const name = (args[0] ?? '').slice(0, ECHO_CHARACTERS_MAX);
  return errorLine(`ERR unknown command '${name}', with args beginning with: ${shown}`);
}

export function unknownSubcommand(parent: string, given: string): Reply {
  const name = given.slice(0, ECHO_CHARACTERS_MAX);
  return errorLine(`ERR unknown subcommand '${name}'. Try ${parent.toUpperCase()} HELP.`);
}

/** `name` is the full name: `sentinel|masters`. */
export function wrongArity(name: string): Reply {
  return error(`ERR wrong number of arguments for '${name}' command`);
}

export const NO_AUTH: Reply = error('NOAUTH Authentication required.');
export const WRONG_PASS: Reply = error('WRONGPASS invalid username-password pair or user is disabled.');
export const SYNTAX_ERROR: Reply = error('ERR syntax error');
export const NOT_AN_INTEGER: Reply = error('ERR value is not an integer or out of range');
