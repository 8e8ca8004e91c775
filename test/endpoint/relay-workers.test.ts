// A relay with several workers is one relay: what is limited is limited over all of them, what one has seen all know, and
// one that dies, hangs or is stalled takes nobody with it but its own clients.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Target } from '../../src/endpoint/route.ts';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { pause, until } from '../harness/wait.ts';
import { Wire, ask } from '../harness/wire.ts';
import { BatonEndpoint, Counter } from './baton-endpoint.ts';
import { openRelay, type TestRelay } from './relay-kit.ts';

interface Status {
  readonly workers: readonly number[];
  readonly load: readonly { readonly clients: number }[];
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const CLIENTS = 10_000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Sends a signal to a process, which may have ended meanwhile. */
function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Connects with nobody but worker number `index` there to accept. */
async function at<T>(pids: readonly number[], index: number, doing: () => Promise<T>): Promise<T> {
  const others = pids.filter((_, place) => place !== index);
  try {
    for (const pid of others) signal(pid, 'SIGSTOP');
    return await doing();
  } finally {
    for (const pid of others) signal(pid, 'SIGCONT');
  }
}

const statusOf = ({ path }: TestRelay): Status => path.status() as Status;

const through = ({ port }: TestRelay): Target => ({ host: '127.0.0.1', port });

/** A client of worker number `index`. */
function clientAt(relay: TestRelay, index: number): Promise<Wire> {
  return at(statusOf(relay).workers, index, async () => {
    const wire = await Wire.open(through(relay));
    // It is accepted once it is answered, or told that it has to wait: a limit may ask the control process.
    await Promise.race([wire.call('ECHO', 'here').catch(() => undefined), pause(300)]);
    return wire;
  });
}

function isRelayWorker(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('relay-worker');
  } catch {
    return false;
  }
}

async function start(): Promise<ManagedServer> {
  return ManagedServer.start({ files: await serverFiles('redis'), port: await freePort() });
}

