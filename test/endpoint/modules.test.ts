// Commands that the relay does not know, of a module that both servers have: what only asks and changes data is moved as
// Redis's own commands are; what may leave something on its connection is finished first, and then closed, with an error
// that says why, and counted.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { lacksCompiler, lacksValkey } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { Wire, ask, infoFields } from '../harness/wire.ts';
import { openRelay } from './relay-kit.ts';

const lackingValkey = await lacksValkey();

for (const flavor of ['redis', 'valkey'] as const) {
  const skip = lacksCompiler() || (flavor === 'valkey' ? lackingValkey : false);
  describe(`a relay before ${flavor} with a module`, { skip, concurrency: true }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-module-'));
    const library = join(folder, 'mod.so');
    before(() => {
      execFileSync('cc', ['-shared', '-fPIC', '-nostdlib', '-o', library, 'test/endpoint/module.c']);
    });
    after(() => rmSync(folder, { recursive: true }));

    for (const isTransparent of [false, true]) {
      it(`moves whom it can, and says whom it can't, ${isTransparent ? 'transparent' : 'shared'}`, async (t) => {
        const start = async (...directives: readonly string[]): Promise<ManagedServer> => {
          const server = await ManagedServer.start({
            files: await serverFiles(flavor),
            port: await freePort(),
            directives: [`loadmodule ${library}`, 'repl-diskless-sync-delay 0', ...directives],
          });
          t.after(() => server.dispose());
          return server;
        };
        const from = await start();
        const to = await start(`replicaof 127.0.0.1 ${from.port}`);
        const hasCaughtUp = async (): Promise<boolean> => {
          const fields = infoFields(await ask(from, ['INFO', 'replication']));
          return fields['slave0']?.includes(`offset=${fields['master_repl_offset'] ?? ''},`) === true;
        };
        await until('the replica', hasCaughtUp);
        const relay = await openRelay(t, { isTransparent });
        relay.lead(from);
        const open = async (): Promise<Wire> => {
          const wire = await Wire.open({ host: '127.0.0.1', port: relay.port });
          t.after(() => wire.close());
          return wire;
        };
        const [inside, plain, noting, waiting, late] = [
          await open(),
          await open(),
          await open(),
          await open(),
          await open(),
        ];
        // First heard of within a transaction, where a server can't be asked about it.
        assert.equal(await inside.call('MULTI'), 'OK');
        assert.equal(await inside.call('MOD.PUT', 'k', 'v'), 'QUEUED');
        assert.equal(await inside.call('MOD.GET', 'k'), 'QUEUED');
        assert.deepEqual(await inside.call('EXEC'), ['OK', 'v']);
        assert.equal(await plain.call('MOD.GET', 'k'), 'v');
        assert.equal(await noting.call('MOD.NOTE', 'x'), 'noted');
        await inside.call('MULTI');
        await inside.call('MOD.PUT', 'l', 'moved');

        // Whoever waits in one is waited for.
        let hasWaited = false;
        const wait = waiting.call('MOD.WAIT', '1500').then((reply) => {
          hasWaited = true;
          return reply;
        });
        await until('the wait', async () =>
          String(await ask(from, ['CLIENT', 'LIST']))
            .split('\n')
            .some((line) => / flags=\S*b.* cmd=mod\.wait /.test(line)),
        );
        const finishing = inside.call('EXEC');
        assert.deepEqual(await finishing, ['OK']);
        const held = await relay.path.takeStep(['redis'], { kind: 'hold', msMax: 20_000 });
        assert.deepEqual([held.kind, hasWaited], ['done', true]);
        assert.equal(await wait, 'waited');
        const put = late.call('MOD.PUT', 'm', 'late');
        const why = /the server was replaced, but not for this connection: not all/;
        const refusals = [noting, waiting].map((client) => assert.rejects(client.call('PING'), why));
        await until('the replica', hasCaughtUp);
        await ask(to, ['REPLICAOF', 'NO', 'ONE']);
        relay.lead(to);
        await relay.path.takeStep(['redis'], { kind: 'release', isUndone: false });
        await Promise.all(refusals);
        assert.equal(await put, 'OK');
        assert.deepEqual(await Promise.all(['k', 'l', 'm'].map((key) => ask(to, ['GET', key]))), [
          'v',
          'moved',
          'late',
        ]);
        assert.equal(await ask(from, ['GET', 'm']), null);
        assert.equal(await inside.call('MOD.GET', 'k'), 'v');
        assert.equal(await plain.call('MOD.GET', 'm'), 'late');
        const counts = async (): Promise<unknown> => {
          const all = (await relay.path.counts())['redis'];
          return [all?.['unmovable'], all?.['outcomeUnknown']];
        };
        assert.deepEqual(await counts(), [2, 0]);

        // Somebody else demotes the server: its refusal is not passed on.
        await ask(from, ['REPLICAOF', '127.0.0.1', String(to.port)]);
        await ask(to, ['REPLICAOF', '127.0.0.1', String(from.port)]);
        const rejected = [late.call('MOD.PUT', 'n', 'again'), late.call('MOD.GET', 'n')];
        await until('the refusal', () => relay.demoted.length > 0);
        await ask(from, ['REPLICAOF', 'NO', 'ONE']);
        relay.lead(from);
        assert.deepEqual(await Promise.all(rejected), ['OK', 'again']);
        assert.equal(await ask(from, ['GET', 'n']), 'again');
        assert.deepEqual(await counts(), [2, 0]);
      });
    }
  });
}
