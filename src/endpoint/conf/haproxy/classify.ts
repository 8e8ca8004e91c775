// What a tcp-check asks about, if it is the ladder that Redis tutorials write (proxy.md §1.5, §1.6): AUTH, PING,
// `info replication`, QUIT, each with its expect. Then the machine watches the servers by standing connections instead,
// and guards against two primaries. A script that holds anything else is run as it stands.

import { splitArguments } from '../../../base/split-arguments.ts';
import type { Credentials } from '../../endpoint-conf.ts';
import type { DraftStep } from './draft.ts';

export interface Ladder {
  /** Whom it lets pass. */
  readonly asksFor: 'primary' | 'replica' | 'sentinel';
  readonly credentials: Credentials | null;
  /** `sentinel`: the group's name. */
  readonly group: string | null;
  /** `connected_slaves:[1-9]`: a primary without replicas does not pass. */
  readonly wantsReplicas: boolean;
  /** An AUTH whose answer nobody looks at. */
  readonly ignoresAuth: boolean;
}

type Expect = Extract<DraftStep, { readonly kind: 'expect' }>;

/** What is said, and what is expected of the answer. */
interface Exchange {
  commands: readonly (readonly string[])[];
  expects: readonly Expect[];
}

/** null: it is not such a ladder. */
export function classify(steps: readonly DraftStep[]): Ladder | null {
  const exchanges = exchangesOf(steps);
  if (exchanges === null) return null;
  let credentials: Credentials | null = null;
  let asksFor: Ladder['asksFor'] | null = null;
  let group: string | null = null;
  let wantsReplicas = false;
  let ignoresAuth = false;
  for (const { commands, expects } of exchanges) {
    const names = commands.map(([name = '']) => name.toLowerCase());
    for (const [index, command] of commands.entries()) {
      const [name = '', ...args] = command;
      switch (name.toLowerCase()) {
        case 'auth': {
          const [first, second] = args;
          if (first === undefined || args.length > 2) return null;
          credentials =
            second === undefined ? { user: null, password: first } : { user: first, password: second };
          ignoresAuth ||= index < commands.length - 1 || expects.length === 0;
          break;
        }
        case 'ping':
        case 'quit':
        case 'info':
        case 'role':
          break;
        case 'sentinel':
          if (args.length !== 2 || !/^(?:get-master-addr-by-name|master)$/i.test(args[0] ?? '')) return null;
          asksFor = 'sentinel';
          group = args[1] ?? null;
          break;
        default:
          return null;
      }
    }
    const asksRole = names.includes('role');
    for (const expect of expects) {
      const meaning = meaningOf(expect, asksRole, names.includes('sentinel'));
      if (meaning === null) return null;
      if (meaning === 'replicas') wantsReplicas = true;
      else if (meaning === 'primary' || meaning === 'replica') {
        if (asksFor !== null && asksFor !== meaning) return null;
        asksFor = meaning;
      }
    }
  }
  return asksFor === null ? null : { asksFor, credentials, group, wantsReplicas, ignoresAuth };
}

/** null: something in it is not a text command. */
function exchangesOf(steps: readonly DraftStep[]): Exchange[] | null {
  const exchanges: Exchange[] = [];
  let sent = '';
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'connect') {
      if (index > 0 || step.host !== null || step.sendsProxyProtocol) return null;
    } else if (step.kind === 'send') {
      sent += step.bytes;
    } else {
      if (sent !== '') {
        const commands = commandsOf(sent);
        if (commands === null) return null;
        exchanges.push({ commands, expects: [] });
        sent = '';
      }
      const last = exchanges.at(-1);
      if (last === undefined) return null;
      last.expects = [...last.expects, step];
    }
  }
  if (sent !== '') {
    const commands = commandsOf(sent);
    if (commands === null) return null;
    exchanges.push({ commands, expects: [] });
  }
  return exchanges;
}

/** Inline commands, or arrays of bulk strings. */
function commandsOf(sent: string): (readonly string[])[] | null {
  const commands: (readonly string[])[] = [];
  let rest = sent;
  while (rest !== '') {
    const array = /^\*(\d{1,3})\r\n/.exec(rest);
    if (array !== null) {
      rest = rest.slice(array[0].length);
      const words: string[] = [];
      for (let count = Number(array[1]); count > 0; count--) {
        const bulk = /^\$(\d{1,5})\r\n/.exec(rest);
        if (bulk === null) return null;
        const start = bulk[0].length;
        const length = Number(bulk[1]);
        words.push(rest.slice(start, start + length));
        if (!rest.startsWith('\r\n', start + length)) return null;
        rest = rest.slice(start + length + 2);
      }
      commands.push(words);
      continue;
    }
    const end = rest.indexOf('\n');
    if (end === -1) return null;
    const words = splitArguments(rest.slice(0, end).replace(/\r$/, ''));
    if (words === null) return null;
    if (words.length > 0) commands.push(words);
    rest = rest.slice(end + 1);
  }
  return commands;
}

/** null: it is about something else. */
function meaningOf(
  { what, pattern, isNegated }: Expect,
  asksRole: boolean,
  asksSentinel: boolean,
): 'primary' | 'replica' | 'replicas' | 'fine' | null {
  if (what !== 'string' && what !== 'rstring') return null;
  const text = pattern
    .toLowerCase()
    .replace(/(?:\\r|\\n|\r|\n|\$)+$/, '')
    .replace(/^\^/, '');
  if (isNegated) return null;
  if (text === 'role:master' || (asksRole && text === 'master')) return 'primary';
  if (text === 'role:slave' || (asksRole && text === 'slave')) return 'replica';
  if (/^connected_slaves:(?:\[1-9\]|\\d\*?\[1-9\]|[1-9]$)/.test(text)) return 'replicas';
  if (/^\\?\+?(?:ok|pong)$/.test(text)) return 'fine';
  if (/^(?:master_link_status:up|loading:0|master_sync_in_progress:0)$/.test(text)) return 'fine';
  // The address that a sentinel is to name.
  return asksSentinel ? 'fine' : null;
}
