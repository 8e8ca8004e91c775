import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Syslog } from './syslog.ts';

it('hands each line with its priority to logger', async () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'baton-syslog-'));
  const program = join(folder, 'logger');
  fs.writeFileSync(program, `#!/bin/sh\necho "$@" > ${folder}/args\ncat > ${folder}/lines\n`, {
    mode: 0o755,
  });
  const syslog = new Syslog({ ident: 'redis', facility: 'local3' }, assert.fail, program);
  syslog.write('warning', '+sdown master m');
  syslog.write('notice', 'two\nlines');
  const expected = '<156>+sdown master m\n<157>two lines\n';
  for (let tries = 0; tries < 200; tries += 1) {
    if (fs.existsSync(`${folder}/lines`) && fs.readFileSync(`${folder}/lines`, 'utf8') === expected) break;
    await sleep(10);
  }
  assert.equal(fs.readFileSync(`${folder}/lines`, 'utf8'), expected);
  assert.match(fs.readFileSync(`${folder}/args`, 'utf8'), /^--prio-prefix --tag redis --id=\d+\n$/);
  fs.rmSync(folder, { recursive: true });
});

it('says once that there is no logger', async () => {
  const warnings: string[] = [];
  const syslog = new Syslog(
    { ident: 'redis', facility: 'user' },
    (text) => warnings.push(text),
    '/nonexistent/logger',
  );
  syslog.write('warning', 'one');
  await sleep(50);
  syslog.write('warning', 'two');
  await sleep(50);
  assert.equal(warnings.length, 1);
});
