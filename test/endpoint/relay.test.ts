// The multiplexing relay between real servers and stock clients: it must not be noticed, except that a switch is not
// noticed either.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import type { Flavor } from '../../src/redis/server-files.ts';
import { serverFiles } from '../harness/fleet.ts';
import { lacksValkey } from '../harness/requirements.ts';
import { pause, until } from '../harness/wait.ts';
import { Wire, ask } from '../harness/wire.ts';
import { type TestRelay, openRelay } from './relay-kit.ts';

const lackingValkey = await lacksValkey();

for (const flavor of ['redis', 'valkey'] as const) {
  const skip = flavor === 'valkey' ? lackingValkey : false;
  describe(`a relay in front of ${flavor}`, { skip }, () => {
    let server: ManagedServer;
    let other: ManagedServer;
    let relay: TestRelay;
    const ends: (() => unknown)[] = [];

    before(async () => {
      [server, other] = await Promise.all([start(flavor), start(flavor)]);
      relay = await openRelay({ after: (close) => ends.push(close) });
      relay.lead(server);
    });
    after(async () => {
      for (const end of ends) await end();
      await Promise.all([server?.dispose(), other?.dispose()]);
    });
    const through = () => ({ host: '127.0.0.1', port: relay.port });

    it('keeps the order of each client, and crosses no replies', async () => {
      const before = (await connectionsOf(server)).length;
      const clients = await Promise.all(Array.from({ length: 40 }, () => Wire.open(through())));
      await Promise.all(
        clients.map(async (client, who) => {
          for (let round = 0; round < 20; round++) {
            const answers = await Promise.all(
              Array.from({ length: 10 }, (_, at) => client.call('ECHO', `${who} ${round} ${at}`)),
            );
            assert.deepEqual(
              answers,
              answers.map((_, at) => `${who} ${round} ${at}`),
            );
          }
        }),
      );
      const list = await connectionsOf(server);
      assert.ok(list.length < before + 5, `40 clients take few connections:\n${list.join('\n')}`);
      for (const client of clients) client.close();
    });

    it('tells who asked for it that a switch is under way, and that it is over, also when it is undone', async () => {
      const socket = connect(relay.port, '127.0.0.1');
      let received = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
      socket.on('error', () => undefined);
      socket.write('CLIENT MAINT_NOTIFICATIONS ON\r\nHELLO 3\r\n');
      socket.write('CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type none\r\n');
      await until('the answer', () => received.endsWith('+OK\r\n'));
      assert.match(received, /^-ERR notifications of switches need RESP3/);
      received = '';
      await relay.path.takeStep(['redis'], { kind: 'hold', msMax: 20_000 });
      socket.write('PING\r\n');
      await until('the word', () => received !== '');
      assert.match(received, /^>4\r\n\$12\r\nFAILING_OVER\r\n:\d+\r\n:20\r\n\$2\r\n\[\]\r\n$/);
      received = '';
      await relay.path.takeStep(['redis'], { kind: 'release', isUndone: true });
      await until('the answer', () => received.includes('PONG'));
      assert.match(received, /^>3\r\n\$11\r\nFAILED_OVER\r\n:\d+\r\n\$2\r\n\[\]\r\n\+PONG\r\n$/);
      socket.destroy();
    });

    it('remembers who a client is, and lends no one the rights of another', async () => {
      await ask(server, ['ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '+@read', '+select', '+client']);
      await ask(server, ['SET', 'k', 'v']);
      const [reader, plain] = await Promise.all([Wire.open(through()), Wire.open(through())]);
      assert.equal(await reader.call('AUTH', 'reader', 'secret'), 'OK');
      await assert.rejects(reader.call('SET', 'k', 'w'), /NOPERM/);
      assert.equal(await plain.call('SET', 'k', 'x'), 'OK');
      assert.equal(await reader.call('GET', 'k'), 'x');
      const refused = [plain.call('AUTH', 'reader', 'wrong'), plain.call('SET', 'k', 'y')];
      await assert.rejects(refused[0] as Promise<unknown>, /WRONGPASS/);
      assert.equal(await refused[1], 'OK');
      assert.equal(await reader.call('CLIENT', 'SETNAME', 'me'), 'OK');
      assert.equal(await reader.call('CLIENT', 'GETNAME'), 'me');
      assert.equal(await reader.call('RESET'), 'RESET');
      assert.equal(await reader.call('SET', 'k', 'z'), 'OK');
      assert.equal(await reader.call('CLIENT', 'GETNAME'), null);
      reader.close();
      plain.close();
    });

    it('serves nobody any more whose user was deleted', async (t) => {
      await ask(server, ['ACL', 'SETUSER', 'leaver', 'on', '>secret', '~*', '&*', '+@all']);
      const own = await openRelay(t);
      own.lead(server);
      const target = { host: '127.0.0.1', port: own.port };
      const [sharing, subscribed, other] = [
        await Wire.open(target),
        await Wire.open(target),
        await Wire.open(target),
      ];
      for (const client of [sharing, subscribed]) await client.call('AUTH', 'leaver', 'secret');
      assert.equal(await sharing.call('SET', 'k', 'v'), 'OK');
      await subscribed.call('SUBSCRIBE', 'news');
      assert.equal(await other.call('ACL', 'DELUSER', 'leaver'), 1);
      await until('the end of the subscriber', () => subscribed.isClosed);
      await assert.rejects(sharing.call('GET', 'k'), /WRONGPASS/);
      await until('the end of the other', () => sharing.isClosed);
      assert.equal(await other.call('GET', 'k'), 'v');
      other.close();
    });

    it('passes on requests and replies of many megabytes, while others go on', async () => {
      const [large, small] = await Promise.all([Wire.open(through()), Wire.open(through())]);
      const value = 'x'.repeat(6_000_000);
      const setting = large.call('SET', 'large', value);
      for (let round = 0; round < 20; round++) assert.equal(await small.call('PING'), 'PONG');
      assert.equal(await setting, 'OK');
      const [got, pong] = await Promise.all([large.call('GET', 'large'), small.call('PING')]);
      assert.equal(got, value);
      assert.equal(pong, 'PONG');
      await large.call('DEL', 'large');
      large.close();
      small.close();
    });

    it('refuses what would end or move the server, and closes on what is no request', async () => {
      const client = await Wire.open(through());
      for (const command of [
        ['SHUTDOWN'],
        ['REPLICAOF', 'NO', 'ONE'],
        ['DEBUG', 'SEGFAULT'],
        ['PSYNC', '?', '-1'],
      ]) {
        await assert.rejects(client.call(...command), /not passed on by this endpoint/);
      }
      await assert.rejects(client.call('NOSUCH', 'x'), /unknown command/);
      assert.equal(await client.call('PING'), 'PONG');
      client.close();
      assert.match(await talk(relay.port, '*1\r\n$x\r\n'), /^-ERR Protocol error: invalid bulk length\r\n$/);
      assert.equal(await talk(relay.port, 'POST / HTTP/1.1\r\nHost: x\r\n\r\n'), '');
    });

    it('resets everybody when nobody confirms the route, and serves again when somebody does', async () => {
      const client = await Wire.open(through());
      assert.equal(await client.call('PING'), 'PONG');
      relay.leadFor(300);
      await until('the reset', () => client.isClosed);
      relay.leadFor(Infinity);
      assert.equal(await ask(through(), ['PING']), 'PONG');
    });

    it('starts a new worker in place of one that died', async () => {
      const { workers } = relay.path.status() as { readonly workers: readonly number[] };
      process.kill(workers[0] as number, 'SIGKILL');
      assert.equal(await until('a new worker', () => ask(through(), ['PING'])), 'PONG');
      assert.match(relay.warnings.join(), /relay worker 0 ended \(SIGKILL\)/);
    });

    it('gives each client a server connection of its own, when it is to be transparent', async (t) => {
      const transparent = await openRelay(t, { isTransparent: true });
      transparent.lead(server);
      const target = { host: '127.0.0.1', port: transparent.port };
      const clients = await Promise.all(Array.from({ length: 5 }, () => Wire.open(target)));
      const ids = await Promise.all(clients.map((client) => client.call('CLIENT', 'ID')));
      assert.equal(new Set(ids).size, 5);
      for (const client of clients) client.close();
    });

    it('serves others while a client does not read, which is answered when it does', async () => {
      const bystander = await Wire.open(through());
      await bystander.call('SET', 'big', 'x'.repeat(6_000_000));
      const deaf = connect(relay.port, '127.0.0.1');
      let bytes = 0;
      deaf.on('data', (chunk: Buffer) => (bytes += chunk.length));
      deaf.once('data', () => deaf.pause());
      deaf.write('*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n'.repeat(10));
      await until('the first reply', () => bytes > 0);
      for (let round = 1; round <= 20; round++) {
        assert.equal(await bystander.call('INCR', 'rounds'), round);
        await pause(10);
      }
      deaf.resume();
      await until(
        'all replies',
        () => bytes === 10 * 6_000_012,
        () => String(bytes),
      );
      assert.equal((await relay.path.counts())['redis']?.['tooSlow'], 0);
      await bystander.call('DEL', 'big', 'rounds');
      deaf.destroy();
      bystander.close();
    });

    it('moves everybody in an ordered switch without an error, each write done once', async () => {
      await ask(other, ['REPLICAOF', '127.0.0.1', String(server.port)]);
      await until('the replica', async () =>
        /link_status:up/.test(String(await ask(other, ['INFO', 'replication']))),
      );
      const clients = await Promise.all(Array.from({ length: 20 }, () => Wire.open(through())));
      const listener = new Redis(relay.port);
      const messages: string[] = [];
      listener.on('message', (_channel: string, message: string) => messages.push(message));
      await listener.subscribe('switch');
      const blocked = new Redis(relay.port);
      const popping = blocked.blpop('queue', 0);
      const life = { isOver: false };
      const sums = clients.map(async (client, who) => {
        let sum = 0;
        await client.call('SELECT', '3');
        await client.call('DEL', `n${who}`);
        while (!life.isOver) {
          const values = await Promise.all([client.call('INCR', `n${who}`), client.call('INCR', `n${who}`)]);
          sum += 2;
          assert.deepEqual(values, [sum - 1, sum]);
        }
        return sum;
      });
      await pause(200);
      let [from, to] = [server, other];
      for (let round = 0; round < 3; round++) {
        await relay.path.takeStep(['redis'], { kind: 'prepare', to });
        const held = await relay.path.takeStep(['redis'], { kind: 'hold', msMax: 20_000 });
        assert.equal(held.kind, 'done');
        await until('the same offset', async () => (await offsetOf(from)) === (await offsetOf(to)));
        await ask(to, ['REPLICAOF', 'NO', 'ONE']);
        relay.lead(to);
        await relay.path.takeStep(['redis'], { kind: 'release', isUndone: false });
        await ask(from, ['REPLICAOF', '127.0.0.1', String(to.port)]);
        await until('the replica', async () =>
          /link_status:up/.test(String(await ask(from, ['INFO', 'replication']))),
        );
        [from, to] = [to, from];
        await pause(100);
      }
      life.isOver = true;
      const acknowledged = await Promise.all(sums);
      const checker = await Wire.open({ host: '127.0.0.1', port: from.port });
      await checker.call('SELECT', '3');
      for (const [who, sum] of acknowledged.entries())
        assert.equal(Number(await checker.call('GET', `n${who}`)), sum);
      await until('the message', async () => {
        await checker.call('PUBLISH', 'switch', 'after');
        return messages.includes('after');
      });
      await ask(from, ['RPUSH', 'queue', 'late']);
      assert.deepEqual(await popping, ['queue', 'late']);
      const counts = (await relay.path.counts())['redis'];
      assert.equal(counts?.['outcomeUnknown'], 0);
      assert.equal(counts?.['unmovable'], 0);
      for (const client of clients) client.close();
      checker.close();
      listener.disconnect();
      blocked.disconnect();
      [server, other] = [from, to];
    });

    it('waits for replicas on behalf of a client whose writes went over a shared connection', async () => {
      const [client, busy] = await Promise.all([Wire.open(through()), Wire.open(through())]);
      const writes = [
        client.call('SET', 'w', '1'),
        busy.call('SET', 'w2', '1'),
        client.call('WAIT', '1', '10000'),
      ];
      assert.deepEqual(await Promise.all(writes), ['OK', 'OK', 1]);
      const { pid } = other;
      assert.ok(pid !== null);
      process.kill(pid, 'SIGSTOP');
      try {
        await until('the stop', () => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') T '));
        await client.call('SET', 'w', '2');
        assert.equal(await client.call('WAIT', '1', '50'), 0);
        // Others are not kept by it.
        const waiting = client.call('WAIT', '1', '10000');
        assert.equal(await busy.call('PING'), 'PONG');
        process.kill(pid, 'SIGCONT');
        assert.equal(await waiting, 1);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      if (flavor === 'valkey') {
        await ask(other, ['CONFIG', 'SET', 'appendonly', 'yes']);
        await client.call('SET', 'w', '3');
        assert.deepEqual(await client.call('WAITAOF', '0', '1', '10000'), [0, 1]);
        await ask(other, ['CONFIG', 'SET', 'appendonly', 'no']);
      } else {
        await assert.rejects(client.call('WAITAOF', '0', '1', '100'), /unknown command/);
      }
      await ask(server, ['ACL', 'SETUSER', 'silent', 'on', '>secret', '~*', '+@all', '-publish']);
      await client.call('AUTH', 'silent', 'secret');
      await assert.rejects(
        client.call('WAIT', '1', '100'),
        /WAIT through this endpoint has to publish to .*NOPERM/,
      );
      client.close();
      busy.close();
    });

    it('lets a transaction fail whose watched keys were moved meanwhile', async (t) => {
      const moving = await openRelay(t);
      moving.lead(server);
      const client = await Wire.open({ host: '127.0.0.1', port: moving.port });
      await client.call('WATCH', 'k');
      await client.call('MULTI');
      await client.call('SET', 'k', 'lost');
      moving.lead(other);
      await until('the move', async () => (await client.call('ECHO', 'x')) === 'QUEUED');
      assert.equal(await client.call('EXEC'), null);
      assert.equal(await client.call('ECHO', 'free'), 'free');
      client.close();
    });

    it('holds at the first refusal when somebody else demotes the server', async () => {
      const clients = await Promise.all(Array.from({ length: 10 }, () => Wire.open(through())));
      const life = { isOver: false };
      const sums = clients.map(async (client, who) => {
        let sum = 0;
        await client.call('DEL', `m${who}`);
        while (!life.isOver) {
          const values = await Promise.all([
            client.call('INCR', `m${who}`),
            client.call('GET', `m${who}`),
            client.call('INCR', `m${who}`),
          ]);
          sum += 2;
          assert.deepEqual(values, [sum - 1, String(sum - 1), sum]);
        }
        return sum;
      });
      await pause(100);
      // What a sentinel does: the old one is told to follow before anybody here knows.
      await ask(server, ['CLIENT', 'PAUSE', '10000', 'WRITE']);
      await until('the same offset', async () => (await offsetOf(server)) === (await offsetOf(other)));
      await ask(other, ['REPLICAOF', 'NO', 'ONE']);
      await ask(server, ['REPLICAOF', '127.0.0.1', String(other.port)]);
      await ask(server, ['CLIENT', 'UNPAUSE']);
      await until('the refusal', () =>
        relay.demoted.some((text) => text.startsWith(`${server.port} READONLY`)),
      );
      relay.lead(other);
      await pause(200);
      life.isOver = true;
      const acknowledged = await Promise.all(sums);
      for (const [who, sum] of acknowledged.entries())
        assert.equal(Number(await ask(other, ['GET', `m${who}`])), sum);
      for (const client of clients) client.close();
    });
  });
}

async function start(flavor: Flavor): Promise<ManagedServer> {
  return ManagedServer.start({ files: await serverFiles(flavor), port: await freePort() });
}

/** The lines of CLIENT LIST. */
async function connectionsOf(server: ManagedServer): Promise<string[]> {
  return String(await ask(server, ['CLIENT', 'LIST']))
    .trim()
    .split('\n');
}

async function offsetOf(server: ManagedServer): Promise<string> {
  const text = String(await ask(server, ['INFO', 'replication']));
  const role = /role:(\w+)/.exec(text)?.[1];
  return (
    (role === 'master' ? /master_repl_offset:(\d+)/ : /slave_repl_offset:(\d+)/).exec(text)?.[1] ?? role ?? ''
  );
}

/** What comes back until the other end closes. */
function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
  });
}
