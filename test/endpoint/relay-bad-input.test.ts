// What the relay makes of servers and clients that misbehave, and of its own limits: others go on, and memory is bounded.

import assert from 'node:assert/strict';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { until } from '../harness/wait.ts';
import { Wire, ask } from '../harness/wire.ts';
import { openRelay } from './relay-kit.ts';

/** A server that does with each connection what `welcome` does. */
async function fakeServer(welcome: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const port = await freePort();
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    welcome(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { server, port };
}

describe('a relay among those who misbehave', () => {
  it('closes the clients of a server that sends garbage, or what nobody asked for, and serves them anew', async (t) => {
    const relay = await openRelay(t);
    const words = [
      'HTTP/1.1 400 Bad Request\r\n\r\n',
      '+PONG\r\n+PONG\r\n+PONG\r\n',
      '*-7\r\n',
      '$99999999999999\r\n',
    ];
    const fake = await fakeServer((socket) =>
      socket.on('data', () => socket.write(words.shift() ?? '+OK\r\n')),
    );
    relay.lead({ host: '127.0.0.1', port: fake.port });
    const target = { host: '127.0.0.1', port: relay.port };
    while (words.length > 0) {
      const client = connect(relay.port, '127.0.0.1');
      let isClosed = false;
      client.on('error', () => undefined).on('close', () => (isClosed = true));
      const left = words.length;
      client.resume().write('SET a b\r\n');
      await until('the end of it', () => isClosed || (words.length < left && client.bytesRead > 0));
      client.destroy();
    }
    assert.equal(await ask(target, ['SET', 'a', 'b']), 'OK');
    fake.server.close();
  });

  it('lets clients wait for a silent server, and leads them on when the route does', async (t) => {
    const relay = await openRelay(t);
    const silent = await fakeServer((socket) => socket.resume());
    const server = await ManagedServer.start({ files: await serverFiles('redis'), port: await freePort() });
    relay.lead({ host: '127.0.0.1', port: silent.port });
    const client = await Wire.open({ host: '127.0.0.1', port: relay.port });
    const reply = client.call('GET', 'nothing');
    relay.lead(server);
    assert.equal(await reply, null);
    client.close();
    await server.dispose();
    silent.server.close();
  });

  it('keeps to its limits: so many clients, none silent for too long but those who listen or wait', async (t) => {
    const relay = await openRelay(t, {
      connectionsMax: 4,
      idleMsMax: 2_000,
      queue: { timeoutMs: 100, clientsMax: 10_000 },
    });
    const server = await ManagedServer.start({ files: await serverFiles('redis'), port: await freePort() });
    relay.lead(server);
    const target = { host: '127.0.0.1', port: relay.port };
    const listening = await Wire.open(target);
    await listening.call('SUBSCRIBE', 'news');
    const blocked = await Wire.open(target);
    const popped = blocked.call('BLPOP', 'list', '0');
    const silent = await Wire.open(target);
    await silent.call('PING');
    // One that says goodbye and never reads nor closes its own side.
    const halfOpen = connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true });
    let isForgotten = false;
    halfOpen.on('error', () => undefined).on('end', () => (isForgotten = true));
    halfOpen.resume().end('GET a\r\n');
    await until('the half-open one to be closed', () => isForgotten);
    const fourth = await Wire.open(target);
    await fourth.call('PING');
    await assert.rejects(ask(target, ['PING']), /max number of clients/);
    await until('the silent ones to be closed', () => silent.isClosed && fourth.isClosed);
    assert.deepEqual([listening.isClosed, blocked.isClosed], [false, false]);
    await ask(server, ['RPUSH', 'list', 'x']);
    assert.deepEqual(await popped, ['list', 'x']);
    for (const wire of [listening, blocked]) wire.close();
    halfOpen.destroy();
    await server.dispose();
  });
});
