// ACL's subcommands (sentinel.md §1.6).

import { strictInteger } from '../../base/strict-integer.ts';
import type { Problem } from '../../base/result.ts';
import { array, bulk, bulks, error, integer, NULL, OK, type Reply } from '../../resp/reply.ts';
import { applyRules, isUserName } from './acl-rules.ts';
import { initialDefault, loadAclFile, ruleContext } from './acl-users.ts';
import {
  denialOf,
  mayHear,
  newUser,
  selectorTexts,
  userFlags,
  type Selector,
  type User,
} from './acl-user.ts';
import { CATEGORIES, fitsArity, isCategory } from './command.ts';
import type { Desk, OwnHandler } from './desk.ts';
import { errorLine, NOT_AN_INTEGER, wrongArity } from './replies.ts';

const LOG_ENTRIES_DEFAULT = 10;
const PASSWORD_BITS_DEFAULT = 256;
const PASSWORD_BITS_MAX = 4096;

const cat: OwnHandler = ({ args }, { table }) => {
  const [, , given, ...more] = args;
  if (more.length > 0) return wrongArity('acl|cat');
  if (given === undefined) return bulks(CATEGORIES);
  const category = given.toLowerCase();
  if (!isCategory(category)) return errorLine(`ERR Unknown category '${given}'`);
  return bulks(
    [...table.listed()].filter((command) => command.categories.includes(category)).map(({ name }) => name),
  );
};

/** All or none; the connections of removed users end with them. */
const deluser: OwnHandler = ({ args }, desk) => {
  const names = args.slice(2);
  if (names.includes('default')) return error("ERR The 'default' user cannot be removed");
  const count = names.filter((name) => desk.users.delete(name)).length;
  closeStrangers(desk);
  return integer(count);
};

const dryrun: OwnHandler = ({ args }, { users, table }) => {
  const [, , name = '', ...request] = args;
  const user = users.get(name);
  if (user === undefined) return errorLine(`ERR User '${name}' not found`);
  const found = table.find(request);
  if (found.kind !== 'command') return errorLine(`ERR Command '${request[0] ?? ''}' not found`);
  const { command } = found;
  if (!fitsArity(command.arity, request.length)) return wrongArity(command.name);
  const denial = denialOf(user, command, request);
  if (denial === null) return OK;
  return bulk(
    denial.kind === 'command'
      ? `User ${name} has no permissions to run the '${command.name}' command`
      : `User ${name} has no permissions to access the '${denial.channel}' channel`,
  );
};

const genpass: OwnHandler = ({ args }, { host }) => {
  const [, , given, ...more] = args;
  if (more.length > 0) return wrongArity('acl|genpass');
  const bits = given === undefined ? PASSWORD_BITS_DEFAULT : strictInteger(given);
  if (bits === null) return NOT_AN_INTEGER;
  if (bits < 1 || bits > PASSWORD_BITS_MAX) {
    return error(`ERR ACL GENPASS takes the bits of the password, 1 to ${PASSWORD_BITS_MAX}`);
  }
  return bulk(host.secretHex(Math.ceil(bits / 4)));
};

const getuser: OwnHandler = ({ args }, { users }) => {
  const user = users.get(args[2] ?? '');
  if (user === undefined) return NULL;
  return {
    kind: 'map',
    entries: [
      [bulk('flags'), { kind: 'set', items: userFlags(user).map(bulk) }],
      [bulk('passwords'), bulks(user.passwordHashes)],
      ...selectorEntries(user.root),
      [
        bulk('selectors'),
        array(user.selectors.map((selector) => ({ kind: 'map', entries: selectorEntries(selector) }))),
      ],
    ],
  };
};

function selectorEntries(selector: Selector): (readonly [Reply, Reply])[] {
  const { commands, keys, channels } = selectorTexts(selector);
  return [
    [bulk('commands'), bulk(commands)],
    [bulk('keys'), bulk(keys)],
    [bulk('channels'), bulk(channels)],
  ];
}

