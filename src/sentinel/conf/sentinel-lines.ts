// What each `sentinel …` line means (sentinel.md §2.3), one row each. Lines are applied in three passes, so their order
// in the file does not matter: global options first, then `monitor`, then what refers to a monitored name.
//
// Differs from Sentinel: two definitions of one thing are a mistake only within the file, or within what it includes.
// Where the file and an include both define it, the file's own line counts, because the rewriter can only edit the
// file, and a fleet whose primary moved must still start. (Sentinel writes such files too, and then refuses them.)

import { isNumericHost, isPort } from '../address.ts';
import type { HostPort, KnownSentinel, MasterConf, SentinelConf } from './conf.ts';
import { defaultMaster } from './defaults.ts';
import { parseYesNo, word } from './directive-kinds.ts';
import { looseInteger, looseUnsigned } from './numbers.ts';
import { type Fault, show } from './problems.ts';

/** Where a line stands. */
type Origin = 'file' | 'include';

interface Entry<Value> {
  readonly value: Value;
  readonly origin: Origin;
}

interface MasterDraft extends Omit<
  { -readonly [Key in keyof MasterConf]: MasterConf[Key] },
  'renamedCommands' | 'knownReplicas' | 'knownSentinels'
> {
  origin: Origin;
  /** By command, lower case. */
  readonly renamed: Map<string, Entry<readonly [command: string, to: string]>>;
  /** By `host:port`, lower case. */
  readonly replicas: Map<string, Entry<HostPort>>;
  /** By run id. */
  readonly sentinels: Map<string, Entry<KnownSentinel>>;
}

/** The `sentinel` lines' part of a {@link SentinelConf} while it is being read. */
export type SentinelDraft = {
  -readonly [Key in keyof Omit<SentinelConf, 'masters' | 'server'>]: SentinelConf[Key];
} & {
  readonly masters: Map<string, MasterDraft>;
  /** Names whose `monitor` line was refused: what else is said about them is not held against the file. */
  readonly refusedNames: Set<string>;
};

export function sentinelDraft(): SentinelDraft {
  return {
    myId: null,
    currentEpoch: 0n,
    announceIp: null,
    announcePort: 0,
    denyScriptsReconfig: true,
    resolveHostnames: false,
    announceHostnames: false,
    sentinelUser: null,
    sentinelPass: null,
    masters: new Map(),
    refusedNames: new Set(),
  };
}

export function finishSentinel(draft: SentinelDraft): Omit<SentinelConf, 'server'> {
  const { refusedNames: _, masters, ...rest } = draft;
  const values = <Value>(entries: Map<string, Entry<Value>>): Value[] =>
    [...entries.values()].map((entry) => entry.value);
  return {
    ...rest,
    masters: [...masters.values()].map(({ origin: _origin, renamed, replicas, sentinels, ...master }) => ({
      ...master,
      renamedCommands: new Map(values(renamed)),
      knownReplicas: values(replicas),
      knownSentinels: values(sentinels),
    })),
  };
}

/** What reading a line may ask. */
export interface LineContext {
  readonly origin: Origin;
  /** Of a script path as it stands in the file. */
  readonly isExecutable: (path: string) => boolean;
}

export type Pass = 'global' | 'monitor' | 'detail';

export interface SentinelLine {
  readonly pass: Pass;
  /** Its values, in words: `name host port quorum`. What is in brackets may be left out. */
  readonly usage: string;
  readonly apply: (draft: SentinelDraft, values: readonly string[], context: LineContext) => Fault | null;
}

/** A fault of value `index` (from 0) of a `sentinel` line. */
const fault = (code: string, index: number, sentence: string): Fault => ({ code, word: index + 2, sentence });

const RUN_ID_LENGTH = 40;

function global(
  usage: string,
  apply: (draft: SentinelDraft, value: string) => Fault | null | void,
): SentinelLine {
  return { pass: 'global', usage, apply: (draft, [value = '']) => apply(draft, value) ?? null };
}

const switchLine = (set: (draft: SentinelDraft, value: boolean) => unknown): SentinelLine =>
  global('yes|no', (draft, text) => {
    const value = parseYesNo(text);
    if (value === null) return fault('bad-value', 0, `expected yes or no, not ${show(text)}`);
    set(draft, value);
    return null;
  });

