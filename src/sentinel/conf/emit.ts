// The lines that a configuration comes to, in the order in which a fresh file gets them (sentinel.md §2.5), and the
// keys that tell which lines of an existing file say the same thing.

import { assert } from '../../base/assert.ts';
import { quoteArgument } from '../../base/split-arguments.ts';
import {
  DEFAULT_DOWN_AFTER_MS,
  DEFAULT_FAILOVER_TIMEOUT_MS,
  DEFAULT_PARALLEL_SYNCS,
  type HostPort,
  type MasterConf,
  type SentinelConf,
  type ServerConf,
} from './conf.ts';
import { defaultServer } from './defaults.ts';
import { word, yesNo } from './directive-kinds.ts';
import { GENERAL_DIRECTIVES, generalDirective, OUTPUT_LIMIT_DIRECTIVE, outputLimitText } from './general.ts';
import { ignoredDirective } from './ignored.ts';
import { canonicalOption, SENTINEL_LINES } from './sentinel-lines.ts';

/** What a line is about. */
export interface Subject {
  /** Lines with the same key may replace one another. */
  readonly key: string;
  /** Lines with the same identity say something about the same thing, e.g. about one replica. */
  readonly identity: string;
}

/** One line to write. */
export interface Emission extends Subject {
  readonly text: string;
  /** Written where the file has no such line; otherwise it only keeps a line up to date. */
  readonly isAppended: boolean;
}

/**
 * How the rewriter treats a line: `ours` is replaced or blanked, `kept` stays as it is, and `unknown` becomes a
 * comment.
 */
export type LineKind = ({ readonly kind: 'ours' } & Subject) | { readonly kind: 'kept' | 'unknown' };

const PERCENTILES = 'latency-tracking-info-percentiles';
const KEPT: ReadonlySet<string> = new Set(['include', 'rename-command']);
/** Never written by a sentinel, so they disappear. */
const REMOVED: ReadonlySet<string> = new Set(['save', 'loadmodule']);

const subject = (key: string, ...about: readonly string[]): Subject => ({
  key,
  identity: [key, ...about].join(' '),
});

/** What the line of these words is; null words are of a line with bad quotes. */
export function classify(words: readonly string[] | null): LineKind {
  if (words === null) return { kind: 'unknown' };
  const [first = '', ...values] = words;
  const name = first.toLowerCase();
  if (name === '' || KEPT.has(name)) return { kind: 'kept' };
  if (name === 'sentinel') return values.length === 0 ? { kind: 'kept' } : classifySentinel(values);
  if (name === 'user') return { kind: 'ours', ...subject('user', values[0] ?? '') };
  if (name === OUTPUT_LIMIT_DIRECTIVE) {
    const client = (values[0] ?? '').toLowerCase();
    const isOurs = values.length === 4 && (client === 'normal' || client === 'pubsub');
    return isOurs ? { kind: 'ours', ...subject(`${OUTPUT_LIMIT_DIRECTIVE} ${client}`) } : { kind: 'kept' };
  }
  if (name === 'dir' || REMOVED.has(name) || generalDirective(name) !== null)
    return { kind: 'ours', ...subject(name) };
  const ignored = ignoredDirective(name);
  return ignored === null || ignored === 'legacy' ? { kind: 'unknown' } : { kind: 'kept' };
}

/**
 * Differs from Sentinel: a `sentinel` line that nobody knows becomes a comment like any other unknown line, because
 * with it the file could not be read again.
 */
function classifySentinel([first = '', master = '', ...values]: readonly string[]): LineKind {
  const option = canonicalOption(first);
  const line = SENTINEL_LINES.get(option);
  if (line === undefined) return { kind: 'unknown' };
  const key = `sentinel ${option}`;
  if (line.pass === 'global') return { kind: 'ours', ...subject(key) };
  const [one = '', two = '', three = ''] = values;
  if (option === 'known-replica') return { kind: 'ours', ...subject(key, master, one, two) };
  if (option === 'known-sentinel') return { kind: 'ours', ...subject(key, master, three) };
  if (option === 'rename-command') return { kind: 'ours', ...subject(key, master, one.toLowerCase()) };
  return { kind: 'ours', ...subject(key, master) };
}

/** The line of the ignored directive that a fresh file gets all the same; a file that has one keeps its own. */
export const PERCENTILES_LINE = `${PERCENTILES} 50 99 99.9`;

export function isPercentiles(words: readonly string[] | null): boolean {
  return words?.[0]?.toLowerCase() === PERCENTILES;
}

/** Every line of `state`. */
export function emissions(state: SentinelConf): Emission[] {
  return [
    ...serverLines(state.server),
    ...globalLines(state),
    ...state.masters.flatMap(masterLines),
    ...lastLines(state),
  ];
}

