// How many files, sockets included, this process may have open at once.

import { readFileSync } from 'node:fs';

/** null: no limit, or nobody knows. Node has raised it to what the hard limit allows before any of our code runs. */
export function descriptorLimit(): number | null {
  try {
    return parseDescriptorLimit(readFileSync('/proc/self/limits', 'latin1'));
  } catch {
    // No /proc: another system.
    return null;
  }
}

/** The soft limit in the text of a `/proc/<pid>/limits` (proc_pid_limits(5)). */
export function parseDescriptorLimit(limits: string): number | null {
  const [, soft] = /^Max open files\s+(\d+)\s/m.exec(limits) ?? [];
  return soft === undefined ? null : Number(soft);
}
