// Who stays and who is reset when the route of a plain relay changes, with real sockets on loopback.

import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { it, type TestContext } from 'node:test';
import { Slots } from '../../endpoint/relay/slots.ts';
import { Steering } from '../../endpoint/relay/steering.ts';
import type { Route, RouteServer } from '../../endpoint/route.ts';
import { relayConf } from '../../endpoint/test-kit.ts';
import { listening, until } from '../testing.ts';
import { Dialer } from './dialer.ts';
import { TcpRelay } from './tcp-relay.ts';

/** Greets with its name, then says everything back. */
async function echoServer(t: TestContext, name: string): Promise<RouteServer> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(`${name};`);
    socket.pipe(socket);
  });
  return { host: '127.0.0.1', port: await listening(t, server), name, weight: 1, connectionsMax: null };
}

class Client {
  readonly socket: Socket;
  heard = '';

  constructor(t: TestContext, port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1').on('data', (text: string) => void (this.heard += text));
    this.socket.on('error', () => undefined);
    t.after(() => this.socket.destroy());
  }

  async hears(text: string): Promise<void> {
    await until(() => this.heard.endsWith(text));
  }

  async isOver(): Promise<void> {
    await until(() => this.socket.closed);
  }
}

it('a server that left is rid of its clients, unless the route keeps them, or it has come back; any is by order', async (t) => {
  const conf = relayConf('tcp');
  const relay = new TcpRelay({
    conf,
    dialer: new Dialer({ conf, tune: () => undefined }),
    slots: new Slots(() => undefined),
    now: () => 0,
    expects: () => undefined,
  });
  t.after(() => relay.close());
  const port = await listening(
    t,
    createServer((socket) => relay.accept(socket, null, null)),
  );
  let generation = 0;
  const lead = (servers: readonly RouteServer[], keeps: Route['keeps'] = []): void =>
    relay.lead({
      endpoint: 'web',
      generation: (generation += 1),
      servers,
      balance: 'roundrobin',
      deadline: Infinity,
      endsOthers: true,
      keeps,
      because: 'the test says so',
    });
  const [a, b] = [await echoServer(t, 'a'), await echoServer(t, 'b')];
  lead([a]);
  const first = new Client(t, port);
  await first.hears('a;');
  lead([b], [a]);
  lead([a]);
  first.socket.write('drained and back;');
  await first.hears('drained and back;');
  lead([b], [a]);
  first.socket.write('drained;');
  await first.hears('drained;');
  const second = new Client(t, port);
  await second.hears('b;');
  lead([b]);
  await first.isOver();
  second.socket.write('unharmed;');
  await second.hears('unharmed;');
  assert.equal(relay.counts.clients, 1);
  const third = new Client(t, port);
  await third.hears('b;');
  lead([a, b]);
  const fourth = new Client(t, port);
  await fourth.hears('a;');
  relay.endSessions(b);
  await Promise.all([second.isOver(), third.isOver()]);
  fourth.socket.write('unharmed;');
  await fourth.hears('unharmed;');
  assert.equal(relay.counts.clients, 1);
});

it('with persistence an address stays with its server, until its time is over or the server is gone', async (t) => {
  let now = 0;
  const conf = relayConf('tcp', { persistMs: 1_000 });
  const relay = new TcpRelay({
    conf,
    dialer: new Dialer({ conf, tune: () => undefined }),
    slots: new Slots(() => undefined),
    now: () => now,
    expects: () => undefined,
    steering: new Steering(conf, () => ({})),
  });
  t.after(() => relay.close());
  const port = await listening(
    t,
    createServer((socket) => relay.accept(socket, null, null)),
  );
  const [a, b] = [await echoServer(t, 'a'), await echoServer(t, 'b')];
  const lead = (...servers: readonly RouteServer[]): void =>
    relay.lead({
      endpoint: 'web',
      generation: 1,
      servers,
      balance: 'roundrobin',
      deadline: Infinity,
      endsOthers: true,
      because: 'the test says so',
    });
  const visit = async (): Promise<string> => {
    const client = new Client(t, port);
    await client.hears(';');
    client.socket.destroy();
    await until(() => relay.counts.clients === 0);
    return client.heard;
  };
  lead(a, b);
  assert.deepEqual([await visit(), await visit(), await visit()], ['a;', 'a;', 'a;']);
  now = 999;
  assert.equal(await visit(), 'a;');
  // Round-robin's next one.
  now = 2_000;
  assert.deepEqual([await visit(), await visit()], ['b;', 'b;']);
  lead(a);
  assert.equal(await visit(), 'a;');
  lead(a, b);
  assert.equal(await visit(), 'a;');
});
