// Starting, freezing and ending a server, against a small stand-in written here: the real ones are started in test/.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { freePort, freePorts } from './free-port.ts';
import { ManagedServer } from './managed-server.ts';
import { isServing, probe } from './probe.ts';
import type { ServerFiles } from './server-files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'baton-test-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** A program that reads `port` from its configuration and answers everything with `answer`. */
function standIn(answer: string): ServerFiles {
  const server = join(scratch, `redis-server-${Math.random().toString(36).slice(2)}`);
  writeFileSync(
    server,
    `#!${process.execPath}
    const port = Number(/^port (\\d+)/m.exec(require('fs').readFileSync(process.argv[2], 'utf8'))[1]);
    console.log('starting');
    require('net').createServer((s) => { s.on('error', () => {}); s.on('data', () => s.write(${JSON.stringify(answer)})); })
      .listen(port, '127.0.0.1');
    `,
  );
  chmodSync(server, 0o755);
  return { flavor: 'redis', server, cli: null, libraryFolders: [], origin: 'PATH' };
}

describe('a managed server', () => {
  it('serves once started, falls silent when frozen, and leaves nothing behind', async () => {
    const server = await ManagedServer.start({ files: standIn('+PONG\r\n'), port: await freePort() });
    assert.ok(isServing(await probe('127.0.0.1', server.port, 1_000)));
    assert.match(server.output, /starting/);

    server.freeze();
    assert.equal(await probe('127.0.0.1', server.port, 100), null);
    server.thaw();
    assert.ok(isServing(await probe('127.0.0.1', server.port, 2_000)));

    const pid = server.pid;
    assert.ok(pid !== null);
    await server.dispose();
    assert.equal(server.isRunning, false);
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    assert.equal(existsSync(server.folder), false);
  });

  it('can be killed and started again with the configuration it had rewritten', async () => {
    const server = await ManagedServer.start({ files: standIn('+PONG\r\n'), port: await freePort() });
    try {
      const conf = join(server.folder, 'server.conf');
      writeFileSync(conf, `${readFileSync(conf, 'utf8')}replicaof 127.0.0.1 1\n`);
      const before = server.pid;
      await server.kill();
      assert.equal(await probe('127.0.0.1', server.port, 500), null);
      await server.restart();
      assert.notEqual(server.pid, before);
      assert.match(readFileSync(conf, 'utf8'), /replicaof/);
    } finally {
      await server.dispose();
    }
  });

  it('that ends at once is reported with what it said', async () => {
    const files = standIn('');
    writeFileSync(files.server, '#!/bin/sh\necho cannot do this >&2\nexit 1\n');
    await assert.rejects(
      ManagedServer.start({ files, port: 1 }),
      /ended at once; its last output:\ncannot do this/,
    );
  });

  it('that is missing is reported, not thrown at nobody', async () => {
    const files = { ...standIn(''), server: join(scratch, 'missing') };
    await assert.rejects(ManagedServer.start({ files, port: 1 }), /ended at once/);
  });
});

describe('a probe', () => {
  it('takes a demand for a password as serving, and loading as not', () => {
    assert.equal(isServing('-NOAUTH Authentication required.'), true);
    assert.equal(isServing('-LOADING the dataset'), false);
    assert.equal(isServing(null), false);
  });
});

describe('free ports', () => {
  it('are never handed out twice', async () => {
    const ports = await freePorts(20);
    assert.equal(new Set(ports).size, 20);
  });
});
