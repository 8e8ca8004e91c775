// The checks a request passes before it is served, in the reference's order (sentinel.md §1.1): does the command exist,
// has it the right number of words, is the client logged in, may its user do this, may a RESP2 subscriber. (That the
// name is looked at first lets a stranger tell which commands exist; it is what clients know.)

import { failure, success, type Result } from '../../base/result.ts';
import { error, type Reply } from '../../resp/reply.ts';
import { denialOf, INITIAL_DEFAULT_USER, type Denial } from './acl-user.ts';
import { fitsArity, type Call, type Command } from './command.ts';
import type { Desk } from './desk.ts';
import { NO_AUTH, unknownCommand, unknownSubcommand, wrongArity } from './replies.ts';

/** What a RESP2 connection that subscribed may still say. */
const SUBSCRIBER_COMMANDS = ['ping', 'subscribe', 'psubscribe', 'unsubscribe', 'punsubscribe'];

/** The command to run, or the error to answer. */
export function checkRequest(call: Call, desk: Desk): Result<Command, Reply> {
  const { session, args } = call;
  const found = desk.table.find(args);
  session.lastCommand = found.kind === 'command' ? found.command.name : null;
  if (found.kind === 'unknown-command') return failure(unknownCommand(args));
  if (found.kind === 'unknown-subcommand')
    return failure(unknownSubcommand(found.parent.name, args[1] ?? ''));
  const { command } = found;
  if (!fitsArity(command.arity, args.length)) return failure(wrongArity(command.name));
  if (!desk.isAuthenticated(session) && !command.flags.includes('no_auth')) return failure(NO_AUTH);
  // A user that was removed takes its connections along, so one is always found.
  const denial = denialOf(desk.users.get(session.userName) ?? INITIAL_DEFAULT_USER, command, args);
  if (denial !== null) {
    const object = denial.kind === 'command' ? command.name : denial.channel;
    desk.noteRefusal(session, { reason: denial.kind, object, userName: session.userName }, call.now);
    return failure(denialReply(session.userName, denial));
  }
  if (session.isSubscribedOnly && !SUBSCRIBER_COMMANDS.includes(command.name)) {
    return failure(
      error(
        `ERR Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET ` +
          'are allowed in this context',
      ),
    );
  }
  return success(command);
}

function denialReply(userName: string, denial: Denial): Reply {
  if (denial.kind === 'channel') return error('NOPERM No permissions to access a channel');
  return error(`NOPERM User ${userName} has no permissions to run the '${denial.command.name}' command`);
}
