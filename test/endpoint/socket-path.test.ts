// The socket path with real Redis servers on loopback. Network namespaces do not contain eBPF, so the hook is attached to
// a cgroup folder that this test made, and only clients that were put into it are led.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { type TestContext, after, before, describe, it } from 'node:test';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { socketPathProblem } from '../../src/daemon/endpoint/socket-path.ts';
import { assemble, exit, load32 } from '../../src/endpoint/connect-hook/assembler.ts';
import {
  COOKIE_BYTES,
  ENTRY_BYTES,
  PLACE_BYTES,
  SLOTS,
  SOCKET_BYTES,
  encodeEntry,
  encodePlace,
} from '../../src/endpoint/connect-hook/layout.ts';
import { connectProgram } from '../../src/endpoint/connect-hook/programs.ts';
import type { Target } from '../../src/endpoint/route.ts';
import { ATTACH_TYPE, BpfMap, BpfProgram, MAP_TYPE, PROGRAM_TYPE, attachToCgroup } from '../../src/os/bpf.ts';
import { cgroupFolder } from '../../src/os/cgroup.ts';
import { freePorts } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { intoCgroup } from '../harness/into-cgroup.ts';
import { SYSTEM_PYTHON, lacksPython } from '../harness/requirements.ts';
import { pause, until } from '../harness/wait.ts';
import { type Agent, type AgentError, run, skip as lacksNamespaces, startAgent } from '../os/hosts.ts';
import type { RouteOrder } from './inside.ts';

const SCOPE = { cgroup: null, coversAllNamespaces: false };
const ENTRY = 'test/endpoint/inside.ts';
/** A refresh and a lifetime that busy machines keep. */
const REFRESH_MS = 250;
const LEASE_MS = 1_500;

function lacksSocketPath(): string | false {
  if (lacksNamespaces !== false) return lacksNamespaces;
  // Loads the programs, but attaches nothing.
  const problem = socketPathProblem(SCOPE);
  return problem === null ? false : `kernel: ${problem}`;
}

interface Connected {
  readonly peer: string;
  readonly redis: number;
}

