// The window of two primaries (proxy.md §4.3): an old primary is started again, as a primary, before anybody has told it
// otherwise. A tutorial's file asks each server alone whether it is a master, and both are. The same file, by HAProxy and by us.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startFleet } from '../harness/fleet.ts';
import { lacksHaproxy } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { ask } from '../harness/wire.ts';
import { ROLE_CHECK, startBoth } from './beside-haproxy.ts';

const WRITES = 40;

const cfgOf = (port: number, servers: readonly string[]): string => `defaults
    mode tcp
    timeout connect 1s
    timeout client 1m
    timeout server 1m

frontend redis
    bind 127.0.0.1:${port}
    default_backend redis_backend

backend redis_backend
    balance roundrobin
${ROLE_CHECK}
${servers.map((address, index) => `    server redis${index + 1} ${address} check inter 200ms on-marked-down shutdown-sessions\n`).join('')}`;

it(
  'an old primary that comes back gets writes from HAProxy, which are lost, and none from us',
  { skip: lacksHaproxy() },
  async (t) => {
    const fleet = await startFleet(t, { voters: [], replicas: 1 });
    const [old, next] = fleet.nodes();
    assert.ok(old !== undefined && next !== undefined);
    const programs = await startBoth(t, 1, ([port = 0]) => cfgOf(port, [old.address, next.address]));
    const fronts = programs.map(({ name, ports, process }) => ({
      name,
      // Each by a connection of its own, as a pool that grows opens them.
      write: (key: string): Promise<unknown> =>
        ask({ host: '127.0.0.1', port: ports[0] ?? 0 }, ['INCR', `${name}:${key}`], 3_000).catch(
          (error: Error) => error.message,
        ),
      story: () => process.output,
    }));
    for (const { name, write, story } of fronts) {
      await until(
        `${name} leads to the primary`,
        async () => typeof (await write('before')) === 'number',
        story,
      );
    }
    await old.server.kill();
    await next.ask('REPLICAOF', 'NO', 'ONE');
    for (const { name, write, story } of fronts) {
      await until(
        `${name} leads to the new one`,
        async () => typeof (await write('between')) === 'number',
        story,
      );
    }
    await old.server.restart();
    const [haproxy, baton] = fronts;
    assert.ok(haproxy !== undefined && baton !== undefined);
    await until(
      'HAProxy takes both for the primary',
      async () => {
        await haproxy.write('window');
        return (await old.ask('GET', 'haproxy:window')) !== null;
      },
      haproxy.story,
    );
    for (let count = 0; count < WRITES; count++) {
      for (const { name, write } of fronts) assert.equal(typeof (await write('counted')), 'number', name);
    }
    const at = async (node: typeof old, name: string): Promise<number> =>
      Number((await node.ask('GET', `${name}:counted`)) ?? 0);
    assert.deepEqual([await at(old, 'baton'), await at(next, 'baton')], [0, WRITES], baton.story());
    const strayed = await at(old, 'haproxy');
    assert.ok(strayed > 0, 'HAProxy parts the writes between both');

    // Once it is told whose replica it is, what it took is gone.
    await old.ask('REPLICAOF', ...next.address.split(':'));
    await until('it follows', async () => (await old.replication())['master_link_status'] === 'up');
    assert.equal(await at(old, 'haproxy'), WRITES - strayed);
    assert.equal(await at(old, 'baton'), WRITES);
  },
);
