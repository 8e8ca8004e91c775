// What clients have at their server beyond keys (writes that want no answer, a word about the next command, a wait for
// entries or for replicas), while that server is replaced: in order, and out of the blue.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { lacksValkey } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { Wire, ask } from '../harness/wire.ts';
import { type TestRelay, openRelay } from './relay-kit.ts';

const lackingValkey = await lacksValkey();
const WRITES = 2_000;

for (const flavor of ['redis', 'valkey'] as const) {
  const skip = flavor === 'valkey' ? lackingValkey : false;
  describe(`clients of a relay whose ${flavor} is replaced`, { skip }, () => {
    let primary: ManagedServer;
    let replica: ManagedServer;

    before(async () => {
      const files = await serverFiles(flavor);
      const start = async () => ManagedServer.start({ files, port: await freePort() });
      [primary, replica] = await Promise.all([start(), start()]);
      for (const server of [primary, replica])
        await ask(server, ['CONFIG', 'SET', 'repl-diskless-sync-delay', '0']);
      await follow(replica, primary);
    });
    after(() => Promise.all([primary?.dispose(), replica?.dispose()]));

    for (const isTransparent of [false, true]) {
      const which = isTransparent ? 'transparent clients' : 'clients that share connections';

      it(`${which} lose nothing in an ordered switch`, async (t) => {
        const relay = await openRelay(t, { isTransparent });
        relay.lead(primary);
        await Promise.all([ask(primary, ['DEL', 'list', 'entries']), ask(primary, ['SET', 'cached', '1'])]);
        const [quiet, cached, reader] = [talk(relay.port), talk(relay.port), talk(relay.port)];
        const hearing = talk(relay.port);
        hearing.say('SUBSCRIBE news\r\n');
        const writer = await Wire.open({ host: '127.0.0.1', port: relay.port });
        assert.equal(await writer.call('SET', 'waited', 'for'), 'OK');
        cached.say('HELLO 3\r\nCLIENT TRACKING ON OPTIN\r\nCLIENT CACHING YES\r\n');
        await until('the word about the next command', () => cached.heard().endsWith('+OK\r\n+OK\r\n'));
        reader.say('XREAD BLOCK 60000 STREAMS entries $\r\n');
        await until('the blocked reader', async () =>
          /blocked_clients:1/.test(await info(primary, 'clients')),
        );
        quiet.say('CLIENT REPLY OFF\r\nPING\r\n');
        await until('the subscription', () => hearing.heard().includes('subscribe'));
        const silent = talk(relay.port);
        silent.say('CLIENT REPLY OFF\r\nSUBSCRIBE silent\r\nSET refused x\r\n');
        await until('a message under OFF', async () => {
          await ask(primary, ['PUBLISH', 'silent', 'told all the same']);
          return silent.heard().includes('told all the same');
        });
        silent.leave();

        await relay.path.takeStep(['redis'], { kind: 'prepare', to: replica });
        // It reads nothing of what is written now.
        const { held } = await stopped(primary, async () => {
          const bytes = await bytesIn(relay);
          quiet.say('RPUSH list x\r\n'.repeat(WRITES));
          await until('the writes', async () => (await bytesIn(relay)) === bytes + 14 * WRITES);
          const step = relay.path.takeStep(['redis'], { kind: 'hold', msMax: 60_000 });
          const seen = { isHeld: false };
          void step.then(() => (seen.isHeld = true));
          quiet.say('RPUSH list last\r\n');
          // The worker's next word: a hold that had not to wait would be said before.
          await relay.path.counts();
          assert.equal(seen.isHeld, false);
          return { held: step };
        });
        assert.equal((await held).kind, 'done');
        const publishing = writer.call('PUBLISH', 'news', 'held');
        await until('the same offset', async () => (await offset(primary)) === (await offset(replica)));
        await ask(replica, ['REPLICAOF', 'NO', 'ONE']);
        // Nobody reads at the new one yet.
        await ask(replica, ['XADD', 'entries', '*', 'field', 'between']);
        relay.lead(replica);
        await relay.path.takeStep(['redis'], { kind: 'release', isUndone: false, hasAll: true });
        await follow(primary, replica);
        [primary, replica] = [replica, primary];

        assert.equal(await publishing, 1, 'who subscribed is there before who publishes');
        await until('the message', () => hearing.heard().includes('held'));
        await until('all writes', async () => (await ask(primary, ['LLEN', 'list'])) === WRITES + 1);
        assert.equal(await ask(primary, ['LINDEX', 'list', '-1']), 'last');
        quiet.say('CLIENT REPLY ON\r\n');
        await until('the only answer', () => quiet.heard() !== '');
        assert.equal(quiet.heard(), '+OK\r\n');
        await until('the entry', () => reader.heard().includes('between'));
        cached.say('GET cached\r\n');
        await until('the value', () => cached.heard().endsWith('$1\r\n1\r\n'));
        await ask(primary, ['SET', 'cached', '2']);
        await until('the invalidation', () =>
          cached.heard().endsWith('invalidate\r\n*1\r\n$6\r\ncached\r\n'),
        );
        assert.equal(await writer.call('WAIT', '1', '60000'), 1);
        assert.deepEqual(await closed(relay), [0, 0]);
        writer.close();
      });

      it(`${which} are told or closed where something may be lost with the primary`, async (t) => {
        const relay = await openRelay(t, { isTransparent });
        relay.lead(primary);
        const [quiet, reader] = [talk(relay.port), talk(relay.port)];
        const writer = await Wire.open({ host: '127.0.0.1', port: relay.port });
        reader.say('XREAD BLOCK 60000 STREAMS entries $\r\n');
        await until('the blocked reader', async () =>
          /blocked_clients:1/.test(await info(primary, 'clients')),
        );
        assert.equal(await writer.call('SET', 'k', 'replicated'), 'OK');
        assert.equal(await writer.call('WAIT', '1', '60000'), 1);
        quiet.say('CLIENT REPLY OFF\r\n');

        await ask(replica, ['REPLICAOF', 'NO', 'ONE']);
        assert.equal(await writer.call('SET', 'k', 'lost'), 'OK');
        await ask(replica, ['XADD', 'entries', '*', 'field', 'meanwhile']);
        await stopped(primary, async () => {
          const before = await bytesIn(relay);
          quiet.say('RPUSH list y\r\n');
          await until('the write', async () => (await bytesIn(relay)) > before);
          relay.lead(replica);
          await until('the end of the quiet one', () => quiet.isClosed());
        });
        assert.equal(quiet.heard(), '');
        assert.deepEqual(await closed(relay), [1, 0]);
        await follow(primary, replica);
        [primary, replica] = [replica, primary];

        assert.equal(await writer.call('GET', 'k'), 'replicated');
        assert.equal(await writer.call('WAIT', '1', '60000'), 0);
        assert.equal(await writer.call('WAIT', '1', '60000'), 0);
        assert.equal(await writer.call('SET', 'k', 'again'), 'OK');
        assert.equal(await writer.call('WAIT', '1', '60000'), 1);
        await until('the entry', () => reader.heard().includes('meanwhile'));
        assert.deepEqual(await closed(relay), [1, 0]);
        writer.close();
      });
    }
  });
}

