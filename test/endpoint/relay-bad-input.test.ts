// What the relay makes of servers and clients that misbehave, and of its own limits: others go on, and memory is bounded.

import assert from 'node:assert/strict';
import { type Socket, connect, createServer } from 'node:net';
import { type TestContext, describe, it } from 'node:test';
import { listening } from '../../src/net/testing.ts';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { until } from '../harness/wait.ts';
import { type Target, Wire, ask } from '../harness/wire.ts';
import { openRelay } from './relay-kit.ts';

/** A server that does with each connection what `welcome` does, until the test is over. */
async function fakeServer(test: TestContext, welcome: (socket: Socket) => void): Promise<Target> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    welcome(socket);
  });
  return { host: '127.0.0.1', port: await listening(test, server) };
}

async function startServer(test: TestContext): Promise<ManagedServer> {
  const server = await ManagedServer.start({ files: await serverFiles('redis'), port: await freePort() });
  test.after(() => server.dispose());
  return server;
}

describe('a relay among those who misbehave', () => {
  it('closes the clients of a server that sends garbage, passes on nothing that nobody asked for, and serves them anew', async (t) => {
    const relay = await openRelay(t);
    const words: string[] = [];
    const fake = await fakeServer(t, (socket) =>
      socket.on('data', () => socket.write(words.shift() ?? '+OK\r\n')),
    );
    relay.lead(fake);
    const target = { host: '127.0.0.1', port: relay.port };
    for (const garbage of ['HTTP/1.1 400 Bad Request\r\n\r\n', '$99999999999999\r\n', '*-7\r\n']) {
      words.push(garbage);
      const client = connect(relay.port, '127.0.0.1');
      let isClosed = false;
      client.on('error', () => undefined).on('close', () => (isClosed = true));
      client.resume().write('SET a b\r\n');
      await until('the end of it', () => isClosed);
      assert.equal(client.bytesRead, 0);
    }
    // What is a reply answers who asked; what follows it is for nobody.
    words.push('+PONG\r\n+PONG\r\n+PONG\r\n');
    const client = connect(relay.port, '127.0.0.1');
    let heard = '';
    client.on('error', () => undefined).on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')));
    client.write('SET a b\r\n');
    await until('the reply', () => heard === '+PONG\r\n');
    client.write('SET a b\r\n');
    await until('the next reply', () => heard === '+PONG\r\n+OK\r\n');
    client.destroy();
    assert.equal(await ask(target, ['SET', 'a', 'b']), 'OK');
  });

  it('lets clients wait for a silent server, and leads them on when the route does', async (t) => {
    const relay = await openRelay(t);
    let asked = '';
    const silent = await fakeServer(t, (socket) =>
      socket.on('data', (bytes: Buffer) => (asked += bytes.toString('latin1'))),
    );
    const server = await startServer(t);
    relay.lead(silent);
    const client = await Wire.open({ host: '127.0.0.1', port: relay.port });
    const reply = client.call('GET', 'nothing');
    await until('the silent server to be asked', () => asked.includes('nothing'));
    relay.lead(server);
    assert.equal(await reply, null);
    client.close();
  });

  it('keeps to its limits: so many clients, none silent for too long but those who listen or wait', async (t) => {
    const relay = await openRelay(t, {
      connectionsMax: 4,
      idleMsMax: 2_000,
      queue: { timeoutMs: 100, clientsMax: 10_000 },
    });
    const server = await startServer(t);
    relay.lead(server);
    const target = { host: '127.0.0.1', port: relay.port };
    const subscribed = await Wire.open(target);
    await subscribed.call('SUBSCRIBE', 'news');
    const blocked = await Wire.open(target);
    const popped = blocked.call('BLPOP', 'list', '0');
    // One that says goodbye and never reads nor closes its own side.
    const halfOpen = connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true });
    let isForgotten = false;
    halfOpen.on('error', () => undefined).on('end', () => (isForgotten = true));
    halfOpen.resume().end('GET a\r\n');
    await until('the half-open one to be closed', () => isForgotten);
    const silent = await Wire.open(target);
    await silent.call('PING');
    const fourth = await Wire.open(target);
    await fourth.call('PING');
    await assert.rejects(ask(target, ['PING']), /max number of clients/);
    await until('the silent ones to be closed', () => silent.isClosed && fourth.isClosed);
    assert.deepEqual([subscribed.isClosed, blocked.isClosed], [false, false]);
    await ask(server, ['RPUSH', 'list', 'x']);
    assert.deepEqual(await popped, ['list', 'x']);
    for (const wire of [subscribed, blocked]) wire.close();
    halfOpen.destroy();
  });
});
