// COMMAND: the table, told to clients (sentinel.md §1.2).

import { globMatches } from '../../base/glob.ts';
import { array, bulk, bulks, error, integer, NULL, simple, type Reply } from '../../resp/reply.ts';
import { isCategory, type Command } from './command.ts';
import type { OwnHandler } from './desk.ts';
import { SYNTAX_ERROR } from './replies.ts';

const set = (items: readonly Reply[]): Reply => ({ kind: 'set', items });

/** The ten fields of a command: name, arity, flags, three key positions, categories, tips, key specs, subcommands. */
function infoReply(command: Command): Reply {
  const subcommands = command.subcommands.filter((subcommand) => subcommand.isListed);
  return array([
    bulk(command.name),
    integer(command.arity),
    set(command.flags.map(simple)),
    integer(0),
    integer(0),
    integer(0),
    set(command.categories.map((category) => simple(`@${category}`))),
    set(command.tips.map(bulk)),
    set([]),
    subcommands.length === 0 ? set([]) : array(subcommands.map(infoReply)),
  ]);
}

function docsEntry(command: Command): readonly [Reply, Reply] {
  const entries: (readonly [Reply, Reply])[] = [
    [bulk('summary'), bulk(command.summary)],
    [bulk('since'), bulk(command.since)],
    [bulk('group'), bulk(command.group)],
  ];
  const subcommands = command.subcommands.filter((subcommand) => subcommand.isListed);
  if (subcommands.length > 0) {
    entries.push([bulk('subcommands'), { kind: 'map', entries: subcommands.map(docsEntry) }]);
  }
  return [bulk(command.name), { kind: 'map', entries }];
}

const info: OwnHandler = ({ args }, { table }) => {
  if (args.length <= 2) return array(table.commands().map(infoReply));
  return array(
    args.slice(2).map((name) => {
      const command = table.byName(name);
      return command === undefined ? NULL : infoReply(command);
    }),
  );
};

/** Unknown names are left out. */
const docs: OwnHandler = ({ args }, { table }) => {
  const commands =
    args.length === 2
      ? table.commands()
      : args.slice(2).flatMap((name) => {
          const command = table.byName(name);
          return command === undefined ? [] : [command];
        });
  return { kind: 'map', entries: commands.map(docsEntry) };
};

const list: OwnHandler = ({ args }, { table }) => {
  const commands = [...table.listed()];
  if (args.length === 2) return bulks(commands.map((command) => command.name));
  const [, , keyword, kind, wanted] = args;
  if (args.length !== 5 || wanted === undefined || keyword?.toUpperCase() !== 'FILTERBY') return SYNTAX_ERROR;
  const names = (chosen: (command: Command) => boolean): Reply =>
    bulks(commands.filter(chosen).map((command) => command.name));
  switch (kind?.toUpperCase()) {
    case 'MODULE':
      return names(() => false);
    case 'ACLCAT': {
      const category = wanted.toLowerCase();
      return names((command) => isCategory(category) && command.categories.includes(category));
    }
    case 'PATTERN':
      return names((command) => globMatches(wanted, command.name, 'ignore-case'));
    default:
      return SYNTAX_ERROR;
  }
};

/** GETKEYS and GETKEYSANDFLAGS: whatever the request, it has none. */
const getKeys: OwnHandler = ({ args }, { table }) =>
  table.find(args.slice(2)).kind === 'command'
    ? error('ERR The command has no key arguments')
    : error('ERR Invalid command specified');

/** COMMAND and its subcommands but for HELP. */
export const COMMAND_HANDLERS: Readonly<Record<string, OwnHandler>> = {
  command: info,
  'command|count': (_call, { table }) => integer(table.commands().length),
  'command|docs': docs,
  'command|getkeys': getKeys,
  'command|getkeysandflags': getKeys,
  'command|info': info,
  'command|list': list,
};
