// `baton endpoint` with real servers, sentinels and clients: crash, the return of an old primary, ordered switches.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { freePort } from '../../src/redis/free-port.ts';
import { type Fleet, startFleet } from '../harness/fleet.ts';
import { pause, until } from '../harness/wait.ts';
import { ask } from '../harness/wire.ts';
import { BatonEndpoint, type Cleanup, Counter, runBaton } from './baton-endpoint.ts';

const at = (port: number): { host: string; port: number } => ({ host: '127.0.0.1', port });

/** A fleet without voters: one primary and its replicas. */
function startNodes(test: Cleanup, replicas: number): Promise<Fleet> {
  return startFleet(test, { voters: [], replicas });
}

/** A relay at `port` that asks these servers itself. */
function relaying(test: Cleanup, servers: string, port: number): Promise<BatonEndpoint> {
  return BatonEndpoint.start(test, '--servers', servers, '--listen', `127.0.0.1:${port}`, '--path', 'relay');
}

describe('baton endpoint, by what the servers say', { concurrency: 2 }, () => {
  it('switches to and fro under load, with no error, nothing lost and nothing doubled', async (t) => {
    const fleet = await startNodes(t, 1);
    const [a, b] = fleet.nodes();
    assert.ok(a !== undefined && b !== undefined);
    const port = await freePort();
    const endpoint = await relaying(t, `${a.address},${b.address}`, port);
    await endpoint.leads([a.address]);
    const counters = Array.from({ length: 20 }, (_, index) => new Counter(t, at(port), `count:${index}`));
    const stock = new Redis({ ...at(port), lazyConnect: true, retryStrategy: () => 50 });
    const stockErrors: string[] = [];
    stock.on('error', (error: Error) => stockErrors.push(error.message));
    await stock.connect();
    let stockCount = 0;
    const over = new AbortController();
    t.after(() => {
      over.abort();
      stock.disconnect();
    });
    const stockRuns = (async () => {
      while (!over.signal.aborted) {
        const replies = await stock.pipeline().incr('stock').get('stock').exec();
        for (const [error] of replies ?? []) if (error !== null) stockErrors.push(error.message);
        stockCount += 1;
      }
    })();
    for (const to of [b, a, b, a]) {
      await pause(300);
      const { code, output } = endpoint.order('switch', '--to', to.address);
      assert.equal(code, 0, `${output}\n${endpoint.process.output}`);
      assert.deepEqual(endpoint.leadsTo(), [to.address]);
      const other = to === a ? b : a;
      await until(
        'the other follows',
        async () => (await other.replication())['master_link_status'] === 'up',
      );
    }
    over.abort();
    await stockRuns;
    stock.disconnect();
    await Promise.all(counters.map((counter) => counter.stop()));
    for (const counter of counters) {
      assert.deepEqual(counter.errors, []);
      assert.ok(counter.acknowledged > 0);
      assert.equal(await a.ask('GET', counter.key), String(counter.acknowledged));
    }
    assert.deepEqual(stockErrors, []);
    assert.equal(await a.ask('GET', 'stock'), String(stockCount));
  });

  it('refuses a switch to a node that could not take over, and changes nothing', async (t) => {
    const fleet = await startNodes(t, 1);
    const [a, b] = fleet.nodes();
    assert.ok(a !== undefined && b !== undefined);
    const port = await freePort();
    const endpoint = await relaying(t, `${a.address},${b.address}`, port);
    await endpoint.leads([a.address]);
    await b.ask('REPLICAOF', '127.0.0.1', '1');
    // Two rounds of questions: before that, it knows only the past.
    await pause(1_500);
    const { code, output } = endpoint.order('switch', '--to', b.address);
    assert.equal(code, 1);
    assert.match(output, /not switching to .*: its link to its primary is down/);
    assert.equal(endpoint.order('switch', '--to', 'nonsense').code, 2);
    assert.equal(endpoint.order('drain', 'nobody').code, 1);
    assert.equal(endpoint.order('maint', a.address).code, 0);
    assert.deepEqual(endpoint.leadsTo(), []);
    assert.equal(endpoint.order('ready', a.address).code, 0);
    await endpoint.leads([a.address]);
  });

  it('sends nothing to an old primary that returns as primary', async (t) => {
    const fleet = await startNodes(t, 1);
    const [a, b] = fleet.nodes();
    assert.ok(a !== undefined && b !== undefined);
    const port = await freePort();
    const servers = `${a.address},${b.address}`;
    const endpoint = await relaying(t, servers, port);
    await endpoint.leads([a.address]);
    await a.server.kill();
    await b.ask('REPLICAOF', 'NO', 'ONE');
    await endpoint.leads([b.address]);
    const counter = new Counter(t, at(port), 'after');
    await until('a write through the endpoint', () => counter.acknowledged > 0);
    await a.server.restart();
    await until('the endpoint sees two primaries', () => {
      const [primary] = endpoint.status().snapshot.backends;
      return primary?.alarm?.includes('say that they are the primary') === true;
    });
    await pause(1_000);
    await counter.stop();
    assert.deepEqual(endpoint.leadsTo(), [b.address]);
    assert.equal(await a.ask('EXISTS', 'after'), 0);
    assert.equal(await b.ask('GET', 'after'), String(counter.acknowledged));
  });
});

