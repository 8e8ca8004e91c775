// How a command is named to people. Its arguments may be secrets (`redis-cli -a ...`), so none is shown.

import type { Command } from './router-conf.ts';

/** The program, dots for its arguments, and whom it runs as where that is not the daemon's own user. */
export function commandText({ argv, user }: Command): string {
  const [program = ''] = argv;
  return `${program}${argv.length > 1 ? ' ...' : ''}${user === null ? '' : ` as ${user}`}`;
}
