// What is counted of sockets, over real connections on loopback.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { describe, it } from 'node:test';
import { addTraffic, SessionCounter } from '../../endpoint/traffic.ts';
import { listening } from '../testing.ts';
import { SessionMeter } from './session-meter.ts';

describe('sessions', () => {
  it('are counted with their bytes while they are open and after their end', async (t) => {
    let nowMs = 5_000;
    const meter = new SessionMeter(() => nowMs);
    let accepted = new Socket();
    const server = createServer((socket) => {
      accepted = socket;
      meter.accepted(socket);
      socket.on('data', (bytes) => socket.write(Buffer.concat([bytes, bytes])));
    });
    const port = await listening(t, server);
    const client = connect(port, '127.0.0.1');
    t.after(() => client.destroy());
    client.write('12345');
    for (let heard = 0; heard < 10;) heard += ((await once(client, 'data')) as [Buffer])[0].length;
    const open = {
      sessions: 1,
      sessionsMost: 1,
      sessionsTotal: 1,
      rate: 1,
      rateMost: 1,
      bytesIn: 5,
      bytesOut: 10,
    };
    const clients = (): object => ({ ...meter.read().clients, busy: null });
    assert.deepEqual(clients(), { ...open, busy: null });
    nowMs = 6_000;
    const [only, ...others] = meter.sessions('e', new Map([[accepted, { host: '::1', port: 6379 }]]));
    assert.ok(only !== undefined);
    assert.deepEqual(others, []);
    assert.deepEqual(only, {
      id: only.id,
      endpoint: 'e',
      source: `127.0.0.1:${client.localPort}`,
      server: '[::1]:6379',
      ageMs: 1_000,
    });
    assert.equal(meter.end(only.id + 1), false);
    assert.equal(meter.end(only.id), true);
    await once(client, 'close');
    assert.deepEqual(clients(), { ...open, sessions: 0, busy: null });
  });

  it('of servers that are gone are forgotten before there are too many', () => {
    const meter = new SessionMeter(() => 0);
    const target = (at: number): { host: string; port: number } => ({ host: '10.0.0.1', port: at });
    meter.server(target(1)).sessions.began(0);
    for (let port = 2; port < 2_000; port++) meter.server(target(port));
    const { servers } = meter.read();
    assert.ok(Object.keys(servers).length <= 256);
    assert.equal(servers['10.0.0.1:1']?.sessions, 1);
  });

  it('have a rate that fades within a second', () => {
    const counter = new SessionCounter();
    for (let at = 0; at < 10; at++) counter.began(1_900);
    assert.deepEqual(
      [1_900, 2_000, 2_500, 2_999, 3_000, 9_000].map((at) => counter.rate(at)),
      [10, 10, 5, 0, 0, 0],
    );
    assert.equal(counter.rateMost, 10);
  });

  it('of several workers are added up', () => {
    const meter = new SessionMeter(() => 0);
    meter.server({ host: 'a', port: 1 }).sessions.began(0);
    const one = { e: meter.read() };
    const sum = addTraffic([one, one, {}]);
    assert.equal(sum['e']?.servers['a:1']?.sessions, 2);
    assert.equal(sum['e']?.clients.sessions, 0);
  });
});
