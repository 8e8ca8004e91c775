import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { type TestContext, describe, it } from 'node:test';
import { until } from '../testing.ts';
import { type Receive, readFrom, readInto } from './reading.ts';

/** A listener on loopback whose clients are given to `welcome`. */
async function listening(test: TestContext, welcome: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, welcome);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => server.close());
  return server;
}

function dial(test: TestContext, server: Server, receive: Receive | null = null): Socket {
  const { port } = server.address() as AddressInfo;
  const onread = receive === null ? {} : { onread: readInto(receive) };
  const socket = connect({ port, host: '127.0.0.1', ...onread });
  test.after(() => socket.destroy());
  return socket;
}

/** Bytes that differ everywhere, so that no piece passes for another. */
function patterned(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) * 7) & 0xff;
  return bytes;
}

describe('a socket that is read in the relay’s way', () => {
  it('gives each what came for it, in order and unchanged later, on both ends', async (t) => {
    const LENGTH = 3_000_000;
    const sockets: Socket[] = [];
    const server = await listening(t, (accepted) => {
      // An echo that answers late: what it was given must still be there.
      const kept: Uint8Array[] = [];
      let bytes = 0;
      const socket = readFrom(accepted, (chunk) => {
        kept.push(chunk);
        bytes += chunk.length;
        if (bytes === LENGTH) for (const one of kept) socket.write(one);
      });
      sockets.push(socket);
      t.after(() => socket.destroy());
    });
    const clients = [0, 1, 2].map(async (index) => {
      const sent = patterned(LENGTH);
      sent[0] = index;
      const got: Uint8Array[] = [];
      let bytes = 0;
      const whole = new Promise<void>((resolve) => {
        const socket = dial(t, server, (chunk) => {
          got.push(chunk);
          bytes += chunk.length;
          if (bytes === LENGTH) resolve();
        });
        socket.on('connect', () => {
          // Small pieces and large ones.
          for (let at = 0, size = 1; at < LENGTH; at += size, size = Math.min(size * 2, 500_000)) {
            socket.write(sent.subarray(at, at + size));
          }
        });
      });
      await whole;
      assert.ok(Buffer.concat(got).equals(sent));
    });
    await Promise.all(clients);
    assert.equal(sockets.length, 3);
  });

  it('is not read while it is paused, and goes on where it was', async (t) => {
    let bytes = 0;
    let socket: Socket | null = null;
    const server = await listening(t, (accepted) => {
      socket = readFrom(accepted, (chunk) => {
        bytes += chunk.length;
        if (bytes === 1) socket?.pause();
      });
      t.after(() => socket?.destroy());
    });
    const client = dial(t, server);
    client.write('a');
    await until(() => bytes > 0);
    // Until the kernel takes no more.
    while (client.write(patterned(1 << 20)));
    await new Promise((done) => setTimeout(done, 50));
    assert.equal(bytes, 1);
    (socket as Socket | null)?.resume();
    await once(client, 'drain');
    client.end();
    await until(() => bytes >= client.bytesWritten);
  });

  it('tells of an end and of a reset', async (t) => {
    const told: string[] = [];
    const server = await listening(t, (accepted) => {
      const socket = readFrom(accepted, (chunk) => told.push(Buffer.from(chunk).toString()));
      socket.once('end', () => told.push('end'));
      socket.once('error', ({ message }) => told.push(/ECONNRESET/.test(message) ? 'reset' : message));
      socket.once('close', () => told.push('close'));
      socket.once('end', () => socket.end('bye'));
    });
    const leaving = dial(t, server);
    leaving.end('hello');
    assert.equal(String((await once(leaving, 'data'))[0]), 'bye');
    await until(() => told.length >= 3);
    assert.deepEqual(told, ['hello', 'end', 'close']);
    const rude = dial(t, server);
    await once(rude, 'connect');
    rude.resetAndDestroy();
    await until(() => told.length >= 5);
    assert.deepEqual(told.slice(3), ['reset', 'close']);
  });

  it('keeps its listener open as long as it is, and no longer', async (t) => {
    let mine: Socket | null = null;
    const server = await listening(t, (accepted) => {
      mine = readFrom(accepted, () => undefined);
    });
    const client = dial(t, server);
    await once(client, 'connect');
    await until(() => mine !== null);
    let isClosed = false;
    server.close(() => (isClosed = true));
    await new Promise((done) => setTimeout(done, 20));
    assert.equal(isClosed, false);
    (mine as Socket | null)?.destroy();
    await until(() => isClosed);
  });

  it('is read as usual once something was read of it', async (t) => {
    let got = '';
    const server = await listening(t, (accepted) => {
      accepted.once('data', (first: Buffer) => {
        got += String(first);
        accepted.pause();
        const socket = readFrom(accepted, (chunk) => {
          got += Buffer.from(chunk).toString();
        });
        assert.equal(socket, accepted);
        socket.resume();
        t.after(() => socket.destroy());
      });
    });
    const client = dial(t, server);
    client.write('first ');
    await until(() => got !== '');
    client.write('second');
    await until(() => got === 'first second');
  });
});
