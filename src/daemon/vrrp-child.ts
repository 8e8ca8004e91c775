// One child of the VRRP daemon, a script, a hook or the reader of a FIFO, started the way keepalived does (vrrp.md §3.2):
// directly, without a shell, in a process group of its own, as the user that was asked for, with /dev/null as its
// standard streams and `/` as its folder.
//
// Differs from keepalived: a child does not die with a daemon that was killed (PR_SET_PDEATHSIG has to be set between
// fork and exec, where Node lets nobody in); it runs to its end.

import { spawn, type ChildProcess } from 'node:child_process';
import { failure, success, type Result } from '../base/result.ts';
import type { Command } from '../vrrp/router-conf.ts';
import { SERVICE_VARIABLES } from './service-manager.ts';
import { findIds } from './user-ids.ts';

/**
 * What would change how a script's shell or its programs work, and what would let it speak to the service manager in our
 * name; the rest of the environment is passed on.
 */
const KEPT_BACK = ['IFS', 'LD_PRELOAD', 'LD_LIBRARY_PATH', ...SERVICE_VARIABLES];

const toText = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

/**
 * `args` go after the command's own, `environment` is added to ours; all are byte strings. What exec refuses comes as
 * the child's `error` event.
 */
export function startChild(
  command: Command,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Result<ChildProcess, string> {
  const ids = findIds(command.user, command.group);
  if (!ids.ok) return failure(ids.problem);
  const [file = '', ...words] = [...command.argv, ...args].map(toText);
  const env = { ...process.env };
  for (const name of KEPT_BACK) delete env[name];
  for (const [name, value] of Object.entries(environment)) env[name] = toText(value);
  try {
    // A session of its own, and so a process group that can be signalled as a whole. With a user, Node gives up all
    // our supplementary groups before it takes that user's group: so does keepalived unless it is told otherwise, which
    // the reader refuses (vrrp.md §3.3).
    return success(
      spawn(file, words, { stdio: 'ignore', shell: false, detached: true, cwd: '/', env, ...ids.value }),
    );
  } catch (error) {
    // What is refused before there is a process, such as arguments beyond the limit.
    return failure((error as Error).message);
  }
}
