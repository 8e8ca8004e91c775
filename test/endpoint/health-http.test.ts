// `--http`: the endpoint as the health check of another load balancer, which asks as it would ask Patroni. HAProxy is one.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { startFleet } from '../harness/fleet.ts';
import { lacksHaproxy } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { ask } from '../harness/wire.ts';
import { BatonEndpoint } from './baton-endpoint.ts';

const cfgOf = (listen: number, endpoint: number, health: number): string => `defaults
    mode tcp
    timeout connect 1s
    timeout client 1m
    timeout server 1m

listen redis
    bind 127.0.0.1:${listen}
    option httpchk GET /primary
    http-check expect status 200
    server baton 127.0.0.1:${endpoint} check port ${health} inter 200ms fall 1 rise 1 on-marked-down shutdown-sessions
`;

it(
  'answers as Patroni does while a primary dies and comes back, and HAProxy goes by it',
  { skip: lacksHaproxy() },
  async (t) => {
    const fleet = await startFleet(t, { voters: [], replicas: 1 });
    const [primary, replica] = fleet.nodes();
    assert.ok(primary !== undefined && replica !== undefined);
    const [listen, replicaListen, health, front] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const endpoint = await BatonEndpoint.start(
      t,
      '--servers',
      `${primary.address},${replica.address}`,
      '--listen',
      `127.0.0.1:${listen}`,
      '--replica-listen',
      `127.0.0.1:${replicaListen}`,
      '--without-replica',
      'refuse',
      '--path',
      'relay',
      '--http',
      `127.0.0.1:${health}`,
    );
    const haproxy: ManagedProcess = new ManagedProcess({
      name: 'haproxy',
      command: (folder) => ['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')],
      isReady: () => true,
    });
    t.after(() => haproxy.dispose());
    writeFileSync(join(haproxy.folder, 'haproxy.cfg'), cfgOf(front, listen, health));
    await haproxy.restart();

    const statusOf = async (path: string): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${health}${path}`);
      await answer.arrayBuffer();
      return answer.status;
    };
    const through = (): Promise<unknown> =>
      ask({ host: '127.0.0.1', port: front }, ['SET', 'key', 'value'], 1_000).catch(() => 'nothing');
    const all = async (): Promise<string> => {
      const asked = ['/primary', '/replica?lag=1MB', '/replica?lag=0', '/health', '/nothing'].map(statusOf);
      return (await Promise.all(asked)).join(' ');
    };
    const story = (): string => `${endpoint.process.output}\n${haproxy.output}`;
    const isGood = async (): Promise<boolean> =>
      (await statusOf('/primary')) === 200 && (await statusOf('/replica?lag=1MB')) === 200;

    await until('there are both', isGood, story);
    assert.match(await all(), /^200 200 (?:200|503) 200 404$/);
    assert.equal(await statusOf('/replica?lag=a+lot'), 400);
    await until('HAProxy leads here', async () => (await through()) === 'OK', story);

    const { length } = haproxy.output;
    await primary.server.kill();
    // The replica has nobody to follow, so nobody knows how far it lags behind.
    await until('there is neither', async () => (await all()) === '503 503 503 200 404', story);
    await until('HAProxy leads nowhere', () => /DOWN/.test(haproxy.output.slice(length)), story);

    await primary.server.restart();
    await until('there are both again', isGood, story);
    await until('HAProxy leads here again', async () => (await through()) === 'OK', story);
  },
);
