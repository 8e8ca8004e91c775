// What the relay asks of the kernel for its sockets, on both sides: a peer whose machine is gone says nothing, so that only
// the kernel can tell.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type TestContext, describe, it } from 'node:test';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { freePort } from '../../src/redis/free-port.ts';
import { makeCertificates, removeCertificates } from '../harness/certificates.ts';
import { startFleet } from '../harness/fleet.ts';
import { SYSTEM_PYTHON, lacksOpenssl, lacksPython } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { BatonEndpoint } from './baton-endpoint.ts';

interface SocketOptions {
  /** Ours, and the peer's. */
  readonly ports: readonly [number, number];
  readonly keepsAlive: boolean;
  readonly idleSeconds: number;
  readonly userTimeoutMs: number;
  readonly noDelay: boolean;
}

/** Of the connections that the workers of `endpoint` have. */
function optionsAt(endpoint: BatonEndpoint): readonly SocketOptions[] {
  const { pid } = endpoint.status();
  const workers = execFileSync('ps', ['--ppid', String(pid), '-o', 'pid='], { encoding: 'utf8' });
  const pids = workers.trim().split(/\s+/);
  const text = execFileSync(SYSTEM_PYTHON, ['test/endpoint/socket-options.py', ...pids], {
    encoding: 'utf8',
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SocketOptions);
}

/** Copying another process's descriptors takes its rights. */
const skip = lacksPython() || (process.getuid?.() === 0 ? false : 'needs root');

describe('the sockets of a relay', { skip }, () => {
  for (const [kind, flags] of [
    ['shared', []],
    ['transparent', ['--transparent']],
    ['TLS', []],
  ] as const) {
    it(`give up on who vanishes: ${kind}`, { skip: kind === 'TLS' && lacksOpenssl() }, async (t) => {
      await check(t, kind === 'TLS', flags);
    });
  }
});

async function check(t: TestContext, isTls: boolean, flags: readonly string[]): Promise<void> {
  const tls = isTls ? makeCertificates() : undefined;
  if (tls !== undefined) t.after(() => removeCertificates(tls));
  const fleet = await startFleet(t, { voters: [], replicas: 0, ...(tls === undefined ? {} : { tls }) });
  const [a] = fleet.nodes();
  assert.ok(a !== undefined);
  const port = await freePort();
  const args = ['--servers', a.address, '--listen', `127.0.0.1:${port}`, '--path', 'relay', ...flags];
  if (tls !== undefined) {
    const at = (name: string): string => `${tls.folder}/${name}`;
    args.push('--tls', '--cacert', at('ca.pem'), '--cert', at('node.pem'), '--key', at('node.key'));
    args.push('--sni', 'localhost', '--listen-cert', at('node.pem'), '--listen-key', at('node.key'));
  }
  const endpoint = await BatonEndpoint.start(t, ...args);
  await endpoint.leads([a.address]);
  const where = { host: '127.0.0.1', port };
  const client = isTls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
  t.after(() => client.destroy());
  let heard = '';
  client.on('error', () => undefined).on('data', (bytes: Buffer) => (heard += bytes.toString()));
  client.write('PING\r\n');
  await until('an answer', () => heard === '+PONG\r\n');
  const all = optionsAt(endpoint);
  const towards = {
    clients: all.filter(({ ports: [own] }) => own === port),
    servers: all.filter(({ ports: [, its] }) => its === a.target.port),
  };
  for (const [whom, userTimeoutMs] of [
    ['clients', 60_000],
    ['servers', 20_000],
  ] as const) {
    assert.ok(towards[whom].length > 0, `a connection to ${whom}`);
    for (const { ports: _, ...options } of towards[whom]) {
      assert.deepEqual(options, { keepsAlive: true, idleSeconds: 60, userTimeoutMs, noDelay: true }, whom);
    }
  }
}
