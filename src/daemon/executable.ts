// Whether a script can be run.

import { accessSync, constants, statSync } from 'node:fs';

/** Whether `path`, a byte string, is a file that we may execute; relative paths count from the working directory. */
export function isExecutable(path: string): boolean {
  const file = Buffer.from(path, 'latin1').toString('utf8');
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
