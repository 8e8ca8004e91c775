import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { listenUnix } from './unix-listen.ts';

const PLAIN = { mode: null, uid: null, gid: null };

it('listens with the rights asked for, in place of what a crash left, and of nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-unix-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a.sock');
  // As after a crash: the file is there, and nobody listens.
  closeSync(listenUnix(path, PLAIN, 8).fd);
  assert.ok(existsSync(path));

  const listener = listenUnix(path, { ...PLAIN, mode: 0o640 }, 8);
  assert.equal(statSync(path).mode & 0o777, 0o640);
  const server = createServer((socket) => socket.end('hello'));
  server.listen({ fd: listener.fd });
  t.after(() => server.close());
  await once(server, 'listening');
  const [bytes] = (await once(connect({ path }), 'data')) as [Buffer];
  assert.equal(bytes.toString(), 'hello');

  assert.throws(() => listenUnix(path, PLAIN, 8), /another program listens there/);
  const file = join(folder, 'file');
  writeFileSync(file, 'precious');
  assert.throws(() => listenUnix(file, PLAIN, 8), /no socket/);
  assert.throws(() => listenUnix(join(folder, 'x'.repeat(120)), PLAIN, 8), /a path of at most \d+ bytes/);
  assert.throws(() => listenUnix(join(folder, 'no', 'where'), PLAIN, 8), /ENOENT/);

  listener.remove();
  assert.ok(!existsSync(path));
  writeFileSync(path, 'of another');
  listener.remove();
  assert.ok(existsSync(path));
});
