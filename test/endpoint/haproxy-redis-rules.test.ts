// One frontend for those who write and those who read, told apart by the port that they come to, by HAProxy and by us in
// front of the same primary and replicas; and what our runtime API and a reload make of it.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { it } from 'node:test';
import { startFleet, type DataNode } from '../harness/fleet.ts';
import { lacksHaproxy } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { ask, Wire } from '../harness/wire.ts';
import { startBoth, type Program } from './beside-haproxy.ts';

const ladder = (role: string): string => `    option tcp-check
    tcp-check send PING\\r\\n
    tcp-check expect string +PONG
    tcp-check send info\\ replication\\r\\n
    tcp-check expect string ${role}
`;

function cfgOf(ports: readonly number[], folder: string, nodes: readonly DataNode[]): string {
  const servers = nodes
    .map(
      ({ target }, index) =>
        `    server R${index} 127.0.0.1:${target.port} check inter 300ms fall 1 rise 1\n`,
    )
    .join('');
  return `global
    nbthread 2
    stats socket ${folder}/admin.sock mode 600 level admin

defaults
    mode tcp
    timeout connect 3s
    timeout client 1m
    timeout server 1m

frontend redis
    bind 127.0.0.1:${ports[0]}
    bind 127.0.0.1:${ports[1]}
    maxconn 100
    use_backend readers if { dst_port ${ports[1]} } { nbsrv(readers) ge 1 }
    default_backend writers

backend writers
${ladder('role:master')}${servers}
backend readers
${ladder('role:slave')}    use-server R2 if { src 127.0.0.9 }
${servers}`;
}

/** Which node a client of this port and address is at. */
async function nodeAt(
  program: Program,
  at: number,
  nodes: readonly DataNode[],
  from = '127.0.0.1',
): Promise<number> {
  const socket = connect({ port: program.ports[at] ?? 0, host: '127.0.0.1', localAddress: from });
  const port = await new Promise<string>((resolve, reject) => {
    let text = '';
    socket.setTimeout(10_000, () => reject(new Error('no answer')));
    socket.on('error', reject).on('close', () => reject(new Error('it was closed')));
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      const [, found] = /\r\nport\r\n\$\d+\r\n(\d+)\r\n/.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    });
    socket.write('CONFIG GET port\r\n');
  }).finally(() => socket.destroy());
  return nodes.findIndex(({ target }) => target.port === Number(port));
}

it(
  'leads writers and readers by the port, as HAProxy does, and goes on after a reload',
  { skip: lacksHaproxy() },
  async (t) => {
    const fleet = await startFleet(t, { voters: [], replicas: 2 });
    const nodes = fleet.nodes();
    const programs = await startBoth(t, 2, (ports, folder) => cfgOf(ports, folder, nodes));
    for (const program of programs) {
      const context = (): string => program.process.output;
      await until('writers are led', async () => (await nodeAt(program, 0, nodes)) === 0, context);
      await until(
        'readers are led to both replicas',
        async () => {
          const seen = new Set<number>();
          for (let count = 0; count < 6; count++) seen.add(await nodeAt(program, 1, nodes));
          return [...seen].toSorted((a, b) => a - b).join() === '1,2';
        },
        context,
      );
      for (let count = 0; count < 4; count++)
        assert.equal(await nodeAt(program, 1, nodes, '127.0.0.9'), 2, program.name);
    }

    // Its clients are counted at the frontend that they came to.
    const ours = programs.find(({ name }) => name === 'baton') as Program;
    const { folder } = ours.process;
    const [first = 0, second = 0] = ours.ports;
    const reader = await Wire.open({ host: '127.0.0.1', port: second });
    t.after(() => reader.close());
    assert.equal(await reader.call('PING'), 'PONG');
    const runtime = (command: string): Promise<string> =>
      new Promise((done, failed) => {
        let text = '';
        const connection = connect(join(folder, 'admin.sock'), () => connection.write(`${command}\n`));
        connection.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
        connection.once('error', failed).once('end', () => done(text));
      });
    await until('the reader is shown', async () =>
      / fe=redis be=readers srv=R/.test(await runtime('show sess')),
    );
    const rows = (await runtime('show stat -1 1 -1')).trim().split('\n').slice(1);
    assert.deepEqual(
      rows.map((row) => row.split(',').slice(0, 2)),
      [['redis', 'FRONTEND']],
    );

    // Readers without a replica write, by the rule; and a rule that is taken back leads nobody.
    for (const node of nodes.slice(1)) await node.server.kill();
    for (const program of programs)
      await until('readers are led to the primary', async () => (await nodeAt(program, 1, nodes)) === 0);
    await nodes[1]?.server.restart();
    await until('readers are led to the replica', async () => (await nodeAt(ours, 1, nodes)) === 1);
    const file = join(folder, 'h.cfg');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/ +use_backend .*\n/, ''));
    process.kill(ours.process.pid ?? 0, 'SIGHUP');
    await until(
      'readers are led to the primary again',
      async () => (await nodeAt(ours, 1, nodes)) === 0,
      () => ours.process.output,
    );
    writeFileSync(file, cfgOf(ours.ports, folder, nodes));
    process.kill(ours.process.pid ?? 0, 'SIGHUP');
    await until('and to the replica', async () => (await nodeAt(ours, 1, nodes)) === 1);
    assert.equal(await ask({ host: '127.0.0.1', port: first }, ['SET', 'a', '1']), 'OK');
  },
);
