// What connections of an endpoint may be made of, with real servers: TLS to them and to clients, unix sockets, and the
// PROXY protocol towards a real HAProxy in front of a Redis.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { type Certificates, makeCertificates, removeCertificates } from '../harness/certificates.ts';
import { serverFiles, startFleet } from '../harness/fleet.ts';
import { lacksHaproxy, lacksOpenssl } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { ask } from '../harness/wire.ts';
import { BatonEndpoint, type Cleanup, Counter, runBaton } from './baton-endpoint.ts';

function certificatesFor(test: Cleanup): Certificates {
  const certificates = makeCertificates();
  test.after(async () => removeCertificates(certificates));
  return certificates;
}

const at = (port: number): { host: string; port: number } => ({ host: '127.0.0.1', port });

/** The serial number of the certificate that a listener shows; throws if there is no handshake. */
function shownBy(port: number, certificates: Certificates | null): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      ...at(port),
      rejectUnauthorized: false,
      ...(certificates === null ? {} : { cert: certificates.cert, key: certificates.key }),
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
    // With TLS 1.3 a refusal of our certificate comes after the handshake.
    socket.once('secureConnect', () => socket.write('PING\r\n'));
    socket.once('data', () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
  });
}

/** What a client over `where` is answered to one line. */
function say(where: { path: string } | { port: number; host: string }, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(where);
    socket.once('error', reject);
    socket.once('data', (bytes: Buffer) => {
      resolve(bytes.toString());
      socket.destroy();
    });
    socket.once('close', () => resolve(''));
    socket.write(line);
  });
}

describe('baton endpoint towards servers that speak TLS', { skip: lacksOpenssl() }, () => {
  for (const transparent of [[], ['--transparent']]) {
    it(`switches under load without an error, and shows its certificate, ${transparent[0] ?? 'shared'}`, async (t) => {
      const tls = certificatesFor(t);
      const fleet = await startFleet(t, { voters: [], replicas: 1, tls });
      const [a, b] = fleet.nodes();
      assert.ok(a !== undefined && b !== undefined);
      const port = await freePort();
      const { folder } = tls;
      const endpoint = await BatonEndpoint.start(
        t,
        '--servers',
        `${a.address},${b.address}`,
        '--listen',
        `127.0.0.1:${port}`,
        ...transparent,
        // Servers ask for a certificate, too.
        '--tls',
        '--cacert',
        `${folder}/ca.pem`,
        '--cert',
        `${folder}/node.pem`,
        '--key',
        `${folder}/node.key`,
        '--sni',
        'localhost',
      );
      await endpoint.leads([a.address]);
      assert.match(endpoint.process.output, /path relay: TLS towards the servers takes a relay/);
      const counters = Array.from({ length: 5 }, (_, index) => new Counter(t, at(port), `count:${index}`));
      await until('writes', () => counters.every(({ acknowledged }) => acknowledged > 10));
      const { code, output } = endpoint.order('switch', '--to', b.address);
      assert.equal(code, 0, `${output}\n${endpoint.process.output}`);
      const before = counters.map(({ acknowledged }) => acknowledged);
      await until('more writes', () =>
        counters.every((one, who) => one.acknowledged > (before[who] ?? 0) + 10),
      );
      await Promise.all(counters.map((counter) => counter.stop()));
      for (const counter of counters) {
        assert.deepEqual(counter.errors, []);
        assert.equal(await b.ask('GET', counter.key), String(counter.acknowledged));
      }
    });
  }

  it('leads nobody to a server that it cannot believe, and says why', async (t) => {
    const tls = certificatesFor(t);
    const other = certificatesFor(t);
    const fleet = await startFleet(t, { voters: [], replicas: 0, tls });
    const [a] = fleet.nodes();
    const plain = (await startFleet(t, { voters: [], replicas: 0 })).nodes()[0];
    assert.ok(a !== undefined && plain !== undefined);
    const own = ['--cert', `${tls.folder}/node.pem`, '--key', `${tls.folder}/node.key`];
    const cases: readonly (readonly [string, string, readonly string[], RegExp])[] = [
      [
        'a wrong authority',
        a.address,
        ['--cacert', `${other.folder}/ca.pem`, ...own],
        /no authority that is believed/,
      ],
      [
        'another name',
        a.address,
        ['--cacert', `${tls.folder}/ca.pem`, '--sni', 'other.example', ...own],
        /its certificate is for DNS:localhost.*, not for other\.example/,
      ],
      ['no certificate of ours', a.address, ['--cacert', `${tls.folder}/ca.pem`], /certificate required/],
      // A Redis waits for the end of a line in what is a handshake.
      ['plain text', plain.address, ['--insecure'], /no connection within .*does it speak TLS/],
    ];
    await Promise.all(
      cases.map(async ([what, server, flags, why]) => {
        const port = await freePort();
        const listen = ['--listen', `127.0.0.1:${port}`, '--queue-timeout', '200ms'];
        const endpoint = await BatonEndpoint.start(t, '--servers', server, '--tls', ...flags, ...listen);
        const seen = (): string => JSON.stringify(endpoint.status().snapshot);
        await until(`${what} to be named`, () => why.test(seen()), seen);
        assert.match(await say(at(port), 'SET a b\r\n'), /^-ERR no server/, what);
      }),
    );
  });

  it('takes TLS from clients, asks for certificates, and shows new ones after SIGHUP', async (t) => {
    const tls = certificatesFor(t);
    const later = certificatesFor(t);
    const stranger = certificatesFor(t);
    const fleet = await startFleet(t, { voters: [], replicas: 0 });
    const [a] = fleet.nodes();
    assert.ok(a !== undefined);
    const port = await freePort();
    const { folder } = tls;
    const endpoint = await BatonEndpoint.start(
      t,
      '--servers',
      a.address,
      '--listen',
      `127.0.0.1:${port}`,
      '--listen-cacert',
      `${folder}/ca.pem`,
      '--listen-cert',
      `${folder}/node.pem`,
      '--listen-key',
      `${folder}/node.key`,
    );
    await endpoint.leads([a.address]);
    const first = await shownBy(port, tls);
    await assert.rejects(shownBy(port, stranger));
    await assert.rejects(shownBy(port, null));
    // One that cannot be used changes nothing.
    writeFileSync(join(folder, 'node.pem'), 'nonsense');
    process.kill(endpoint.process.pid ?? 0, 'SIGHUP');
    await until('the complaint', () =>
      /node\.pem, the certificate of .*: it is no PEM/.test(endpoint.process.output),
    );
    assert.equal(await shownBy(port, tls), first);
    for (const name of ['node.pem', 'node.key', 'ca.pem'])
      copyFileSync(join(later.folder, name), join(folder, name));
    process.kill(endpoint.process.pid ?? 0, 'SIGHUP');
    await until('the reload', () => endpoint.process.output.includes('was read anew'));
    await until('the new certificate', async () => (await shownBy(port, later).catch(() => first)) !== first);
    await assert.rejects(shownBy(port, tls));
  });
});

