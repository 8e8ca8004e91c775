// The classic trio on two hosts: Redis with a sentinel, HAProxy in front of both, and a floating address that follows a
// living HAProxy; a third host has the third sentinel. The files are those of the tutorials, and all three daemons are
// ours. keepalived's script looks for a process of the name haproxy, and does not know the difference.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { startFleet } from '../harness/fleet.ts';
import { Network, runInsideNetwork } from '../harness/namespaces.ts';
import { lacksNetworkNamespaces, lacksPgrep } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { ask } from '../harness/wire.ts';
import { Host } from '../os/hosts.ts';
import { holds } from '../vrrp/routers.ts';

const FLOATING = '10.77.0.100';
const REDIS = 6379;
const ENTRANCE = 6380;
const PATIENCE_MS = 40_000;

const HAPROXY_CFG = `global
    log stdout format raw local0
    maxconn 4096

defaults
    log global
    mode tcp
    timeout connect 3s
    timeout client 1m
    timeout server 1m

frontend redis_frontend
    bind *:${ENTRANCE}
    default_backend redis_backend

backend redis_backend
    option tcp-check
    tcp-check connect
    tcp-check send PING\\r\\n
    tcp-check expect string +PONG
    tcp-check send info\\ replication\\r\\n
    tcp-check expect string role:master
    tcp-check send QUIT\\r\\n
    tcp-check expect string +OK
    server redis1 10.77.0.1:${REDIS} check inter 1s
    server redis2 10.77.0.2:${REDIS} check inter 1s
`;

const keepalivedConf = (state: 'MASTER' | 'BACKUP', priority: number, check: string): string => `global_defs {
    router_id redis_ha
    script_user root
}

vrrp_script chk_haproxy {
    script "${check}"
    interval 1
    weight 2
}

vrrp_instance VI_1 {
    state ${state}
    interface eth0
    virtual_router_id 51
    priority ${priority}
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        ${FLOATING}
    }
    track_script {
        chk_haproxy
    }
}
`;

const network = Network.around();
if (network !== null) process.once('SIGTERM', () => process.exit(1));

/** A host that clients may come to: HAProxy and keepalived, by their files. */
class Front {
  readonly host: Host;
  readonly haproxy: ManagedProcess;
  readonly keepalived: ManagedProcess;

  constructor(test: TestContext, place: Network, index: number, check: string) {
    this.host = new Host(place.namespace(index));
    const { wrapper } = place.machine(index);
    const conf = keepalivedConf(index === 0 ? 'MASTER' : 'BACKUP', 101 - index, check);
    const daemon = (name: string, isReady: string, wordsIn: (folder: string) => string[]): ManagedProcess => {
      const started = new ManagedProcess({
        name: `${name}-${index}`,
        command: (folder) => [
          ...wrapper,
          'env',
          `RUNTIME_DIRECTORY=${folder}`,
          process.execPath,
          ...wordsIn(folder),
        ],
        isReady: (output) => output.includes(isReady),
      });
      test.after(() => started.dispose());
      return started;
    };
    this.haproxy = daemon('haproxy', 'redis_frontend listens on', (folder) => [
      join(folder, 'haproxy'),
      '-f',
      join(folder, 'haproxy.cfg'),
    ]);
    this.keepalived = daemon('keepalived', '', (folder) => [
      resolve('bin/baton'),
      'vrrp',
      '-n',
      '-l',
      '-D',
      '-f',
      join(folder, 'keepalived.conf'),
    ]);
    symlinkSync(resolve('bin/baton'), join(this.haproxy.folder, 'haproxy'));
    writeFileSync(join(this.haproxy.folder, 'haproxy.cfg'), HAPROXY_CFG);
    writeFileSync(join(this.keepalived.folder, 'keepalived.conf'), conf);
  }

  get holdsAddress(): boolean {
    return holds(this.host, FLOATING);
  }
}

if (network === null) {
  describe('on a network of three machines and a client', () => {
    it('the tests of this file pass inside it', { skip: lacksNetworkNamespaces() || lacksPgrep() }, () =>
      runInsideNetwork(3),
    );
  });
} else {
  it('the address moves with haproxy and not with the primary, which clients reach either way', async (t) => {
    const place = network.machine;
    const fleet = await startFleet(t, {
      voters: ['baton', 'baton', 'baton'],
      replicas: 1,
      placeOfNode: place,
      placeOfVoter: place,
      nodePort: REDIS,
    });
    const [a, b] = fleet.nodes();
    assert.ok(a !== undefined && b !== undefined);
    // A tutorial's `pgrep -x haproxy`, but for the hosts being namespaces of one machine, where it would see all of them.
    const folder = mkdtempSync(join(tmpdir(), 'baton-trio-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const check = join(folder, 'chk_haproxy.sh');
    writeFileSync(check, '#!/bin/sh\nexec pgrep --ns $$ --nslist net -x haproxy\n', { mode: 0o755 });
    const fronts = [0, 1].map((index) => new Front(t, network, index, check));
    const [one, two] = fronts;
    assert.ok(one !== undefined && two !== undefined);
    await Promise.all(fronts.flatMap(({ haproxy, keepalived }) => [haproxy.restart(), keepalived.restart()]));
    const story = (): string =>
      fronts.map(({ haproxy, keepalived }) => `${haproxy.output}\n${keepalived.output}`).join('\n----\n');
    const through = (...words: readonly string[]) =>
      ask({ host: FLOATING, port: ENTRANCE }, words, 2_000).catch((error: Error) => error.message);
    const serves = (what: string, holder: Front, other: Front, key: string): Promise<boolean> =>
      until(
        what,
        async () =>
          holder.holdsAddress &&
          !other.holdsAddress &&
          (await through('SET', key, holder.host.namespace)) === 'OK',
        () => `${story()}\n${fleet.story()}`,
        PATIENCE_MS,
      );

    await serves('the first host has the address, and clients write through it', one, two, 'first');
    assert.equal(await a.ask('GET', 'first'), one.host.namespace);

    await one.haproxy.kill();
    await serves('the address moves to the host whose haproxy lives', two, one, 'second');
    assert.equal(await a.ask('GET', 'second'), two.host.namespace);

    await a.server.kill();
    assert.equal(await fleet.failedOver(a), b);
    await serves('the address stays, and clients write to the new primary', two, one, 'third');
    assert.equal(await b.ask('GET', 'third'), two.host.namespace);

    await one.haproxy.restart();
    await serves('the address comes back with haproxy, and leads to the new primary', one, two, 'fourth');
    assert.equal(await b.ask('GET', 'fourth'), one.host.namespace);
  });
}
