// A folder for the files of one test.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from './baton-endpoint.ts';

/** It is gone, with all in it, behind the test. */
export function scratchFolder(test: Cleanup): string {
  const folder = mkdtempSync(join(tmpdir(), 'baton-test-'));
  test.after(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
