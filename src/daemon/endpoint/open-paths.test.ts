import assert from 'node:assert/strict';
import { it } from 'node:test';
import type {
  BackendConf,
  Bind,
  EndpointsConf,
  FrontendConf,
  ServerConf,
} from '../../endpoint/endpoint-conf.ts';
import { backendConf, endpointsConf, REPLICA, serverConf } from '../../endpoint/test-kit.ts';
import { choosePath, openPaths } from './open-paths.ts';

const bind = (host: string): Bind => ({
  kind: 'tcp',
  host,
  port: 6379,
  tls: null,
  acceptsProxyProtocol: false,
});
const unixBind = (path: string): Bind => ({
  kind: 'unix',
  path,
  mode: null,
  user: null,
  group: null,
  tls: null,
  acceptsProxyProtocol: false,
});
const FRONTEND: FrontendConf = {
  name: 'primary',
  binds: [bind('127.0.0.1'), bind('::1')],
  backend: 'primary',
  mode: 'redis',
  path: 'auto',
  isTransparent: false,
  connectionsMax: null,
  idleMsMax: null,
  keepAliveMs: null,
  queue: { timeoutMs: 5_000, clientsMax: 10 },
  hold: { holdMsMax: 1_000, clientBytesMax: 1, bytesMax: 1 },
};
/** What is in the way of opening. */
async function problemsOf(conf: EndpointsConf): Promise<readonly string[]> {
  const options = {
    cgroup: null,
    coversAllNamespaces: false,
    workers: 1,
    masquerade: 'no',
    runAs: null,
    name: 'test',
  } as const;
  const events = { warn: () => undefined, demoted: () => undefined, connectionSeen: () => undefined };
  const opened = await openPaths(conf, options, events, {
    httpOf: () => null,
    view: () => Promise.reject(new Error('nothing to show')),
  });
  assert.ok(!opened.ok);
  return opened.problem;
}

const chosen = (more: Partial<FrontendConf>, problem: string | null = null): string =>
  choosePath({ ...FRONTEND, ...more }, null, () => problem).path;

it('says who named a path, or why it is that one where nobody did', () => {
  const because = (more: Partial<FrontendConf>): string =>
    choosePath({ ...FRONTEND, ...more }, null, () => null).because;
  assert.equal(because({ path: 'relay' }), '--path relay says so');
  assert.equal(because({ path: 'relay', pathBecause: 'as HAProxy does' }), 'as HAProxy does');
});

it('takes the socket path for a loopback listener where it is permitted, else the relay', () => {
  assert.equal(chosen({}), 'socket');
  assert.equal(chosen({}, 'no cgroup2'), 'relay');
  assert.match(choosePath(FRONTEND, null, () => 'no cgroup2').because, /no cgroup2/);
  assert.equal(chosen({ binds: [bind('127.0.0.1'), bind('10.0.0.1')] }), 'relay');
  assert.equal(chosen({ binds: [bind('*')] }), 'relay');
});

it('relays what only a relay can do', () => {
  const tls = { certificateFile: 'c', keyFile: 'k', clientCaFile: null };
  assert.equal(chosen({ binds: [{ ...bind('127.0.0.1'), tls }] }), 'relay');
  assert.equal(chosen({ binds: [unixBind('/a.sock')] }), 'relay');
  assert.equal(chosen({ isTransparent: true }), 'relay');
  assert.equal(chosen({ connectionsMax: 10 }), 'relay');
  assert.equal(chosen({ idleMsMax: 10 }), 'relay');
  assert.equal(chosen({ clientRules: [] }), 'relay');
  const toServers = (...servers: readonly ServerConf[]): string =>
    choosePath(FRONTEND, backendConf({ servers }), () => null).because;
  const plain = serverConf('R1', '10.0.0.1:6379');
  const towards = {
    caFile: null,
    certificateFile: null,
    keyFile: null,
    verifies: true,
    serverName: null,
  };
  assert.match(toServers(plain), /connect/);
  assert.match(toServers(plain, { ...plain, tls: towards }), /^TLS towards the servers takes a relay/);
  assert.match(toServers({ ...plain, sendsProxyProtocol: 2 }), /^the PROXY protocol towards the servers/);
  assert.match(toServers({ ...plain, host: '/run/redis.sock', port: 0 }), /^a server at a unix socket/);
  assert.match(toServers({ ...plain, connectionsMax: 10 }), /^a limit of a server takes a relay/);
  const because = (more: Partial<FrontendConf>, of: Partial<BackendConf> = {}): string =>
    choosePath({ ...FRONTEND, ...more }, backendConf(of), () => null).because;
  assert.match(because({ relayOption: '--hold-max' }), /^--hold-max takes a relay/);
  assert.match(because({}, { balance: 'leastconn', role: REPLICA }), /^leastconn takes a relay/);
  assert.match(because({}, { balance: 'leastconn' }), /connect/);
});

it('proxies HTTP, also where a relay was named', () => {
  assert.equal(chosen({ mode: 'http' }), 'http');
  assert.equal(chosen({ mode: 'http', path: 'relay' }), 'http');
  assert.equal(chosen({ mode: 'http', path: 'nat' }), 'nat');
});

it('takes nat only when it is named, and whatever is named', () => {
  for (const path of ['socket', 'nat', 'relay'] as const) assert.equal(chosen({ path }), path);
});

it('does not take a path that would let in who is to be kept out', async () => {
  const frontends = (['socket', 'nat'] as const).map((path) => ({
    ...FRONTEND,
    name: path,
    path,
    clientRules: [],
    binds: [bind('192.0.2.9')],
  }));
  const conf = { ...endpointsConf(backendConf({ name: 'primary' })), frontends };
  const said = await problemsOf(conf);
  for (const path of ['socket', 'nat']) {
    assert.ok(
      said.includes(
        `${path}: who may come (tcp-request), and where (use_backend), is decided by a relay, not by --path ${path}`,
      ),
    );
  }
});

it('does not listen where one of its own servers does', async () => {
  const servers = [serverConf('R1', '127.0.0.1:6379'), serverConf('R2', '192.0.2.1:6379')];
  const conf = endpointsConf(backendConf({ name: 'primary', servers }));
  const frontends = [{ ...FRONTEND, binds: [bind('*')] }];
  const said = await problemsOf({ ...conf, frontends });
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /^primary: \*:6379 is where its own server R1 \(127\.0\.0\.1:6379\) listens/);
});
