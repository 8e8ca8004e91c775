import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { pathParts } from './keepalived-surroundings.ts';

it('lists every folder on the way to a script, those of a symbolic link and of its target', (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'baton-parts-')));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'real'), { mode: 0o700 });
  mkdirSync(join(folder, 'links'));
  writeFileSync(join(folder, 'real/script'), '', { mode: 0o750 });
  symlinkSync('../real/script', join(folder, 'links/script'));
  const parts = pathParts(join(folder, 'links/script')) ?? [];
  const paths = parts.map(({ path }) => path);
  assert.equal(paths[0], '/');
  for (const name of ['links', 'real']) assert.ok(paths.includes(join(folder, name)), name);
  const last = parts.at(-1);
  assert.deepEqual([last?.path, last?.kind, last?.mode], [join(folder, 'real/script'), 'file', 0o750]);
  assert.equal(pathParts(join(folder, 'missing')), null);
  symlinkSync('loop', join(folder, 'loop'));
  assert.equal(pathParts(join(folder, 'loop')), null);
});
