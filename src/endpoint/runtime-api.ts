// HAProxy's runtime API as far as scripts around Redis use it (proxy.md §1.4): a line of commands becomes text and orders.
// Answers were compared with those of HAProxy 2.6; each command's answer ends with an empty line.

import { strictInteger } from '../base/strict-integer.ts';
import type { AdminState, Event } from './io.ts';
import { serversState } from './servers-state.ts';
import type { OpenSession } from './traffic.ts';
import { seconds, tallyOfAll, type RuntimeLevel, type RuntimeView } from './runtime-view.ts';
import type { BackendSnapshot, ServerSnapshot } from './snapshot.ts';
import { parseStatFilter, statTable } from './stat-table.ts';

export type RuntimeOrder =
  | Extract<Event, { readonly kind: 'set-state' | 'set-weight' | 'end-sessions' }>
  /** One client, by the number of its {@link OpenSession}. */
  | { readonly kind: 'end-session'; readonly session: number };

/** What is known of who asks. */
export interface RuntimeTalk {
  readonly level: RuntimeLevel;
  /** After `prompt`: the connection stays, and is told when it may ask. */
  readonly isInteractive: boolean;
}

export interface RuntimeAnswer {
  readonly text: string;
  /** To be given in this order. */
  readonly orders: readonly RuntimeOrder[];
  /** From here on. */
  readonly talk: RuntimeTalk;
  /** The connection ends, whatever else was asked. */
  readonly isOver: boolean;
}

const PROMPT = '> ';
const DENIED = 'Permission denied\n';
const NEEDS_SERVER = "Require 'backend/server'.\n";
const WEIGHT_MAX = 256;
const LEVELS: readonly RuntimeLevel[] = ['user', 'operator', 'admin'];

const COMMANDS: readonly (readonly [string, string])[] = [
  ['disable server <bk>/<srv>', 'as state maint'],
  ['enable server <bk>/<srv>', 'as state ready'],
  ['get weight <bk>/<srv>', "a server's weight, and the one it began with"],
  ['operator', 'may only look from here on'],
  ['set server <bk>/<srv> state <state>', 'ready, drain or maint'],
  ['set server <bk>/<srv> weight <n>', '0 to 256, or a part such as 50%'],
  ['set weight <bk>/<srv> <n>', 'the same'],
  ['show backend', 'names of backends'],
  ['show cli level', 'what you may do'],
  ['show info', 'the process'],
  ['show servers state [<bk>]', 'servers, for load-server-state-from-file'],
  ['show sess', 'clients that are there'],
  ['show stat [<bk> <type> <srv>] [up]', 'frontends, backends and servers, as CSV'],
  ['show version', 'of this program'],
  ['shutdown session <id>', 'closes one client'],
  ['shutdown sessions server <bk>/<srv>', 'closes the clients of a server; new ones may come'],
  ['user', 'may only look at figures from here on'],
  ['help [<command>]', 'this'],
  ['prompt', 'keeps the connection, or does not any more'],
  ['quit', 'ends the connection'],
];
/** Shown with every list. */
const ALWAYS = 3;

/** Whether an answer will need {@link RuntimeView.sessions}, which are not for nothing. */
export const asksForSessions = (command: string): boolean =>
  /^\s*(?:show\s+sess|shutdown\s+session\s)/.test(command);

/** In one line `;` parts commands; an escaped `\;` parts nothing. */
export const commandsOf = (line: string): string[] => line.split(/(?<!\\);/);

/** One command. What it orders is to be carried out before the next is answered. */
export function answerRuntime(command: string, view: RuntimeView, talk: RuntimeTalk): RuntimeAnswer {
  const orders: RuntimeOrder[] = [];
  const words = command.trim().split(/\s+/);
  const [first] = words;
  const { level, isInteractive } = talk;
  const answer = (text: string, now = talk, isOver = false): RuntimeAnswer => ({
    text: `${text}\n${now.isInteractive ? PROMPT : ''}`,
    orders,
    talk: now,
    isOver,
  });
  switch (first) {
    case 'quit':
      return { ...answer(''), text: '', isOver: true };
    case 'prompt':
      return answer('', { ...talk, isInteractive: !isInteractive }, isInteractive);
    case 'user':
    case 'operator':
      return LEVELS.indexOf(first) <= LEVELS.indexOf(level)
        ? answer('', { ...talk, level: first })
        : answer(DENIED);
    default:
      return answer(answerOne(words, view, level, orders));
  }
}

function answerOne(
  words: readonly string[],
  view: RuntimeView,
  level: RuntimeLevel,
  orders: RuntimeOrder[],
): string {
  const [first, second, third] = words;
  switch (first === 'help' ? 'help' : `${first ?? ''} ${second ?? ''}`) {
    case 'show info':
      return third === undefined ? infoText(view) : "'show info' is served as plain text only.\n";
    case 'show stat': {
      const filter = parseStatFilter(words.slice(2));
      return filter === null ? "'show stat' is served as CSV only.\n" : statTable(view, filter);
    }
    case 'show servers':
      return third === 'state' ? serversState(view, words[3] ?? null) : unknown(words);
    case 'show sess':
      return level === 'user' ? DENIED : sessionsText(view);
    case 'show backend':
      return `# name\n${view.snapshot.backends.map(({ name }) => `${name}\n`).join('')}`;
    case 'show version':
      return `${view.version}\n`;
    case 'show cli':
      return third === 'level' ? `${level}\n` : unknown(words);
    case 'get weight':
      return withServer(
        third,
        view,
        ({ weightSet, weightInitially }) => `${weightSet} (initial ${weightInitially})\n`,
      );
    case 'set server':
    case 'set weight':
    case 'enable server':
    case 'disable server':
    case 'shutdown sessions':
    case 'shutdown session':
      return level === 'admin' ? order(words, view, orders) : DENIED;
    case 'help':
      return `The following commands are served:\n${commandList(second ?? '')}`;
    default:
      return unknown(words);
  }
}

