// The notify_* lines of an instance or a group (vrrp.md §3.1). Unlike other keywords, the first one counts.

import type { Hooks } from '../router-conf.ts';
import type { Reader } from './blocks.ts';
import type { Commands } from './commands.ts';
import { show } from './problems.ts';

/** A hook that runs longer is ended; keepalived waits for none. */
const HOOK_TIMEOUT_MS = 60_000;

type HookName = Exclude<keyof Hooks, 'timeoutMs'>;
export type HooksDraft = { -readonly [Key in keyof Hooks]: Hooks[Key] };

export function hooksDraft(): HooksDraft {
  return {
    master: null,
    backup: null,
    fault: null,
    stop: null,
    deleted: null,
    masterRxLowerPriority: null,
    any: null,
    timeoutMs: HOOK_TIMEOUT_MS,
  };
}

const GROUP_HOOKS: Readonly<Record<string, HookName>> = {
  notify_master: 'master',
  notify_backup: 'backup',
  notify_fault: 'fault',
  notify_stop: 'stop',
  notify: 'any',
};

const INSTANCE_HOOKS: Readonly<Record<string, HookName>> = {
  ...GROUP_HOOKS,
  notify_deleted: 'deleted',
  notify_master_rx_lower_pri: 'masterRxLowerPriority',
};

/** Readers of the hooks' keywords. */
export function hookReaders<Draft extends { readonly hooks: HooksDraft }>(
  commands: Commands,
  owner: 'instance' | 'group',
): Record<string, Reader<Draft>> {
  const names = Object.entries(owner === 'instance' ? INSTANCE_HOOKS : GROUP_HOOKS);
  return Object.fromEntries(
    names.map(([keyword, name]): [string, Reader<Draft>] => [
      keyword,
      (draft, statement, report) => {
        if (draft.hooks[name] !== null) {
          const sentence = `${show(keyword)} was given before: the first one counts`;
          report.warn(statement.keyword, 'repeated', sentence);
          return;
        }
        draft.hooks[name] = commands.readLine(statement);
      },
    ]),
  );
}
