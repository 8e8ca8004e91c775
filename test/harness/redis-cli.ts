// redis-cli for scripts of keepalived and Baton, which start without LD_LIBRARY_PATH (vrrp.md §3.2): a private copy of it
// needs that variable.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentFor, type ServerFiles } from '../../src/redis/server-files.ts';

/** Writes a `redis-cli` into `folder` that works whoever starts it; its path. */
export function writeRedisCli(folder: string, files: ServerFiles): string {
  if (files.cli === null) throw new Error('there is no redis-cli: apt-get install redis-tools');
  const libraries = environmentFor(files, {})['LD_LIBRARY_PATH'] ?? '';
  const path = join(folder, 'redis-cli');
  writeFileSync(path, `#!/bin/sh\nLD_LIBRARY_PATH=${libraries} exec ${files.cli} "$@"\n`, { mode: 0o755 });
  return path;
}
