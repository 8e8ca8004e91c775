// Streams of commands whose replies depend on nothing but the commands before: what a client may do, in small acts of a
// few commands, dealt out at random. Together the acts have every command of the servers that can be run like this; the
// others are listed with the reason.

import type { Random } from '../../src/base/random.ts';
import {
  type Act,
  type Command,
  type Payloads,
  SCRIPT,
  alike,
  asSet,
  hash,
  lines,
  whatever,
} from './acts.ts';
import { actsOnData } from './acts-on-data.ts';
import { actsOnSession } from './acts-on-session.ts';

/** Commands that no act has. */
export const NOT_RUN: ReadonlyMap<string, string> = new Map([
  ...['REPLICAOF', 'SLAVEOF', 'FAILOVER', 'SHUTDOWN', 'PSYNC', 'SYNC', 'REPLCONF', 'DEBUG'].map(
    (name) => [name, 'an endpoint refuses it'] as const,
  ),
  ['MONITOR', 'its lines have times and addresses, and end with the connection only'],
]);

const WRONG_LOGINS: Act = () =>
  lines(
    'AUTH streamer secret; AUTH streamer wrong; ACL WHOAMI; HELLO 2 AUTH streamer wrong; ACL WHOAMI; AUTH x',
  );

/** Acts that take long, or that once is enough for. */
function rareActs(known: ReadonlySet<string>, payloads: Payloads): readonly string[][][] {
  const if_ = (name: string, act: string[][]): string[][] => (known.has(name) ? act : []);
  const containers = [...known].filter((name) => name.endsWith('|HELP')).map((name) => name.split('|'));
  const cluster = [...known].filter((name) => name.startsWith('CLUSTER|') && !name.endsWith('|HELP'));
  return [
    containers,
    cluster.map((name) => name.split('|')),
    [
      ...asSet('COMMAND'),
      ...asSet('COMMAND', 'LIST'),
      ...alike('COMMAND', 'DOCS', 'get'),
      ...asSet('COMMAND', 'INFO', 'get'),
    ],
    [...whatever('BGSAVE'), ...whatever('SAVE'), ...whatever('BGREWRITEAOF')],
    lines(
      'CONFIG RESETSTAT; CONFIG REWRITE; PFSELFTEST; MIGRATE 127.0.0.1 1 list 0 10; FLUSHDB; FLUSHALL; GET counter',
    ),
    [
      ...asSet('ACL', 'CAT'),
      ...lines(
        'ACL USERS; ACL LIST; ACL GETUSER streamer; ACL DRYRUN streamer GET x; ACL SETUSER other on; ACL DELUSER other nosuch; ACL SAVE; ACL LOAD; ACL LOG RESET',
      ),
      ...alike('ACL', 'LOG'),
      ...alike('ACL', 'GENPASS'),
    ],
    [...alike('SLOWLOG', 'GET'), ...alike('SLOWLOG', 'LEN'), ['SLOWLOG', 'RESET']],
    ['DOCTOR', 'HISTOGRAM', 'LATEST', 'RESET'].flatMap((word) => alike('LATENCY', word)),
    lines('LATENCY HISTORY nosuch; LATENCY GRAPH nosuch'),
    [
      ...['DOCTOR', 'MALLOC-STATS', 'STATS'].flatMap((word) => alike('MEMORY', word)),
      ...whatever('MEMORY', 'PURGE'),
    ],
    lines('MODULE LIST; MODULE LOAD /nosuch.so; MODULE LOADEX /nosuch.so; MODULE UNLOAD nosuch'),
    if_('WAITAOF', lines('WAITAOF 0 0 0; WAITAOF 0 1 2; WAITAOF 1 0 0')),
    if_('CLIENT|SETINFO', lines('CLIENT SETINFO LIB-NAME it; CLIENT SETINFO LIB-VER 1; CLIENT SETINFO x y')),
    if_('CLIENT|NO-TOUCH', lines('CLIENT NO-TOUCH ON; GET counter; CLIENT NO-TOUCH OFF')),
    if_('CLIENT|CAPA', lines('CLIENT CAPA redirect; GET counter; RESET')),
    if_('SCRIPT|SHOW', [
      ['EVAL', SCRIPT, '1', 'a', 'b'],
      ['SCRIPT', 'SHOW', hash(SCRIPT)],
      ['SCRIPT', 'SHOW', hash('none')],
    ]),
    [['FUNCTION', 'RESTORE', payloads.functions, 'FLUSH']],
  ];
}

/** What every stream begins with, at servers that saw others before. */
const PROLOGUE: readonly Command[] = [
  ['FLUSHALL'],
  ['SCRIPT', 'FLUSH'],
  ['FUNCTION', 'FLUSH'],
  ['ACL', 'SETUSER', 'streamer', 'reset', 'on', '>secret', '~*', '&*', '+@all'],
];

export interface StreamOptions {
  readonly random: Random;
  /** How many acts; with `isThorough` all that there are come once, besides. */
  readonly acts: number;
  readonly isThorough: boolean;
  /** What the server knows, in upper case, subcommands as `CLIENT|ID`. */
  readonly known: ReadonlySet<string>;
  readonly payloads: Payloads;
  /** Valkey 8.0 does not answer a login that it refuses if other replies wait to be sent. */
  readonly answersEveryLogin: boolean;
}

/** A stream: each act behind an ECHO of what it begins with, and QUIT at the end. */
export function commandStream({
  random,
  acts,
  isThorough,
  known,
  payloads,
  answersEveryLogin,
}: StreamOptions): Command[] {
  const usual = [
    ...actsOnData(random, payloads),
    ...actsOnSession(random, payloads),
    ...(answersEveryLogin ? [WRONG_LOGINS] : []),
  ];
  const all = isThorough ? [...usual.map((make) => make()), ...rareActs(known, payloads)] : [];
  for (let at = all.length - 1; at > 0; at--) {
    const other = random.int(at + 1);
    [all[at], all[other]] = [all[other] as string[][], all[at] as string[][]];
  }
  while (all.length < acts) all.push((usual[random.int(usual.length)] as Act)());
  const stream: Command[] = [...PROLOGUE];
  for (const [number, act] of all.entries()) {
    const [first = []] = act;
    stream.push(['ECHO', `act ${number}: ${first.join(' ').slice(0, 60)}`], ...act);
  }
  return [...stream, ['GET', 'counter'], ['QUIT'], ['GET', 'unheard']];
}

/** The commands of a stream by the names that COMMAND LIST gives them. */
export function namesIn(stream: readonly Command[], known: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [name = '', second = ''] of stream) {
    names.add(name.toUpperCase());
    const both = `${name}|${second}`.toUpperCase();
    if (known.has(both)) names.add(both);
  }
  return names;
}