/** A line about a master: `<name> <values>`. `apply` gets the values after the name. */
function detail(
  usage: string,
  apply: (
    master: MasterDraft,
    values: readonly string[],
    context: LineContext,
    draft: SentinelDraft,
  ) => Fault | null | void,
): SentinelLine {
  return {
    pass: 'detail',
    usage: `name ${usage}`,
    apply: (draft, [name = '', ...values], context) => {
      const master = draft.masters.get(name);
      if (master !== undefined) return apply(master, values, context, draft) ?? null;
      if (draft.refusedNames.has(name)) return null;
      // A password in the name's place is a likely mistake, and is not to be shown.
      const called = usage === 'password' ? 'that' : show(name);
      return fault(
        'unknown-master',
        0,
        `no master is called ${called}: expected a name given by "sentinel monitor"`,
      );
    },
  };
}

const number = (least: number, set: (master: MasterDraft, value: number) => unknown): SentinelLine =>
  detail('milliseconds', (master, [text = '']) => {
    const value = looseInteger(text);
    if (value < least)
      return fault('bad-value', 1, `expected a number of at least ${least}, not ${show(text)}`);
    set(master, value);
    return null;
  });

const script = (set: (master: MasterDraft, path: string) => unknown): SentinelLine =>
  detail('path', (master, [path = ''], context) => {
    if (!context.isExecutable(path)) {
      return fault('bad-script', 1, `${show(path)} does not exist or cannot be executed: expected a program`);
    }
    set(master, path);
    return null;
  });

/**
 * An optional text of a master.
 *
 * Differs from Sentinel: an empty one is as good as none, because Sentinel writes it back as nothing at all, which
 * makes the line, and the file, unreadable.
 */
const text = (usage: string, set: (master: MasterDraft, value: string | null) => unknown): SentinelLine =>
  detail(usage, (master, [value = '']) => {
    set(master, value === '' ? null : value);
  });

/** Reads `host port`, the values at `index` and after. */
function readAddress(draft: SentinelDraft, host: string, port: string, index: number): HostPort | Fault {
  if (host === '') return fault('bad-host', index, 'expected an address or a host name, not an empty text');
  if (!isNumericHost(host) && !draft.resolveHostnames) {
    const hint = 'host names need "sentinel resolve-hostnames yes"';
    return fault('bad-host', index, `expected a numeric address, not ${show(host)}: ${hint}`);
  }
  const number = looseInteger(port);
  if (!isPort(number))
    return fault('bad-port', index + 1, `expected a port from 0 to 65535, not ${show(port)}`);
  return { host, port: number };
}

/**
 * Puts `value` under `key`, unless what is there already came from the file and this from an include. False: it is a
 * second definition in the same place.
 */
function define<Value>(
  entries: Map<string, Entry<Value>>,
  key: string,
  value: Value,
  origin: Origin,
): boolean {
  const known = entries.get(key);
  if (known?.origin === origin) return false;
  if (known === undefined || origin === 'file') entries.set(key, { value, origin });
  return true;
}

const monitor: SentinelLine = {
  pass: 'monitor',
  usage: 'name host port quorum',
  apply: (draft, [name = '', host = '', port = '', quorumText = ''], { origin }) => {
    const known = draft.masters.get(name);
    if (known?.origin === origin)
      return fault('duplicate-master', 0, `a master called ${show(name)} is defined twice`);
    const quorum = looseInteger(quorumText);
    const address = readAddress(draft, host, port, 1);
    if ('sentence' in address || quorum < 1) {
      draft.refusedNames.add(name);
      if ('sentence' in address) return address;
      return fault('bad-quorum', 3, `expected a quorum of at least 1, not ${show(quorumText)}`);
    }
    if (known !== undefined && origin === 'include') return null;
    const {
      renamedCommands: _,
      knownReplicas: _r,
      knownSentinels: _s,
      ...master
    } = defaultMaster(name, address.host, address.port, quorum);
    draft.masters.set(name, {
      ...master,
      origin,
      renamed: new Map(),
      replicas: new Map(),
      sentinels: new Map(),
    });
    return null;
  },
};

const knownReplica = detail('host port', (master, [host = '', port = ''], { origin }, draft) => {
  const address = readAddress(draft, host, port, 1);
  if ('sentence' in address) return address;
  if (define(master.replicas, `${host.toLowerCase()}:${address.port}`, address, origin)) return null;
  return fault(
    'duplicate-replica',
    1,
    `replica ${host}:${address.port} of ${show(master.name)} is listed twice`,
  );
});

const knownSentinel = detail(
  'host port [run-id]',
  (master, [host = '', port = '', runId = ''], { origin }, draft) => {
    // Without a run id it can't be told from another; it will be met again (sentinel.md §2.3).
    if (runId === '') return null;
    const address = readAddress(draft, host, port, 1);
    if ('sentence' in address) return address;
    if (define(master.sentinels, runId, { ...address, runId }, origin)) return null;
    return fault('duplicate-sentinel', 3, `sentinel ${show(runId)} of ${show(master.name)} is listed twice`);
  },
);

