import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { defaultServer } from '../sentinel/conf/defaults.ts';
import { PidFile } from './pid-file.ts';

it('holds our pid until a clean exit, and leaves what another process wrote over it', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'baton-pid-'));
  const path = join(folder, 'x.pid');
  const file = new PidFile({ ...defaultServer('/'), pidFile: path }, false);
  assert.equal(file.write(), null);
  assert.equal(fs.readFileSync(path, 'utf8'), `${process.pid}\n`);
  file.remove();
  assert.equal(fs.existsSync(path), false);
  file.write();
  fs.writeFileSync(path, '1\n');
  file.remove();
  assert.equal(fs.readFileSync(path, 'utf8'), '1\n');
  fs.rmSync(folder, { recursive: true });
  assert.match(file.write() ?? '', /ENOENT/);
});

it('that could not be written is not read at the end, which has none on a device', () => {
  const file = new PidFile({ ...defaultServer('/'), pidFile: '/dev/full' }, false);
  assert.match(file.write() ?? '', /ENOSPC/);
  file.remove();
  assert.ok(fs.existsSync('/dev/full'));
});

it('is not written in the foreground unless asked for (sentinel.md §2.1)', () => {
  const file = new PidFile(defaultServer('/'), false);
  assert.equal(file.write(), null);
  file.remove();
});
