import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { StatsPage, StatsSocket } from '../../endpoint/conf/haproxy/haproxy-conf.ts';
import type { RuntimeOrder } from '../../endpoint/runtime-api.ts';
import type { RuntimeView } from '../../endpoint/runtime-view.ts';
import type { EndpointsSnapshot } from '../../endpoint/snapshot.ts';
import { until } from '../../net/testing.ts';
import { openHealthHttp, type HealthHttp } from './health-http.ts';
import { openRuntimeSocket, type RuntimeHands } from './runtime-socket.ts';

const snapshot: EndpointsSnapshot = {
  frontends: [{ name: 'x', backend: 'bk', mode: 'tcp', connectionsMax: null, branchOf: null }],
  backends: [
    {
      name: 'bk',
      balance: 'roundrobin',
      role: 'primary',
      generation: 1,
      leadsTo: ['10.0.0.1:6379'],
      because: 'a',
      expiresInMs: null,
      alarm: null,
      switching: null,
      hasQuorum: null,
      servers: [],
      sentinels: [],
    },
  ],
};
const view = (): Promise<RuntimeView> =>
  Promise.resolve({
    snapshot,
    traffic: {},
    sessions: [],
    sections: [],
    version: '1',
    pid: 7,
    uptimeMs: 1_000,
    connectionsMax: null,
  });
const page: StatsPage = {
  name: 'stats',
  binds: [],
  uri: '/haproxy?stats',
  refreshMs: null,
  realm: null,
  users: [{ user: 'admin', password: 'hush' }],
  monitorUri: '/alive',
  metricsPath: null,
};

describe('the small HTTP server', () => {
  let http: HealthHttp;
  let base = '';
  before(async () => {
    const opened = await openHealthHttp({ host: '127.0.0.1', port: 0, view, page });
    assert.ok(opened.ok);
    http = opened.value;
    base = `http://127.0.0.1:${http.port}`;
  });
  after(() => http.close());

  it('answers what load balancers ask', async () => {
    const answer = await fetch(`${base}/primary`);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /10\.0\.0\.1:6379/);
    assert.equal((await fetch(`${base}/replica?lag=1MB`)).status, 503);
    assert.equal((await fetch(`${base}/alive`)).status, 200);
    assert.equal((await fetch(`${base}/nothing`)).status, 404);
    assert.equal((await fetch(`${base}/`)).status, 404, 'the page of a file is elsewhere');
    assert.equal((await fetch(`${base}/metrics`)).status, 404);
    assert.equal((await fetch(`${base}/primary`, { method: 'POST' })).status, 405);
  });

  it('shows the page of status to those who know the password', async () => {
    const ask = (secret: string): Promise<Response> =>
      fetch(`${base}/haproxy?stats`, {
        headers: { authorization: `Basic ${Buffer.from(secret).toString('base64')}` },
      });
    assert.equal((await fetch(`${base}/haproxy?stats`)).status, 401);
    assert.equal((await ask('admin:wrong')).status, 401);
    const good = await ask('admin:hush');
    assert.equal(good.status, 200);
    assert.match(await good.text(), /leads to 10\.0\.0\.1:6379/);
  });

  it('answers also while hundreds hold connections and say nothing, or half of something', async (t) => {
    const silent = Array.from({ length: 600 }, (_, at) => {
      const socket = connect(http.port, '127.0.0.1', () => (at % 2 === 0 ? socket.write('GET / HT') : false));
      return socket.on('error', () => undefined);
    });
    t.after(() => silent.forEach((socket) => socket.destroy()));
    await until(() => silent.filter((socket) => socket.closed).length > 300);
    assert.equal((await fetch(`${base}/primary`)).status, 200);
  });

  it('says when its port is taken', async () => {
    const again = await openHealthHttp({
      host: '127.0.0.1',
      port: http.port,
      view,
      page: null,
    });
    assert.match(
      again.ok ? '' : again.problem,
      /^cannot listen on 127\.0\.0\.1:\d+ for pages .*\(EADDRINUSE\); another program listens there/,
    );
  });

  it('shows figures for Prometheus where no file says what to show, or where one says so', async (t) => {
    for (const [shown, path] of [
      [null, '/metrics'],
      [{ ...page, metricsPath: '/figures' }, '/figures'],
    ] as const) {
      const opened = await openHealthHttp({ host: '127.0.0.1', port: 0, view, page: shown });
      assert.ok(opened.ok);
      t.after(() => opened.value.close());
      const answer = await fetch(`http://127.0.0.1:${opened.value.port}${path}`);
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
      assert.match(await answer.text(), /^haproxy_backend_status{proxy="bk",state="UP"} 1$/m);
    }
  });
});

