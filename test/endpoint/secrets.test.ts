// Passwords are where they are needed and nowhere else: not in the log, in status, in what HAProxy's interfaces show, on a
// page, nor among a process's arguments and environment.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { startFleet } from '../harness/fleet.ts';
import { until } from '../harness/wait.ts';
import { ask } from '../harness/wire.ts';
import { BatonEndpoint, runBaton } from './baton-endpoint.ts';
import { scratchFolder } from './scratch.ts';

const SECRET = 'sesame';

/** All lines of the runtime API, answered. */
function runtime(path: string, commands: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(path, () => socket.end(`${commands}\n`));
    socket.on('data', (bytes) => (text += bytes.toString())).once('end', () => resolve(text));
    socket.once('error', reject);
  });
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);

it('shows its passwords to nobody, also while they are refused', async (t) => {
  const folder = scratchFolder(t);
  const nodeCredentials = { user: 'default', password: `${SECRET}-1` };
  const [server] = (
    await startFleet(t, { voters: [], replicas: 0, nodeLines: [`requirepass ${SECRET}-1`], nodeCredentials })
  ).nodes();
  assert.ok(server !== undefined);
  const [port, page, http] = [await freePort(), await freePort(), await freePort()];
  const file = join(folder, 'r.cfg');
  const stats = join(folder, 's.sock');
  const write = (password: string): void =>
    writeFileSync(
      file,
      `global
 stats socket ${stats} level admin
defaults
 mode tcp
 timeout connect 3s
 timeout client 1m
 timeout server 1m
listen redis
 bind 127.0.0.1:${port}
 option tcp-check
 tcp-check send AUTH\\ ${password}\\r\\n
 tcp-check expect string +OK
 tcp-check send info\\ replication\\r\\n
 tcp-check expect string role:master
 server a ${server.address} check inter 500ms
listen page
 bind 127.0.0.1:${page}
 mode http
 stats enable
 stats uri /
 stats auth admin:${SECRET}-2
`,
    );
  write(`${SECRET}-1`);
  const endpoint = await BatonEndpoint.start(t, file, '--http', `127.0.0.1:${http}`);
  const story = (): string => endpoint.process.output;
  const shown: string[] = [runBaton(folder, '-c', file).output];
  const look = async (): Promise<void> => {
    const { pid } = endpoint.status();
    for (const one of [pid, ...childrenOf(pid)]) {
      for (const what of ['cmdline', 'environ']) shown.push(readFileSync(`/proc/${one}/${what}`, 'latin1'));
    }
    shown.push(endpoint.order('status').output, endpoint.order('status', '--json').output);
    shown.push(
      await runtime(stats, 'show info; show stat; show sess; show servers state; show backend; help'),
    );
    const login = Buffer.from(`admin:${SECRET}-2`).toString('base64');
    for (const headers of [{}, { authorization: `Basic ${login}` }]) {
      shown.push(await (await fetch(`http://127.0.0.1:${page}/`, { headers })).text());
    }
    for (const path of ['primary', 'health', 'metrics']) {
      shown.push(await (await fetch(`http://127.0.0.1:${http}/${path}`)).text());
    }
  };
  await endpoint.leads([server.address], 'redis');
  // A client's own password is its own business, and no more to be shown.
  await ask({ host: '127.0.0.1', port }, ['AUTH', `${SECRET}-3`]).catch(() => undefined);
  await ask({ host: '127.0.0.1', port, password: `${SECRET}-1` }, ['PING']);
  await look();
  write(`${SECRET}-4`);
  process.kill(endpoint.process.pid ?? 0, 'SIGHUP');
  await until('the refusal', () => /is down: WRONGPASS/.test(story()), story);
  await look();
  shown.push(story());
  for (const text of shown) {
    assert.ok(text.length > 0);
    assert.ok(!text.includes(SECRET), text);
  }
});
