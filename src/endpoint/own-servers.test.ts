import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { EndpointsConf } from './endpoint-conf.ts';
import { endpointsOnServers } from './own-servers.ts';
import { backendConf, frontendConf, serverConf } from './test-kit.ts';

const OWN = ['127.0.0.1', '::1', '10.0.0.1', 'fd00::1'];

function told(bind: string, ...hosts: readonly string[]): string[] {
  const binds = [{ kind: 'tcp', host: bind, port: 6379, tls: null, acceptsProxyProtocol: false } as const];
  const conf: EndpointsConf = {
    frontends: [{ ...frontendConf('ft', 'bk'), binds }],
    backends: [
      backendConf({ name: 'bk', servers: hosts.map((host) => serverConf('a', 'x:6379', { host })) }),
    ],
    leaseMs: 3_000,
    refreshMs: 500,
  };
  return endpointsOnServers(conf, OWN);
}

it('names endpoints on all addresses of a host that has one of their servers', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '10.0.0.1', 'localhost']) {
    assert.match(told('*', host).join(), /^ft: \*:6379 is where its own server a .* listens/, host);
  }
  assert.equal(told('::', '10.0.0.1', 'fd00::1', '::1').length, 3);
});

it('leaves those alone that are elsewhere', () => {
  assert.deepEqual(told('*', '10.0.0.2', 'redis.example', '::1', 'fd00::1'), []);
  assert.deepEqual(told('10.0.0.100', '10.0.0.1', '127.0.0.1'), []);
});

it('names one on the very address of its server, whose host that may be', () => {
  assert.equal(told('10.0.0.9', '10.0.0.9').length, 1);
  assert.equal(told('127.0.0.1', 'localhost').length, 1);
});
