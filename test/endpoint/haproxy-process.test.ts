// Started under HAProxy's name by those who start HAProxy: Debian's unit and init script, with their own words and signals.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { NotifySocket } from '../harness/notify-socket.ts';
import { lacksHaproxy } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';

const cfgOf = (port: number, more = ''): string => `global
    daemon
    maxconn 1000
${more}
listen redis
    mode tcp
    bind 127.0.0.1:${port}
    timeout connect 1s
    timeout client 1h
    timeout server 1h
    server r1 127.0.0.1:1 check
`;

const isListening = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });

it('serves under the unit and the init script of HAProxy, and reloads as they ask it to', async (t) => {
  const [first, second] = [await freePort(), await freePort()];
  const daemon: ManagedProcess = new ManagedProcess({
    name: 'haproxy',
    environment: { ...process.env, RUNTIME_DIRECTORY: '' },
    command: (folder) => [
      'env',
      `RUNTIME_DIRECTORY=${folder}`,
      `NOTIFY_SOCKET=${join(folder, 'notify')}`,
      process.execPath,
      join(folder, 'haproxy'),
      '-Ws',
      '-f',
      join(folder, 'haproxy.cfg'),
      '-p',
      join(folder, 'haproxy.pid'),
      '-S',
      join(folder, 'm.sock'),
    ],
    isReady: (output) => output.includes('redis listens on'),
  });
  t.after(() => daemon.dispose());
  const inFolder = (name: string): string => join(daemon.folder, name);
  const story = (): string => daemon.output;
  const haproxy = (...words: readonly string[]) =>
    spawnSync(process.execPath, [inFolder('haproxy'), ...words], {
      encoding: 'utf8',
      timeout: 60_000,
      cwd: daemon.folder,
      env: { ...process.env, RUNTIME_DIRECTORY: daemon.folder },
    });
  const pid = (): number => Number(readFileSync(inFolder('haproxy.pid'), 'latin1'));
  symlinkSync(resolve('bin/baton'), inFolder('haproxy'));
  writeFileSync(inFolder('haproxy.cfg'), cfgOf(first));
  const manager = new NotifySocket(inFolder('notify'));
  t.after(() => manager.close());

  // Type=notify: in the foreground although the file says `daemon`, and ready when it serves.
  await daemon.restart();
  await until('it is ready', () => manager.heard().includes('READY=1'), story);
  assert.equal(pid(), daemon.pid);
  // What pgrep, pidof and killall look at.
  assert.equal(readFileSync(`/proc/${pid()}/comm`, 'latin1'), 'haproxy\n');
  assert.match(readFileSync(`/proc/${pid()}/cmdline`, 'latin1'), /^haproxy[\0 ]*$/);
  assert.ok(await isListening(first));

  // ExecReload: the file is checked, and the signal of a master comes.
  writeFileSync(inFolder('haproxy.cfg'), cfgOf(second));
  const check = haproxy('-Ws', '-f', 'haproxy.cfg', '-c', '-q', '-S', inFolder('m.sock'));
  assert.deepEqual([check.status, check.stdout, check.stderr], [0, '', '']);
  assert.match(haproxy('-c', '-f', 'haproxy.cfg').stdout, /^Configuration file is valid$/m);
  process.kill(pid(), 'SIGUSR2');
  await until('it serves what the file says now', () => isListening(second), story);
  await until('it has told', () => /RELOADING=1[^]*READY=1$/.test(manager.heard().join('\n')), story);
  assert.ok(!(await isListening(first)));

  // The init script's reload, with another file: who serves goes on, and one that is no good changes nothing.
  writeFileSync(inFolder('other.cfg'), cfgOf(first));
  const reload = ['-f', 'other.cfg', '-p', 'haproxy.pid', '-D', '-sf', String(pid())];
  const reloaded = haproxy(...reload);
  assert.deepEqual([reloaded.status, pid()], [0, daemon.pid], reloaded.stderr);
  assert.ok((await isListening(first)) && !(await isListening(second)));
  writeFileSync(inFolder('other.cfg'), cfgOf(second, '    banana'));
  const refused = haproxy(...reload);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /other\.cfg:4:5: .*banana/);
  assert.ok(await isListening(first));

  assert.match(haproxy('-v').stdout, /^Baton \d+\.\d+\.\d+, in place of HAProxy$/m);

  // -st: another takes its place, in the background.
  const before = pid();
  const replaced = haproxy('-f', 'haproxy.cfg', '-p', 'haproxy.pid', '-D', '-st', String(before));
  assert.equal(replaced.status, 0, replaced.stderr);
  const after = pid();
  t.after(() => process.kill(after, 'SIGKILL'));
  assert.notEqual(after, before);
  assert.equal(readFileSync(`/proc/${after}/comm`, 'latin1'), 'haproxy\n');
  assert.ok((await isListening(second)) && !(await isListening(first)));
  assert.ok(manager.heard().includes('STOPPING=1'));
});

it(
  'takes no ports from HAProxy itself, and starts where an old pid file names nobody',
  { skip: lacksHaproxy() },
  async (t) => {
    const port = await freePort();
    const theirs = new ManagedProcess({
      name: 'real-haproxy',
      command: (folder) => ['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')],
      isReady: () => isListening(port),
    });
    t.after(() => theirs.dispose());
    writeFileSync(join(theirs.folder, 'haproxy.cfg'), cfgOf(port));
    symlinkSync(resolve('bin/baton'), join(theirs.folder, 'haproxy'));
    await theirs.restart();
    const { pid } = theirs;
    const start = (...pids: readonly string[]) =>
      spawnSync(process.execPath, ['./haproxy', '-f', 'haproxy.cfg', '-p', 'pid', '-D', '-sf', ...pids], {
        encoding: 'utf8',
        timeout: 60_000,
        cwd: theirs.folder,
        env: { ...process.env, RUNTIME_DIRECTORY: theirs.folder },
      });
    const refused = start(String(pid));
    assert.equal(refused.status, 1);
    assert.match(
      refused.stderr,
      new RegExp(`process ${pid} is HAProxy itself, .*: end it, then start this one without`),
    );
    assert.ok(await isListening(port));

    await theirs.stop();
    const started = start(String(pid));
    assert.equal(started.status, 0, started.stderr);
    const ours = Number(readFileSync(join(theirs.folder, 'pid'), 'latin1'));
    t.after(() => process.kill(ours, 'SIGKILL'));
    assert.ok(await isListening(port));
  },
);
