import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { it } from 'node:test';
import { StateWriter } from './state-writer.ts';

function fixture(replace?: () => Promise<{ ok: false; problem: string }>) {
  const folder = fs.mkdtempSync(join(tmpdir(), 'baton-state-'));
  const path = join(folder, 'sentinel.conf');
  const done: (readonly [number, string | null])[] = [];
  const state = { version: 0 };
  const writer: StateWriter<string> = new StateWriter<string>({
    path,
    stateToPersist: () => ({ version: state.version, conf: `state ${state.version}\n` }),
    rewrite: (text, conf) => text.replace(/^state .*\n/m, '') + conf,
    done: (version, problem) => done.push([version, problem]),
    ...(replace === undefined ? {} : { replace }),
  });
  return { folder, path, done, state, writer };
}

it('keeps what people changed in the file meanwhile, and serves all requests during a write by one more (sentinel.md §2.5)', async () => {
  const { folder, path, done, state, writer } = fixture();
  fs.writeFileSync(path, '# mine\nstate 0\n');
  state.version = 1;
  writer.request();
  await sleep(0);
  for (state.version = 2; state.version < 9; state.version += 1) writer.request();
  await writer.idle();
  assert.deepEqual(done, [
    [1, null],
    [9, null],
  ]);
  assert.equal(fs.readFileSync(path, 'utf8'), '# mine\nstate 9\n');
  fs.rmSync(path);
  writer.request();
  await writer.idle();
  assert.equal(fs.readFileSync(path, 'utf8'), 'state 9\n');
  fs.rmSync(folder, { recursive: true });
});

it('says why a write failed, and does not try again by itself', async () => {
  const { folder, done, writer } = fixture(async () => ({ ok: false, problem: 'ENOSPC' }));
  writer.request();
  await writer.idle();
  await sleep(5);
  assert.deepEqual(done, [[0, 'ENOSPC']]);
  fs.rmSync(folder, { recursive: true });
});

it('fails on a file that is a folder', async () => {
  const { folder, path, done, writer } = fixture();
  fs.mkdirSync(path);
  writer.request();
  await writer.idle();
  assert.match(done[0]?.[1] ?? '', /EISDIR/);
  fs.rmSync(folder, { recursive: true });
});