/** A client that reads no replies but keeps them. */
function talk(port: number) {
  let heard = '';
  let isClosed = false;
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1').on('data', (chunk: string) => (heard += chunk));
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  after(() => socket.destroy());
  return {
    say: (text: string) => socket.write(text),
    heard: () => heard,
    isClosed: () => isClosed,
    leave: () => socket.destroy(),
  };
}

/** Does something while `server` stands still. */
async function stopped<T>({ pid }: ManagedServer, act: () => Promise<T>): Promise<T> {
  assert.ok(pid !== null);
  process.kill(pid, 'SIGSTOP');
  try {
    await until('the stop', () => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') T '));
    return await act();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

async function follow(server: ManagedServer, primary: ManagedServer): Promise<void> {
  await ask(server, ['REPLICAOF', '127.0.0.1', String(primary.port)]);
  await until('the replica', async () => /master_link_status:up/.test(await info(server, 'replication')));
}

async function info(server: ManagedServer, section: string): Promise<string> {
  return String(await ask(server, ['INFO', section]));
}

async function offset(server: ManagedServer): Promise<string | undefined> {
  return /\n(?:master|slave)_repl_offset:(\d+)/.exec(await info(server, 'replication'))?.[1];
}

/** What clients have sent so far. */
async function bytesIn({ path }: TestRelay): Promise<number> {
  return (await path.traffic())['redis']?.clients.bytesIn ?? 0;
}

/** How many clients were closed because nobody knows of their writes, and because they can't be moved. */
async function closed({ path }: TestRelay): Promise<(number | undefined)[]> {
  const counts = (await path.counts())['redis'];
  return [counts?.['outcomeUnknown'], counts?.['unmovable']];
}
