import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { CheckConf, TcpCheckStep } from '../../endpoint/checks/check-conf.ts';
import type { CheckOutcome } from '../../endpoint/checks/dialogue.ts';
import { CheckRunner } from './check-runner.ts';
import { matchWithin } from './dialogue-runner.ts';

const PATIENCE_MS = 20_000;

function outcomeOf(check: CheckConf, port: number, timeoutMs = PATIENCE_MS): Promise<CheckOutcome> {
  return new Promise((resolve) => {
    new CheckRunner((_, outcome) => resolve(outcome)).run({
      kind: 'run-check',
      run: 1,
      check,
      server: { host: '127.0.0.1', port },
      timeoutMs,
    });
  });
}

const expectString = (pattern: string): TcpCheckStep => ({
  kind: 'expect',
  what: 'string',
  pattern,
  isNegated: false,
  bytesMin: null,
  comment: null,
});

const command = (...argv: string[]): CheckConf => ({
  kind: 'command',
  argv,
  user: null,
  group: null,
  saysWeight: false,
  haproxy: null,
});

describe('checks that are run for real', () => {
  let server: Server;
  let port = 0;
  let folder = '';

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'baton-checks-'));
    // Speaks a little of everything.
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        const said = bytes.toString('latin1');
        if (said.includes('PING')) socket.write('+PONG\r\n');
        if (said.startsWith('GET')) socket.end('HTTP/1.1 200 OK\r\n\r\nmaster');
        if (said.startsWith('info')) socket.write('role:slave\r\n');
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    port = (server.address() as AddressInfo).port;
  });

  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('connects, pings, and speaks HTTP with a digest', async () => {
    const where = { host: null, port: null, tls: null };
    assert.equal((await outcomeOf({ kind: 'tcp', ...where }, port)).isUp, true);
    assert.equal((await outcomeOf({ kind: 'redis-ping', credentials: null, ...where }, port)).isUp, true);
    const http: CheckConf = {
      kind: 'http',
      ...where,
      method: 'GET',
      path: '/',
      version: '1.0',
      headers: [],
      body: '',
      expects: [{ kind: 'digest', md5: 'eb0a191797624dd3a48fa681d3061212' }],
    };
    assert.deepEqual(await outcomeOf(http, port), { isUp: true, detail: 'status 200', weight: null });
  });

  it('says what it waited for when the time is over', async () => {
    const steps: TcpCheckStep[] = [{ kind: 'send', bytes: 'info\r\n' }, expectString('role:master')];
    assert.deepEqual(
      await outcomeOf({ kind: 'tcp-check', host: null, port: null, tls: null, steps }, port, 100),
      {
        isUp: false,
        detail: "expect string 'role:master' (step 2): nothing within 100 ms",
        weight: null,
      },
    );
  });

  it('tells a refusal at once', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => {
      closed.listen(0, '127.0.0.1', resolve);
    });
    const free = (closed.address() as AddressInfo).port;
    await new Promise((resolve) => {
      closed.close(resolve);
    });
    const outcome = await outcomeOf({ kind: 'tcp', host: null, port: null, tls: null }, free);
    assert.equal(outcome.isUp, false);
    assert.match(outcome.detail, /ECONNREFUSED/);
  });

  it('runs a command, and kills all that it started when the time is over', async () => {
    assert.equal((await outcomeOf(command('/bin/true'), port)).isUp, true);
    assert.equal((await outcomeOf(command('/bin/false'), port)).detail, 'exit code 1');
    assert.match((await outcomeOf(command('/nowhere/x'), port)).detail, /could not be started/);
    const script = join(folder, 'hangs.sh');
    const pidFile = join(folder, 'pid');
    writeFileSync(script, `#!/bin/sh\nsleep 1000 & echo $! >${pidFile}\nwait\n`, { mode: 0o755 });
    const outcome = await outcomeOf(command(script), port, 3_000);
    assert.match(outcome.detail, /nothing within 3000 ms/);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    const deadline = Date.now() + PATIENCE_MS;
    const isGone = (): boolean => {
      try {
        return readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
      } catch {
        return true;
      }
    };
    while (!isGone() && Date.now() < deadline) {
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
    assert.ok(isGone());
  });

  it('tells an external check of HAProxy whom to check', async () => {
    const script = join(folder, 'external.sh');
    const seen = join(folder, 'seen');
    writeFileSync(script, `#!/bin/sh\necho "$@ $HAPROXY_SERVER_NAME" >${seen}\n`, { mode: 0o755 });
    const check: CheckConf = {
      kind: 'command',
      argv: [script],
      user: null,
      group: null,
      saysWeight: false,
      haproxy: {
        proxyName: 'redis',
        proxyId: 2,
        proxyAddress: '10.0.0.9',
        proxyPort: 6379,
        serverName: 'first',
        serverId: 1,
        serverConnectionsMax: null,
        path: null,
      },
    };
    assert.equal((await outcomeOf(check, port)).isUp, true);
    assert.equal(readFileSync(seen, 'utf8'), `10.0.0.9 6379 127.0.0.1 ${port} first\n`);
  });

  it('reads a file, and takes one that is not there for 0', async () => {
    const path = join(folder, 'drain');
    const check: CheckConf = { kind: 'file', path, weight: -5 };
    assert.deepEqual(await outcomeOf(check, port), { isUp: true, detail: 'it says 0', weight: 0 });
    writeFileSync(path, '2\n');
    assert.deepEqual(await outcomeOf(check, port), { isUp: true, detail: 'it says 2', weight: -10 });
  });

  it('asks a name server', async () => {
    const names = createSocket('udp4');
    let code = 0;
    names.on('message', (query, from) => {
      const answer = Buffer.from(query);
      answer[2] = 0x81;
      answer[3] = code;
      names.send(answer, from.port, from.address);
    });
    await new Promise<void>((resolve) => {
      names.bind(0, '127.0.0.1', resolve);
    });
    const check: CheckConf = { kind: 'dns', port: names.address().port, name: 'a.example', type: 'SOA' };
    assert.equal((await outcomeOf(check, port)).isUp, true);
    code = 5;
    assert.equal((await outcomeOf(check, port)).detail, 'it answers REFUSED');
    names.close();
  });

  it('hears an echo of this machine, or says what permission it needs', async () => {
    const outcome = await outcomeOf({ kind: 'icmp' }, port);
    if (!outcome.isUp) assert.match(outcome.detail, /CAP_NET_RAW|firewall|koffi/);
  });

  it('gives up on a pattern that backtracks without end', () => {
    assert.equal(matchWithin(/role:m.ster/, 'x role:master'), true);
    assert.equal(matchWithin(/^(a+)+$/, `${'a'.repeat(60)}!`), null);
    assert.equal(matchWithin(/b/, 'a'), false);
  });
});
