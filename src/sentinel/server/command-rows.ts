// The command table as data, but for SENTINEL's own subcommands: names, arities, categories, what COMMAND DOCS and
// HELP say (sentinel.md §1.2, §1.6). This is all a sentinel understands.

import { CATEGORIES, type Category, type Command, type Flag } from './command.ts';

/** What differs from line to line; the rest follows from the flags. */
export interface Row {
  readonly name: string;
  readonly arity: number;
  readonly summary: string;
  readonly since: string;
  readonly usages?: readonly string[];
  readonly flags?: readonly Flag[];
  /** Categories that do not follow from the flags. */
  readonly extra?: readonly Category[];
  readonly group?: string;
  readonly tips?: readonly string[];
  readonly subcommands?: readonly Command[];
  readonly isListed?: boolean;
}

/** Makes a line of the table: `admin` implies two categories, and what is not `fast` is slow. */
export function command(row: Row): Command {
  const flags = row.flags ?? [];
  const categories = new Set<Category>(row.extra ?? []);
  if (flags.includes('admin')) categories.add('admin').add('dangerous');
  if (flags.includes('pubsub')) categories.add('pubsub');
  categories.add(flags.includes('fast') ? 'fast' : 'slow');
  return {
    name: row.name,
    arity: row.arity,
    flags,
    categories: CATEGORIES.filter((category) => categories.has(category)),
    summary: row.summary,
    since: row.since,
    group: row.group ?? 'server',
    usages: row.usages ?? [''],
    tips: row.tips ?? [],
    subcommands: row.subcommands ?? [],
    isListed: row.isListed ?? true,
  };
}

const ANYTIME: readonly Flag[] = ['noscript', 'loading', 'stale'];
const ADMIN: readonly Flag[] = ['admin', ...ANYTIME];

const client = (row: Row): Command =>
  command({ flags: ANYTIME, group: 'connection', ...row, name: `client|${row.name}`, extra: ['connection'] });

const CLIENT: readonly Command[] = [
  client({
    name: 'caching',
    arity: 3,
    since: '6.0.0',
    usages: ['(YES|NO)'],
    summary: 'Say whether the keys of the next command are tracked, in the OPTIN and OPTOUT modes.',
  }),
  client({ name: 'getname', arity: 2, since: '2.6.9', summary: 'Tell the name of this connection.' }),
  client({
    name: 'getredir',
    arity: 2,
    since: '6.0.0',
    summary: 'Tell the id of the client that gets the invalidations of this connection.',
  }),
  client({
    name: 'help',
    arity: 2,
    since: '5.0.0',
    flags: ['loading', 'stale'],
    summary: 'Print this help.',
  }),
  client({ name: 'id', arity: 2, since: '5.0.0', summary: 'Tell the id of this connection.' }),
  client({
    name: 'info',
    arity: 2,
    since: '6.2.0',
    tips: ['nondeterministic_output'],
    summary: 'Describe this connection in one line.',
  }),
  client({
    name: 'kill',
    arity: -3,
    since: '2.4.0',
    flags: ADMIN,
    usages: ['<ip:port>', '<filter> <value> [<filter> <value> ...]'],
    summary:
      'Close connections: the one from that address, or all that pass every filter. The filters: ID, TYPE ' +
      '(NORMAL|PUBSUB|MASTER|REPLICA), ADDR, LADDR, USER, MAXAGE (seconds) and SKIPME (YES|NO).',
  }),
  client({
    name: 'list',
    arity: -2,
    since: '2.4.0',
    flags: ADMIN,
    tips: ['nondeterministic_output'],
    usages: ['[TYPE (NORMAL|PUBSUB|MASTER|REPLICA)] [ID <id> ...]'],
    summary: 'Describe the connections, one a line.',
  }),
  client({
    name: 'no-evict',
    arity: 3,
    since: '7.0.0',
    flags: ADMIN,
    usages: ['(ON|OFF)'],
    summary: 'Spare this connection when memory for clients runs out.',
  }),
  client({
    name: 'pause',
    arity: -3,
    since: '3.0.0',
    flags: ADMIN,
    usages: ['<milliseconds> [WRITE|ALL]'],
    summary: 'Serve no client for so long. WRITE holds back writing commands only; a sentinel has none.',
  }),
  client({
    name: 'reply',
    arity: 3,
    since: '3.2.0',
    usages: ['(ON|OFF|SKIP)'],
    summary: 'Send replies, send none, or leave out the next one.',
  }),
  client({
    name: 'setinfo',
    arity: 4,
    since: '7.2.0',
    usages: ['(LIB-NAME|LIB-VER) <text>'],
    summary: 'Tell the name or the version of the client library.',
  }),
  client({ name: 'setname', arity: 3, since: '2.6.9', usages: ['<name>'], summary: 'Name this connection.' }),
  client({
    name: 'tracking',
    arity: -3,
    since: '6.0.0',
    usages: ['(ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <text> ...] [OPTIN] [OPTOUT] [NOLOOP]'],
    summary: 'Ask to hear when keys change. A sentinel has no keys.',
  }),
  client({ name: 'trackinginfo', arity: 2, since: '6.2.0', summary: 'Tell what CLIENT TRACKING was told.' }),
  client({
    name: 'unblock',
    arity: -3,
    since: '5.0.0',
    flags: ADMIN,
    usages: ['<id> [TIMEOUT|ERROR]'],
    summary: 'Wake a client that waits in a blocking command; a sentinel has none.',
  }),
  client({ name: 'unpause', arity: 2, since: '6.2.0', flags: ADMIN, summary: 'End CLIENT PAUSE.' }),
];

