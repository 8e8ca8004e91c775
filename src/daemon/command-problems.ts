// What keeps this process from running a configuration's commands: users nobody knows, and rights it lacks.

import { capabilityAdvice, effectiveCapabilities } from '../os/capabilities.ts';
import { commandText } from '../vrrp/command-text.ts';
import type { Command } from '../vrrp/router-conf.ts';
import { findIds } from './user-ids.ts';

/** Sentences, each once; none: they can be run. */
export function commandProblems(commands: Iterable<Command>): string[] {
  const has = effectiveCapabilities();
  const missing = (['CAP_SETUID', 'CAP_SETGID'] as const).filter((one) => !has.has(one));
  const problems: string[] = [];
  for (const command of commands) {
    const ids = findIds(command.user, command.group);
    const shown = commandText(command);
    if (!ids.ok) problems.push(`${shown}: ${ids.problem}`);
    else if (missing.length > 0 && !isOurs(ids.value))
      problems.push(`${shown} ${capabilityAdvice(...missing)}`);
  }
  return [...new Set(problems)];
}

function isOurs({ uid, gid }: { readonly uid?: number; readonly gid?: number }): boolean {
  return (
    (uid === undefined || uid === process.geteuid?.()) && (gid === undefined || gid === process.getegid?.())
  );
}
