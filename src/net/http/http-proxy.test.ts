// The proxy with servers of Node's on loopback, and a route of the test's choice.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingMessage, type RequestListener, createServer, request } from 'node:http';
import { type Socket, connect, createServer as createTcpServer } from 'node:net';
import { it, type TestContext } from 'node:test';
import type { FrontendConf } from '../../endpoint/endpoint-conf.ts';
import type { Route, RouteServer } from '../../endpoint/route.ts';
import { relayConf } from '../../endpoint/test-kit.ts';
import { Dialer } from '../relay/dialer.ts';
import { listening, until } from '../testing.ts';
import { HttpProxy } from './http-proxy.ts';

const serverAt = (port: number, more: Partial<RouteServer> = {}): RouteServer => ({
  host: '127.0.0.1',
  port,
  name: `s${port}`,
  weight: 1,
  connectionsMax: null,
  ...more,
});

interface Running {
  readonly port: number;
  readonly proxy: HttpProxy;
  lead(...servers: readonly RouteServer[]): void;
}

async function start(t: TestContext, frontend: Partial<FrontendConf> = {}): Promise<Running> {
  const plain = relayConf('http');
  const conf = { ...plain, frontend: { ...plain.frontend, ...frontend } };
  const proxy = new HttpProxy({
    conf,
    dialer: new Dialer({ conf, tune: () => undefined }),
    now: () => 0,
    forwardsFor: () => true,
    answerOwn: () => false,
    headMsMax: 300,
  });
  t.after(() => proxy.close());
  const listener = createTcpServer({ allowHalfOpen: true }, (socket) => proxy.accept(socket, null, null));
  const port = await listening(t, listener);
  let generation = 0;
  return {
    port,
    proxy,
    lead: (...servers) =>
      proxy.lead({
        endpoint: 'web',
        generation: (generation += 1),
        servers,
        balance: 'roundrobin',
        deadline: Infinity,
        endsOthers: false,
        because: 'the test says so',
      } satisfies Route),
  };
}

const web = (t: TestContext, listener: RequestListener): Promise<number> =>
  listening(t, createServer({ keepAliveTimeout: 60_000 }, listener));

async function textOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of message.setEncoding('latin1')) text += chunk as string;
  return text;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

async function ask(port: number, body: string | null = null, agent?: Agent): Promise<Answer> {
  const asking = request({
    port,
    host: '127.0.0.1',
    path: '/a?b=c',
    method: body === null ? 'GET' : 'POST',
    ...(agent === undefined ? { agent: false } : { agent }),
  });
  asking.end(body ?? undefined, 'latin1');
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: await textOf(answer) };
}

/** What a connection hears after it said `text`, until it ends. */
function converse(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(text, 'latin1'));
    socket.setEncoding('latin1').on('data', (chunk: string) => (heard += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard));
  });
}