/** An endpoint at `port` that asks the fleet's sentinels. */
function following(
  test: Cleanup,
  { voters }: Fleet,
  port: number,
  ...more: readonly string[]
): Promise<BatonEndpoint> {
  const sentinels = voters.map(({ target }) => `127.0.0.1:${target.port}`).join(',');
  const who = ['--sentinels', sentinels, '--primary', 'mymaster'];
  return BatonEndpoint.start(test, ...who, '--path', 'relay', '--listen', `127.0.0.1:${port}`, ...more);
}

describe('baton endpoint, following sentinels', () => {
  it('follows a failover of redis-sentinels, and an ordered one, and serves readers meanwhile', async (t) => {
    const fleet = await startFleet(t, { voters: ['redis', 'redis', 'redis'], replicas: 2 });
    const [first] = fleet.nodes();
    assert.ok(first !== undefined);
    const [port, readPort] = [await freePort(), await freePort()];
    const endpoint = await following(t, fleet, port, '--replica-listen', `127.0.0.1:${readPort}`);
    await endpoint.leads([first.address]);
    await until('both replicas serve', () => endpoint.leadsTo('replica').length === 2);
    assert.deepEqual(String(await ask(at(readPort), ['ROLE'])).split(',')[0], 'slave');

    const counter = new Counter(t, at(port), 'count');
    await until('writes', () => counter.acknowledged > 100);
    await first.server.kill();
    const second = await fleet.failedOver(first);
    await endpoint.leads([second.address]);
    const before = counter.acknowledged;
    await until(
      'writes go on',
      () => counter.acknowledged > before + 100,
      () => endpoint.process.output,
    );
    await first.server.restart();
    await fleet.converged();
    const errorsBefore = counter.errors.length;

    const { code, output } = endpoint.order('switch');
    assert.equal(code, 0, `${output}\n${endpoint.process.output}`);
    const third = await fleet.failedOver(second);
    await endpoint.leads([third.address]);
    const after = counter.acknowledged;
    await until('writes go on', () => counter.acknowledged > after + 100);
    await counter.stop();
    assert.deepEqual(counter.errors.slice(errorsBefore), [], 'an ordered switch is not noticed');
  });

  it('has the primary hand over where sentinels can order that, and nobody notices', async (t) => {
    const fleet = await startFleet(t, { voters: ['baton', 'baton', 'baton'], replicas: 1 });
    const [first, second] = fleet.nodes();
    assert.ok(first !== undefined && second !== undefined);
    const port = await freePort();
    const endpoint = await following(t, fleet, port);
    await endpoint.leads([first.address]);
    const counter = new Counter(t, at(port), 'count');
    await until('writes', () => counter.acknowledged > 100);
    const { code, output } = endpoint.order('switch');
    assert.equal(code, 0, `${output}\n${endpoint.process.output}`);
    await endpoint.leads([second.address]);
    const before = counter.acknowledged;
    await until('writes go on', () => counter.acknowledged > before + 100);
    // The old primary follows at once, and is let go of: what it reads it carries out.
    await until(
      'the old primary to have new writes',
      async () => Number(await first.ask('GET', 'count')) > before,
    );
    assert.match(second.server.output, /Failover request received/, 'by FAILOVER');
    // So that it can be the primary again.
    const back = endpoint.order('switch');
    assert.equal(back.code, 0, `${back.output}\n${endpoint.process.output}`);
    await endpoint.leads([first.address]);
    await counter.stop();
    assert.deepEqual(counter.errors, []);
    assert.equal(await first.ask('GET', 'count'), String(counter.acknowledged));
    const stats = String(await second.ask('INFO', 'commandstats'));
    assert.ok(Number(/cmdstat_replconf:calls=(\d+)/.exec(stats)?.[1]) > 0, 'it was prompted');
  });
});

