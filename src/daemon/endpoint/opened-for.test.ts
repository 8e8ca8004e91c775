import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ALWAYS } from '../../endpoint/condition.ts';
import type {
  BackendConf,
  EndpointsConf,
  FrontendConf,
  TlsClientConf,
} from '../../endpoint/endpoint-conf.ts';
import { backendConf, frontendConf, serverConf } from '../../endpoint/test-kit.ts';
import { openedFor } from './opened-for.ts';
import { relayConf } from './relay-conf.ts';

const TLS: TlsClientConf = {
  caFile: null,
  certificateFile: null,
  keyFile: null,
  verifies: true,
  serverName: null,
};

const confOf = (backend: Partial<BackendConf> = {}, frontend: Partial<FrontendConf> = {}): EndpointsConf => ({
  frontends: [
    { ...frontendConf('f', 'redis'), ...frontend },
    { ...frontendConf('f/b', 'redis'), branchOf: 'f' },
  ],
  backends: [backendConf(backend)],
  leaseMs: 3_000,
  refreshMs: 500,
});

const toldOf = (conf: EndpointsConf): string => {
  const [frontend] = conf.frontends;
  assert.ok(frontend !== undefined);
  return JSON.stringify(relayConf(conf, frontend, [], 1));
};

it('is another one with all that a path is told once and for all, also for those who take its clients', () => {
  const observe = { errorLimit: 1, onError: 'mark-down' } as const;
  const changed: readonly EndpointsConf[] = [
    confOf({ tls: TLS }),
    confOf({ sendsProxyProtocol: 1 }),
    confOf({ connectMsMax: 77 }),
    confOf({ role: { kind: 'any' } }),
    confOf({ persistMs: 5, persistTable: { addressesMax: 1, isFixed: false } }),
    confOf({ serverRules: [{ when: ALWAYS, server: 'a' }] }),
    confOf({ servers: [serverConf('a', '10.0.0.1:1', { tls: TLS })] }),
    confOf({ servers: [serverConf('a', '10.0.0.1:1', { sendsProxyProtocol: 2 })] }),
    confOf({ servers: [serverConf('a', '10.0.0.1:1', { observe })] }),
    confOf({}, { connectionsMax: 9 }),
    confOf({}, { idleMsMax: 9 }),
  ];
  for (const conf of changed) {
    assert.notEqual(toldOf(conf), toldOf(confOf()), 'a case that changes nothing shows nothing');
    for (const name of ['f', 'f/b'])
      assert.notEqual(openedFor(conf, name), openedFor(confOf(), name), `${name}: ${toldOf(conf)}`);
  }
});

it('is the same when plain servers come and go, and how they are watched changes', () => {
  const servers = [serverConf('c', '10.0.0.3:1', { weight: 7 })];
  const conf = confOf({ servers, timing: { ...backendConf().timing, rise: 9 }, balance: 'first' });
  assert.equal(openedFor(conf, 'f'), openedFor(confOf(), 'f'));
  assert.equal(openedFor(conf, 'nobody'), '');
});