const acl = (row: Row): Command => command({ flags: ANYTIME, ...row, name: `acl|${row.name}` });

const ACL: readonly Command[] = [
  acl({
    name: 'cat',
    arity: -2,
    since: '6.0.0',
    usages: ['[<category>]'],
    summary: 'List the categories, or the commands of one.',
  }),
  acl({
    name: 'deluser',
    arity: -3,
    since: '6.0.0',
    flags: ADMIN,
    usages: ['<user> [<user> ...]'],
    summary: 'Remove users and close their connections.',
  }),
  acl({
    name: 'dryrun',
    arity: -4,
    since: '7.0.0',
    flags: ADMIN,
    usages: ['<user> <command> [<arg> ...]'],
    summary: 'Tell whether the user may run that command, without running it.',
  }),
  acl({
    name: 'genpass',
    arity: -2,
    since: '6.0.0',
    usages: ['[<bits>]'],
    summary: 'Make a random password of 256 or the given number of bits, in hexadecimal.',
  }),
  acl({
    name: 'getuser',
    arity: 3,
    since: '6.0.0',
    flags: ADMIN,
    usages: ['<user>'],
    summary: "Tell a user's rules.",
  }),
  acl({ name: 'help', arity: 2, since: '6.0.0', flags: ['loading', 'stale'], summary: 'Print this help.' }),
  acl({
    name: 'list',
    arity: 2,
    since: '6.0.0',
    flags: ADMIN,
    summary: 'List the users as lines of a file.',
  }),
  acl({
    name: 'load',
    arity: 2,
    since: '6.0.0',
    flags: ADMIN,
    summary: 'Read all users again from the ACL file.',
  }),
  acl({
    name: 'log',
    arity: -2,
    since: '6.0.0',
    flags: ADMIN,
    usages: ['[<count> | RESET]'],
    summary: 'Tell of refused commands, channels and logins, the latest first; or forget them.',
  }),
  acl({ name: 'save', arity: 2, since: '6.0.0', flags: ADMIN, summary: 'Write all users to the ACL file.' }),
  acl({
    name: 'setuser',
    arity: -3,
    since: '6.0.0',
    flags: ADMIN,
    usages: ['<user> [<rule> ...]'],
    summary: 'Make a user, or add rules to one.',
  }),
  acl({ name: 'users', arity: 2, since: '6.0.0', flags: ADMIN, summary: 'List the names of the users.' }),
  acl({ name: 'whoami', arity: 2, since: '6.0.0', summary: 'Tell the user of this connection.' }),
];

const command_ = (row: Row): Command =>
  command({ flags: ['loading', 'stale'], ...row, name: `command|${row.name}`, extra: ['connection'] });

const COMMAND: readonly Command[] = [
  command_({ name: 'count', arity: 2, since: '2.8.13', summary: 'Count the commands.' }),
  command_({
    name: 'docs',
    arity: -2,
    since: '7.0.0',
    tips: ['nondeterministic_output_order'],
    usages: ['[<command> ...]'],
    summary: 'Tell what commands are for; all of them unless some are named.',
  }),
  command_({
    name: 'getkeys',
    arity: -3,
    since: '2.8.13',
    usages: ['<command> [<arg> ...]'],
    summary: 'Tell the keys a request would touch. None does here.',
  }),
  command_({
    name: 'getkeysandflags',
    arity: -3,
    since: '7.0.0',
    usages: ['<command> [<arg> ...]'],
    summary: 'The same, with what would be done to each key.',
  }),
  command_({ name: 'help', arity: 2, since: '5.0.0', summary: 'Print this help.' }),
  command_({
    name: 'info',
    arity: -2,
    since: '2.8.13',
    tips: ['nondeterministic_output_order'],
    usages: ['[<command> ...]'],
    summary: 'Tell the lines of the command table; all of them unless some are named.',
  }),
  command_({
    name: 'list',
    arity: -2,
    since: '7.0.0',
    tips: ['nondeterministic_output_order'],
    usages: ['[FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <glob>)]'],
    summary: 'List the names of commands and subcommands.',
  }),
];

