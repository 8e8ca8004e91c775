// examples/sentinel-vip-script on three machines: the script moves an address with `ip` and `arping` to where the new
// primary is, and a client that knows only the address follows. How often and when a script that fails is called again
// is shown in src/sentinel/script-queue.test.ts.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type DataNode, type Fleet, startFleet } from './harness/fleet.ts';
import { Network, runInsideNetwork } from './harness/namespaces.ts';
import { lacksArping, lacksNetworkNamespaces } from './harness/requirements.ts';
import { until } from './harness/wait.ts';
import { type Value, ask, infoFields } from './harness/wire.ts';

const EXAMPLE = 'examples/sentinel-vip-script';
const FLOATING = { host: '10.77.0.100', port: 6379 };

const network = Network.around();
if (network !== null) process.once('SIGTERM', () => process.exit(1));

/** The example's script and the lines of its sentinel.conf, for this network. */
function install(t: TestContext): { script: string; log: () => string; lines: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'baton-vip-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, 'failover-vip.sh');
  const log = join(folder, 'log');
  const place = (text: string): string =>
    text
      .replaceAll('10.0.0.', '10.77.0.')
      .replaceAll('/etc/redis/failover-vip.sh', script)
      .replaceAll('/var/log/redis-failover-vip.log', log);
  const example = (name: string): string => place(readFileSync(join(EXAMPLE, name), 'utf8'));
  writeFileSync(script, example('failover-vip.sh'), { mode: 0o755 });
  // Where it listens and whom it watches is the fleet's affair.
  const lines = example('sentinel.conf')
    .split('\n')
    .filter((line) => /^sentinel (?!monitor)/.test(line));
  return { script, log: () => readFileSync(log, 'utf8'), lines };
}

/** Fails once for each process that calls it, then does what `script` does. */
function failingOnce(script: string): string {
  const path = `${script}.failing-once`;
  writeFileSync(path, `#!/bin/sh\nmkdir "$0.$PPID" 2>/dev/null && exit 1\nexec ${script} "$@"\n`, {
    mode: 0o755,
  });
  return path;
}

if (network === null) {
  describe('on a network of three machines and a client', () => {
    it('the tests of this file pass inside it', { skip: lacksNetworkNamespaces() || lacksArping() }, () =>
      runInsideNetwork(3),
    );
  });
} else {
  /** On which machines the address is. */
  const holders = (): number[] =>
    [0, 1, 2].filter((index) => {
      const words = ['netns', 'exec', network.namespace(index), 'ip', '-o', 'address', 'show', 'dev', 'eth0'];
      return execFileSync('ip', words, { encoding: 'utf8' }).includes(` ${FLOATING.host}/`);
    });
  /** What a client asks whoever has the address. */
  const askFloating = (...words: readonly string[]): Promise<Value> => ask(FLOATING, words);

  /** The address is at `primary` and nowhere else, and there a client of it is served. */
  const moved = (fleet: Fleet, primary: DataNode, log: () => string): Promise<boolean> =>
    until(
      `the address at ${primary.address}`,
      async () => {
        const { run_id } = infoFields(await primary.ask('INFO', 'server'));
        const served = infoFields(await askFloating('INFO', 'server'));
        return served['run_id'] === run_id && holders().join(' ') === `${fleet.nodes().indexOf(primary)}`;
      },
      () => `${log()}${fleet.story()}`,
    );

  describe('a client-reconfig-script that moves an address', () => {
    it('takes it to the new primary, in a failover and, called again after it failed, in a planned one', async (t) => {
      const { script, log, lines } = install(t);
      const place = network.machine;
      const fleet = await startFleet(t, {
        voters: ['baton', 'baton', 'baton'],
        placeOfNode: place,
        placeOfVoter: place,
        nodePort: FLOATING.port,
        nodeLines: ['bind 0.0.0.0'],
        voterLines: [...lines, 'sentinel deny-scripts-reconfig no'],
      });
      const [old] = fleet.nodes();
      assert.ok(old);
      execFileSync('ip', [
        '-n',
        network.namespace(0),
        'address',
        'add',
        `${FLOATING.host}/32`,
        'dev',
        'eth0',
      ]);
      assert.equal(await askFloating('SET', 'key', 'before'), 'OK');
      await until('both replicas to have it', async () => {
        const values = await Promise.all(fleet.nodes().map((node) => node.ask('GET', 'key')));
        return values.every((value) => value === 'before');
      });

      await old.server.kill();
      const primary = await fleet.failedOver(old);
      await moved(fleet, primary, log);
      assert.equal(await askFloating('GET', 'key'), 'before');
      assert.equal(await askFloating('SET', 'key', 'after'), 'OK');
      const [from, to] = [old, primary].map(({ address }) => address.replace(':', ' '));
      for (const role of ['leader', 'observer']) {
        assert.match(log(), new RegExp(` mymaster ${role} start ${from} ${to}$`, 'm'));
      }

      await old.server.restart();
      await fleet.converged();
      const failing = failingOnce(script);
      for (const voter of fleet.voters) {
        await voter.ask('SENTINEL', 'SET', 'mymaster', 'client-reconfig-script', failing);
        await voter.ask('SENTINEL', 'DEBUG', 'script-retry-delay', '1000');
      }
      const current = await fleet.converged();
      await fleet.voters[0]?.ask('SENTINEL', 'FAILOVER', 'mymaster');
      await moved(fleet, await fleet.failedOver(current), log);
      assert.equal(await askFloating('GET', 'key'), 'after');
      await until('every voter to have seen it fail', () =>
        fleet.voters.every(({ process: { pid } }) => existsSync(`${failing}.${pid}`)),
      );
      assert.ok(fleet.voters.every((voter) => !voter.hasPublished('-script-error')));
    });
  });
}