/** Those that begin like this, or all. */
function commandList(start: string): string {
  const own = COMMANDS.slice(0, -ALWAYS);
  const like = own.filter(([usage]) => usage.split(' ')[0] === start);
  const shown = [...(like.length > 0 ? like : own), ...COMMANDS.slice(-ALWAYS)];
  return shown.map(([usage, meaning]) => `  ${usage.padEnd(38)} : ${meaning}\n`).join('');
}

const unknown = ([first = '']: readonly string[]): string =>
  `Unknown command, or one that is not served here. There are:\n${commandList(first)}`;

function order(words: readonly string[], view: RuntimeView, orders: RuntimeOrder[]): string {
  const [verb = '', noun = '', where, what, value] = words;
  if (verb === 'shutdown') return shutdown(words, view, orders);
  return withServer(where, view, (server, backend) => {
    const names = { backend: backend.name, server: server.name };
    const setState = (state: AdminState): string => {
      orders.push({ kind: 'set-state', ...names, state });
      return '';
    };
    if (verb === 'enable') return setState('ready');
    if (verb === 'disable') return setState('maint');
    if (noun === 'weight') return setWeight(what, server, names, orders);
    if (what === 'weight') return setWeight(value, server, names, orders);
    if (what === 'state') {
      if (value === 'ready' || value === 'drain' || value === 'maint') return setState(value);
      return "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n";
    }
    return 'usage: set server <backend>/<server> state | weight\n';
  });
}

function shutdown(words: readonly string[], view: RuntimeView, orders: RuntimeOrder[]): string {
  const [, noun, what, where] = words;
  if (noun === 'sessions') {
    if (what !== 'server') return unknown(words);
    return withServer(where, view, (server, backend) => {
      orders.push({ kind: 'end-sessions', backend: backend.name, server: server.name });
      return '';
    });
  }
  if (what === undefined) return "Session pointer expected (use 'show sess').\n";
  const found = view.sessions.find((session) => idText(session) === what);
  if (found === undefined) return "No such session (use 'show sess').\n";
  orders.push({ kind: 'end-session', session: found.id });
  return '';
}

function setWeight(
  text: string | undefined,
  server: ServerSnapshot,
  names: { readonly backend: string; readonly server: string },
  orders: RuntimeOrder[],
): string {
  const percent = /^(\d{1,5})%$/.exec(text ?? '');
  const weight =
    percent === null
      ? strictInteger(text ?? '')
      : Math.floor((server.weightInitially * Number(percent[1])) / 100);
  if (weight === null) return 'Require <weight> or <weight%>.\n';
  if (weight < 0 || weight > WEIGHT_MAX) return 'Absolute weight can only be between 0 and 256 inclusive.\n';
  orders.push({ kind: 'set-weight', ...names, weight });
  return '';
}

function withServer(
  where: string | undefined,
  { snapshot }: RuntimeView,
  act: (server: ServerSnapshot, backend: BackendSnapshot) => string,
): string {
  // A server's name may hold a slash where it was discovered; a backend's may not.
  const slash = where?.indexOf('/') ?? -1;
  if (where === undefined || slash === -1) return NEEDS_SERVER;
  const backend = snapshot.backends.find(({ name }) => name === where.slice(0, slash));
  if (backend === undefined) return 'No such backend.\n';
  const server = backend.servers.find(({ name }) => name === where.slice(slash + 1));
  return server === undefined ? 'No such server.\n' : act(server, backend);
}

function infoText(view: RuntimeView): string {
  const { version, pid, connectionsMax } = view;
  const uptime = seconds(view.uptimeMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const all = tallyOfAll(view);
  const fields = {
    Name: 'Baton',
    Version: version,
    Nbproc: 1,
    Process_num: 1,
    Pid: pid,
    Uptime: `${Math.floor(uptime / 86_400)}d ${Math.floor(uptime / 3_600) % 24}h${two(Math.floor(uptime / 60) % 60)}m${two(uptime % 60)}s`,
    Uptime_sec: uptime,
    Maxconn: connectionsMax ?? 0,
    CurrConns: all.sessions,
    CumConns: all.sessionsTotal,
    ConnRate: all.rate,
    MaxConnRate: all.rateMost,
    SessRate: all.rate,
    MaxSessRate: all.rateMost,
    Stopping: 0,
    TotalBytesOut: all.bytesOut,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/** HAProxy shows the address of its memory. */
const idText = ({ id }: OpenSession): string => `0x${id.toString(16)}`;

function sessionsText({ sessions, snapshot }: RuntimeView): string {
  return sessions
    .map((session) => {
      const frontend = snapshot.frontends.find(({ name }) => name === session.endpoint);
      const backend = frontend?.backend ?? null;
      const servers = snapshot.backends.find(({ name }) => name === backend)?.servers ?? [];
      const server = servers.find(({ address }) => address === session.server)?.name ?? session.server;
      const family = session.source.startsWith('unix:') ? 'unix_stream' : protocolOf(session.source);
      const age = `${seconds(session.ageMs)}s`;
      return `${idText(session)}: proto=${family} src=${session.source} fe=${frontend?.branchOf ?? session.endpoint} be=${backend ?? '<NONE>'} srv=${server ?? '<none>'} age=${age}\n`;
    })
    .join('');
}

const protocolOf = (source: string): string => (source.startsWith('[') ? 'tcpv6' : 'tcpv4');
