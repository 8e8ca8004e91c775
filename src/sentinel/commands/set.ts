// SENTINEL SET: a master's settings at run time (sentinel.md §9). Options are taken from left to right, and those before
// a wrong one stay, as in the reference; only control characters, wherever they are, refuse the whole.

import { strictInteger } from '../../base/strict-integer.ts';
import { error, OK, type Reply } from '../../resp/reply.ts';
import type { Core } from '../core.ts';
import { reopen } from '../links.ts';
import type { Master } from '../instance.ts';
import {
  CONTROL_CHARACTERS,
  hasControlCharacters,
  NO_SUCH_MASTER,
  SAVE_FAILED,
  type MonitorCommand,
} from './handler.ts';

const DENIED = error(
  'ERR Reconfiguration of scripts path is denied for security reasons. ' +
    'Check the deny-scripts-reconfig configuration directive in your Sentinel configuration',
);

interface Option {
  /** How many values follow the name. */
  readonly values: 1 | 2;
  /** Applies it; the reply says what is wrong, 'bad' that a value is not acceptable. */
  readonly apply: (core: Core, master: Master, first: string, second: string) => Reply | 'bad' | null;
  readonly isSecret?: boolean;
}

function positive(apply: (core: Core, master: Master, value: number) => void, least = 1): Option {
  return {
    values: 1,
    apply: (core, master, text) => {
      const value = strictInteger(text);
      if (value === null || value < least) return 'bad';
      apply(core, master, value);
      return null;
    },
  };
}

function script(what: string, apply: (master: Master, path: string | null) => void): Option {
  return {
    values: 1,
    apply: (core, master, path) => {
      if (core.denyScriptsReconfig) return DENIED;
      if (path !== '' && !core.host.isExecutable(path)) {
        return error(`ERR ${what} seems non existing or non executable`);
      }
      apply(master, path === '' ? null : path);
      return null;
    },
  };
}

function credential(isSecret: boolean, apply: (master: Master, value: string | null) => void): Option {
  return {
    values: 1,
    isSecret,
    apply: (core, master, value) => {
      apply(master, value === '' ? null : value);
      reopen(core, master.link);
      for (const replica of master.replicas.values()) reopen(core, replica.link);
      return null;
    },
  };
}

const REBOOT = positive((_core, master, value) => (master.rebootDownAfterMs = value), 0);

const OPTIONS: Readonly<Record<string, Option>> = {
  'down-after-milliseconds': positive((core, master, value) => {
    for (const instance of core.instancesOf(master)) {
      instance.downAfterMs = value;
      core.touch(instance);
      core.touch(instance.link);
    }
  }),
  'failover-timeout': positive((_core, master, value) => (master.failoverTimeoutMs = value)),
  'parallel-syncs': positive((_core, master, value) => (master.parallelSyncs = value)),
  quorum: positive((_core, master, value) => (master.quorum = value)),
  'master-reboot-down-after-period': REBOOT,
  'primary-reboot-down-after-period': REBOOT,
  'notification-script': script('Notification script', (master, path) => (master.notificationScript = path)),
  'client-reconfig-script': script(
    'Client reconfiguration script',
    (master, path) => (master.clientReconfigScript = path),
  ),
  'auth-pass': credential(true, (master, value) => (master.authPass = value)),
  'auth-user': credential(false, (master, value) => (master.authUser = value)),
  'rename-command': {
    values: 2,
    apply: (_core, master, from, to) => {
      if (from === '' || to === '') return 'bad';
      const command = from.toLowerCase();
      for (const renamed of master.renamedCommands.keys()) {
        if (renamed.toLowerCase() === command) master.renamedCommands.delete(renamed);
      }
      if (to.toLowerCase() !== command) master.renamedCommands.set(from, to);
      return null;
    },
  },
};

export const set: MonitorCommand = (core, args, defer) => {
  const master = core.masters.get(args[2] ?? '');
  if (master === undefined) return NO_SUCH_MASTER;
  if (hasControlCharacters(args)) return CONTROL_CHARACTERS;
  let changes = 0;
  let problem: Reply | null = null;
  for (let index = 3; index < args.length;) {
    const name = args[index] ?? '';
    const key = name.toLowerCase();
    const option = Object.hasOwn(OPTIONS, key) ? OPTIONS[key] : undefined;
    if (option === undefined || index + option.values >= args.length) {
      problem = error(`ERR Unknown option or number of arguments for SENTINEL SET '${name}'`);
      break;
    }
    const [first = '', second = ''] = args.slice(index + 1, index + 1 + option.values);
    const outcome = option.apply(core, master, first, second);
    if (outcome !== null) {
      const shown = option.isSecret === true ? '******' : first;
      problem =
        outcome === 'bad' ? error(`ERR Invalid argument '${shown}' for SENTINEL SET '${name}'`) : outcome;
      break;
    }
    changes += 1;
    const values = option.isSecret === true ? '******' : option.values === 2 ? `${first} ${second}` : first;
    core.event('+set', master, ` ${name} ${values}`);
    index += 1 + option.values;
  }
  core.touch(master);
  if (changes === 0) return problem ?? OK;
  const answer = defer();
  core.persistence.save((saved) => answer(saved ? (problem ?? OK) : SAVE_FAILED));
  return 'later';
};
