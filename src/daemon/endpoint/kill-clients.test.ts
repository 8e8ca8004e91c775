import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsClientConf } from '../../endpoint/endpoint-conf.ts';
import type { Target } from '../../endpoint/route.ts';
import { makeAuthority, makeCertificate } from '../../net/testing.ts';
import { backendConf, endpointsConf, serverConf } from '../../endpoint/test-kit.ts';
import { killClients, killersOf } from './kill-clients.ts';

const CLIENTS: readonly Target[] = [
  { host: '10.0.0.9', port: 40_001 },
  { host: 'fd00::9', port: 40_002 },
];
const NOBODY = { credentials: null, tls: null };

interface Told {
  host: string;
  port: number;
  heard: string;
}

/** A server that gives these answers, one a command, and what it heard. */
async function serve(
  t: TestContext,
  answers: readonly string[],
  make: (onClient: (socket: Socket) => void) => Server = createServer,
): Promise<Told> {
  const told: Told = { host: '127.0.0.1', port: 0, heard: '' };
  const server = make((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      told.heard += chunk.toString('latin1');
      socket.write(answers.join(''));
    });
  });
  server.listen(0, told.host);
  t.after(() => server.close());
  await once(server, 'listening');
  told.port = (server.address() as AddressInfo).port;
  return told;
}

it('asks for each client by its address, and for no type of clients', async (t) => {
  const server = await serve(t, [':1\r\n', ':0\r\n']);
  assert.equal(await killClients(server, CLIENTS, NOBODY), null);
  assert.equal(
    server.heard,
    '*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$4\r\nADDR\r\n$14\r\n10.0.0.9:40001\r\n' +
      '*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$4\r\nADDR\r\n$15\r\n[fd00::9]:40002\r\n',
  );
});

it('logs in first, and does not repeat the password when that is refused', async (t) => {
  const server = await serve(t, ['-WRONGPASS invalid\r\n', '-NOAUTH\r\n', '-NOAUTH\r\n']);
  const credentials = { user: 'baton', password: 'secret' };
  assert.equal(
    await killClients(server, CLIENTS, { credentials, tls: null }),
    `127.0.0.1:${server.port} did not close clients that were led to it: WRONGPASS invalid.`,
  );
  assert.ok(server.heard.startsWith('*3\r\n$4\r\nAUTH\r\n$5\r\nbaton\r\n$6\r\nsecret\r\n'));
});

it('takes a server that is gone, leaves, or says nothing for one without clients', async (t) => {
  assert.equal(await killClients({ host: '127.0.0.1', port: 1 }, CLIENTS, NOBODY), null);
  const leaving = await serve(t, [], (onClient) =>
    createServer((socket) => {
      onClient(socket);
      socket.destroy();
    }),
  );
  assert.equal(await killClients(leaving, CLIENTS, NOBODY), null);
  assert.equal(await killClients(await serve(t, []), CLIENTS, NOBODY), null);
});

it('ends with a server that floods it', async (t) => {
  assert.equal(await killClients(await serve(t, ['x'.repeat(3 << 20)]), CLIENTS, NOBODY), null);
});

it('speaks TLS where the servers do, and says so if it does not believe them', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-kill-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const authority of ['good', 'other']) makeAuthority(folder, authority);
  makeCertificate(folder, 'good', 'server');
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  const server = await serve(t, [':1\r\n', ':1\r\n'], (onClient) =>
    createTlsServer({ cert: read('server.crt'), key: read('server.key') }, onClient),
  );
  const trusting = (authority: string): TlsClientConf => ({
    caFile: join(folder, `${authority}.crt`),
    certificateFile: null,
    keyFile: null,
    verifies: true,
    serverName: null,
  });
  assert.equal(await killClients(server, CLIENTS, { credentials: null, tls: trusting('good') }), null);
  assert.match(server.heard, /CLIENT\r\n.*KILL/s);

  const [heard, distrusting] = [server.heard, { credentials: null, tls: trusting('other') }];
  const refused = /^127\.0\.0\.1:\d+ did not close clients that were led to it: .+\.$/;
  assert.match((await killClients(server, CLIENTS, distrusting)) ?? '', refused);
  assert.equal(server.heard, heard);
  const unreadable = { credentials: null, tls: trusting('missing') };
  assert.match((await killClients(server, CLIENTS, unreadable)) ?? '', refused);

  // Clients' own TLS passes by, and only the standing connection is told how to speak it.
  const servers = [serverConf('a', '10.0.0.1:1', { linkTls: trusting('good') })];
  const killers = killersOf(endpointsConf(backendConf({ servers })));
  server.heard = '';
  assert.equal(await killers.get('to-redis')?.(server, CLIENTS), null);
  assert.match(server.heard, /CLIENT\r\n.*KILL/s);
});
