// A haproxy.cfg as Redis tutorials write it, run by us under HAProxy's name.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { startFleet } from '../harness/fleet.ts';
import { until } from '../harness/wait.ts';
import { ask, Wire } from '../harness/wire.ts';
import { ROLE_CHECK } from './beside-haproxy.ts';

interface Ports {
  readonly listen: number;
  readonly page: number;
  readonly servers: readonly number[];
}

const cfgOf = ({ listen, page, servers }: Ports, socket: string, uri = '/'): string => `global
    log stdout format raw local0
    stats socket ${socket} mode 600 level admin

defaults REDIS
    mode tcp
    timeout connect 3s
    timeout client 1m
    timeout server 1m

frontend ft_redis
    bind 127.0.0.1:${listen} name redis
    default_backend bk_redis

backend bk_redis
${ROLE_CHECK}
${servers.map((port, index) => `    server R${index + 1} 127.0.0.1:${port} check inter 1s`).join('\n')}

listen stats
    bind 127.0.0.1:${page}
    mode http
    stats enable
    stats uri ${uri}
    http-request use-service prometheus-exporter if { path /metrics }
`;

const roleAt = async (port: number): Promise<string> =>
  String(await ask({ host: '127.0.0.1', port }, ['ROLE'])).split(',')[0] ?? '';

/** One command of the runtime API. */
function runtime(socket: string, command: string): Promise<string> {
  return new Promise((done, failed) => {
    let text = '';
    const connection = connect(socket, () => connection.write(`${command}\n`));
    connection.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    connection.once('error', failed);
    connection.once('end', () => done(text));
  });
}

interface Asked {
  readonly socket: string;
  readonly ports: Ports;
  readonly output: () => string;
}

/** Figures of clients, by the runtime API, the page and the exporter; and their end by order. */
async function asksWhoIsThere({ socket, ports, output }: Asked): Promise<void> {
  const where = { host: '127.0.0.1', port: ports.listen };
  const clients = await Promise.all([Wire.open(where), Wire.open(where)]);
  for (const client of clients) assert.equal(await client.call('PING'), 'PONG');
  const stat = async (): Promise<Record<string, string>> => {
    const [head = '', row = ''] = (await runtime(socket, 'show stat bk_redis 4 1')).split('\n');
    const fields = row.split(',');
    return Object.fromEntries(
      head
        .slice(2)
        .split(',')
        .map((name, at) => [name, fields[at] ?? '']),
    );
  };
  await until('both are counted', async () => (await stat())['scur'] === '2', output);
  assert.ok(Number((await stat())['bin']) > 0);
  const sessions = (await runtime(socket, 'show sess')).trim().split('\n');
  assert.equal(sessions.filter((line) => / fe=ft_redis be=bk_redis srv=R1 /.test(line)).length, 2);
  const metrics = await (await fetch(`http://127.0.0.1:${ports.page}/metrics`)).text();
  assert.match(metrics, /^haproxy_server_current_sessions{proxy="bk_redis",server="R1"} 2$/m);

  const [id = ''] = sessions[0]?.split(':') ?? [];
  assert.equal(await runtime(socket, `shutdown session ${id}`), '\n');
  await until('one is closed', async () => (await stat())['scur'] === '1', output);
  assert.equal(
    await runtime(socket, 'shutdown sessions server bk_redis/R1; show backend'),
    '\n# name\nbk_redis\n\n',
  );
  for (const client of clients) await assert.rejects(client.call('PING'));
  await until('none is left', async () => (await stat())['scur'] === '0', output);
  const { stot = '', smax = '' } = await stat();
  assert.ok(Number(stot) >= 2 && Number(smax) >= 2, `${stot} ${smax}`);
  assert.equal(await ask(where, ['GET', 'a']), '1');
}

