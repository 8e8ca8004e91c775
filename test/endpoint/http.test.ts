// A tutorial's file of `mode http`, run by us and by HAProxy itself, in front of the same two web
// servers: whatever is asked of one is asked of the other, and what servers and clients see has to be the same.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, type Server, createServer, request } from 'node:http';
import { join, resolve } from 'node:path';
import { it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { lacksHaproxy } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';

const cfgOf = (listen: number, servers: readonly number[], option = 'forwardfor'): string => `global
    maxconn 4096

defaults
    mode http
    log global
    option httplog
    option dontlognull
    option ${option}
    option http-server-close
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend http-in
    bind 127.0.0.1:${listen}
    default_backend webservers
    stats enable
    stats uri /haproxy?stats

backend webservers
    balance roundrobin
    option httpchk HEAD /health
    http-check expect status 200
    server web1 127.0.0.1:${servers[0]} check inter 200ms fall 2 rise 1 weight 3
    server web2 127.0.0.1:${servers[1]} check inter 200ms fall 2 rise 1 weight 1
`;

/** Says its name, and what it was asked. */
async function startWeb(name: string, port: number): Promise<Server> {
  const server = createServer((asked, answer) => {
    if (asked.url === '/health') {
      answer.end();
      return;
    }
    answer.writeHead(200, { server: name, 'set-cookie': ['a=1', 'b=2'] });
    answer.write(
      `${asked.method} ${asked.url} for ${String(asked.headers['x-forwarded-for'])} at ${asked.headers.host}\n`,
    );
    asked.pipe(answer);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function stop(server: Server): void {
  server.close();
  server.closeAllConnections();
}

interface Answer {
  readonly status: number;
  readonly server: string;
  readonly cookies: readonly string[];
  readonly text: string;
}

async function ask(port: number, agent: Agent, path: string, body = ''): Promise<Answer> {
  const headers = { host: 'www.example', 'x-forwarded-for': '192.0.2.9' };
  const method = body === '' ? 'GET' : 'POST';
  const asking = request({ port, host: '127.0.0.1', agent, path, method, headers });
  asking.end(body === '' ? undefined : body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk as string;
  return {
    status: answer.statusCode ?? 0,
    server: String(answer.headers.server ?? ''),
    cookies: answer.headers['set-cookie'] ?? [],
    text,
  };
}

/** A program that takes such a file as its last word. */
function proxyOf(name: string, command: readonly string[], cfg: string): ManagedProcess {
  const daemon: ManagedProcess = new ManagedProcess({
    name,
    command: (folder) => {
      writeFileSync(join(folder, 'haproxy.cfg'), cfg);
      return ['env', `RUNTIME_DIRECTORY=${folder}`, ...command, join(folder, 'haproxy.cfg')];
    },
    isReady: () => true,
  });
  return daemon;
}

it(
  'balances two web servers as HAProxy does, and no client fails when one of them dies',
  { skip: lacksHaproxy() },
  async (t) => {
    const webPorts = [await freePort(), await freePort()];
    const webs = await Promise.all(webPorts.map((port, at) => startWeb(`web${at + 1}`, port)));
    t.after(() => webs.forEach(stop));
    const proxies = await Promise.all(
      (
        [
          ['baton', [process.execPath, resolve('bin/baton'), 'endpoint']],
          ['haproxy', ['haproxy', '-db', '-f']],
        ] as const
      ).map(async ([name, command]) => {
        const port = await freePort();
        const daemon = proxyOf(name, command, cfgOf(port, webPorts));
        const agent = new Agent({ keepAlive: true });
        t.after(async () => {
          agent.destroy();
          await daemon.dispose();
        });
        return { name, port, daemon, agent };
      }),
    );
    await Promise.all(proxies.map(({ daemon }) => daemon.restart()));

    const seen = await Promise.all(
      proxies.map(async ({ name, port, agent, daemon }) => {
        const get = (path: string, body?: string): Promise<Answer> => ask(port, agent, path, body);
        const serverNow = (): Promise<string> =>
          get('/').then(
            ({ server }) => server,
            () => '',
          );
        const bothServe = async (): Promise<boolean> => {
          const eight = await Promise.all(Array.from({ length: 8 }, serverNow));
          return eight.includes('web1') && eight.includes('web2');
        };
        await until(`${name} leads to both`, bothServe, () => daemon.output);
        const shares: string[] = [];
        for (let time = 0; time < 40; time += 1) shares.push(await serverNow());
        const plain = await get('/a?b=c');
        const body = 'ä'.repeat(200_000);
        const posted = await get('/upload', body);
        const page = await get('/haproxy?stats');
        return {
          ofForty: shares.filter((server) => server === 'web1').length,
          text: plain.text,
          cookies: plain.cookies,
          posted: posted.text === `POST /upload for 192.0.2.9, 127.0.0.1 at www.example\n${body}`,
          page: page.status === 200 && page.text.includes('webservers'),
        };
      }),
    );
    assert.deepEqual(seen[0], {
      ofForty: 30,
      text: 'GET /a?b=c for 192.0.2.9, 127.0.0.1 at www.example\n',
      cookies: ['a=1', 'b=2'],
      posted: true,
      page: true,
    });
    assert.deepEqual(seen[0], seen[1]);

    const [ours] = proxies;
    assert.ok(ours !== undefined);
    const { port, agent, daemon } = ours;
    // What it adds to requests is read anew, and no connection ends for it.
    writeFileSync(join(daemon.folder, 'haproxy.cfg'), cfgOf(port, webPorts, 'tcpka'));
    process.kill(daemon.pid ?? 0, 'SIGHUP');
    const unnamed = 'GET /x for 192.0.2.9 at www.example\n';
    await until(
      'it says no more who the client is',
      async () => (await ask(port, agent, '/x')).text === unnamed,
    );
    // Clients go on asking while a server dies: a GET may be sent again, so none of them notices.
    const answered = new Map<string, number>();
    const failures: string[] = [];
    const over = new AbortController();
    t.after(() => over.abort());
    const clients = Array.from({ length: 10 }, async () => {
      while (!over.signal.aborted) {
        const { status, server, text } = await ask(port, agent, '/').catch((error: Error) => ({
          status: 0,
          server: 'nobody',
          text: error.message,
        }));
        if (status !== 200) failures.push(`${status} ${text}`);
        answered.set(server, (answered.get(server) ?? 0) + 1);
      }
    });
    await until('both answer them', () => answered.size === 2);
    stop(webs[0] as Server);
    await until('the check notices', async () =>
      /<tr class="down"><td>web1/.test((await ask(port, agent, '/haproxy?stats')).text),
    );
    const before = answered.get('web2') ?? 0;
    await until('the other one answers', () => (answered.get('web2') ?? 0) > before + 100);
    over.abort();
    await Promise.all(clients);
    assert.deepEqual(failures, []);

    stop(webs[1] as Server);
    await until('nobody is there', async () => (await ask(port, agent, '/')).status === 503);
    webs[1] = await startWeb('web2', webPorts[1] as number);
    await until('it is back', async () => (await ask(port, agent, '/')).server === 'web2');
  },
);
