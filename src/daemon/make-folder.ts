// Folders for sockets and other files that a daemon leaves for others.

import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder that all may look into, and those above it; throws if it can't. Node's own `recursive` never comes back
 * where a parent is there but takes no folders, as /proc.
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder, { mode: 0o755 });
  } catch (error) {
    // Another daemon was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
