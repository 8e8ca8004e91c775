// The relay for any protocol: bytes, balance, TLS in front, PROXY headers in and out.

import assert from 'node:assert/strict';
import { type Socket, connect, createServer } from 'node:net';
import { type TestContext, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { listening } from '../../src/net/testing.ts';
import { freePort } from '../../src/redis/free-port.ts';
import { makeCertificates, removeCertificates } from '../harness/certificates.ts';
import { lacksOpenssl } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import type { Target } from '../harness/wire.ts';
import { type TestRelay, openRelay } from './relay-kit.ts';

const BACKEND = { role: { kind: 'any' } } as const;

/** A server that answers everything at the end of what it was told, with its name in front, until the test is over. */
async function startEcho(test: TestContext, name: string): Promise<Target> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let told = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (told += chunk));
    socket.on('end', () => socket.end(`${name} ${told}`, 'latin1'));
    socket.on('error', () => undefined);
  });
  return { host: '127.0.0.1', port: await listening(test, server) };
}

/** Tells it `text`, ends, and returns the answer. */
function exchange(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.end(text, 'latin1');
  });
}

const clientsOf = ({ path }: TestRelay): number | undefined =>
  (path.status() as { counts: Record<string, Record<string, number>> }).counts['redis']?.['clients'];

const open = (port: number): Socket => connect({ port, host: '127.0.0.1', allowHalfOpen: true });

describe('a relay of mode tcp', () => {
  it('deals clients out to servers, passes over dead ones, and changes no byte', async (t) => {
    const servers = await Promise.all(['a', 'b'].map((name) => startEcho(t, name)));
    const relay = await openRelay(t, { mode: 'tcp' }, BACKEND);
    const dead = { host: '127.0.0.1', port: await freePort() };
    relay.lead(...servers, dead);
    const text = 'x\0\xff'.repeat(100_000);
    const answers = await Promise.all(Array.from({ length: 6 }, () => exchange(open(relay.port), text)));
    for (const answer of answers) assert.ok(answer.slice(2) === text, 'every byte comes back');
    assert.deepEqual(new Set(answers.map((answer) => answer[0])), new Set(['a', 'b']));
  });

  it('lets clients wait while there is no server, and closes those that wait for too long', async (t) => {
    const server = await startEcho(t, 'a');
    const hasty = await openRelay(t, { mode: 'tcp', queue: { timeoutMs: 300, clientsMax: 10 } }, BACKEND);
    hasty.lead();
    assert.equal(await exchange(open(hasty.port), 'early'), '');
    const relay = await openRelay(t, { mode: 'tcp', queue: { timeoutMs: 60_000, clientsMax: 10 } }, BACKEND);
    relay.lead();
    const waiting = exchange(open(relay.port), 'patient');
    await until('it to wait', () => clientsOf(relay) === 1);
    relay.lead(server);
    assert.equal(await waiting, 'a patient');
  });

  it('reads TLS and PROXY headers, and writes PROXY headers', { skip: lacksOpenssl() }, async (t) => {
    const certificates = makeCertificates();
    t.after(() => removeCertificates(certificates));
    const { folder } = certificates;
    const server = await startEcho(t, 'a');
    const { port: serverPort } = server;
    const port = await freePort();
    const tls = {
      certificateFile: `${folder}/node.pem`,
      keyFile: `${folder}/node.key`,
      clientCaFile: null,
    };
    const relay = await openRelay(
      t,
      { mode: 'tcp', binds: [{ kind: 'tcp', host: '127.0.0.1', port, tls, acceptsProxyProtocol: true }] },
      {
        ...BACKEND,
        servers: [
          {
            name: `127.0.0.1:${serverPort}`,
            host: '127.0.0.1',
            port: serverPort,
            weight: 1,
            isBackup: false,
            connectionsMax: null,
            isDisabled: false,
            tls: null,
            sendsProxyProtocol: 1,
            checks: [],
          },
        ],
      },
    );
    relay.lead(server);
    const plain = open(port);
    plain.write('PROXY TCP4 192.0.2.7 192.0.2.8 4000 6379\r\n');
    const secured = connectTls({ socket: plain, ca: certificates.ca, servername: 'localhost' });
    await new Promise<void>((resolve) => secured.once('secureConnect', resolve));
    const answer = await exchange(secured, 'hello');
    assert.equal(answer, 'a PROXY TCP4 192.0.2.7 192.0.2.8 4000 6379\r\nhello');
    assert.equal(await exchange(open(port), 'no header at all'), '');
  });
});