describe('the stats socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-stats-'));
  const path = join(folder, 's.sock');
  const conf: StatsSocket = {
    bind: { kind: 'unix', path },
    mode: 0o660,
    user: null,
    group: null,
    level: 'admin',
    timeoutMs: null,
  };
  const orders: RuntimeOrder[] = [];
  const hands: RuntimeHands = {
    view,
    order: (order) => {
      orders.push(order);
      return Promise.resolve();
    },
  };
  after(() => rmSync(folder, { recursive: true, force: true }));

  const say = (line: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = '';
      // As socat and nc do: what is said ends before the answer comes.
      const socket = connect({ path, allowHalfOpen: true }, () => socket.end(line));
      socket.on('data', (bytes) => {
        text += bytes.toString();
      });
      socket.once('end', () => resolve(text));
      socket.once('error', reject);
    });

  it('answers several lines, also one without an end, and stays for who wants a prompt', async (t) => {
    const opened = await openRuntimeSocket(conf, hands);
    assert.ok(opened.ok);
    t.after(() => opened.value.close());
    assert.equal(await say('show backend\r\nshow cli level'), '# name\nbk\n\nadmin\n\n');
    const socket = connect(path);
    t.after(() => socket.destroy());
    let heard = '';
    let isOver = false;
    socket.setEncoding('latin1').on('data', (text: string) => (heard += text));
    socket.on('end', () => (isOver = true));
    const hears = async (text: string): Promise<void> => {
      await until(() => heard === text);
      heard = '';
    };
    socket.write('prompt\n');
    await hears('\n> ');
    socket.write('operator; show cli level\n');
    await hears('\n> operator\n\n> ');
    socket.write('set server bk/a state maint\n');
    await hears('Permission denied\n\n> ');
    socket.write('quit\n');
    await until(() => isOver);
  });

  it('answers one line and ends, with the mode that was asked for', async (t) => {
    const opened = await openRuntimeSocket(conf, hands);
    assert.ok(opened.ok);
    t.after(() => opened.value.close());
    assert.equal(statSync(path).mode & 0o777, 0o660);
    assert.match(await say('show info;show backend\n'), /Name: Baton[^]*# name\nbk\n/);
    assert.match(await say('set server bk/a state maint\n'), /No such server/);
    assert.deepEqual(orders, []);
    assert.match(
      await openRuntimeSocket(conf, hands).then((two) => (two.ok ? '' : two.problem)),
      /another process/,
    );
    opened.value.close();
    assert.equal(existsSync(path), false);
  });

  it('answers somebody who asks without reading no further than he reads, others meanwhile, and him when he does', async (t) => {
    let asked = 0;
    const counting: RuntimeHands = {
      ...hands,
      view: () => {
        asked++;
        return view();
      },
    };
    const opened = await openRuntimeSocket(conf, counting);
    assert.ok(opened.ok);
    t.after(() => opened.value.close());
    const questions = 50_000;
    const socket = connect(path);
    t.after(() => socket.destroy());
    socket.pause();
    socket.write(`prompt\n${'show info\n'.repeat(questions)}`);
    await until(() => asked > 0);
    for (let before = 0; before < asked;) {
      before = asked;
      assert.match(await say('show backend\n'), /^# name\nbk/);
      // That was one.
      before++;
    }
    assert.ok(asked < questions / 2, `${asked} of ${questions} were answered to nobody`);
    let names = 0;
    socket
      .setEncoding('latin1')
      .on('data', (text: string) => (names += text.split('Uptime_sec:').length - 1));
    socket.resume();
    await until(() => names > questions * 0.99);
  });

  it('says when it cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '');
    const bad = await openRuntimeSocket(
      { ...conf, bind: { kind: 'unix', path: join(folder, 'file', 'x') } },
      hands,
    );
    assert.equal(bad.ok, false);
    const unknown = await openRuntimeSocket({ ...conf, user: 'nobody-of-this-name' }, hands);
    assert.match(unknown.ok ? '' : unknown.problem, /no user/);
  });
});