it('names every file that cannot be used, and every option that goes with another', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'x.pem'), 'nonsense');
  const given = ['--servers', '127.0.0.1:1', '--listen', '7', '-c'];
  const bad = runBaton(
    folder,
    ...given,
    '--tls',
    '--cacert',
    `${folder}/none.pem`,
    '--listen-cert',
    `${folder}/x.pem`,
  );
  assert.equal(bad.code, 2);
  assert.match(bad.output, /none\.pem, the authorities of the servers of primary: it cannot be read: ENOENT/);
  assert.match(bad.output, /x\.pem, the certificate of the listeners of primary: it is no PEM file/);
  const mixed = runBaton(
    folder,
    ...given,
    '--cacert',
    'a',
    '--key',
    'b',
    '--listen-key',
    'c',
    '--send-proxy',
    '--send-proxy-v2',
  );
  for (const what of [
    /say who speaks TLS/,
    /--key FILE goes with/,
    /go with --listen-cert/,
    /exclude each other/,
  ]) {
    assert.match(mixed.output, what);
  }
});

it('listens on a unix socket with several workers, and reaches servers by one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-unix-'));
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  const files = await serverFiles('redis');
  const start = async (name: string, ...more: readonly string[]): Promise<ManagedServer> => {
    const directives = [`unixsocket ${folder}/${name}.sock`, ...more];
    const started = await ManagedServer.start({ files, port: await freePort(), directives });
    t.after(() => started.dispose());
    return started;
  };
  const server = await start('redis');
  await start('replica', `replicaof 127.0.0.1 ${server.port}`);
  const path = join(folder, 'e.sock');
  const args = [
    '--servers',
    `${folder}/redis.sock,${folder}/replica.sock`,
    '--listen',
    path,
    '--listen-mode',
    '640',
    '--workers',
    '2',
  ];
  const endpoint = await BatonEndpoint.start(t, ...args);
  await endpoint.leads([`${folder}/redis.sock`]);
  assert.equal(statSync(path).mode & 0o777, 0o640);
  for (let time = 0; time < 8; time++) assert.equal(await say({ path }, 'SET a b\r\n'), '+OK\r\n');
  assert.equal(await ask(server, ['GET', 'a']), 'b');
  await until('its replica could take over, but for its name', () => {
    const { code, output } = endpoint.order('switch', '--to', `${folder}/replica.sock`);
    assert.equal(code, 1);
    return /no server could follow it by a unix socket: name its address and port/.test(output);
  });
  assert.deepEqual(endpoint.leadsTo(), [`${folder}/redis.sock`]);
  const second = runBaton(folder, ...args, '--name', 'second');
  assert.match(second.output, /another program listens there/);
  await endpoint.process.kill();
  assert.ok(existsSync(path), 'a crash leaves the file');
  const again = await BatonEndpoint.start(t, ...args);
  await again.leads([`${folder}/redis.sock`]);
  assert.equal(await say({ path }, 'GET a\r\n'), '$1\r\nb\r\n');
  await again.process.stop();
  assert.ok(!existsSync(path), 'an orderly end takes it away');
});