describe('the socket path', { skip: lacksSocketPath() }, () => {
  let folder: string;
  let first: ManagedServer;
  let second: ManagedServer;
  /** Of the endpoint. */
  let port: number;
  let endpoint: Target[];

  before(async () => {
    const mount = cgroupFolder(null);
    assert.ok(mount.ok);
    folder = join(mount.value, `baton-test-${process.pid}`);
    mkdirSync(folder);
    const files = await serverFiles('redis');
    const ports = await freePorts(3);
    port = ports[2] as number;
    endpoint = ['127.0.0.1', '::1'].map((host) => ({ host, port }));
    first = await ManagedServer.start({ files, port: ports[0] as number });
    second = await ManagedServer.start({ files, port: ports[1] as number, host: '127.0.0.2' });
  });

  after(async () => {
    await first.dispose();
    await second.dispose();
    // Its processes are gone a moment after they were killed.
    await until('the cgroup is empty', () => {
      rmdirSync(folder);
      return true;
    });
  });

  /** A process in our cgroup. */
  const client = (t: TestContext, ...wrapper: readonly string[]): Promise<Agent> =>
    startAgent(t, [...intoCgroup(folder), ...wrapper], ENTRY);

  /** A process outside. */
  const daemon = (t: TestContext, ...wrapper: readonly string[]): Promise<Agent> =>
    startAgent(t, wrapper, ENTRY);

  const route = (generation: number, over: Partial<RouteOrder>, ...servers: ManagedServer[]): RouteOrder => ({
    endpoint: 'main',
    generation,
    servers: servers.map(({ name, host, port: of }) => ({
      name,
      host,
      port: of,
      weight: 1,
      connectionsMax: null,
    })),
    balance: 'roundrobin',
    standsMs: null,
    endsOthers: true,
    because: 'the test says so',
    ...over,
  });

  const open = async (agent: Agent, scope: object = {}): Promise<void> => {
    assert.equal(
      await agent.ask('openSocketPath', { ...SCOPE, cgroup: folder, ...scope }, [['main', endpoint]]),
      null,
    );
  };

  const isRefused = (agent: Agent, host = '127.0.0.1'): Promise<void> =>
    assert.rejects(
      agent.ask('connect', 'refused', host, port),
      (error: AgentError) => error.code === 'ECONNREFUSED',
    );

  it('leads TCP to the primary over IPv4, IPv6 and ::ffff:a.b.c.d, and nothing and nobody else', async (t) => {
    const [path, inside, outside] = [await daemon(t), await client(t), await daemon(t)];
    await open(path);
    await isRefused(inside);
    await path.ask('apply', route(1, {}, first));

    // The peer is the address that was asked for.
    for (const [host, peer] of [
      ['127.0.0.1', `127.0.0.1 ${port}`],
      ['::ffff:127.0.0.1', `::ffff:127.0.0.1 ${port}`],
      ['::1', `::1 ${port}`],
    ] as const) {
      const led = await inside.ask<Connected>('connect', host, host, port);
      assert.deepEqual(led, { peer, redis: first.port }, host);
    }
    // One direct connection: the server sees the client itself.
    const shown = run('ss', '-Htn', 'state', 'established', 'dst', `127.0.0.1:${first.port}`);
    assert.ok(shown.trim().split('\n').length >= 3, shown);

    // Another address, a datagram, a program elsewhere.
    const direct = await inside.ask<Connected>('connect', 'direct', second.host, second.port);
    assert.deepEqual(direct, { peer: `127.0.0.2 ${second.port}`, redis: second.port });
    const udp = await inside.ask<{ peer: string; text: string }>('datagram', '127.0.0.1', port);
    assert.deepEqual(udp, { peer: `127.0.0.1 ${port}`, text: 'hello' });
    await isRefused(outside);

    assert.deepEqual(path.told('warning'), []);
    const { sentences, ...status } = await path.ask<{ sentences: string[] }>('status');
    assert.deepEqual(status, {
      path: 'socket',
      cgroup: folder,
      networkNamespaces: 'this',
      connectionsReset: 0,
    });
    assert.match(sentences.join(' '), /Covers this network namespace only/);
  });

  it('leads to the other server from a switch on, and resets what it led to the first, and no more', async (t) => {
    const [path, inside, outside] = [await daemon(t), await client(t), await daemon(t)];
    await open(path);
    await path.ask('apply', route(1, {}, first));
    for (const host of ['127.0.0.1', '::ffff:127.0.0.1', '::1'])
      await inside.ask('connect', host, host, port);
    // To the same server, but not led there.
    await inside.ask('connect', 'direct', first.host, first.port);
    await outside.ask('connect', 'outside', first.host, first.port);

    // Not a change: a later deadline.
    await path.ask('apply', route(1, { standsMs: 60_000 }, first));
    // A change that leaves the connections alone, because their server stays.
    await path.ask('apply', route(2, {}, first, second));
    assert.equal(await inside.ask('ping', '::1'), 'PONG');

    await path.ask('apply', route(3, {}, second));
    await until('all three are reset', () => inside.told('closed').length === 3);
    assert.deepEqual(new Set(inside.told('error').map(({ code }) => code)), new Set(['ECONNABORTED']));
    assert.equal(await inside.ask('ping', 'direct'), 'PONG');
    assert.equal(await outside.ask('ping', 'outside'), 'PONG');
    assert.equal((await inside.ask<Connected>('connect', 'again', '127.0.0.1', port)).redis, second.port);
    assert.equal((await path.ask<{ connectionsReset: number }>('status')).connectionsReset, 3);

    // New clients only: whoever is connected stays, until a change that ends others.
    await path.ask('apply', route(4, { endsOthers: false }, first));
    assert.equal((await inside.ask<Connected>('connect', 'new', '127.0.0.1', port)).redis, first.port);
    await pause(300);
    assert.equal(await inside.ask('ping', 'again'), 'PONG');
    // One that gets no new clients may keep those that it has.
    const keeps = [{ host: second.host, port: second.port }];
    await path.ask('apply', route(5, { keeps }, first));
    await pause(300);
    assert.equal(await inside.ask('ping', 'again'), 'PONG');
    // By order, the clients of one server are reset, and no others.
    await path.ask('endSessions', ['other'], keeps[0]);
    await path.ask('endSessions', ['main'], keeps[0]);
    await until('that one is reset', () => inside.told('closed').length === 4);
    assert.equal(await inside.ask('ping', 'new'), 'PONG');
    await path.ask('apply', route(6, {}));
    await until('both are reset', () => inside.told('closed').length === 5);
    await isRefused(inside, '::1');
  });

  it('shares clients out by weight, and gives all to one where one comes first', async (t) => {
    const [path, inside] = [await daemon(t), await client(t)];
    await open(path);
    const both = route(1, {}, first, second);
    const [one, two] = both.servers;
    assert.ok(one !== undefined && two !== undefined);
    await path.ask('apply', { ...both, servers: [{ ...one, weight: 3 }, two] });
    const counts = await inside.ask<Record<string, number>>('count', '127.0.0.1', port, 200);
    // 150 and 50 on average; 99 or fewer come up once in 10^14 times.
    assert.ok((counts[first.port] ?? 0) > 99 && (counts[second.port] ?? 0) > 5, JSON.stringify(counts));
    await path.ask('apply', route(2, { balance: 'source' }, second, first));
    assert.deepEqual(await inside.ask('count', '127.0.0.1', port, 20), { [second.port]: 20 });
  });

  it('refuses from the deadline on, resets what it led, and goes on with the next decision', async (t) => {
    const [path, inside] = [await daemon(t), await client(t)];
    await open(path);
    await path.ask('apply', route(1, { standsMs: LEASE_MS }, first));
    await inside.ask('connect', 'led', '127.0.0.1', port);
    // Refreshed for longer than it stands.
    for (let elapsedMs = 0; elapsedMs < LEASE_MS + 500; elapsedMs += REFRESH_MS) {
      await pause(REFRESH_MS);
      await path.ask('apply', route(1, { standsMs: LEASE_MS }, first));
    }
    assert.equal(await inside.ask('ping', 'led'), 'PONG');
    await until('it is reset', () => inside.told('closed').length === 1);
    await isRefused(inside);
    await isRefused(inside, '::1');

    // A daemon that is frozen: the program looks at the clock itself.
    await path.ask('apply', route(1, { standsMs: LEASE_MS }, first));
    await inside.ask('connect', 'again', '127.0.0.1', port);
    path.process.kill('SIGSTOP');
    await until('clients are refused', () => isRefused(inside).then(() => true));
    path.process.kill('SIGCONT');
    await until('what it led is reset on waking', () =>
      inside.told('closed').some(({ name }) => name === 'again'),
    );
  });

  it('is gone with a daemon that is killed, and takes its connections along when it is closed', async (t) => {
    const [killed, closed, inside, outside] = [
      await daemon(t),
      await daemon(t),
      await client(t),
      await daemon(t),
    ];
    // What clients reach at the very address.
    await outside.ask('listen', '127.0.0.1', port);
    await open(killed);
    await killed.ask('apply', route(1, {}, first));
    assert.equal((await inside.ask<Connected>('connect', 'led', '127.0.0.1', port)).redis, first.port);
    killed.process.kill('SIGKILL');
    await killed.ended;
    await until('the kernel has detached it', async () => {
      const { redis } = await inside.ask<Connected>('connect', 'real', '127.0.0.1', port);
      return redis === port;
    });
    // Nobody is left who would know that it was led.
    assert.equal(await inside.ask('ping', 'led'), 'PONG');

    // A successor is not in the way of anything left behind.
    await open(closed);
    await closed.ask('apply', route(1, {}, second));
    assert.equal((await inside.ask<Connected>('connect', 'next', '127.0.0.1', port)).redis, second.port);
    await closed.ask('close');
    await until('it is reset', () => inside.told('closed').some(({ name }) => name === 'next'));
    assert.equal((await inside.ask<Connected>('connect', 'last', '127.0.0.1', port)).redis, port);
    assert.equal(await inside.ask('ping', 'led'), 'PONG');
  });

  it('leaves another network namespace alone, unless it is to cover all', async (t) => {
    const namespace = `baton-${process.pid}-other`;
    run('ip', 'netns', 'add', namespace);
    t.after(() => run('ip', 'netns', 'delete', namespace));
    run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    // Not `ip netns exec`, which hides the cgroups.
    const enter = ['nsenter', `--net=/run/netns/${namespace}`];
    const [path, other] = [await daemon(t), await client(t, ...enter)];
    await open(path);
    await path.ask('apply', route(1, {}, first));
    await isRefused(other);
    await path.ask('close');

    await open(path, { coversAllNamespaces: true });
    await path.ask('apply', route(1, {}, first));
    await other.ask('listen', first.host, first.port);
    assert.equal((await other.ask<Connected>('connect', 'led', '127.0.0.1', port)).redis, first.port);
    // We can't reset it there.
    await path.ask('apply', route(2, {}, second));
    await pause(300);
    assert.deepEqual(other.told('closed'), []);
    const { sentences } = await path.ask<{ sentences: string[] }>('status');
    assert.match(sentences.join(' '), /made in another one than ours can not be reset/);
  });

  it('leads clients whatever way they connect, and resets them all', { skip: lacksPython() }, async (t) => {
    const path = await daemon(t);
    await open(path);
    await path.ask('apply', route(1, {}, first));
    const [shell = '', ...enter] = intoCgroup(folder);
    const odd = [SYSTEM_PYTHON, 'test/endpoint/odd-clients.py', `${port}`];
    const clients = spawn(shell, [...enter, ...odd], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => clients.kill('SIGKILL'));
    const told: Record<string, unknown>[] = [];
    createInterface({ input: clients.stdout }).on('line', (line) =>
      told.push(JSON.parse(line) as Record<string, unknown>),
    );
    await until('all are connected', () => told.some(({ kind }) => kind === 'all'));
    const peer = `127.0.0.1 ${port}`;
    const kinds = ['blocking', 'non_blocking', 'fast_open', 'fast_open_connect', 'bound'];
    assert.deepEqual(
      told.slice(0, kinds.length),
      kinds.map((kind) => ({ kind, redis: first.port, peer })),
    );
    // Its socket is another than the one that the kernel connects for it: the real peer is told. Not every kernel has it.
    const multipath = told[kinds.length];
    const hasMultipath = multipath?.['redis'] !== undefined;
    if (hasMultipath) assert.equal(multipath['redis'], first.port);

    told.length = 0;
    await path.ask('apply', route(2, {}, second));
    const all = [...kinds, ...(hasMultipath ? ['multipath'] : [])];
    await until('all are reset', async () => {
      const { connectionsReset } = await path.ask<{ connectionsReset: number }>('status');
      return connectionsReset === all.length;
    });
    clients.stdin.write('\n');
    await until('all have said so', () => told.length === all.length);
    assert.deepEqual(
      told,
      all.map((kind) => ({ kind, end: 'ECONNABORTED' })),
    );
  });

  it('leaves an address alone that a server of its own is at, and one whose endpoint goes', async (t) => {
    const [path, inside, outside] = [await daemon(t), await client(t), await daemon(t)];
    // What clients reach at the very address.
    await outside.ask('listen', '127.0.0.1', port);
    assert.equal(
      await path.ask('openSocketPath', { ...SCOPE, cgroup: folder }, [
        ['main', [{ host: '127.0.0.1', port }]],
        ['other', [{ host: '127.0.0.3', port }]],
      ]),
      null,
    );
    for (const endpoint of ['main', 'other']) await path.ask('apply', route(1, { endpoint }, first));
    const leadsTo = async (host: string): Promise<number> =>
      (await inside.ask<Connected>('connect', host, host, port)).redis;
    assert.equal(await leadsTo('127.0.0.1'), first.port);
    await inside.ask('connect', 'early', '127.0.0.1', port);

    await path.ask('avoid', 'main', [{ host: '127.0.0.1', port }]);
    await until('whoever asks gets what is there', async () => (await leadsTo('127.0.0.1')) === port);
    assert.match(String(path.told('warning')[0]?.['sentence']), /^main: its own server 127\.0\.0\.1:/);
    // Those who were led are still ours.
    assert.equal(await inside.ask('ping', 'early'), 'PONG');
    await path.ask('apply', route(2, {}, second));
    await until('it is reset', () => inside.told('closed').some(({ name }) => name === 'early'));
    await path.ask('avoid', 'main', []);
    await until('it leads again', async () => (await leadsTo('127.0.0.1')) === second.port);

    await inside.ask('connect', 'last', '127.0.0.1', port);
    assert.equal(await leadsTo('127.0.0.3'), first.port);
    await path.ask('drop', ['main']);
    await until('it is reset', () => inside.told('closed').some(({ name }) => name === 'last'));
    assert.equal(await leadsTo('127.0.0.1'), port);
    assert.equal(await leadsTo('127.0.0.3'), first.port);
  });

  it('refuses with EPERM, and leads, where the kernel lacks bpf_set_retval here', async (t) => {
    const inside = await client(t);
    const map = { type: MAP_TYPE.hash, entriesMax: 8 };
    const endpoints = new BpfMap({
      ...map,
      keyBytes: PLACE_BYTES,
      valueBytes: ENTRY_BYTES,
      name: 'endpoints',
    });
    const sockets = new BpfMap({ ...map, keyBytes: COOKIE_BYTES, valueBytes: SOCKET_BYTES, name: 'sockets' });
    const lines = connectProgram({ family: 'ipv4', networkNamespace: null, choosesErrno: false });
    const instructions = assemble(lines, { endpoints: endpoints.fd, sockets: sockets.fd });
    const { cgroupSockAddr: type } = PROGRAM_TYPE;
    const attachType = ATTACH_TYPE.inet4Connect;
    const program = new BpfProgram({ type, attachType, instructions, name: 'fallback' });
    const link = attachToCgroup(program, folder, attachType);
    t.after(() => {
      for (const one of [link, program, sockets, endpoints]) one.close();
    });
    const place = encodePlace(Uint8Array.of(127, 0, 0, 1), port);
    endpoints.set(place, encodeEntry(0, []));
    await assert.rejects(
      inside.ask('connect', 'refused', '127.0.0.1', port),
      (error: AgentError) => error.code === 'EPERM',
    );
    const target = encodePlace(Uint8Array.of(127, 0, 0, 1), first.port);
    endpoints.set(place, encodeEntry(Infinity, Array<Uint8Array>(SLOTS).fill(target)));
    assert.equal((await inside.ask<Connected>('connect', 'led', '127.0.0.1', port)).redis, first.port);
  });

  it('says which server clients cannot be led to, by an address of IPv4 or at all', async (t) => {
    const [path, inside] = [await daemon(t), await client(t)];
    await open(path);
    const order = route(1, {}, first);
    const [server] = order.servers;
    assert.ok(server !== undefined);
    const ipv6 = { ...server, name: 'six', host: 'fd00::1' };
    await path.ask('apply', { ...order, servers: [ipv6] });
    await path.ask('apply', { ...order, servers: [ipv6] });
    await until('it says so', () => path.told('warning').length > 0);
    assert.deepEqual(
      path.told('warning').map(({ sentence }) => sentence),
      [
        `Clients of 127.0.0.1:${port} cannot be led to [fd00::1]:${first.port}: let the endpoint listen on an IPv6 address, or use --path relay.`,
      ],
    );
    await isRefused(inside);

    // As sentinels may name them, and as a name that has no address.
    const [zoned, unknown] = [
      { host: 'fe80::1%lo', port },
      { host: 'redis.example', port },
    ];
    await path.ask('avoid', 'main', [zoned, unknown]);
    await path.ask('endSessions', ['main'], unknown);
    const linkLocal = { ...server, name: 'zoned', ...zoned };
    await path.ask('apply', { ...order, generation: 2, servers: [linkLocal], keeps: [zoned, unknown] });
    await until('it says so of both addresses', () => path.told('warning').length === 3);
    assert.match(
      String(path.told('warning').at(-1)?.sentence),
      /cannot be led to \[fe80::1%lo\]:\d+: that is no address that a connect\(\) could be led to/,
    );
    await isRefused(inside);
  });

  it('is not tried where that would be the end', { skip: lacksPython() }, async (t) => {
    const boxed = await daemon(t, SYSTEM_PYTHON, 'test/endpoint/without-bpf.py');
    assert.match(
      await boxed.ask<string>('socketPathProblem', SCOPE),
      /^bpf\(2\) would end this process: .*SystemCallFilter=/,
    );
  });

  it('says what is missing: the cgroup, or the permission', async (t) => {
    const path = await daemon(t);
    assert.equal(
      await path.ask('openSocketPath', { ...SCOPE, cgroup: `${folder}/nonesuch` }, []),
      `there is no cgroup ${folder}/nonesuch: name one below ${folder.slice(0, folder.lastIndexOf('/'))}, as /proc/<pid>/cgroup shows it`,
    );
    // One that may read a checkout in root's home.
    const caps = '+dac_read_search';
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const powerless = await daemon(t, ...nobody, `--inh-caps=${caps}`, `--ambient-caps=${caps}`);
    const sentence = await powerless.ask<string>('socketPathProblem', SCOPE);
    assert.match(
      sentence,
      /^cannot make the map baton_endpoints: .*\(EPERM\), this needs CAP_BPF and CAP_NET_ADMIN/,
    );
    assert.match(sentence, /use --path relay$/);

    const enough = `${caps},+bpf,+net_admin`;
    const able = await daemon(t, ...nobody, `--inh-caps=${enough}`, `--ambient-caps=${enough}`);
    assert.equal(await able.ask('socketPathProblem', SCOPE), null);
  });
});

