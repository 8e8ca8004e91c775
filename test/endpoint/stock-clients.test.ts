// Stock clients and their habits behind a relay of two workers, as behind the server itself: pipelines, transactions,
// scripts and functions, blocking pops, publish and subscribe of three kinds, scans, pools, caches, and how they leave.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { BasicClientSideCache, createClient, createClientPool } from 'redis';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { SYSTEM_PYTHON, lacksRedisPy, lacksValkey } from '../harness/requirements.ts';
import { pause, until } from '../harness/wait.ts';
import { ask } from '../harness/wire.ts';
import { type TestRelay, openRelay } from './relay-kit.ts';

const lackingValkey = await lacksValkey();

for (const flavor of ['redis', 'valkey'] as const) {
  const skip = flavor === 'valkey' ? lackingValkey : false;
  describe(`behind a relay before ${flavor}`, { skip }, () => {
    let server: ManagedServer;
    let relay: TestRelay;
    const ends: (() => unknown)[] = [];

    before(async () => {
      server = await ManagedServer.start({ files: await serverFiles(flavor), port: await freePort() });
      relay = await openRelay({ after: (close) => ends.push(close) }, {}, {}, { workers: 2 });
      relay.lead(server);
    });
    after(async () => {
      for (const end of ends) await end();
      await server?.dispose();
    });
    const clients = async (): Promise<number> => (await relay.path.counts())['redis']?.['clients'] ?? -1;
    /** However they leave, nobody is left behind. */
    const allGone = (): Promise<boolean> => until('the last to leave', async () => (await clients()) === 0);

    it('ioredis works', async () => {
      const [one, two] = [new Redis(relay.port), new Redis(relay.port, { db: 3, connectionName: 'two' })];
      try {
        await one.del('list');
        const pipeline = await one.pipeline().set('a', '1').incr('a').get('a').lpush('a', 'x').exec();
        assert.deepEqual(pipeline?.slice(0, 3), [
          [null, 'OK'],
          [null, 2],
          [null, '2'],
        ]);
        assert.match(String(pipeline?.[3]?.[0]), /WRONGTYPE/);
        assert.equal(await two.get('a'), null);
        await two.set('a', 'of 3');
        assert.equal(await one.get('a'), '2');
        await one.watch('a');
        assert.deepEqual(await one.multi().incr('a').exec(), [[null, 3]]);
        await one.watch('a');
        await ask(server, ['SET', 'a', '9']);
        assert.equal(await one.multi().incr('a').exec(), null);
        one.defineCommand('twice', { numberOfKeys: 1, lua: "return redis.call('incrby', KEYS[1], 2)" });
        const scripted = one as unknown as { twice(key: string): Promise<number> };
        assert.equal(await scripted.twice('a'), 11);
        await one.script('FLUSH');
        assert.equal(await scripted.twice('a'), 13);
        const popped = one.blpop('list', 0);
        await pause(50);
        await two.select(0);
        await two.rpush('list', 'x');
        assert.deepEqual(await popped, ['list', 'x']);
        assert.equal(await one.blpop('list', 0.01), null);
        const heard: unknown[] = [];
        two.on('message', (...message) => heard.push(message));
        two.on('pmessage', (...message) => heard.push(message));
        two.on('smessage', (...message) => heard.push(message));
        await two.subscribe('news', 'more');
        await two.psubscribe('n*');
        await two.ssubscribe('shard');
        assert.equal(await one.publish('news', 'hello'), 2);
        assert.equal(await one.spublish('shard', 'there'), 1);
        await until('all messages', () => heard.length === 3);
        assert.deepEqual(heard, [
          ['news', 'hello'],
          ['n*', 'news', 'hello'],
          ['shard', 'there'],
        ]);
        await two.unsubscribe('news', 'more');
        await two.punsubscribe('n*');
        await two.sunsubscribe('shard');
        assert.equal(await two.get('a'), '13');
        assert.equal(await two.client('GETNAME'), 'two');
        await two.quit();
        await one.mset(Object.fromEntries(Array.from({ length: 400 }, (_, at) => [`scan:${at}`, 'v'])));
        const found = new Set<string>();
        for await (const keys of one.scanStream({ match: 'scan:*', count: 30 })) {
          for (const key of keys as string[]) found.add(key);
        }
        assert.equal(found.size, 400);
        const auto = new Redis(relay.port, { enableAutoPipelining: true, lazyConnect: true });
        const many = Array.from({ length: 100 }, (_, at) => `${at}`);
        assert.deepEqual(await Promise.all(many.map((text) => auto.echo(text))), many);
        auto.disconnect();
      } finally {
        one.disconnect();
        two.disconnect();
      }
      await allGone();
    });

    it('node-redis works, alone and in a pool, and caches', async () => {
      const socket = { port: relay.port, host: '127.0.0.1' };
      const client = createClient({ socket, RESP: 3, name: 'node', database: 2 });
      client.on('error', () => undefined);
      await client.connect();
      const subscriber = client.duplicate();
      subscriber.on('error', () => undefined);
      await subscriber.connect();
      const pool = createClientPool({ socket, RESP: 3, database: 2 }, { minimum: 2, maximum: 4 });
      pool.on('error', () => undefined);
      await pool.connect();
      const cache = new BasicClientSideCache();
      const caching = createClient({ socket, RESP: 3, database: 2, clientSideCache: cache });
      caching.on('error', () => undefined);
      await caching.connect();
      try {
        await client.hSet('h2', { a: '1', b: '2' });
        assert.deepEqual({ ...(await client.hGetAll('h2')) }, { a: '1', b: '2' });
        const [set, got] = await client.multi().set('k', 'v').get('k').exec();
        assert.deepEqual([set, got], ['OK', 'v']);
        await assert.rejects(client.multi().set('k', 'v').lPush('k', 'x').exec(), /commands failed/);
        await assert.rejects(
          pool.execute(async (one) => {
            await one.watch('k');
            await client.set('k', 'w');
            await one.multi().set('k', 'lost').exec();
          }),
          /watched keys has been changed/,
        );
        const many = Array.from({ length: 200 }, (_, at) => `${at}`);
        assert.deepEqual(await Promise.all(many.map((text) => pool.echo(text))), many);
        const library =
          "#!lua name=nodelib\nredis.register_function('nodeget', function(keys) return redis.call('get', keys[1]) end)";
        await client.functionLoad(library, { REPLACE: true });
        assert.equal(await client.fCall('nodeget', { keys: ['k'], arguments: [] }), 'w');
        assert.equal(await client.eval('return ARGV[1]', { arguments: ['x'] }), 'x');
        const blocked = pool.blPop('queue', 10);
        await client.rPush('queue', 'x');
        assert.deepEqual({ ...(await blocked) }, { key: 'queue', element: 'x' });
        const heard: string[] = [];
        const hear = (message: string, channel: string): void => {
          heard.push(`${channel} ${message}`);
        };
        await subscriber.subscribe('news', hear);
        await subscriber.pSubscribe('n*', hear);
        await subscriber.sSubscribe('shard', hear);
        assert.equal(await client.publish('news', 'hi'), 2);
        assert.equal(await client.sPublish('shard', 'ho'), 1);
        await until('all messages', () => heard.length === 3);
        assert.deepEqual(heard.sort(), ['news hi', 'news hi', 'shard ho']);
        // With RESP3 it may ask meanwhile.
        assert.equal(await subscriber.get('k'), 'w');
        await client.mSet(many.map((text): [string, string] => [`scan:${text}`, 'v']));
        const found = new Set<string>();
        for await (const keys of client.scanIterator({ MATCH: 'scan:*', COUNT: 30 })) {
          for (const key of keys) found.add(key);
        }
        assert.equal(found.size, 200);
        assert.deepEqual([await caching.get('k'), await caching.get('k')], ['w', 'w']);
        assert.equal(cache.stats().hitCount, 1);
        await client.set('k', 'anew');
        await until('the invalidation', async () => (await caching.get('k')) === 'anew');
        await client.close();
        await pool.close();
        await caching.close();
      } finally {
        for (const each of [client, subscriber, pool, caching]) if (each.isOpen) each.destroy();
      }
      await allGone();
    });

    it('redis-py works', { skip: lacksRedisPy() }, async () => {
      const script = ['test/endpoint/stock_client.py', String(relay.port)];
      const { stdout } = await promisify(execFile)(SYSTEM_PYTHON, script, { timeout: 60_000 });
      assert.equal(stdout, 'done\n');
      await allGone();
    });
  });
}