describe('a relay of three workers', () => {
  let one: ManagedServer;
  let two: ManagedServer;
  before(async () => {
    [one, two] = await Promise.all([start(), start()]);
  });
  after(async () => {
    await Promise.all([one?.dispose(), two?.dispose()]);
  });

  it('takes as many clients as its limit says, whichever workers they come to, and lets the next ones wait', async (t) => {
    const relay = await openRelay(
      t,
      { connectionsMax: 5, queue: { timeoutMs: 2_000, clientsMax: 10_000 } },
      {},
      { workers: 3, clientsMax: 100 },
    );
    relay.lead(one);
    // All come to one worker, which would be full with its part; who is only connected may yet come to another.
    const clients = await at(statusOf(relay).workers, 0, async () => {
      const wires = await Promise.all(Array.from({ length: 5 }, () => Wire.open(through(relay))));
      for (const wire of wires) assert.equal(await wire.call('PING'), 'PONG');
      return wires;
    });
    const waiting = await clientAt(relay, 1);
    const answer = waiting.call('ECHO', 'at last');
    clients[0]?.close();
    assert.equal(await answer, 'at last');
    await assert.rejects(ask(through(relay), ['PING'], 30_000), /max number of clients/);
    // A worker that dies gives back what its clients had.
    process.kill(statusOf(relay).workers[0] as number, 'SIGKILL');
    assert.equal(await ask(through(relay), ['PING'], 30_000), 'PONG');
    waiting.close();
  });

  it('leads as many clients to a server as that takes, and as many wait as may', async (t) => {
    const relay = await openRelay(t, { queue: { timeoutMs: 20_000, clientsMax: 2 } }, {}, { workers: 3 });
    relay.lead({ host: one.host, port: one.port, connectionsMax: 2 });
    const [first, second, third] = [
      await clientAt(relay, 0),
      await clientAt(relay, 1),
      await clientAt(relay, 2),
    ];
    for (const client of [first, second]) assert.equal(await client.call('PING'), 'PONG');
    const answer = third.call('ECHO', 'at last');
    first.close();
    assert.equal(await answer, 'at last');
    relay.lead();
    const waiting = [second, third].map((client) => client.call('PING'));
    // Whoever asks before them would wait in the place of one.
    await pause(200);
    await until('both to wait, so that nobody else may', async () => {
      await assert.rejects(ask(through(relay), ['PING'], 500), /no server to lead to/);
      return true;
    });
    relay.lead({ host: two.host, port: two.port, connectionsMax: 2 });
    assert.deepEqual(await Promise.all(waiting), ['PONG', 'PONG']);
    second.close();
    third.close();
  });

  it('loads at a new primary what any worker has seen of scripts, also one that was started later', async (t) => {
    const relay = await openRelay(t, {}, {}, { workers: 3 });
    relay.lead(one);
    const script = "return redis.call('incr', KEYS[1])";
    const loading = await clientAt(relay, 0);
    const hash = String(await loading.call('SCRIPT', 'LOAD', script));
    await pause(200);
    const [pid] = statusOf(relay).workers.slice(2);
    process.kill(pid as number, 'SIGKILL');
    const { workers } = await until('a new worker', () => {
      const status = statusOf(relay);
      return status.workers.length === 3 && !status.workers.includes(pid as number) && status;
    });
    await until('it serves', () => at(workers, 2, () => ask(through(relay), ['PING'])));
    await ask(two, ['SCRIPT', 'FLUSH']);
    relay.lead(two);
    for (const index of [1, 2]) {
      const client = await clientAt(relay, index);
      await ask(two, ['SCRIPT', 'FLUSH']);
      await ask(two, ['SET', 'n', '0']);
      const replies = [client.call('EVALSHA', hash, '1', 'n'), client.call('EVALSHA', hash, '1', 'n')];
      assert.deepEqual(await Promise.all([...replies, client.call('GET', 'n')]), [1, 2, '2']);
      client.close();
    }
    loading.close();
  });

  it('goes on with a scan at the replica that began it, over other connections and workers', async (t) => {
    const relay = await openRelay(t, {}, { role: ANY }, { workers: 3 });
    relay.lead(one, two);
    for (const [server, from] of [
      [one, 0],
      [two, 500],
    ] as const) {
      await ask(server, ['FLUSHALL']);
      const keys = Array.from({ length: 500 }, (_, index) => [`key${from + index}`, 'v']).flat();
      await ask(server, ['MSET', ...keys]);
    }
    const clients = [];
    for (let index = 0; index < 6; index++) clients.push(await clientAt(relay, index % 3));
    const found = new Set<string>();
    let cursor = '0';
    let pages = 0;
    do {
      const client = clients[pages++ % clients.length] as Wire;
      const [next, keys] = (await client.call('SCAN', cursor, 'COUNT', '50')) as [string, string[]];
      for (const key of keys) found.add(key);
      cursor = next;
    } while (cursor !== '0' && pages < 1_000);
    assert.equal(found.size, 500);
    assert.equal(new Set([...found].map((key) => Number(key.slice(3)) < 500)).size, 1);
    for (const client of clients) client.close();
  });

  it('replaces a worker that died, hangs or has too much memory; others do not notice', async (t) => {
    const relay = await openRelay(t, {}, {}, { workers: 3, care: { beatMs: 100 } });
    relay.lead(one);
    const [dying, hanging, bystander] = [
      await clientAt(relay, 0),
      await clientAt(relay, 1),
      await clientAt(relay, 2),
    ];
    const before = statusOf(relay).workers;
    process.kill(before[0] as number, 'SIGKILL');
    process.kill(before[1] as number, 'SIGSTOP');
    await until('its clients to be cut', () => dying.isClosed && hanging.isClosed);
    assert.match(relay.warnings.join('\n'), /relay worker 0 ended \(SIGKILL\)/);
    assert.match(
      relay.warnings.join('\n'),
      /relay worker 1 \(process \d+\) has not answered for 1 s, and is killed/,
    );
    assert.equal(await bystander.call('PING'), 'PONG');
    const workers = await until('two new ones', () => {
      const now = statusOf(relay).workers;
      return now.length === 3 && !now.some((pid) => before.slice(0, 2).includes(pid)) && now;
    });
    assert.equal(workers[2], before[2]);
    for (const index of [0, 1]) {
      await until('it serves', () => at(workers, index, () => ask(through(relay), ['PING'])));
    }
    bystander.close();
    const fat = await openRelay(t, {}, {}, { care: { beatMs: 50, memoryBytesMax: 1 } });
    await until('the word', () => fat.warnings.some((line) => /has \d+ MiB of memory, and is/.test(line)));
  });

  it('tells a new worker of all endpoints at once', async (t) => {
    const second = await freePort();
    const relay = await openRelay(t, {}, {}, { also: { name: 'second', port: second } });
    relay.lead(one);
    // Once, and never confirmed.
    relay.path.apply({ ...relay.route, endpoint: 'second' });
    const [pid] = statusOf(relay).workers;
    process.kill(pid as number, 'SIGKILL');
    await until('another one', () => statusOf(relay).workers.some((now) => now !== pid));
    const here = { host: '127.0.0.1', port: second };
    for (const where of [through(relay), here])
      await until('it serves', async () => (await ask(where, ['PING']).catch(String)) === 'PONG');
  });

  it('has as many workers as were asked for when one died just before', async (t) => {
    const relay = await openRelay(t, {}, {}, { workers: 2, care: { beatMs: 100 } });
    relay.lead(one);
    const count = (): number => statusOf(relay).workers.length;
    process.kill(statusOf(relay).workers[0] as number, 'SIGKILL');
    await until('its end to be noticed', () => count() === 1);
    // Its successor is to start in a moment; by then its place is taken.
    relay.path.resize(2, null);
    await until('two again', () => count() === 2);
    await until('the moment is over', () =>
      relay.warnings.some((text) => text.includes('another one starts')),
    );
    await pause(1_000);
    assert.equal(count(), 2);
    assert.equal(await ask(through(relay), ['PING']), 'PONG');
    // And none that nobody knows of.
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'latin1');
    const workers = children.split(' ').filter((pid) => isRelayWorker(pid));
    assert.deepEqual(new Set(workers.map(Number)), new Set(statusOf(relay).workers));
  });

  it('forwards nothing of what came while a worker was stalled beyond its deadline', async (t) => {
    const relay = await openRelay(t, {}, {}, { workers: 3 });
    relay.lead(one);
    await ask(one, ['DEL', 'late']);
    const clients = [await clientAt(relay, 0), await clientAt(relay, 1), await clientAt(relay, 2)];
    const { workers } = statusOf(relay);
    relay.leadFor(700);
    await pause(100);
    for (const pid of workers) process.kill(pid, 'SIGSTOP');
    const replies = clients.map((client) => client.call('INCR', 'late').catch(() => 'cut'));
    await pause(1_000);
    for (const pid of workers) signal(pid, 'SIGCONT');
    assert.deepEqual(await Promise.all(replies), ['cut', 'cut', 'cut']);
    assert.equal(await ask(one, ['GET', 'late']), null);
  });
});