it('passes requests, bodies and answers on as they are, and says who the client is', async (t) => {
  const proxy = await start(t);
  const port = await web(t, (asked, answer) => {
    answer.writeHead(asked.method === 'POST' ? 201 : 200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
    answer.write(
      `${asked.method} ${asked.url} ${String(asked.headers['x-forwarded-for'])} ${asked.headers.connection};`,
    );
    asked.pipe(answer);
  });
  proxy.lead(serverAt(port));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const got = await ask(proxy.port, null, agent);
  assert.equal(got.text, 'GET /a?b=c 127.0.0.1 keep-alive;');
  assert.deepEqual(got.headers['set-cookie'], ['a=1', 'b=2']);
  const body = 'x\0\xff'.repeat(300_000);
  const posted = await ask(proxy.port, body, agent);
  assert.equal(posted.status, 201);
  const [head] = posted.text.split(';', 1);
  assert.equal(head, 'POST /a?b=c 127.0.0.1 close');
  assert.ok(posted.text.slice(28) === body, 'every byte comes back');
});

it('keeps connections to servers, and deals requests out by weight', async (t) => {
  const proxy = await start(t);
  const sockets = new Set<Socket>();
  const named = (name: string): Promise<number> =>
    web(t, (asked, answer) => {
      sockets.add(asked.socket);
      answer.end(name);
    });
  proxy.lead(serverAt(await named('a'), { weight: 3 }), serverAt(await named('b')));
  let said = '';
  for (let time = 0; time < 8; time += 1) said += (await ask(proxy.port)).text;
  assert.equal(said.replaceAll('b', ''), 'aaaaaa');
  assert.equal(sockets.size, 2);
});

it('sends a GET elsewhere when its server is dead or says nothing, and a POST only if it was not sent', async (t) => {
  const proxy = await start(t);
  const alive = await web(t, (_, answer) => void answer.end('alive'));
  const mute = await listening(
    t,
    createTcpServer((socket) => socket.once('data', () => socket.destroy())),
  );
  const gone = createTcpServer();
  const dead = await listening(t, gone);
  gone.close();
  await once(gone, 'close');
  proxy.lead(serverAt(dead), serverAt(mute), serverAt(alive));
  for (let time = 0; time < 3; time += 1) assert.equal((await ask(proxy.port)).text, 'alive');
  proxy.lead(serverAt(dead), serverAt(alive));
  for (let time = 0; time < 2; time += 1) assert.equal((await ask(proxy.port, 'x')).text, 'alive');
  assert.ok(proxy.proxy.counts.retried > 0);
  proxy.lead(serverAt(mute));
  assert.equal((await ask(proxy.port, 'x')).status, 502);
  assert.equal((await ask(proxy.port)).status, 502);
});

it('says 503 when there is no server in time, and 504 when one is silent', async (t) => {
  const proxy = await start(t, { queue: { timeoutMs: 200, clientsMax: 1 }, idleMsMax: 300 });
  proxy.lead();
  assert.equal((await ask(proxy.port)).status, 503);
  const patient = await start(t, { queue: { timeoutMs: 60_000, clientsMax: 1 } });
  patient.lead();
  const waiting = ask(patient.port);
  await until(() => patient.proxy.counts.requests === 1);
  patient.lead(serverAt(await web(t, (_, answer) => void answer.end('late'))));
  assert.equal((await waiting).text, 'late');
  proxy.lead(serverAt(await listening(t, createTcpServer())));
  assert.equal((await ask(proxy.port)).status, 504);
  assert.equal(proxy.proxy.counts.unserved, 1);
});

it('gives a server no more requests at once than it may have; the others wait for their turn', async (t) => {
  const proxy = await start(t);
  let now = 0;
  let most = 0;
  const port = await web(t, (_, answer) => {
    most = Math.max(most, (now += 1));
    setTimeout(() => {
      now -= 1;
      answer.end('done');
    }, 10);
  });
  proxy.lead(serverAt(port, { connectionsMax: 2 }));
  const answers = await Promise.all(Array.from({ length: 9 }, () => ask(proxy.port)));
  assert.ok(answers.every(({ text }) => text === 'done'));
  assert.equal(most, 2);
});

it('lets WebSockets through, and answers those who wish for anything else in HTTP', async (t) => {
  const proxy = await start(t);
  const server = createServer((asked, answer) => {
    answer.writeHead(200, { connection: 'close' });
    answer.write(`${asked.headers.upgrade} `);
    asked.pipe(answer);
  });
  server.on('upgrade', (asked: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello ${asked.url} `,
    );
    socket.write(head);
    socket.pipe(socket);
    socket.on('data', (chunk: Buffer) => chunk.includes('bye') && socket.end('x'.repeat(1_000_000)));
  });
  proxy.lead(serverAt(await listening(t, server)));
  const wish = (protocol: string, more = ''): string =>
    `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: ${protocol}\r\n${more}\r\n`;
  const socket = await converse(proxy.port, `${wish('websocket')}first, bye`);
  assert.match(socket, /^HTTP\/1\.1 101 .*\r\n\r\nhello \/ws first, byex{1000000}$/s);
  const h2c = await converse(proxy.port, `${wish('h2c', 'Content-Length: 4\r\n')}body`);
  assert.match(h2c, /^HTTP\/1\.1 200 .*undefined .*body/s);
  // Nor may a server speak what nobody asked for.
  const eager = createTcpServer((socket) => {
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Now\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    );
    socket.on('error', () => undefined);
  });
  proxy.lead(serverAt(await listening(t, eager)));
  assert.equal((await ask(proxy.port)).status, 502);
  // A server that does not want to answers in HTTP, too.
  proxy.lead(serverAt(await web(t, (_, answer) => void answer.writeHead(426).end('no'))));
  assert.match(await converse(proxy.port, wish('websocket')), /^HTTP\/1\.1 426 .*no/s);
});

it('a client that never says what it wants, or says nonsense, is sent away', async (t) => {
  const proxy = await start(t);
  proxy.lead(serverAt(await web(t, (_, answer) => void answer.end('ok'))));
  assert.match(await converse(proxy.port, 'GET / HTTP/1.1\r\nHost: '), /^HTTP\/1\.1 408 /);
  assert.match(await converse(proxy.port, 'PING\r\n\r\n'), /^HTTP\/1\.1 400 /);
  const smuggled =
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
  assert.match(await converse(proxy.port, smuggled), /^HTTP\/1\.1 400 /);
});

it('an answer that breaks off breaks off for the client, too', async (t) => {
  const proxy = await start(t);
  const port = await web(t, (_, answer) => {
    answer.writeHead(200, { 'content-length': '10' });
    answer.write('half');
    setTimeout(() => answer.destroy(), 20);
  });
  proxy.lead(serverAt(port));
  await assert.rejects(ask(proxy.port), /aborted/);
});

it('pipelined requests are answered in their order, and none overtakes a write', async (t) => {
  const proxy = await start(t);
  const order: string[] = [];
  const port = await web(t, (asked, answer) => {
    order.push(`${asked.method} ${asked.url}`);
    setTimeout(() => answer.end(asked.url), asked.method === 'POST' ? 50 : 0);
  });
  proxy.lead(serverAt(port));
  const post = 'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx';
  const heard = await converse(proxy.port, `${post}GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  assert.match(heard, /\/1.*\/2/s);
  assert.deepEqual(order, ['POST /1', 'GET /2']);
  proxy.lead();
  assert.equal(await converse(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100)), '', 'too many');
});
