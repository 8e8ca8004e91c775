import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { defaultServer } from '../sentinel/conf/defaults.ts';
import type { ServerConf } from '../sentinel/conf/conf.ts';
import { OK, bulk } from '../resp/reply.ts';
import type { ClientId } from '../sentinel/io.ts';
import { Listener } from './listener.ts';
import { makeAuthority, makeCertificate, RecordingSink, until } from './testing.ts';
import { loadTls } from './tls.ts';

let folder = '';
before(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'baton-listener-'));
  makeAuthority(folder, 'ca');
  makeCertificate(folder, 'ca', 'node');
  makeAuthority(folder, 'stranger');
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface Fixture {
  readonly listener: Listener;
  readonly sink: RecordingSink;
  readonly port: number;
  readonly unauthenticated: Set<ClientId>;
  readonly subscribed: Set<ClientId>;
  readonly logged: string[];
}

/** A listener whose machine answers each command with OK, unless `react` is changed. */
async function serve(conf: Partial<ServerConf> = {}): Promise<Fixture> {
  const port = conf.port ?? (await freePort());
  const logged: string[] = [];
  const server = { ...defaultServer('/'), bind: ['127.0.0.1'], port, ...conf };
  const loaded = server.tls.port === 0 ? null : loadTls(server.tls);
  const tls = loaded?.ok === true ? loaded.value.server : null;
  const listener = new Listener({
    conf: server,
    tls,
    log: (_level, sentence) => logged.push(sentence),
  });
  const sink = new RecordingSink();
  const unauthenticated = new Set<ClientId>();
  const subscribed = new Set<ClientId>();
  sink.react = (event) => {
    if (event.kind === 'command') listener.answer(event.client, OK, 2);
  };
  sink.flush = () => {
    do listener.flush();
    while (listener.isDirty);
  };
  const bound = await listener.listen();
  assert.ok(bound.ok, bound.ok ? '' : bound.problem);
  listener.serve(sink, {
    isAuthenticated: (client) => !unauthenticated.has(client),
    isSubscribed: (client) => subscribed.has(client),
  });
  return { listener, sink, port, unauthenticated, subscribed, logged };
}

/** Collects what a client gets. */
class TestClient {
  text = '';
  isClosed = false;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('error', () => undefined);
    this.socket.once('close', () => {
      this.isClosed = true;
    });
  }
}

