import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { type TestContext, describe, it } from 'node:test';
import { until } from '../testing.ts';
import { Writer } from './writing.ts';

/** Two ends of one connection on loopback. */
async function pair(test: TestContext): Promise<{ here: Socket; there: Socket }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const here = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  test.after(() => server.close());
  const [there] = (await once(server, 'connection')) as [Socket];
  for (const socket of [here, there]) {
    socket.on('error', () => undefined);
    test.after(() => socket.destroy());
  }
  await until(() => !here.connecting);
  return { here, there };
}

/** A piece that tells which it is. */
function piece(index: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(index & 0xff);
}

describe('a socket that is written to in the relay’s way', () => {
  it('sends pieces of all sizes in their order, whether the other end is slow or not', async (t) => {
    const { here, there } = await pair(t);
    const writer = new Writer(here);
    const sent: Uint8Array[] = [];
    const got: Uint8Array[] = [];
    there.on('data', (chunk: Buffer) => got.push(chunk));
    there.pause();
    const write = (...parts: Uint8Array[]): void => {
      sent.push(...parts);
      writer.write(parts);
    };
    for (let index = 0; index < 50; index++) write(piece(index, 1 + index));
    assert.equal(writer.unsentBytes, 0, 'the kernel took them at once');
    write(piece(50, 8_000_000));
    assert.ok(writer.unsentBytes > 0);
    // Behind what waits: alone and together.
    for (let index = 51; index < 90; index++) write(piece(index, 100));
    write(piece(90, 10), piece(91, 100_000), piece(92, 10));
    there.resume();
    await until(() => writer.unsentBytes === 0);
    write(piece(93, 5));
    here.end();
    await once(there, 'end');
    assert.ok(Buffer.concat(got).equals(Buffer.concat(sent)));
  });

  it('tells that what waited was taken, whatever came behind it', async (t) => {
    for (const behind of [[], [100], [100_000]]) {
      const { here, there } = await pair(t);
      const writer = new Writer(here);
      let drained = 0;
      here.on('drain', () => {
        if (writer.unsentBytes < 1000) drained++;
      });
      writer.write([piece(1, 10)]);
      assert.equal(drained, 0, 'nothing had to wait');
      writer.write([piece(2, 8_000_000)]);
      for (const length of behind) writer.write([piece(3, length)]);
      there.resume();
      await until(() => drained > 0);
      await until(() => writer.unsentBytes === 0);
    }
  });

  it('sends what waits before it closes, and nothing afterwards', async (t) => {
    const { here, there } = await pair(t);
    const writer = new Writer(here);
    let bytes = 0;
    there.on('data', (chunk: Buffer) => (bytes += chunk.length));
    there.pause();
    writer.write([piece(1, 8_000_000)]);
    here.destroySoon();
    writer.write([piece(2, 1)]);
    there.resume();
    await once(there, 'end');
    assert.equal(bytes, 8_000_000);
  });

  it('ends with the connection: by the other end, and by ours, while bytes wait', async (t) => {
    for (const end of ['here', 'there'] as const) {
      const sockets = await pair(t);
      const { here } = sockets;
      const writer = new Writer(here);
      let drained = 0;
      here.on('drain', () => drained++);
      sockets.there.pause();
      writer.write([piece(1, 8_000_000)]);
      sockets[end].resetAndDestroy();
      await until(() => here.closed);
      writer.write([piece(2, 1)]);
      assert.equal(drained, 0);
      assert.equal(here.destroyed, true);
    }
  });
});