async function follows(replica: ManagedServer): Promise<void> {
  const isUp = async () => /master_link_status:up/.test(String(await ask(replica, ['INFO', 'replication'])));
  await until('the link of the replica', isUp);
}

const ANY = { kind: 'any' } as const;

it(`holds ${CLIENTS} connections at once over two workers, and counts them`, async (t) => {
  const server = await start();
  t.after(() => server.dispose());
  const relay = await openRelay(t, {}, {}, { workers: 2, care: { beatMs: 200 } });
  relay.lead(server);
  const sockets: Socket[] = [];
  let answered = 0;
  for (let count = 0; count < CLIENTS; count++) {
    const socket = connect(relay.port, '127.0.0.1');
    socket.on('error', () => undefined).once('data', () => answered++);
    socket.write('PING\r\n');
    sockets.push(socket);
    if (count % 500 === 499) await until('these', () => answered === count + 1);
  }
  await until('the sum', () => statusOf(relay).counts['redis']?.['clients'] === CLIENTS);
  assert.equal(
    statusOf(relay).load.reduce((sum, { clients }) => sum + clients, 0),
    CLIENTS,
  );
  const connections = String(await ask(server, ['CLIENT', 'LIST'])).split('\n').length;
  assert.ok(connections < 50, `they share ${connections} connections`);
  for (const socket of sockets) socket.destroy();
  await until('all to be gone', () => statusOf(relay).counts['redis']?.['clients'] === 0);
});