describe('the kernel', { skip: lacksSocketPath() }, () => {
  const type = PROGRAM_TYPE.cgroupSockAddr;
  const attachType = ATTACH_TYPE.inet4Connect;

  it('says in the error why it refuses a program', () => {
    const instructions = assemble([load32('r0', 'r1', 1_000), exit()], { endpoints: 0, sockets: 0 });
    assert.throws(
      () => new BpfProgram({ type, attachType, instructions, name: 'wild' }),
      /^OsError: cannot load the program wild: .*invalid bpf_context access off=1000/,
    );
  });

  it('keeps what a map is told, and forgets it', () => {
    const map = new BpfMap({ type: MAP_TYPE.hash, keyBytes: 8, valueBytes: 4, entriesMax: 1, name: 'small' });
    const [one, two] = [Buffer.alloc(8, 1), Buffer.alloc(8, 2)];
    assert.equal(map.get(one), null);
    map.set(one, Buffer.from('abcd'));
    map.set(one, Buffer.from('efgh'));
    assert.equal(map.get(one)?.toString(), 'efgh');
    assert.throws(() => map.set(two, Buffer.from('ijkl')), /cannot write to the map small: .*E2BIG/);
    assert.equal(map.delete(one), true);
    assert.equal(map.delete(one), false);
    map.close();
    map.close();
  });
});