describe('listener', () => {
  it('announces clients, hands over pipelined and inline requests in order, and answers in one write', async () => {
    const { listener, sink, port } = await serve();
    const client = new TestClient(port);
    client.socket.write('PING\r\n*2\r\n$4\r\nECHO\r\n$2\r\n\u00ff\u0000\r\n\r\n*0\r\n', 'latin1');
    await until(() => client.text === '+OK\r\n+OK\r\n');
    const [connected] = sink.ofKind('client-connected');
    assert.ok(connected !== undefined);
    assert.equal(connected.address, `127.0.0.1:${client.socket.localPort}`);
    assert.equal(connected.localAddress, `127.0.0.1:${port}`);
    assert.equal(connected.isLocal, true);
    assert.ok(connected.fd > 2);
    assert.deepEqual(
      sink.ofKind('command').map(({ args }) => args),
      [['PING'], ['ECHO', '\u00ff\u0000']],
    );
    client.socket.end();
    await until(() => sink.ofKind('client-closed').length === 1 && client.isClosed);
    listener.close();
  });

  it('answers what is no request with a protocol error, and closes (sentinel.md §1.1)', async () => {
    const { listener, port, unauthenticated } = await serve();
    unauthenticated.add(3);
    const send = async (text: string): Promise<string> => {
      const client = new TestClient(port);
      client.socket.write(text);
      await until(() => client.isClosed);
      return client.text;
    };
    assert.match(await send('*1\r\n:1\r\n'), /^-ERR Protocol error: expected '\$'/);
    assert.match(await send('PING "x\r\n'), /^-ERR Protocol error: unbalanced quotes/);
    assert.match(await send('*11\r\n'), /^-ERR Protocol error: unauthenticated multibulk length/);
    listener.close();
  });

  it('delivers nothing of a held client until it is released, and reads no more of it than its socket has', async () => {
    const { listener, sink, port } = await serve();
    sink.react = (event) => {
      if (event.kind !== 'command') return;
      listener.answer(event.client, bulk(event.args[0] ?? ''), 2);
      if (event.args[0] === 'vote') listener.hold(event.client);
    };
    const client = new TestClient(port);
    client.socket.write('a\r\nvote\r\nb\r\nc\r\n');
    await until(() => client.text.includes('vote'));
    // Far more than can be read of it: it must stay on the client's side.
    const flood = 'x'.repeat(1024 * 1024);
    for (let sent = 0; sent < 32; sent += 1) client.socket.write(`${flood.slice(0, 60_000)}\r\n`.repeat(17));
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    assert.deepEqual(
      sink.ofKind('command').map(({ args }) => args[0]),
      ['a', 'vote'],
    );
    assert.ok(client.socket.writableLength > 16 * 1024 * 1024);
    listener.release(1);
    sink.settle();
    await until(() => sink.ofKind('command').length > 4);
    assert.deepEqual(
      sink
        .ofKind('command')
        .slice(2, 4)
        .map(({ args }) => args[0]),
      ['b', 'c'],
    );
    client.socket.destroy();
    listener.close();
  });

  it('carries out no further command of a client that does not read its answers', async () => {
    const { listener, sink, port } = await serve();
    const answer = bulk('y'.repeat(100_000));
    sink.react = (event) => {
      if (event.kind === 'command') listener.answer(event.client, answer, 2);
    };
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    client.pause();
    client.write('PING\r\n'.repeat(10_000));
    await until(() => sink.ofKind('command').length > 5);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    const served = sink.ofKind('command').length;
    assert.ok(served < 300, `${served} commands were carried out for nobody`);
    assert.ok(listener.waitingBytes < 8 * 1024 * 1024);
    let received = 0;
    client.on('data', (chunk) => {
      received += chunk.length;
    });
    client.resume();
    await until(() => sink.ofKind('command').length > served + 500, 10_000);
    assert.ok(received > 0);
    client.destroy();
    listener.close();
  });

  it('hears others between the requests of a client that sends thousands of costly ones', async () => {
    const { listener, sink, port } = await serve();
    sink.react = (event) => {
      if (event.kind !== 'command') return;
      const end = performance.now() + (event.args[0] === 'costly' ? 2 : 0);
      while (performance.now() < end);
      listener.answer(event.client, OK, 2);
    };
    const [busy, other] = [new TestClient(port), new TestClient(port)];
    await until(() => sink.ofKind('client-connected').length === 2);
    // It shuts down its sending side at once, as `nc -N` does: it still gets every answer.
    busy.socket.end('costly\r\n'.repeat(300));
    await until(() => sink.ofKind('command').length > 0);
    other.socket.write('PING\r\n');
    await until(() => other.text === '+OK\r\n');
    assert.ok(sink.ofKind('command').length < 100, `${sink.ofKind('command').length} came before the other`);
    await until(() => busy.isClosed, 10_000);
    assert.equal(busy.text, '+OK\r\n'.repeat(300));
    other.socket.destroy();
    listener.close();
  });

  it('closes who holds most when unfinished requests take too much memory together', async () => {
    const { listener, sink, port, logged } = await serve();
    const modest = new TestClient(port);
    modest.socket.write('PI');
    const greedy = Array.from({ length: 6 }, () => new TestClient(port));
    const megabyte = 'x'.repeat(1024 * 1024);
    for (const { socket } of greedy) {
      socket.write('*2\r\n$4\r\nPING\r\n$15728640\r\n');
      for (let sent = 0; sent < 14; sent += 1) socket.write(megabyte);
    }
    await until(() => greedy.some(({ isClosed }) => isClosed), 10_000);
    await until(() => sink.ofKind('client-closed').length === 2, 10_000);
    assert.equal(logged.length, 2);
    assert.match(logged[0] ?? '', /^Client id=\d closed: it holds \d+ bytes of requests that are not whole/);
    modest.socket.write('NG\r\n');
    await until(() => modest.text === '+OK\r\n');
    for (const { socket } of [modest, ...greedy]) socket.destroy();
    listener.close();
  });

  it('closes a subscriber over the limit of its class, and says so (sentinel.md §1.2)', async () => {
    const { listener, sink, port, subscribed, logged } = await serve({
      pubsubOutputLimit: { hardBytes: 2_000_000, softBytes: 0, softSeconds: 0 },
    });
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    client.pause();
    await until(() => sink.ofKind('client-connected').length === 1);
    subscribed.add(1);
    const message = bulk('m'.repeat(500_000));
    for (let sent = 0; sent < 100 && sink.ofKind('client-closed').length === 0; sent += 1) {
      listener.answer(1, message, 2);
      sink.settle();
      await new Promise(setImmediate);
    }
    assert.equal(sink.ofKind('client-closed').length, 1);
    assert.match(logged.join('\n'), /hard limit of client-output-buffer-limit pubsub/);
    client.destroy();
    listener.close();
  });

  it('closes after the last answer was written', async () => {
    const { listener, sink, port } = await serve();
    sink.react = (event) => {
      if (event.kind !== 'command') return;
      listener.answer(event.client, bulk('z'.repeat(3_000_000)), 2);
      listener.closeClient(event.client);
    };
    const client = new TestClient(port);
    client.socket.write('a\r\nb\r\n');
    await until(() => client.isClosed);
    assert.equal(client.text.length, 3_000_000 + '$3000000\r\n\r\n'.length);
    await until(() => sink.ofKind('client-closed').length === 1);
    assert.equal(sink.ofKind('command').length, 1);
    listener.close();
  });

  it('closes idle clients after timeout, but not subscribers', async () => {
    const { listener, sink, port, subscribed } = await serve({ timeoutSeconds: 1 });
    subscribed.add(1);
    const first = new TestClient(port);
    await until(() => sink.ofKind('client-connected').length === 1);
    const second = new TestClient(port);
    await until(() => second.isClosed);
    assert.equal(first.isClosed, false);
    first.socket.destroy();
    listener.close();
  });

  it('survives any bytes, and others are served meanwhile', async () => {
    const { listener, sink, port } = await serve();
    const vandals: Socket[] = [];
    for (let count = 0; count < 60; count += 1) {
      const vandal = connect(port, '127.0.0.1');
      vandal.on('error', () => undefined);
      const prefix = ['', '*', '*3\r\n$', '$', 'GET ', '\u0000', '*1000000\r\n', '*2\r\n$999999999\r\n'][
        count % 8
      ];
      vandal.write(Buffer.concat([Buffer.from(prefix ?? ''), randomBytes(1 + count * 50)]));
      vandals.push(vandal);
    }
    for (let count = 0; count < 20; count += 1) {
      const client = new TestClient(port);
      client.socket.write('PING\r\n');
      await until(() => client.text === '+OK\r\n', 1_000);
      client.socket.destroy();
    }
    for (const vandal of vandals) vandal.destroy();
    await until(() => sink.ofKind('client-closed').length === 80);
    listener.close();
  });

  it('lets those who connect before there is a machine wait for it', async () => {
    const port = await freePort();
    const conf = { ...defaultServer('/'), bind: ['127.0.0.1'], port };
    const listener = new Listener({ conf, tls: null, log: () => undefined });
    assert.ok((await listener.listen()).ok);
    const client = new TestClient(port);
    client.socket.write('PING\r\n');
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    const sink = new RecordingSink();
    listener.serve(sink, { isAuthenticated: () => true, isSubscribed: () => false });
    await until(() => sink.ofKind('command').length === 1);
    client.socket.destroy();
    listener.close();
  });
});

