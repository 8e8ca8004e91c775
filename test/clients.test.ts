// Clients as they ship, in Sentinel mode, through a failover: they are told the old primary, lose it, and must find the
// new one without help.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { createSentinel } from 'redis';
import { type Fleet, serverFiles, startFleet } from './harness/fleet.ts';
import { fleetsUnderTest } from './harness/fleets-under-test.ts';
import { SYSTEM_PYTHON, lacksRedisPy } from './harness/requirements.ts';
import { pause, until } from './harness/wait.ts';
import { environmentFor } from '../src/redis/server-files.ts';

/** Something that writes again and again. */
interface Writer {
  /** The highest number the client said was written. */
  accepted(): number;
  stop(): Promise<void>;
}

/** The clients write, the primary dies, and they must write again, to the new one. */
async function surviveFailover(fleet: Fleet, key: string, writer: Writer): Promise<void> {
  try {
    const [old] = fleet.nodes();
    assert.ok(old);
    await until(`${key} writes`, () => writer.accepted() >= 10, fleet.story);
    await old.server.kill();
    const primary = await fleet.failedOver(old);
    const before = writer.accepted();
    await until(`${key} writes after the failover`, () => writer.accepted() >= before + 10, fleet.story);
    const stored = Number(await primary.ask('GET', key));
    assert.ok(stored > before, `the new primary has ${stored}, accepted were ${before} before the failover`);
  } finally {
    await writer.stop();
  }
}

/** Calls `write` every 20 ms with the next number. */
function writeAgainAndAgain(
  write: (number: number) => Promise<unknown>,
  stop: () => Promise<unknown>,
): Writer {
  const stopping = new AbortController();
  let accepted = 0;
  const loop = (async () => {
    for (let number = 1; !stopping.signal.aborted; number += 1) {
      try {
        await write(number);
        accepted = number;
      } catch {
        // What a client says while nobody is primary is its own affair; that it goes on is ours.
      }
      await pause(20);
    }
  })();
  return {
    accepted: () => accepted,
    stop: async () => {
      stopping.abort();
      await stop();
      await loop;
    },
  };
}

for (const [name, voters] of fleetsUnderTest()) {
  describe(`a fleet of ${name} leads through a failover`, () => {
    it('ioredis', async (t) => {
      const fleet = await startFleet(t, { voters });
      const sentinels = fleet.voters.map(({ target: { host, port } }) => ({ host, port }));
      const client = new Redis({ sentinels, name: 'mymaster', maxRetriesPerRequest: 1 });
      client.on('error', () => {});
      const writer = writeAgainAndAgain(
        (number) => client.set('ioredis', number),
        async () => client.disconnect(),
      );
      await surviveFailover(fleet, 'ioredis', writer);
    });

    it('node-redis', async (t) => {
      const fleet = await startFleet(t, { voters });
      const sentinelRootNodes = fleet.voters.map(({ target: { host, port } }) => ({ host, port }));
      const client = createSentinel({ name: 'mymaster', sentinelRootNodes, scanInterval: 500 });
      client.on('error', () => {});
      await client.connect();
      const writer = writeAgainAndAgain(
        (number) => client.set('node-redis', number),
        async () => client.destroy(),
      );
      await surviveFailover(fleet, 'node-redis', writer);
    });

    it('redis-py', { skip: lacksRedisPy() }, async (t) => {
      const fleet = await startFleet(t, { voters });
      const ports = fleet.voters.map((voter) => String(voter.target.port));
      const child = spawn(SYSTEM_PYTHON, ['test/clients/redis_py.py', 'mymaster', ...ports], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let printed = '';
      child.stdout.on('data', (chunk: Buffer) => {
        printed += chunk.toString('latin1');
      });
      await surviveFailover(fleet, 'redis-py', {
        accepted: () => Number(printed.trimEnd().split('\n').at(-1)),
        stop: () => endOf(child),
      });
    });

    it('redis-cli, asking a voter before each write', async (t) => {
      const fleet = await startFleet(t, { voters });
      const files = await serverFiles('redis');
      assert.ok(files.cli !== null, 'redis-cli comes with redis-server');
      const cli = files.cli;
      const say = async (args: readonly string[]): Promise<string> => {
        const { stdout } = await promisify(execFile)(cli, args, {
          env: environmentFor(files),
          timeout: 2_000,
        });
        return stdout.trim();
      };
      const askVoter = async (port: number): Promise<string[]> =>
        (await say(['-p', String(port), 'SENTINEL', 'get-master-addr-by-name', 'mymaster'])).split('\n');
      const writer = writeAgainAndAgain(
        async (number) => {
          const voter = fleet.voters[number % fleet.voters.length];
          assert.ok(voter);
          const [host = '', port = ''] = await askVoter(voter.target.port);
          assert.equal(await say(['-h', host, '-p', port, 'SET', 'redis-cli', String(number)]), 'OK');
        },
        async () => {},
      );
      await surviveFailover(fleet, 'redis-cli', writer);
    });
  });
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
