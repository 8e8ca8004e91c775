// SENTINEL's subcommands as data (sentinel.md §1.3, §10.1). What they do is the monitor's; their names, arities and
// help are the port's.

import type { Command, Handler } from './command.ts';
import { command, type Row } from './command-rows.ts';

const MASTER_USAGE = ['<master>'];

/** Name, arity, arguments, summary, since. */
const ROWS = [
  ['ckquorum', 3, MASTER_USAGE, 'Tell whether enough sentinels are there to fail this master over.', '2.8.4'],
  [
    'config',
    -4,
    ['GET <pattern> [<pattern> ...]', 'SET <setting> <value> [<setting> <value> ...]'],
    'Tell or change settings of this sentinel. The settings: resolve-hostnames, announce-hostnames, announce-ip, ' +
      'announce-port, sentinel-user, sentinel-pass, loglevel.',
    '6.2.0',
  ],
  [
    'debug',
    -2,
    ['[<setting> <milliseconds> ...]'],
    'Tell or change the times this sentinel works with.',
    '7.0.0',
  ],
  [
    'failover',
    -3,
    ['<master> [COORDINATED]'],
    'Make a replica the master now, without asking other sentinels. COORDINATED lets a healthy master hand over ' +
      'by itself.',
    '2.8.4',
  ],
  ['flushconfig', 2, [''], 'Write the configuration file again from what is in memory.', '2.8.4'],
  [
    'get-master-addr-by-name',
    3,
    MASTER_USAGE,
    'Tell the address of a master, or of the replica that takes its place.',
    '2.8.4',
  ],
  [
    'info-cache',
    -3,
    ['<master> [<master> ...]'],
    'Tell the last INFO of masters and their replicas.',
    '3.2.0',
  ],
  [
    'is-master-down-by-addr',
    6,
    ['<ip> <port> <current-epoch> (<run-id>|*)'],
    'Tell whether the master at that address is down for this sentinel; with a run id, also ask for its vote.',
    '2.8.4',
  ],
  ['master', 3, MASTER_USAGE, 'Tell the state of a master.', '2.8.4'],
  ['masters', 2, [''], 'Tell the state of all masters.', '2.8.4'],
  ['monitor', 6, ['<master> <ip> <port> <quorum>'], 'Start to watch a master.', '2.8.4'],
  ['myid', 2, [''], 'Tell the run id of this sentinel.', '6.2.0'],
  ['pending-scripts', 2, [''], 'Tell which scripts run or wait.', '2.8.4'],
  ['remove', 3, MASTER_USAGE, 'Watch a master no longer.', '2.8.4'],
  ['replicas', 3, MASTER_USAGE, 'Tell the state of the replicas of a master.', '5.0.0'],
  [
    'reset',
    3,
    ['<glob>'],
    'Forget the replicas, other sentinels and failover of masters that match.',
    '2.8.4',
  ],
  ['sentinels', 3, MASTER_USAGE, 'Tell the state of the other sentinels of a master.', '2.8.4'],
  ['set', -5, ['<master> <option> <value> [<option> <value> ...]'], 'Change options of a master.', '2.8.4'],
  [
    'simulate-failure',
    -3,
    ['[CRASH-AFTER-ELECTION] [CRASH-AFTER-PROMOTION] [HELP]'],
    'Die at a chosen step of the next failover, to see what the other sentinels make of it.',
    '3.2.0',
  ],
  ['slaves', 3, MASTER_USAGE, 'The same as REPLICAS.', '2.8.4'],
] as const satisfies readonly (readonly [string, number, readonly string[], string, string])[];

/** Valkey's spellings (sentinel.md §10.1): arity, arguments and replies are those of the older name. */
const VALKEY_NAMES = {
  'get-primary-addr-by-name': 'get-master-addr-by-name',
  'is-primary-down-by-addr': 'is-master-down-by-addr',
  primaries: 'masters',
  primary: 'master',
} as const;

type RowName = (typeof ROWS)[number][0];

/** What the monitor has to provide: one handler for each, under Redis's name where there are two. */
export type SentinelSubcommand = Exclude<RowName, 'slaves'>;
export type SentinelHandlers = Readonly<Record<SentinelSubcommand, Handler>>;

/** The other names of some of them. */
const ALIASES: Readonly<Record<string, SentinelSubcommand>> = { slaves: 'replicas', ...VALKEY_NAMES };

/** The subcommand whose handler serves `name`, which the table has. */
export function sentinelHandlerName(name: string): string {
  return ALIASES[name] ?? name;
}

/** SENTINEL's part of the table. Valkey's names always work; they are told of only where we pass for Valkey. */
export function sentinelRows(listsValkeyNames: boolean): readonly Command[] {
  const subcommand = (row: Row): Command =>
    command({ flags: ['admin'], group: 'sentinel', ...row, name: `sentinel|${row.name}` });
  const rows: Command[] = [];
  for (const [name, arity, usages, summary, since] of ROWS) {
    rows.push(subcommand({ name, arity, usages, summary, since }));
    for (const [newer, older] of Object.entries(VALKEY_NAMES)) {
      if (older !== name) continue;
      rows.push(
        subcommand({
          name: newer,
          arity,
          usages,
          summary: `The same as ${older.toUpperCase()}.`,
          since: '8.1.0',
          isListed: listsValkeyNames,
        }),
      );
    }
  }
  rows.push(
    command({
      name: 'sentinel|help',
      arity: 2,
      flags: ['loading', 'stale'],
      group: 'sentinel',
      summary: 'Print this help.',
      since: '6.2.0',
    }),
  );
  return rows;
}