describe('baton endpoint with three workers', () => {
  it('switches, reloads, and outlives a worker that hangs, without an error for clients of the others', async (t) => {
    const [one, two] = await Promise.all([start(), start()]);
    t.after(async () => {
      await Promise.all([one.dispose(), two.dispose()]);
    });
    await ask(two, ['REPLICAOF', '127.0.0.1', String(one.port)]);
    await follows(two);
    const [a, b] = [one, two].map(({ port }) => `127.0.0.1:${port}`) as [string, string];
    const port = await freePort();
    const servers = ['--servers', `${a},${b}`, '--listen', String(port), '--path', 'relay'];
    const daemon = await BatonEndpoint.start(t, ...servers, '--workers', '3', '--hold-max', '4s');
    await daemon.leads([a]);
    const [status] = daemon.status().paths as Status[];
    const workers = status?.workers ?? [];
    assert.equal(workers.length, 3);
    const counters: Counter[] = [];
    for (const index of [0, 1, 2]) {
      await at(workers, index, async () => {
        const fresh = [0, 1, 2, 3].map(
          (at) => new Counter(t, { host: '127.0.0.1', port }, `n${index}:${at}`),
        );
        counters.push(...fresh);
        await until('them to count', () => fresh.every(({ acknowledged }) => acknowledged > 0));
      });
    }
    const counted = (): number => (daemon.status().paths as Status[])[0]?.counts['primary']?.['clients'] ?? 0;
    await until('the sum of clients', () => counted() === counters.length);

    const switched = daemon.order('switch', '--to', b);
    assert.equal(switched.code, 0, switched.output);
    process.kill(daemon.status().pid, 'SIGHUP');
    await until('the word', () => daemon.process.output.includes('the configuration was read anew'));
    await pause(200);
    assert.deepEqual(
      counters.flatMap(({ errors }) => errors),
      [],
    );

    await follows(one);
    const hung = workers[0] as number;
    process.kill(hung, 'SIGSTOP');
    const again = daemon.order('switch', '--to', a);
    process.kill(hung, 'SIGCONT');
    assert.equal(again.code, 0, again.output);
    await until('the word', () =>
      daemon.process.output.includes('does not answer: the switch goes on without it'),
    );
    const before = counters.map(({ acknowledged }) => acknowledged);
    await until('all to go on', () =>
      counters.every(({ acknowledged }, at) => acknowledged > (before[at] ?? 0)),
    );
    await Promise.all(counters.map((counter) => counter.stop()));
    for (const [at, { key, acknowledged, errors }] of counters.entries()) {
      const stored = Number(await ask(one, ['GET', key]));
      if (at >= 4) assert.deepEqual(errors, []);
      // One that was cut knows nothing of its last write.
      assert.ok(stored >= acknowledged && stored <= acknowledged + errors.length, `${key}: ${stored}`);
    }

    // Without the daemon nobody is served for longer than the route stands.
    const client = await Wire.open({ host: '127.0.0.1', port });
    assert.equal(await client.call('PING'), 'PONG');
    process.kill(daemon.status().pid, 'SIGKILL');
    await until('its clients to be cut', () => client.isClosed);
    await until('the workers to be gone', () => !workers.some(isAlive));
    await assert.rejects(Wire.open({ host: '127.0.0.1', port }), /ECONNREFUSED/);
  });

  it('has as many workers and endpoints as the file says after a reload, and no client is cut', async (t) => {
    const server = await start();
    t.after(() => server.dispose());
    const [port, added] = [await freePort(), await freePort()];
    const folder = mkdtempSync(join(tmpdir(), 'baton-workers-'));
    t.after(async () => rmSync(folder, { recursive: true }));
    const file = join(folder, 'haproxy.cfg');
    const say = (threads: number, more = ''): void =>
      writeFileSync(
        file,
        `global
    nbthread ${threads}
    maxconn 3
defaults
    timeout queue 200ms
    mode tcp
    timeout connect 4s
    timeout client 1h
    timeout server 1h
listen redis
    bind 127.0.0.1:${port}
    option tcp-check
    tcp-check send PING\\r\\n
    tcp-check expect string +PONG
    tcp-check send info\\ replication\\r\\n
    tcp-check expect string role:master
    server one 127.0.0.1:${server.port} check inter 1s
${more}`,
      );
    say(3);
    const daemon = await BatonEndpoint.start(t, file);
    const workers = (): readonly number[] => (daemon.status().paths as Status[])[0]?.workers ?? [];
    const first = await until('three workers', () => workers().length === 3 && workers());
    const target = { host: '127.0.0.1', port };
    await until('the server', () => ask(target, ['PING']));
    const clients: Wire[] = [];
    for (const index of [0, 1, 2]) {
      clients.push(
        await at(first, index, async () => {
          const wire = await Wire.open(target);
          await wire.call('PING');
          return wire;
        }),
      );
    }
    const reload = async (threads: number, more = ''): Promise<void> => {
      const { length } = daemon.process.output;
      say(threads, more);
      process.kill(daemon.status().pid, 'SIGHUP');
      await until('the word', () => daemon.process.output.slice(length).includes('was read anew'));
    };
    // What is sent to all who have this name is meant for the daemon.
    for (const pid of workers())
      for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGTERM']) process.kill(pid, signal);
    await reload(1, `listen added\n    bind 127.0.0.1:${added}\n    server one 127.0.0.1:${server.port}\n`);
    // Three clients are all that may come, to whichever endpoint.
    const late = { host: '127.0.0.1', port: added };
    await assert.rejects(ask(late, ['PING']));
    for (const client of clients) assert.equal(await client.call('PING'), 'PONG');
    clients[1]?.close();
    await until('there is room', () => ask(late, ['PING']));
    clients[2]?.close();
    await until('one worker', () => workers().length === 1);
    assert.deepEqual(workers(), first.slice(0, 1));
    await reload(2);
    await until('two workers', () => workers().length === 2);
    assert.equal(await clients[0]?.call('PING'), 'PONG');
    await until('the new one serves', () => at(workers(), 1, () => ask(target, ['PING'])));
    clients[0]?.close();
    assert.doesNotMatch(daemon.process.output, /relay worker \d+ ended/);
  });
});
