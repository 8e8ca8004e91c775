// Garbage at every port of an endpoint, and from those that it asks: each is answered with an error or closed, nobody else
// notices, memory stays bounded, and the log says whose garbage it was where that is not somebody at a door.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, it } from 'node:test';
import { listening } from '../../src/net/testing.ts';
import { freePort } from '../../src/redis/free-port.ts';
import { Random } from '../../src/base/random.ts';
import { makeCertificates, removeCertificates } from '../harness/certificates.ts';
import { startFleet } from '../harness/fleet.ts';
import { lacksOpenssl } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { BatonEndpoint, Counter } from './baton-endpoint.ts';
import { scratchFolder } from './scratch.ts';

const MIB = 1024 * 1024;
/** What a process has at rest is some 60 MiB. */
const MEMORY_BYTES_MAX = 300 * MIB;

const random = new Random(7);
/** Each ends the connection, or leaves it waiting for the rest, in any protocol that is spoken here. */
const GARBAGE: readonly Buffer[] = [
  Buffer.from(Array.from({ length: 64 * 1024 }, () => random.int(256))),
  Buffer.alloc(100_000),
  Buffer.alloc(4 * MIB, 'a'),
  Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  Buffer.from(`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(50_000)}`),
  Buffer.from('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nshort'),
  Buffer.from('16030100c8010000c40303', 'hex'),
  Buffer.from(`*1\r\n$536870912\r\n${'x'.repeat(MIB)}`),
  Buffer.from('*1\r\n'.repeat(100_000)),
  Buffer.from('*-5\r\n$-9\r\n:x\r\n'),
  Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 x y\r\n'),
  Buffer.from(`\r\n\r\n\0\r\nQUIT\r\nprompt\r\n${';'.repeat(20_000)}\n`),
];

/** Says it, and goes once it was heard, the connection is over, or a second. */
function say(where: NetConnectOpts, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(where);
    const end = (): void => void socket.destroy();
    const patience = setTimeout(end, 1_000);
    socket.on('error', end).once('close', () => {
      clearTimeout(patience);
      resolve();
    });
    socket.resume().write(bytes, () => setTimeout(end, 50));
  });
}

/** Resident bytes of a process. */
const memoryOf = (pid: number): number =>
  Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1_024;

/** A server that answers whatever it is asked by `flood`, again and again as fast as it is taken. */
async function babbling(test: TestContext, flood: string): Promise<string> {
  const server = createServer((socket: Socket) => {
    const go = (): void => {
      while (!socket.destroyed && socket.write(flood, 'latin1'));
    };
    socket
      .on('error', () => undefined)
      .on('drain', go)
      .once('data', go);
  });
  return `127.0.0.1:${await listening(test, server)}`;
}

it('takes garbage at every port, and nobody else notices', { skip: lacksOpenssl() }, async (t) => {
  const tls = makeCertificates();
  t.after(() => removeCertificates(tls));
  const folder = scratchFolder(t);
  const [server] = (await startFleet(t, { voters: [], replicas: 0 })).nodes();
  assert.ok(server !== undefined);
  writeFileSync(join(folder, 'site.pem'), `${tls.cert}${tls.key}`);
  const [port, secure, proxied, raw, page, http] = await Promise.all(Array.from({ length: 6 }, freePort));
  const stats = join(folder, 'stats.sock');
  const check =
    'option tcp-check\n tcp-check send info\\ replication\\r\\n\n tcp-check expect string role:master';
  writeFileSync(
    join(folder, 'all.cfg'),
    `global
 stats socket ${stats} level admin
defaults
 timeout connect 3s
 timeout client 1m
 timeout server 1m
listen redis
 mode tcp
 bind 127.0.0.1:${port}
 bind 127.0.0.1:${secure} ssl crt ${folder}/site.pem
 bind 127.0.0.1:${proxied} accept-proxy
 ${check}
 server a ${server.address} check inter 500ms
listen raw
 mode tcp
 bind 127.0.0.1:${raw}
 server a ${server.address} check inter 500ms
listen page
 mode http
 bind 127.0.0.1:${page}
 stats enable
 stats uri /
`,
  );
  const endpoint = await BatonEndpoint.start(
    t,
    join(folder, 'all.cfg'),
    '--http',
    `127.0.0.1:${http}`,
    '--name',
    'g',
  );
  const story = (): string => endpoint.process.output;
  await endpoint.leads([server.address], 'redis');
  const workers = (): readonly number[] =>
    endpoint
      .status()
      .paths.flatMap((path) => (path as { readonly workers?: readonly number[] }).workers ?? []);
  const processes = [endpoint.status().pid, ...workers()];
  const counter = new Counter(t, { host: '127.0.0.1', port: port ?? 0 }, 'count');
  await until('writes', () => counter.acknowledged > 10, story);

  const doors: NetConnectOpts[] = [port, secure, proxied, raw, page, http].map((one) => ({
    host: '127.0.0.1',
    port: one ?? 0,
  }));
  doors.push({ path: stats }, { path: join(endpoint.process.folder, 'endpoint-g.sock') });
  for (const bytes of GARBAGE) await Promise.all(doors.map((where) => say(where, bytes)));

  const before = counter.acknowledged;
  await until('writes go on', () => counter.acknowledged > before + 10, story);
  await counter.stop();
  assert.deepEqual(counter.errors, []);
  assert.deepEqual([endpoint.status().pid, ...workers()], processes, 'nobody had to be replaced');
  for (const pid of processes) assert.ok(memoryOf(pid) < MEMORY_BYTES_MAX, `${memoryOf(pid)} bytes`);
  assert.equal((await fetch(`http://127.0.0.1:${http ?? 0}/primary`)).status, 200);
});

it('is told nonsense by servers and sentinels, says so, and keeps little of it', async (t) => {
  const floods = [
    ['no protocol', 'HTTP/1.1 400 Bad Request\r\n', /can't begin with byte 72/],
    ['an endless line', '+xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', /longer|line/],
    ['a huge bulk', '$2000000000\r\nxxxxxxxxxxxxxxxx', /bulk|longer|bytes/],
    ['an endless array', '*1\r\n', /deep|nested/],
    ['answers to nothing', '+PONG\r\n', /INFO says nothing/],
  ] as const;
  await Promise.all(
    floods.map(async ([what, flood, why]) => {
      const where = await babbling(t, flood.repeat(1_000));
      const listen = ['--listen', `127.0.0.1:${await freePort()}`, '--path', 'relay', '--workers', '1'];
      const server = await BatonEndpoint.start(t, '--servers', where, ...listen);
      const story = (): string => server.process.output;
      await until(`${what} to be told`, () => why.test(story()), story);
      const { pid, snapshot } = server.status();
      assert.equal(snapshot.backends[0]?.servers[0]?.health, 'down');
      assert.ok(memoryOf(pid) < MEMORY_BYTES_MAX, `${what}: ${memoryOf(pid)} bytes`);
      await server.process.stop();
    }),
  );
  const babbler = await babbling(t, '*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n'.repeat(1_000));
  const listen = ['--listen', `127.0.0.1:${await freePort()}`, '--path', 'relay', '--workers', '1'];
  const endpoint = await BatonEndpoint.start(t, '--sentinels', babbler, '--primary', 'm', ...listen);
  const story = (): string => endpoint.process.output;
  await until(
    'the alarm',
    () => /0 of 1 sentinels answer.*SENTINEL MASTER was not understood/.test(story()),
    story,
  );
  assert.ok(memoryOf(endpoint.status().pid) < MEMORY_BYTES_MAX);
});
