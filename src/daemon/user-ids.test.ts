import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { failure, success } from '../base/result.ts';
import { findIds } from './user-ids.ts';

it('finds the numbers of users and groups, by name or number', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-ids-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = { passwd: join(folder, 'passwd'), group: join(folder, 'group') };
  writeFileSync(files.passwd, 'root:x:0:0::/root:/bin/sh\nredis:x:105:109::/var/lib/redis:/bin/false\n');
  writeFileSync(files.group, 'root:x:0:\nredis:x:109:\nadm:x:4:\n');
  assert.deepEqual(findIds(null, null, files), success({}));
  assert.deepEqual(findIds('redis', null, files), success({ uid: 105, gid: 109 }));
  assert.deepEqual(findIds('105', 'adm', files), success({ uid: 105, gid: 4 }));
  assert.deepEqual(findIds(null, 'adm', files), success({ gid: 4 }));
  assert.deepEqual(findIds('nobody', null, files), failure('there is no user nobody'));
  assert.deepEqual(findIds('redis', 'none', files), failure('there is no group none'));
});
