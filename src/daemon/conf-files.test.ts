import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { confFiles, expandPattern } from './conf-files.ts';

it('expands wildcards in any part of a path, sorted, without hidden names', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'baton-glob-'));
  for (const name of ['b.conf', 'a.conf', '.hidden.conf', 'c.txt', 'x+y.conf']) {
    fs.writeFileSync(join(folder, name), name);
  }
  fs.mkdirSync(join(folder, 'sub'));
  fs.writeFileSync(join(folder, 'sub', 'z.conf'), 'z');
  const names = (pattern: string): string[] =>
    expandPattern(join(folder, pattern)).map((path) => path.slice(folder.length + 1));
  assert.deepEqual(names('*.conf'), ['a.conf', 'b.conf', 'x+y.conf']);
  assert.deepEqual(names('[ab].conf'), ['a.conf', 'b.conf']);
  assert.deepEqual(names('[!ab].*'), ['c.txt']);
  assert.deepEqual(names('x+y.conf'), ['x+y.conf']);
  assert.deepEqual(names('s*/?.conf'), ['sub/z.conf']);
  assert.deepEqual(names('nothing/*'), []);
  assert.deepEqual(confFiles.readInclude(join(folder, 'a*')), {
    ok: true,
    value: [{ path: join(folder, 'a.conf'), text: 'a.conf' }],
  });
  const missing = confFiles.readInclude(join(folder, 'missing.conf'));
  assert.ok(!missing.ok && missing.problem.includes('ENOENT'));
  fs.rmSync(folder, { recursive: true });
});