describe('baton endpoint with the PROXY protocol', { skip: lacksHaproxy() }, () => {
  for (const flag of ['--send-proxy', '--send-proxy-v2']) {
    it(`tells a HAProxy in front of a Redis who each client is, ${flag}`, async (t) => {
      const fleet = await startFleet(t, { voters: [], replicas: 0 });
      const [a] = fleet.nodes();
      assert.ok(a !== undefined);
      const [front, port] = [await freePort(), await freePort()];
      // It logs whom it was told of: source address and port.
      const haproxy: ManagedProcess = new ManagedProcess({
        name: 'haproxy',
        command: (folder) => ['haproxy', '-db', '-f', join(folder, 'h.cfg')],
        isReady: () =>
          say(at(front), 'PROXY UNKNOWN\r\nPING\r\n').then(
            (text) => text !== '',
            () => false,
          ),
      });
      t.after(() => haproxy.dispose());
      writeFileSync(
        join(haproxy.folder, 'h.cfg'),
        `global\n log stdout format raw local0\ndefaults\n mode tcp\n log global\n log-format "from %ci %cp"\n timeout connect 5s\n timeout client 1m\n timeout server 1m\nlisten r\n bind 127.0.0.1:${front} accept-proxy\n server a ${a.address}\n`,
      );
      await haproxy.restart();
      const args = [
        '--servers',
        `127.0.0.1:${front}`,
        '--listen',
        `127.0.0.1:${port}`,
        '--listen',
        `[::1]:${port}`,
      ];
      const endpoint = await BatonEndpoint.start(t, ...args, flag);
      await endpoint.leads([`127.0.0.1:${front}`]);
      assert.match(endpoint.process.output, /each client has a connection of its own/);
      for (const host of ['127.0.0.1', '::1']) {
        const socket = connect({ host, port });
        let heard = '';
        socket.on('data', (bytes: Buffer) => (heard += bytes.toString())).write('PING\r\n');
        await until('an answer', () => heard === '+PONG\r\n');
        const source = `from ${host} ${socket.localPort ?? 0}`;
        socket.destroy();
        await until(
          `"${source}" in the log`,
          () => haproxy.output.includes(source),
          () => haproxy.output,
        );
      }
    });
  }

  it('is told by a proxy who its clients are, and turns others away', async (t) => {
    const fleet = await startFleet(t, { voters: [], replicas: 0 });
    const [a] = fleet.nodes();
    assert.ok(a !== undefined);
    const port = await freePort();
    const args = ['--servers', a.address, '--listen', `127.0.0.1:${port}`, '--accept-proxy'];
    const endpoint = await BatonEndpoint.start(t, ...args);
    await endpoint.leads([a.address]);
    assert.equal(await say(at(port), 'PROXY TCP4 192.0.2.7 192.0.2.8 4000 6379\r\nPING\r\n'), '+PONG\r\n');
    assert.equal(await say(at(port), 'PING\r\n'), '');
  });
});

it('sets keepalive on both sides of a relay', async (t) => {
  const fleet = await startFleet(t, { voters: [], replicas: 0 });
  const [a] = fleet.nodes();
  assert.ok(a !== undefined);
  const port = await freePort();
  const endpoint = await BatonEndpoint.start(
    t,
    '--servers',
    a.address,
    '--listen',
    `127.0.0.1:${port}`,
    '--path',
    'relay',
  );
  await endpoint.leads([a.address]);
  const client = connect(at(port));
  t.after(() => client.destroy());
  client.write('PING\r\n');
  await new Promise((resolve) => client.once('data', resolve));
  assert.equal(await ask(at(port), ['PING']), 'PONG');
  const { pid } = endpoint.status();
  const workers = execFileSync('ps', ['--ppid', String(pid), '-o', 'pid='], { encoding: 'utf8' })
    .trim()
    .split(/\s+/);
  let listing = '';
  const hasKeepalive = (pattern: string): boolean => {
    const lines = listing
      .split('\n')
      .filter((line) => workers.some((worker) => line.includes(`pid=${worker},`)) && line.includes(pattern));
    return lines.length > 0 && lines.every((line) => line.includes('timer:(keepalive'));
  };
  // While bytes are under way another timer stands in its place.
  await until(
    'keepalive on both sides',
    () => {
      listing = execFileSync('ss', ['-tnoHp'], { encoding: 'utf8' });
      return [port, a.target.port].every((one) => hasKeepalive(`127.0.0.1:${one} `));
    },
    () => listing,
  );
});