it('runs a tutorial file unchanged, is found as haproxy, and follows the primary', async (t) => {
  const fleet = await startFleet(t, { voters: [], replicas: 1 });
  const [a, b] = fleet.nodes();
  assert.ok(a !== undefined && b !== undefined);
  const ports = { listen: await freePort(), page: await freePort(), servers: [a.target.port, b.target.port] };
  const daemon: ManagedProcess = new ManagedProcess({
    name: 'haproxy',
    command: (folder) => [
      'env',
      `RUNTIME_DIRECTORY=${folder}`,
      process.execPath,
      join(folder, 'haproxy'),
      '-f',
      join(folder, 'haproxy.cfg'),
    ],
    isReady: (output) => output.includes('ft_redis listens on'),
  });
  t.after(() => daemon.dispose());
  const socket = join(daemon.folder, 'admin.sock');
  const file = join(daemon.folder, 'haproxy.cfg');
  symlinkSync(resolve('bin/baton'), join(daemon.folder, 'haproxy'));
  writeFileSync(file, cfgOf(ports, socket));

  const check = spawnSync(process.execPath, [join(daemon.folder, 'haproxy'), '-c', '-f', file], {
    encoding: 'utf8',
  });
  assert.equal(check.status, 0, check.stderr);
  await daemon.restart();
  assert.equal(readFileSync(`/proc/${daemon.pid}/comm`, 'utf8'), 'haproxy\n');
  await until(
    'the frontend leads to the primary',
    async () => (await roleAt(ports.listen)) === 'master',
    () => daemon.output,
  );
  assert.equal(await ask({ host: '127.0.0.1', port: ports.listen }, ['SET', 'a', '1']), 'OK');

  const state = await runtime(socket, 'show servers state');
  assert.match(state, / R1 127\.0\.0\.1 2 0 /);
  const page = await fetch(`http://127.0.0.1:${ports.page}/`);
  assert.match(await page.text(), /bk_redis/);

  await asksWhoIsThere({ socket, ports, output: () => daemon.output });

  // Taken out and back by the runtime API, as deployment scripts do.
  await runtime(socket, 'set server bk_redis/R1 state maint');
  assert.match(await runtime(socket, 'show servers state'), / R1 127\.0\.0\.1 \d 1 /);
  await runtime(socket, 'set server bk_redis/R1 state ready');
  await until('it leads to R1 again', async () => (await roleAt(ports.listen)) === 'master');

  // Where the page of status is, is read anew; the frontend keeps its clients.
  const client = await Wire.open({ host: '127.0.0.1', port: ports.listen });
  t.after(() => client.close());
  assert.equal(await client.call('PING'), 'PONG');
  writeFileSync(file, cfgOf(ports, socket, '/elsewhere'));
  process.kill(daemon.pid ?? 0, 'SIGHUP');
  await until('the page has moved', async () => {
    const moved = await fetch(`http://127.0.0.1:${ports.page}/elsewhere`).catch(() => null);
    return moved?.status === 200;
  });
  assert.equal((await fetch(`http://127.0.0.1:${ports.page}/`)).status, 404);
  assert.equal(await client.call('PING'), 'PONG');

  await a.server.kill();
  await b.ask('REPLICAOF', 'NO', 'ONE');
  await until(
    'it leads to R2',
    async () => (await ask({ host: '127.0.0.1', port: ports.listen }, ['SET', 'a', '2'])) === 'OK',
    () => daemon.output,
  );
  assert.equal(await b.ask('GET', 'a'), '2');

  // A file with mistakes changes nothing, and says where each is.
  writeFileSync(file, `${cfgOf(ports, socket)}backend other\n    banana 1\n    server x 127.0.0.1:1 chek\n`);
  process.kill(daemon.pid ?? 0, 'SIGHUP');
  await until('it says so', () => daemon.output.includes('was not read anew'));
  assert.match(daemon.output, /haproxy\.cfg:\d+:\d+: .*banana/);
  assert.match(daemon.output, /haproxy\.cfg:\d+:\d+: .*chek/);
  assert.equal(await roleAt(ports.listen), 'master');
});
