// Taking away the file of a unix socket at the end.

import { rmSync } from 'node:fs';

/**
 * Removes a socket that nobody listens on any more. It stays where we may not: a daemon that gave root's rights up cannot
 * write to root's folder. The next one to come finds that nobody listens there.
 */
export function removeSocket(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // As said.
  }
}