const renameCommand = detail('command new-name', (master, [command = '', to = ''], { origin }) => {
  if (define(master.renamed, command.toLowerCase(), [command, to], origin)) return null;
  return fault('duplicate-command', 1, `command ${show(command)} of ${show(master.name)} is renamed twice`);
});

const rebootDownAfter = number(0, (master, value) => (master.masterRebootDownAfterMs = value));

/** Every `sentinel` line there is, by the lower-case word after `sentinel`. */
export const SENTINEL_LINES: ReadonlyMap<string, SentinelLine> = new Map<string, SentinelLine>([
  [
    'myid',
    global('id', (draft, id) => {
      if (id.length !== RUN_ID_LENGTH)
        return fault('bad-id', 0, `expected an id of ${RUN_ID_LENGTH} characters, not ${show(id)}`);
      draft.myId = id;
      return null;
    }),
  ],
  [
    'current-epoch',
    global('epoch', (draft, epoch) => {
      draft.currentEpoch = larger(draft.currentEpoch, looseUnsigned(epoch));
    }),
  ],
  [
    'announce-ip',
    global('address', (draft, value) => void (draft.announceIp = value === '' ? draft.announceIp : value)),
  ],
  [
    'announce-port',
    global('port', (draft, value) => {
      const port = looseInteger(value);
      // Differs from Sentinel: a port that cannot be is refused, because peers would ignore every hello with it.
      if (!isPort(port)) return fault('bad-port', 0, `expected a port from 0 to 65535, not ${show(value)}`);
      draft.announcePort = port;
      return null;
    }),
  ],
  ['deny-scripts-reconfig', switchLine((draft, value) => (draft.denyScriptsReconfig = value))],
  ['resolve-hostnames', switchLine((draft, value) => (draft.resolveHostnames = value))],
  ['announce-hostnames', switchLine((draft, value) => (draft.announceHostnames = value))],
  [
    'sentinel-user',
    global('user', (draft, value) => void (draft.sentinelUser = value === '' ? draft.sentinelUser : value)),
  ],
  [
    'sentinel-pass',
    global(
      'password',
      (draft, value) => void (draft.sentinelPass = value === '' ? draft.sentinelPass : value),
    ),
  ],
  ['monitor', monitor],
  ['down-after-milliseconds', number(1, (master, value) => (master.downAfterMs = value))],
  ['failover-timeout', number(1, (master, value) => (master.failoverTimeoutMs = value))],
  // Not checked, as in Sentinel: 0 means that nobody is re-pointed until the failover times out.
  [
    'parallel-syncs',
    detail('count', (master, [value = '']) => void (master.parallelSyncs = looseInteger(value))),
  ],
  ['notification-script', script((master, path) => (master.notificationScript = path))],
  ['client-reconfig-script', script((master, path) => (master.clientReconfigScript = path))],
  ['auth-pass', text('password', (master, value) => (master.authPass = value))],
  ['auth-user', text('user', (master, value) => (master.authUser = value))],
  ['master-reboot-down-after-period', rebootDownAfter],
  // Valkey's spelling (sentinel.md §10.1).
  ['primary-reboot-down-after-period', rebootDownAfter],
  ['rename-command', renameCommand],
  [
    'config-epoch',
    detail('epoch', (master, [value = ''], _, draft) => {
      master.configEpoch = looseUnsigned(value);
      draft.currentEpoch = larger(draft.currentEpoch, master.configEpoch);
    }),
  ],
  [
    'leader-epoch',
    detail('epoch', (master, [value = '']) => void (master.leaderEpoch = looseUnsigned(value))),
  ],
  ['known-replica', knownReplica],
  ['known-slave', knownReplica],
  ['known-sentinel', knownSentinel],
]);

const ALIASES: ReadonlyMap<string, string> = new Map([
  ['known-slave', 'known-replica'],
  ['primary-reboot-down-after-period', 'master-reboot-down-after-period'],
]);

/** The word after `sentinel` in lower case, and as the rewriter spells it where there are two spellings. */
export function canonicalOption(option: string): string {
  const lower = option.toLowerCase();
  return ALIASES.get(lower) ?? lower;
}

/** The line of these words (without `sentinel`) as the rewriter would write it. */
export function canonicalLine([option = '', ...values]: readonly string[]): string {
  return ['sentinel', canonicalOption(option), ...values.map(word)].join(' ');
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** How many values a line of this `usage` takes, at least and at most. */
export function valueCounts(usage: string): { readonly least: number; readonly most: number } {
  const names = usage.split(' ');
  return { least: names.filter((name) => !name.startsWith('[')).length, most: names.length };
}
