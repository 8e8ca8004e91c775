// What our rewriter writes, a real redis-server reads; and what it writes, we read and leave alone.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../src/base/result.ts';
import type { MasterConf, SentinelConf } from '../src/sentinel/conf/conf.ts';
import { defaultMaster, defaultServer } from '../src/sentinel/conf/defaults.ts';
import { loadConf } from '../src/sentinel/conf/load.ts';
import { MARKER, rewriteConf } from '../src/sentinel/conf/rewrite.ts';

const SERVER = process.env['REDIS_SERVER'] ?? 'redis-server';
const isInstalled = spawnSync(SERVER, ['--version']).status === 0;
const NOTHING_INCLUDED = { included: new Set<string>() };
const PATIENCE_MS = 10_000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

async function tryConnect(port: number): Promise<Socket | null> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return socket;
  } catch {
    return null;
  }
}

/** Starts the real sentinel on `file`, says `lines` to it, and stops it. Fails with its output if it won't start. */
async function runSentinel(file: string, port: number, lines: readonly string[] = []): Promise<void> {
  const child: ChildProcess = spawn(SERVER, [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  try {
    let socket: Socket | null = null;
    for (let waited = 0; socket === null && waited < PATIENCE_MS && child.exitCode === null; waited += 20) {
      socket = await tryConnect(port);
      if (socket === null) await sleep(20);
    }
    assert.ok(socket, `redis-server refuses the file:\n${output}\n${readFileSync(file, 'latin1')}`);
    for (const line of lines) {
      socket.write(`${line}\r\n`);
      const [reply] = (await once(socket, 'data')) as [Buffer];
      assert.equal(reply.toString('latin1'), '+OK\r\n', line);
    }
    socket.destroy();
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

describe(
  'sentinel.conf and redis-server',
  { skip: isInstalled ? false : 'no redis-server is installed' },
  () => {
    let folder = '';
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'baton-conf-'));
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const load = (text: string): SentinelConf => {
      const result = loadConf(
        { path: 'sentinel.conf', text, extraLines: [] },
        {
          workingDirectory: folder,
          readInclude: () => failure('no such file'),
          isExecutable: () => true,
          isDirectory: () => true,
        },
      );
      assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.problem));
      return result.value.conf;
    };

    /** Addresses are of this machine, on ports where nobody answers. */
    const state = (port: number, master: Partial<MasterConf> = {}): SentinelConf => ({
      myId: 'a'.repeat(40),
      currentEpoch: 2n ** 64n - 1n,
      announceIp: '127.0.0.1',
      announcePort: 4,
      denyScriptsReconfig: false,
      resolveHostnames: true,
      announceHostnames: true,
      sentinelUser: 'peer',
      sentinelPass: 'plain',
      masters: [
        {
          ...defaultMaster('m1', 'localhost', 1, 2),
          downAfterMs: 500,
          failoverTimeoutMs: 5000,
          parallelSyncs: 2,
          authPass: 'plain',
          authUser: 'someone',
          masterRebootDownAfterMs: 7,
          renamedCommands: new Map([['config', 'secret-config']]),
          configEpoch: 3n,
          leaderEpoch: 2n ** 63n,
          knownReplicas: [
            { host: '127.0.0.1', port: 2 },
            { host: '::1', port: 2 },
          ],
          knownSentinels: [{ host: '127.0.0.1', port: 3, runId: 'b'.repeat(40) }],
          ...master,
        },
        defaultMaster('m2', '127.0.0.1', 1, 1),
      ],
      server: {
        ...defaultServer(folder),
        port,
        bind: ['127.0.0.1', '-::1'],
        logFile: 'a log.txt',
        unixSocket: join(folder, 'a socket'),
        unixSocketPerm: 0o700,
        tcpKeepaliveSeconds: 60,
        users: ['bob off resetchannels -@all', 'default on nopass sanitize-payload ~* &* +@all'],
        pubsubOutputLimit: { hardBytes: 64 * 1024 ** 2, softBytes: 1000, softSeconds: 5 },
      },
    });

    it('starts on a file that we made, and writes back what we meant', async () => {
      const port = await freePort();
      const file = join(folder, 'made.conf');
      const meant = state(port);
      writeFileSync(file, rewriteConf(null, meant, NOTHING_INCLUDED), 'latin1');
      await runSentinel(file, port, ['SENTINEL FLUSHCONFIG']);
      const written = load(readFileSync(file, 'latin1'));
      const inOrder = (conf: SentinelConf) => ({
        ...conf,
        masters: conf.masters
          .toSorted((a, b) => a.name.localeCompare(b.name))
          .map((master) => ({
            ...master,
            knownReplicas: master.knownReplicas.toSorted((a, b) => a.host.localeCompare(b.host)),
          })),
      });
      assert.deepEqual(inOrder(written), inOrder(meant));
    });

    it('starts on values that it would itself write so that it could not read them', async () => {
      const port = await freePort();
      const file = join(folder, 'odd.conf');
      const odd = state(port, {
        authPass: `p w"'\\\n\x01\xff#`,
        authUser: 'a b',
        renamedCommands: new Map([['config', '']]),
      });
      writeFileSync(file, rewriteConf(null, { ...odd, sentinelPass: 'x y' }, NOTHING_INCLUDED), 'latin1');
      await runSentinel(file, port);
    });

    it('starts on an edited file with comments, old names and lines to remove', async () => {
      const port = await freePort();
      const file = join(folder, 'edited.conf');
      const text = `# ours\nport ${port}\nsave 900 1\nmodule.option 1\n  sentinel known-slave m1 127.0.0.1 2\nmaxmemory 1gb\nsentinel monitor m1 localhost 1 2\nuser x on\n`;
      writeFileSync(file, rewriteConf(text, state(port), NOTHING_INCLUDED), 'latin1');
      await runSentinel(file, port);
    });

    it('writes files that we read, and that a rewrite without changes leaves alone', async () => {
      const port = await freePort();
      const file = join(folder, 'theirs.conf');
      writeFileSync(
        file,
        `# first\nport ${port}\nbind 127.0.0.1\nloglevel verbose\nmaxmemory 1gb\nclient-output-buffer-limit pubsub 64mb 8mb 60\n` +
          `requirepass secret\nuser bob on >pw ~* +@all\ndir "${folder}"\nsentinel monitor m1 127.0.0.1 1 2\n` +
          'sentinel known-replica m1 127.0.0.1 2\nsentinel auth-pass m1 pw\nsentinel rename-command m1 CONFIG x\n# last\n',
      );
      await runSentinel(file, port, [
        'AUTH secret',
        'SENTINEL SET m1 down-after-milliseconds 700',
        'SENTINEL FLUSHCONFIG',
      ]);
      const theirs = readFileSync(file, 'latin1');
      assert.ok(theirs.includes(MARKER));
      const conf = load(theirs);
      assert.equal(conf.masters[0]?.downAfterMs, 700);
      assert.equal(conf.server.users.length, 2);
      const ours = rewriteConf(theirs, conf, NOTHING_INCLUDED);
      const said = (text: string) => text.split('\n').filter((line) => line !== '');
      assert.deepEqual(said(ours), said(theirs));
      writeFileSync(file, ours, 'latin1');
      await runSentinel(file, port);
    });
  },
);
