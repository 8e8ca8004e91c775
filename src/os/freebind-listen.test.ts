import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { it } from 'node:test';
import { OsError } from './os-error.ts';
import { listenFreebind } from './freebind-listen.ts';

it('gives a descriptor that Node serves', async (t) => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer((socket) => socket.end('hello'));
    server.listen({ fd: listenFreebind(host, 0) });
    t.after(() => server.close());
    await once(server, 'listening');
    const { address, port } = server.address() as AddressInfo;
    assert.equal(address, host);
    const [bytes] = (await once(connect({ host, port }), 'data')) as [Buffer];
    assert.equal(bytes.toString(), 'hello');

    assert.throws(
      () => listenFreebind(host, port),
      (error) =>
        error instanceof OsError && error.code === 'EADDRINUSE' && error.message.includes(`:${port}`),
    );
  }
});

it('listens on an address that this machine has not (RFC 5737, RFC 3849)', () => {
  for (const host of ['192.0.2.7', '2001:db8::7']) {
    const server = createServer();
    server.listen({ fd: listenFreebind(host, 0) });
    assert.equal((server.address() as AddressInfo | null)?.address, host);
    server.close();
  }
});