const log: OwnHandler = ({ args, now }, { aclLog }) => {
  const [, , given, ...more] = args;
  if (more.length > 0) return wrongArity('acl|log');
  if (given?.toUpperCase() === 'RESET') {
    aclLog.reset();
    return OK;
  }
  const count = given === undefined ? LOG_ENTRIES_DEFAULT : strictInteger(given);
  if (count === null) return NOT_AN_INTEGER;
  return aclLog.reply(Math.max(0, count), now);
};

const setuser: OwnHandler = ({ args }, desk) => {
  const [, , name = '', ...rules] = args;
  // Differs from Sentinel: a user without a name is refused, because no line of a file could hold it.
  if (!isUserName(name)) return error("ERR Usernames can't be empty or contain spaces or null characters");
  const user = desk.users.get(name) ?? newUser(name, desk.conf.aclPubsubDefault);
  const changed = applyRules(user, rules, ruleContext(desk.conf, desk.host, desk.table));
  if (!changed.ok) {
    const { problem } = changed;
    if ('unmatched' in problem) {
      return errorLine(`ERR Unmatched parenthesis in acl selector starting at '${problem.unmatched}'.`);
    }
    return errorLine(`ERR Error in ACL SETUSER modifier '${problem.rule}': ${problem.reason}`);
  }
  desk.users.set(changed.value);
  closeStrangers(desk);
  return OK;
};

const load: OwnHandler = (_call, desk) => {
  const { aclFile } = desk.conf;
  if (aclFile === null) return NO_ACL_FILE;
  const context = ruleContext(desk.conf, desk.host, desk.table);
  const loaded = loadAclFile(aclFile, initialDefault(desk.conf, desk.host), desk.host, context);
  if (!loaded.ok) {
    const problems = loaded.problem.map((problem) => problemLine(problem));
    for (const line of problems) desk.log('warning', `ACL LOAD: ${line}`);
    return errorLine(`ERR ${problems.join(' ')} No user was changed.`);
  }
  desk.users.replaceWith(loaded.value);
  closeStrangers(desk);
  return OK;
};

function problemLine({ sentence, where }: Problem): string {
  const full = /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
  return where === undefined ? full : `${where}: ${full}`;
}

const save: OwnHandler = (_call, { conf, host, users, log }) => {
  if (conf.aclFile === null) return NO_ACL_FILE;
  const text = users.lines().map((line) => `user ${line}\n`);
  const written = host.writeTextFile(conf.aclFile, text.join(''));
  if (written.ok) return OK;
  log('warning', `ACL SAVE: ${conf.aclFile} could not be written: ${written.problem}`);
  return error('ERR The users could not be saved to the aclfile; the log says why.');
};

const NO_ACL_FILE = error(
  'ERR This sentinel has no ACL file. Name one with aclfile in its configuration; without one, users are kept in the ' +
    'configuration file itself, which SENTINEL FLUSHCONFIG writes.',
);

/** Ends the connections of users that are gone, and of those that hear what they may no longer hear. */
function closeStrangers(desk: Desk): void {
  for (const session of desk.sessions.values()) {
    const user = desk.users.get(session.userName);
    if (user === undefined || hearsTooMuch(user, session.channels, session.patterns)) desk.close(session);
  }
}

function hearsTooMuch(user: User, channels: ReadonlySet<string>, patterns: ReadonlySet<string>): boolean {
  return (
    [...channels].some((channel) => !mayHear(user, channel, false)) ||
    [...patterns].some((pattern) => !mayHear(user, pattern, true))
  );
}

/** ACL's subcommands but for HELP. */
export const ACL_HANDLERS: Readonly<Record<string, OwnHandler>> = {
  'acl|cat': cat,
  'acl|deluser': deluser,
  'acl|dryrun': dryrun,
  'acl|genpass': genpass,
  'acl|getuser': getuser,
  'acl|list': (_call, { users }) => bulks(users.lines().map((line) => `user ${line}`)),
  'acl|load': load,
  'acl|log': log,
  'acl|save': save,
  'acl|setuser': setuser,
  'acl|users': (_call, { users }) => bulks(users.all().map((user) => user.name)),
  'acl|whoami': ({ session }) => bulk(session.userName),
};
