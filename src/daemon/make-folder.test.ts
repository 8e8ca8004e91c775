import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { makeFolder } from './make-folder.ts';

it('makes a folder and those above it, and says so where that is not possible', (t) => {
  const top = mkdtempSync(join(tmpdir(), 'baton-folder-'));
  t.after(() => rmSync(top, { recursive: true }));
  const folder = join(top, 'a', 'b');
  makeFolder(folder);
  makeFolder(folder);
  assert.ok(statSync(folder).isDirectory());
  // Where Node's own never comes back.
  assert.throws(() => makeFolder('/proc/none/such'), /ENOENT/);
});
