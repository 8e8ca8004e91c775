// The same failover under the settings that change how everybody talks to everybody: TLS, users, names, Valkey.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeCertificates, removeCertificates } from './harness/certificates.ts';
import { type FleetOptions, type Place, startFleet } from './harness/fleet.ts';
import { fleetsUnderTest } from './harness/fleets-under-test.ts';
import { lacksMountNamespaces, lacksOpenssl, lacksValkey } from './harness/requirements.ts';
import { assertLedInOrder, assertSafety } from './harness/safety.ts';
import { ask } from './harness/wire.ts';

const valkeyIsLacking = await lacksValkey();

/** The least a sentinel needs on a data node (sentinel.md §7.4). */
const SENTINELS_RULES =
  'allchannels +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info +client|setname +client|kill +script|kill';

async function failOver(
  test: Parameters<typeof startFleet>[0],
  options: FleetOptions,
): ReturnType<typeof startFleet> {
  const fleet = await startFleet(test, options);
  const [old] = fleet.nodes();
  assert.ok(old);
  await old.ask('SET', 'before', 'the crash');
  await old.server.kill();
  await fleet.failedOver(old);
  await assertLedInOrder(fleet);
  await old.server.restart();
  await fleet.converged();
  await assertSafety(fleet);
  return fleet;
}

for (const [name, voters] of fleetsUnderTest()) {
  describe(`a fleet of ${name}`, () => {
    it('fails over Valkey', { skip: valkeyIsLacking }, async (t) => {
      await failOver(t, { voters, flavor: 'valkey' });
    });

    it('fails over with TLS in and out (sentinel.md §7.6)', { skip: lacksOpenssl() }, async (t) => {
      const tls = makeCertificates();
      t.after(() => removeCertificates(tls));
      const fleet = await failOver(t, { voters, tls });
      const [voter] = fleet.voters;
      assert.ok(voter);
      const { host, port } = voter.target;
      await assert.rejects(ask({ host, port }, ['PING'], 1_000), 'plain text was answered on a TLS port');
    });

    it('fails over with users on data nodes and voters (sentinel.md §7.3, §7.4)', async (t) => {
      const fleet = await failOver(t, {
        voters,
        nodeCredentials: { user: 'admin', password: 'adm1n' },
        nodeLines: [
          'user default off',
          'user admin on >adm1n allkeys allchannels allcommands',
          'user follower on >f0llow +psync +replconf +ping',
          `user sentinel on >s3ntinel ${SENTINELS_RULES}`,
          'masteruser follower',
          'masterauth f0llow',
        ],
        voterCredentials: { user: 'operator', password: '0perate' },
        voterLines: [
          'sentinel auth-user mymaster sentinel',
          'sentinel auth-pass mymaster s3ntinel',
          'user default off',
          'user operator on >0perate allchannels allcommands',
          'user voter on >v0te allchannels +ping +auth +hello +client +sentinel',
          'sentinel sentinel-user voter',
          'sentinel sentinel-pass v0te',
        ],
      });
      const [voter] = fleet.voters;
      assert.ok(voter);
      const { host, port } = voter.target;
      await assert.rejects(ask({ host, port }, ['PING']), /NOAUTH/);
      await assert.rejects(ask({ host, port, user: 'voter', password: 'wrong' }, ['PING']), /WRONGPASS/);
    });

    it(
      'fails over with names for addresses (sentinel.md §7.7)',
      { skip: lacksMountNamespaces() },
      async (t) => {
        const folder = mkdtempSync(join(tmpdir(), 'baton-hosts-'));
        t.after(() => rmSync(folder, { recursive: true, force: true }));
        const hosts = join(folder, 'hosts');
        const machines = [1, 2, 3].map((number) => ({
          host: `127.0.0.${number}`,
          name: `machine-${number}.test`,
        }));
        writeFileSync(hosts, machines.map(({ host, name: its }) => `${host} ${its}\n`).join(''));
        // A process with this before it sees `hosts` as its /etc/hosts.
        const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
        const wrapper = ['unshare', '--mount', 'sh', '-c', script, hosts];
        const place = (index: number): Place => {
          const machine = machines[index];
          assert.ok(machine);
          return { ...machine, wrapper };
        };
        const fleet = await failOver(t, { voters, placeOfNode: place, placeOfVoter: place });
        for (const voter of fleet.voters) {
          assert.match(await voter.primaryOf('mymaster'), /^machine-[23]\.test:\d+$/);
        }
      },
    );
  });
}
