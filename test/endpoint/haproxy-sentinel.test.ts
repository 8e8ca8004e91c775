// The tutorial that has one backend for each Redis and another that asks the sentinels about it, run by HAProxy and by us in
// front of the same fleet of redis-sentinels. Only its QUIT to sentinels is left out, which Redis 7.0's do not know: HAProxy
// takes all of them for down then, and leads to default_backend for ever. We ask them in our own way.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startFleet, type DataNode } from '../harness/fleet.ts';
import { lacksHaproxy } from '../harness/requirements.ts';
import { pause, until } from '../harness/wait.ts';
import { ask, type Target } from '../harness/wire.ts';
import { ROLE_CHECK, startBoth, type Program } from './beside-haproxy.ts';

/** As on hosts of their own: the checks tell servers apart by their address. */
const HOSTS = ['127.0.0.21', '127.0.0.22'];

function cfgOf(listen: number, nodes: readonly DataNode[], sentinels: readonly Target[]): string {
  const numbered = nodes.map(({ target }, index) => ({ target, name: `redis-0${index + 1}` }));
  const backends = numbered.map(
    ({ target, name }) => `
# Do the sentinels think that ${name} is the master?
backend check_master_${name}
  mode tcp
  option tcp-check
  tcp-check connect
  tcp-check send PING\\r\\n
  tcp-check expect string +PONG
  tcp-check send SENTINEL\\ master\\ mymaster\\r\\n
  tcp-check expect string ${target.host}
${sentinels.map(({ host, port }, index) => `  server sentinel-${index} ${host}:${port} check inter 500ms`).join('\n')}

backend ${name}
  mode tcp
  balance first
${ROLE_CHECK}
  server ${name} ${target.host}:${target.port} maxconn 1024 check inter 500ms on-marked-down shutdown-sessions
`,
  );
  return `global
  maxconn 1000

defaults REDIS
  mode tcp
  timeout connect 3s
  timeout server 6s
  timeout client 6s

frontend ft_redis
  bind 127.0.0.1:${listen} name redis
${numbered.map(({ name }) => `  use_backend ${name} if { srv_is_up(${name}/${name}) } { nbsrv(check_master_${name}) ge 2 }`).join('\n')}
  default_backend redis-01
${backends.join('')}`;
}

const at = ({ ports }: Program): Target => ({ host: '127.0.0.1', port: ports[0] ?? 0 });

it(
  'leads where HAProxy does through a failover, and gives the old primary that returns no client',
  {
    skip: lacksHaproxy(),
  },
  async (t) => {
    const fleet = await startFleet(t, {
      voters: ['redis', 'redis', 'redis'],
      replicas: 1,
      placeOfNode: (index) => ({ host: HOSTS[index] ?? '', name: HOSTS[index] ?? '', wrapper: [] }),
    });
    const [first, second] = fleet.nodes() as [DataNode, DataNode];
    const sentinels = fleet.voters.map(({ target }) => target);
    const programs = await startBoth(t, 1, ([listen = 0]) => cfgOf(listen, fleet.nodes(), sentinels));
    const writes = async (program: Program, value: string): Promise<boolean> =>
      (await ask(at(program), ['SET', program.name, value])) === 'OK';
    for (const program of programs) {
      await until(
        `${program.name} leads to the primary`,
        () => writes(program, 'before'),
        () => program.process.output,
      );
      assert.equal(await first.ask('GET', program.name), 'before');
    }

    await first.server.kill();
    assert.equal(await fleet.failedOver(first), second);
    for (const program of programs) {
      await until(
        `${program.name} leads to the new primary`,
        () => writes(program, 'after'),
        () => program.process.output,
      );
      assert.equal(await second.ask('GET', program.name), 'after');
    }

    // It says role:master again until the sentinels have told it otherwise. HAProxy's checks of the sentinels may not have
    // fallen by then, since what is not answered as expected is waited for; so only ours is asked.
    await first.server.restart();
    const [ours] = programs.filter(({ name }) => name === 'baton') as [Program];
    for (let count = 1; count <= 20; count++) {
      assert.ok(await writes(ours, String(count)));
      assert.equal(await second.ask('GET', 'baton'), String(count), ours.process.output);
      await pause(50);
    }
  },
);
