// SENTINEL CONFIG, DEBUG, SIMULATE-FAILURE, FLUSHCONFIG: this sentinel's own settings (sentinel.md §9).

import { strictInteger } from '../../base/strict-integer.ts';
import { globMatches } from '../../base/glob.ts';
import { bulks, error, OK, textMap, type Reply } from '../../resp/reply.ts';
import type { Core } from '../core.ts';
import type { LogLevel } from '../io.ts';
import { reopen } from '../links.ts';
import { TUNABLE_NAMES } from '../tunables.ts';
import { afterSaving, CONTROL_CHARACTERS, hasControlCharacters, type MonitorCommand } from './handler.ts';

interface Setting {
  readonly get: (core: Core) => string;
  readonly isValid: (core: Core, value: string) => boolean;
  readonly set: (core: Core, value: string) => void;
}

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'verbose', 'notice', 'warning', 'nothing'];

const isText = (value: string): boolean => value.length <= 4096;
const isYesNo = (value: string): boolean => /^(?:yes|no)$/i.test(value);
const isYes = (value: string): boolean => value.toLowerCase() === 'yes';
const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

/** In the order CONFIG GET lists them. */
const SETTINGS: Readonly<Record<string, Setting>> = {
  'resolve-hostnames': {
    get: (core) => yesNo(core.names.enabled),
    isValid: (_core, value) => isYesNo(value),
    set: (core, value) => (core.names.enabled = isYes(value)),
  },
  'announce-hostnames': {
    get: (core) => yesNo(core.announceHostnames),
    isValid: (_core, value) => isYesNo(value),
    set: (core, value) => (core.announceHostnames = isYes(value)),
  },
  'announce-ip': {
    get: (core) => core.announceIp ?? '',
    // Differs from Sentinel: an address with a comma or blank would break every hello, and an empty one means none.
    isValid: (_core, value) => isText(value) && !/[\s,]/.test(value),
    set: (core, value) => (core.announceIp = value === '' ? null : value),
  },
  'announce-port': {
    get: (core) => `${core.announcePort}`,
    isValid: (_core, value) => {
      const port = strictInteger(value);
      return port !== null && port >= 0 && port <= 65535;
    },
    set: (core, value) => (core.announcePort = Number(value)),
  },
  'sentinel-user': {
    get: (core) => core.sentinelUser ?? '',
    isValid: (_core, value) => isText(value),
    set: (core, value) => (core.sentinelUser = value === '' ? null : value),
  },
  'sentinel-pass': {
    get: (core) => core.sentinelPass ?? '',
    isValid: (_core, value) => isText(value),
    set: (core, value) => (core.sentinelPass = value === '' ? null : value),
  },
  loglevel: {
    get: (core) => core.logLevel,
    isValid: (_core, value) => LOG_LEVELS.some((level) => level === value.toLowerCase()),
    set: (core, value) => {
      core.logLevel = value.toLowerCase() as LogLevel;
      core.emit({ kind: 'set-log-level', level: core.logLevel });
    },
  },
};

const CREDENTIALS = ['sentinel-user', 'sentinel-pass'];

function get(core: Core, patterns: readonly string[]): Reply {
  const found = new Map<string, string>();
  for (const pattern of patterns) {
    for (const [name, setting] of Object.entries(SETTINGS)) {
      if (!found.has(name) && globMatches(pattern, name, 'ignore-case')) found.set(name, setting.get(core));
    }
  }
  return textMap([...found]);
}

/** All or nothing: everything is checked before anything is changed. */
function checkPairs(core: Core, words: readonly string[]): Map<string, string> | Reply {
  const pairs = new Map<string, string>();
  for (let index = 0; index < words.length; index += 2) {
    const given = words[index] ?? '';
    const name = given.toLowerCase();
    const value = words[index + 1];
    const setting = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
    if (setting === undefined) return error(`ERR Invalid argument '${given}' to SENTINEL CONFIG SET`);
    if (pairs.has(name)) return error(`ERR Duplicate argument '${given}' to SENTINEL CONFIG SET`);
    if (value === undefined) return error(`ERR Missing argument '${given}' value`);
    if (!setting.isValid(core, value)) {
      const shown = CREDENTIALS.includes(name) ? '******' : value;
      return error(`ERR Invalid value '${shown}' to SENTINEL CONFIG SET '${given}'`);
    }
    pairs.set(name, value);
  }
  return pairs;
}

export const config: MonitorCommand = (core, args, defer) => {
  const verb = (args[2] ?? '').toLowerCase();
  if (verb === 'get') return get(core, args.slice(3));
  if (verb !== 'set' || args.length < 5) {
    return error(
      'ERR Only SENTINEL CONFIG GET <param> [<param> <param> ...] / SET <param> <value> [<param> <value> ...] are supported.',
    );
  }
  if (hasControlCharacters(args)) return CONTROL_CHARACTERS;
  const pairs = checkPairs(core, args.slice(3));
  if (!(pairs instanceof Map)) return pairs;
  for (const [name, value] of pairs) SETTINGS[name]?.set(core, value);
  return afterSaving(core, defer, OK, () => {
    if (!CREDENTIALS.some((name) => pairs.has(name))) return;
    const links = new Set(
      [...core.masters.values()].flatMap((master) => [...master.peers.values()].map(({ link }) => link)),
    );
    for (const link of links) reopen(core, link);
  });
};

export const debug: MonitorCommand = (core, args) => {
  if (args.length === 2)
    return textMap(TUNABLE_NAMES.map(([name, key]) => [name, `${core.tunables[key]}`] as const));
  // Those before a wrong one stay, so alarms are set anew in any case.
  for (const master of core.masters.values()) {
    for (const instance of core.instancesOf(master)) {
      core.touch(instance);
      core.touch(instance.link);
    }
  }
  for (let index = 2; index < args.length; index += 2) {
    const name = args[index] ?? '';
    const tunable = TUNABLE_NAMES.find(([known]) => known === name.toUpperCase());
    const text = args[index + 1];
    if (tunable === undefined || text === undefined) {
      return error(`ERR Unknown option or number of arguments for SENTINEL DEBUG '${name}'`);
    }
    const value = strictInteger(text);
    if (value === null || value <= 0)
      return error(`ERR Invalid argument '${text}' for SENTINEL DEBUG '${name}'`);
    core.tunables[tunable[1]] = value;
  }
  return OK;
};

export const simulateFailure: MonitorCommand = (core, args) => {
  const { simulate } = core;
  simulate.afterElection = false;
  simulate.afterPromotion = false;
  for (const flag of args.slice(2)) {
    switch (flag.toLowerCase()) {
      case 'crash-after-election':
        simulate.afterElection = true;
        break;
      case 'crash-after-promotion':
        simulate.afterPromotion = true;
        break;
      case 'help':
        return bulks(['crash-after-election', 'crash-after-promotion']);
      default:
        return error('ERR Unknown failure simulation specified');
    }
  }
  return OK;
};

export const flushConfig: MonitorCommand = (core, _args, defer) => afterSaving(core, defer, OK);