function serverLines(server: ServerConf): Emission[] {
  const lines: Emission[] = [
    { ...subject('dir'), text: `dir ${quoteArgument(server.dir)}`, isAppended: true },
  ];
  const defaults = defaultServer(server.dir);
  for (const { name, write, isAlwaysWritten } of GENERAL_DIRECTIVES) {
    const value = write(server);
    if (value === null) continue;
    lines.push({
      ...subject(name),
      text: `${name} ${value}`,
      isAppended: isAlwaysWritten || value !== write(defaults),
    });
  }
  for (const [client, limit, initial] of [
    ['normal', server.normalOutputLimit, defaults.normalOutputLimit],
    ['pubsub', server.pubsubOutputLimit, defaults.pubsubOutputLimit],
  ] as const) {
    const text = outputLimitText(limit);
    const key = `${OUTPUT_LIMIT_DIRECTIVE} ${client}`;
    lines.push({ ...subject(key), text: `${key} ${text}`, isAppended: text !== outputLimitText(initial) });
  }
  // With an aclfile, users live there.
  for (const user of server.aclFile === null ? server.users : []) {
    assert(!/[\r\n]/.test(user), 'an ACL user is one line');
    const name = user.split(' ', 1)[0] as string;
    lines.push({ ...subject('user', name), text: `user ${user}`, isAppended: true });
  }
  return lines;
}

/** A `sentinel` line. `values` are quoted where they must be. */
function sentinelLine(about: Subject, ...values: readonly (string | number | bigint)[]): Emission {
  return {
    ...about,
    text: [about.key, ...values.map((value) => word(String(value)))].join(' '),
    isAppended: true,
  };
}

function globalLines(state: SentinelConf): Emission[] {
  const flags = [
    ['sentinel deny-scripts-reconfig', state.denyScriptsReconfig, true],
    ['sentinel resolve-hostnames', state.resolveHostnames, false],
    ['sentinel announce-hostnames', state.announceHostnames, false],
  ] as const;
  assert(state.myId === null || state.myId.length === 40, 'our id has 40 characters');
  return [
    ...(state.myId === null ? [] : [sentinelLine(subject('sentinel myid'), state.myId)]),
    ...flags.map(([key, value, initial]) => ({
      ...sentinelLine(subject(key), yesNo(value)),
      isAppended: value !== initial,
    })),
  ];
}

/**
 * Differs from Sentinel: values with blanks, quotes or control characters are quoted, because unquoted they make the
 * file unreadable; its parser takes quotes everywhere. And what equals a default is measured by the file's defaults,
 * not by those that SENTINEL DEBUG may have set for the moment, because those are gone after a restart.
 */
function masterLines(master: MasterConf): Emission[] {
  const { name } = master;
  const lines: Emission[] = [];
  const add = (
    option: string,
    about: readonly string[],
    ...values: readonly (string | number | bigint)[]
  ): void => {
    lines.push(sentinelLine(subject(`sentinel ${option}`, name, ...about), name, ...values));
  };
  const addUnless = (initial: number, option: string, value: number): void => {
    if (value !== initial) add(option, [], value);
  };
  const addText = (option: string, value: string | null): void => {
    if (value !== null && value !== '') add(option, [], value);
  };
  add('monitor', [], hostOf(master), master.port, master.quorum);
  addUnless(DEFAULT_DOWN_AFTER_MS, 'down-after-milliseconds', master.downAfterMs);
  addUnless(DEFAULT_FAILOVER_TIMEOUT_MS, 'failover-timeout', master.failoverTimeoutMs);
  addUnless(DEFAULT_PARALLEL_SYNCS, 'parallel-syncs', master.parallelSyncs);
  addText('notification-script', master.notificationScript);
  addText('client-reconfig-script', master.clientReconfigScript);
  addText('auth-pass', master.authPass);
  addText('auth-user', master.authUser);
  addUnless(0, 'master-reboot-down-after-period', master.masterRebootDownAfterMs);
  add('config-epoch', [], master.configEpoch);
  add('leader-epoch', [], master.leaderEpoch);
  // A file that lists one replica or sentinel twice can't be read, so whatever the state says, it is written once.
  for (const replica of uniqueBy(master.knownReplicas, (one) => `${one.host.toLowerCase()}:${one.port}`)) {
    add('known-replica', [replica.host, String(replica.port)], hostOf(replica), replica.port);
  }
  for (const sentinel of uniqueBy(master.knownSentinels, (one) => one.runId)) {
    add('known-sentinel', [sentinel.runId], hostOf(sentinel), sentinel.port, sentinel.runId);
  }
  for (const [command, to] of master.renamedCommands)
    add('rename-command', [command.toLowerCase()], command, to);
  return lines;
}

function lastLines(state: SentinelConf): Emission[] {
  const lines = [sentinelLine(subject('sentinel current-epoch'), state.currentEpoch)];
  if (state.announceIp !== null && state.announceIp !== '') {
    const about = subject('sentinel announce-ip');
    lines.push({ ...about, text: `${about.key} ${quoteArgument(state.announceIp)}`, isAppended: true });
  }
  if (state.announcePort !== 0)
    lines.push(sentinelLine(subject('sentinel announce-port'), state.announcePort));
  if (state.sentinelUser !== null && state.sentinelUser !== '') {
    lines.push(sentinelLine(subject('sentinel sentinel-user'), state.sentinelUser));
  }
  if (state.sentinelPass !== null && state.sentinelPass !== '') {
    lines.push(sentinelLine(subject('sentinel sentinel-pass'), state.sentinelPass));
  }
  return lines;
}

/** The host to write. An empty one (sentinel.md §2.5) would make the file unreadable, and is a bug of the caller. */
function hostOf(address: HostPort): string {
  assert(address.host !== '', 'an address that is written to the file has a host');
  return address.host;
}

function uniqueBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  const seen = new Set<string>();
  return items.filter((item) => seen.size !== seen.add(keyOf(item)).size);
}