describe('baton endpoint, as a program', () => {
  it('says what is wrong with its arguments, and what to do', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-endpoint-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const nothing = runBaton(folder);
    assert.equal(nothing.code, 2);
    assert.match(nothing.output, /say who knows the primary: --sentinels .* or --servers/);
    assert.match(nothing.output, /say where to listen: --listen 6379/);
    const wrong = runBaton(folder, '--servers', 'a:0', '--listen', 'x', '--lease', 'soon', '--path', 'magic');
    assert.equal(wrong.code, 2);
    for (const what of ['--servers a:0', '--listen x', '--lease soon', '--path magic']) {
      assert.ok(wrong.output.includes(what), wrong.output);
    }
    assert.equal(runBaton(folder, 'status').code, 3);
    const gone = runBaton(folder, 'status', '--socket', join(folder, 'none.sock'));
    assert.equal(gone.code, 3);
    assert.match(gone.output, /none\.sock: nobody listens there; without --socket/);
    for (const args of [['maint'], ['drain', 'a', '--banana'], ['switch', 'x', 'y'], ['status', '--jsno']]) {
      const { code, output } = runBaton(folder, ...args);
      assert.deepEqual([args[0], code], [args[0], 2], output);
      assert.ok(output.includes(`(baton endpoint ${args[0]} --help says more)`), output);
    }
    assert.match(
      runBaton(folder, 'swich').output,
      /cannot be read: .*"baton endpoint --help" lists commands/,
    );
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => taken.once('listening', done));
    const { port } = taken.address() as { port: number };
    const busy = runBaton(
      folder,
      '--servers',
      '127.0.0.1:1',
      '--path',
      'relay',
      '--listen',
      `127.0.0.1:${port}`,
    );
    const file = join(folder, 'web.cfg');
    const times = 'timeout connect 1s\n timeout client 1s\n timeout server 1s';
    writeFileSync(
      file,
      `defaults\n mode http\n ${times}\nlisten web\n bind 127.0.0.1:${port}\n server a 127.0.0.1:1\n`,
    );
    const web = runBaton(folder, file);
    // Who counts on the answers must not take their absence for a dead endpoint.
    const free = await freePort();
    const args = ['--servers', '127.0.0.1:1', '--path', 'relay', '--listen', `127.0.0.1:${free}`];
    const unanswered = runBaton(folder, ...args, '--http', `127.0.0.1:${port}`);
    // The second process gives up, and the first says why.
    const behind = runBaton(folder, '-D', ...args.slice(0, -1), `127.0.0.1:${port}`);
    taken.close();
    for (const { code, output } of [busy, web, unanswered, behind]) {
      assert.equal(code, 1);
      assert.match(
        output,
        new RegExp(
          `cannot listen on 127.0.0.1:${port}( for [^:]*)?: .*another program listens there: stop it`,
        ),
      );
    }
  });
});