const pubsub = (row: Row): Command => command({ flags: ['pubsub', ...ANYTIME], ...row, group: 'pubsub' });

const LOGIN: readonly Flag[] = [...ANYTIME, 'fast', 'no_auth', 'allow_busy'];

/** The 15 commands. `sentinel`: SENTINEL's subcommands. */
export function commandRows(sentinel: readonly Command[]): readonly Command[] {
  return [
    command({
      name: 'acl',
      arity: -2,
      since: '6.0.0',
      summary: 'Users and what they may do.',
      subcommands: ACL,
    }),
    command({
      name: 'auth',
      arity: -2,
      since: '1.0.0',
      flags: LOGIN,
      extra: ['connection'],
      group: 'connection',
      usages: ['[<user>] <password>'],
      summary: 'Prove to be a user.',
    }),
    command({
      name: 'client',
      arity: -2,
      since: '2.4.0',
      group: 'connection',
      summary: 'The connections of this server.',
      subcommands: CLIENT,
    }),
    command({
      name: 'command',
      arity: -1,
      since: '2.8.13',
      flags: ['loading', 'stale'],
      extra: ['connection'],
      tips: ['nondeterministic_output_order'],
      summary: 'The command table.',
      subcommands: COMMAND,
    }),
    command({
      name: 'hello',
      arity: -1,
      since: '6.0.0',
      flags: LOGIN,
      extra: ['connection'],
      group: 'connection',
      usages: ['[<protocol> [AUTH <user> <password>] [SETNAME <name>]]'],
      summary: 'Choose a protocol and shake hands.',
    }),
    command({
      name: 'info',
      arity: -1,
      since: '1.0.0',
      flags: ['loading', 'stale'],
      extra: ['dangerous'],
      tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
      usages: ['[<section> ...]'],
      summary: 'Tell what there is to know about this server.',
    }),
    command({
      name: 'ping',
      arity: -1,
      since: '1.0.0',
      flags: ['fast'],
      extra: ['connection'],
      group: 'connection',
      tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
      usages: ['[<message>]'],
      summary: 'Answer, to show that somebody is there.',
    }),
    pubsub({
      name: 'psubscribe',
      arity: -2,
      since: '2.0.0',
      usages: ['<pattern> ...'],
      summary: 'Hear channels that match patterns.',
    }),
    command({
      name: 'publish',
      arity: 3,
      since: '2.0.0',
      flags: ['pubsub', 'loading', 'stale', 'fast'],
      group: 'pubsub',
      usages: ['<channel> <message>'],
      summary: "Hand over another sentinel's hello.",
    }),
    pubsub({
      name: 'punsubscribe',
      arity: -1,
      since: '2.0.0',
      usages: ['[<pattern> ...]'],
      summary: 'Hear no more of patterns.',
    }),
    command({
      name: 'role',
      arity: 1,
      since: '2.8.12',
      flags: [...ANYTIME, 'fast'],
      extra: ['admin', 'dangerous'],
      summary: 'Tell that this is a sentinel, and of which masters.',
    }),
    command({
      name: 'sentinel',
      arity: -2,
      since: '2.8.4',
      flags: ['admin'],
      group: 'sentinel',
      summary: 'What this sentinel watches, knows and does.',
      subcommands: sentinel,
    }),
    command({
      name: 'shutdown',
      arity: -1,
      since: '1.0.0',
      flags: [...ADMIN, 'no_multi', 'allow_busy'],
      usages: ['[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]'],
      summary: 'End this process.',
    }),
    pubsub({
      name: 'subscribe',
      arity: -2,
      since: '2.0.0',
      usages: ['<channel> ...'],
      summary: 'Hear channels.',
    }),
    pubsub({
      name: 'unsubscribe',
      arity: -1,
      since: '2.0.0',
      usages: ['[<channel> ...]'],
      summary: 'Hear no more of channels.',
    }),
  ];
}
