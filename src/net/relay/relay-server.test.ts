// Clients of a relay at their sockets: how they leave, and how long they may be silent.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';
import { type TestContext, it } from 'node:test';
import type { Client } from '../../endpoint/relay/client.ts';
import { Slots } from '../../endpoint/relay/slots.ts';
import { frontendConf, relayConf } from '../../endpoint/test-kit.ts';
import { encodeCommand } from '../../resp/encode.ts';
import { listening, until } from '../testing.ts';
import { Dialer } from './dialer.ts';
import { RelayServer } from './relay-server.ts';

const REPLY = `$60000\r\n${'x'.repeat(60_000)}\r\n`;

interface Served {
  readonly relay: RelayServer;
  /** GETs that the server has answered. */
  answered: number;
  readonly time: { now: number };
  connect(): Socket;
}

/** A relay, and behind it a server that answers nothing but GET. */
async function served(t: TestContext, idleMsMax: number | null = null): Promise<Served> {
  const time = { now: 0 };
  const conf = relayConf('redis', { frontend: { ...frontendConf('cache', 'cache'), idleMsMax } });
  const relay = new RelayServer({
    conf,
    dialer: new Dialer({ conf, tune: () => undefined }),
    now: () => time.now,
    demoted: () => undefined,
    expects: () => undefined,
    slots: new Slots(() => undefined),
    untaken: { bytes: 0 },
    shareScript: () => undefined,
  });
  t.after(() => relay.close());
  const all: Served = {
    relay,
    time,
    answered: 0,
    connect: () => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => undefined);
      t.after(() => socket.destroy());
      return socket;
    },
  };
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const _ of chunk.toString('latin1').matchAll(/\r\nGET\r\n/g)) {
        all.answered++;
        socket.write(REPLY);
      }
    });
  });
  const port = await listening(
    t,
    createServer({ allowHalfOpen: true }, (socket) => relay.accept(socket, null, null)),
  );
  relay.lead({
    endpoint: 'cache',
    generation: 1,
    servers: [
      { host: '127.0.0.1', port: await listening(t, server), name: 'a', weight: 1, connectionsMax: null },
    ],
    balance: 'roundrobin',
    deadline: Infinity,
    endsOthers: true,
    because: 'the test says so',
  });
  return all;
}

it('a client that closes its side still gets what waits for it, however late it reads', async (t) => {
  const all = await served(t);
  const socket = all.connect();
  await until(() => all.relay.relay.clients.size === 1);
  const [client] = all.relay.relay.clients;
  assert.ok(client !== undefined);
  let asked = 0;
  while (client.wire.unsentBytes === 0) {
    socket.write(encodeCommand(['GET', 'k']));
    asked++;
    await until(() => all.answered === asked && client.owed === 0);
  }
  socket.end();
  await until(() => client.isGone);
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await once(socket, 'close');
  assert.equal(bytes, asked * REPLY.length);
});

it('a client that is silent is closed, and not one that listens where nothing is answered', async (t) => {
  const all = await served(t, 200);
  const [silent, listener] = [all.connect(), all.connect()];
  const clients = (): Client[] => [...all.relay.relay.clients];
  silent.write(encodeCommand(['CLIENT', 'SETNAME', 'silent']));
  listener.write(encodeCommand(['CLIENT', 'REPLY', 'OFF']) + encodeCommand(['SUBSCRIBE', 'news']));
  await until(() => clients().some(({ signOn }) => signOn.name === 'silent'));
  await until(() => clients().some(({ pinned }) => pinned.subscribesUnseen));
  all.time.now = 10_000;
  await until(() => silent.closed);
  assert.equal(clients().length, 1);
  assert.equal(listener.closed, false);
});
