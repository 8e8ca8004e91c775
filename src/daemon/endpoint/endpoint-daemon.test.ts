// Reloads of a daemon whose endpoints are of `mode http`, which need no other processes.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { once } from 'node:events';
import { it, type TestContext } from 'node:test';
import type { EndpointsConf } from '../../endpoint/endpoint-conf.ts';
import { backendConf, frontendConf, serverConf } from '../../endpoint/test-kit.ts';
import { EndpointDaemon } from './endpoint-daemon.ts';

/** Takes a port of loopback; `free` gives it back. */
async function takePort(t: TestContext): Promise<{ port: number; free: () => Promise<void> }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const free = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  t.after(free);
  return { port: (server.address() as AddressInfo).port, free };
}

async function freePort(t: TestContext): Promise<number> {
  const { port, free } = await takePort(t);
  await free();
  return port;
}

async function isServed(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  return isOpen;
}

const confOf = (...ports: readonly number[]): EndpointsConf => ({
  frontends: ports.map((port, index) => ({
    ...frontendConf(`web${index}`, 'web'),
    mode: 'http',
    binds: [{ kind: 'tcp', host: '127.0.0.1', port, tls: null, acceptsProxyProtocol: false }],
  })),
  backends: [backendConf({ name: 'web', role: { kind: 'any' }, servers: [serverConf('a', '127.0.0.1:1')] })],
  leaseMs: 3_000,
  refreshMs: 500,
});

it('opens all that can be opened, says what cannot, and opens that with the next reload', async (t) => {
  const [one, two, three] = [await freePort(t), await freePort(t), await freePort(t)];
  const paths = {
    cgroup: null,
    coversAllNamespaces: false,
    workers: 1,
    masquerade: 'auto',
    runAs: null,
    name: 'test',
  } as const;
  let end: (code: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => (end = resolve));
  const started = await EndpointDaemon.start({
    conf: confOf(one, two),
    paths,
    log: { write: () => undefined },
    exit: (code) => end(code),
  });
  assert.ok(started.ok);
  const daemon = started.value;
  t.after(() => daemon.terminate());
  const taken = await takePort(t);
  // Both move, so that both are closed before they are opened again.
  const conf = confOf(taken.port, three);
  const reloaded = await daemon.reload(conf);
  assert.ok(reloaded.ok, 'the rest counts');
  assert.match(reloaded.value.join('\n'), new RegExp(`^[^\\n]*${taken.port}[^\\n]*$`));
  assert.deepEqual([await isServed(one), await isServed(two), await isServed(three)], [false, false, true]);
  assert.deepEqual(
    daemon.chosen.map(({ endpoint }) => endpoint),
    ['web1'],
  );
  const again = await daemon.reload(conf);
  assert.equal(again.ok && again.value.length, 1);
  await taken.free();
  assert.deepEqual(await daemon.reload(conf), { ok: true, value: [] });
  assert.deepEqual([await isServed(taken.port), await isServed(three)], [true, true]);
  daemon.terminate();
  assert.equal(await ended, 0);
});