describe('where a listener listens (sentinel.md §2.4)', () => {
  it('binds IPv4 and IPv6 separately, and a unix socket with its permissions', async () => {
    const port = await freePort();
    const unixSocket = join(folder, 'sentinel.sock');
    fs.writeFileSync(unixSocket, 'stale');
    const { listener, sink } = await serve({ port, bind: ['*', '-::*'], unixSocket, unixSocketPerm: 0o700 });
    const hosts = fs.existsSync('/proc/net/if_inet6') ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
    for (const host of hosts) {
      const client = connect(port, host);
      await once(client, 'connect');
      client.destroy();
    }
    const client = connect(unixSocket);
    await once(client, 'connect');
    assert.equal(fs.statSync(unixSocket).mode & 0o777, 0o700);
    await until(() => sink.ofKind('client-connected').length === hosts.length + 1);
    const last = sink.ofKind('client-connected').at(-1);
    assert.equal(last?.address, `${unixSocket}:0`);
    assert.equal(last?.isLocal, true);
    client.destroy();
    listener.close();
    assert.equal(fs.existsSync(unixSocket), false);
  });

  it('passes over an optional address this machine does not have, and fails on another', async () => {
    const port = await freePort();
    const listen = (bind: string[]) => {
      const listener = new Listener({
        conf: { ...defaultServer('/'), bind, port },
        tls: null,
        log: () => undefined,
      });
      return listener.listen().finally(() => listener.close());
    };
    assert.deepEqual(await listen(['127.0.0.1', '-192.0.2.1']), { ok: true, value: [`127.0.0.1:${port}`] });
    const failed = await listen(['127.0.0.1', '192.0.2.1']);
    assert.ok(!failed.ok);
    assert.match(failed.problem, /192\.0\.2\.1.*EADDRNOTAVAIL/);
    // The first address is free again.
    assert.ok((await listen(['127.0.0.1'])).ok);
    assert.ok(!(await listen(['-192.0.2.1'])).ok);
  });

  it('fails on a port that is taken', async () => {
    const { listener, port } = await serve();
    const second = new Listener({
      conf: { ...defaultServer('/'), bind: ['127.0.0.1'], port },
      tls: null,
      log: () => undefined,
    });
    const result = await second.listen();
    assert.ok(!result.ok);
    assert.match(result.problem, /EADDRINUSE/);
    listener.close();
  });

  for (const [authClients, expected] of [
    ['yes', { good: true, stranger: false, none: false }],
    ['optional', { good: true, stranger: false, none: true }],
    ['no', { good: true, stranger: true, none: true }],
  ] as const) {
    it(`serves TLS with tls-auth-clients ${authClients}`, async () => {
      const port = await freePort();
      const { listener } = await serve({
        port: 0,
        tls: {
          ...defaultServer('/').tls,
          port,
          certFile: join(folder, 'node.crt'),
          keyFile: join(folder, 'node.key'),
          caCertFile: join(folder, 'ca.crt'),
          authClients,
        },
      });
      const read = (name: string): string => fs.readFileSync(join(folder, name), 'utf8');
      const isServed = (options: ConnectionOptions): Promise<boolean> =>
        new Promise((resolve) => {
          const client = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
          client.once('data', (chunk) => {
            resolve(chunk.toString() === '+OK\r\n');
            client.destroy();
          });
          client.on('error', () => resolve(false));
          client.on('close', () => resolve(false));
          client.write('PING\r\n');
        });
      assert.deepEqual(
        {
          good: await isServed({ cert: read('node.crt'), key: read('node.key') }),
          stranger: await isServed({ cert: read('stranger.crt'), key: read('stranger.key') }),
          none: await isServed({}),
        },
        expected,
      );
      listener.close();
    });
  }
});
