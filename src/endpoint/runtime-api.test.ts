import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerHealth } from './health.ts';
import { exportMetrics } from './exporter.ts';
import { answerRuntime, commandsOf, type RuntimeTalk } from './runtime-api.ts';
import type { RuntimeView } from './runtime-view.ts';
import type { BackendSnapshot, EndpointsSnapshot, ServerSnapshot } from './snapshot.ts';
import { statusPage } from './status-page.ts';
import type { Tally } from './traffic.ts';

const server = (name: string, more: Partial<ServerSnapshot> = {}): ServerSnapshot => ({
  name,
  target: { host: '10.0.0.1', port: 6379 },
  address: '10.0.0.1:6379',
  health: 'up',
  adminState: 'ready',
  weight: 5,
  weightSet: 5,
  weightInitially: 5,
  connectionsMax: null,
  hostName: null,
  thresholds: { rise: 2, fall: 3 },
  history: { sinceMs: 61_500, failedChecks: 4, timesDown: 1, downMs: 2_900 },
  isBackup: false,
  role: null,
  offset: null,
  lagBytes: null,
  lagMs: null,
  reason: '',
  isServing: true,
  ...more,
});

const backend = (name: string, more: Partial<BackendSnapshot> = {}): BackendSnapshot => ({
  name,
  balance: 'roundrobin',
  role: 'any',
  generation: 1,
  leadsTo: ['10.0.0.1:6379'],
  because: 'a',
  expiresInMs: null,
  alarm: null,
  switching: null,
  hasQuorum: null,
  servers: [server('a'), server('b', { health: 'down', reason: 'no, "never"', isServing: false })],
  sentinels: [],
  ...more,
});

const snapshot = (...backends: BackendSnapshot[]): EndpointsSnapshot => ({
  frontends: (backends.length === 0 ? [''] : backends.map(({ name }) => name)).map((name, at) => ({
    name: at === 0 ? 'x' : `x${at}`,
    backend: name,
    mode: 'tcp',
    connectionsMax: null,
    branchOf: null,
  })),
  backends,
});

const tally = (sessions: number, more: Partial<Tally> = {}): Tally => ({
  sessions,
  sessionsMost: sessions + 1,
  sessionsTotal: 10 * sessions,
  rate: 1,
  rateMost: 2,
  bytesIn: 100,
  bytesOut: 200,
  ...more,
});

const view = (more: Partial<RuntimeView> = {}): RuntimeView => ({
  snapshot: snapshot(backend('bk')),
  traffic: { x: { clients: tally(3), servers: { '10.0.0.1:6379': tally(2) } } },
  sessions: [
    { id: 300, endpoint: 'x', source: '10.0.0.9:40000', server: '10.0.0.1:6379', ageMs: 5_900 },
    { id: 301, endpoint: 'x', source: '[fe80::1]:40001', server: null, ageMs: 0 },
  ],
  sections: [
    { kind: 'frontend', name: 'x' },
    { kind: 'backend', name: 'bk' },
  ],
  version: '1',
  pid: 7,
  uptimeMs: 3_723_000,
  connectionsMax: 100,
  ...more,
});
const ADMIN: RuntimeTalk = { level: 'admin', isInteractive: false };

/** What is answered to a command of an admin, and what is ordered. */
function say(command: string, more: Partial<RuntimeView> = {}, talk = ADMIN): [string, readonly unknown[]] {
  const { text, orders } = answerRuntime(command, view(more), talk);
  return [text, orders];
}

describe("HAProxy's runtime API", () => {
  it('gives orders, and answers them by an empty line, as HAProxy', () => {
    const names = { backend: 'bk', server: 'a' };
    for (const [command, order] of [
      ['set server bk/a state drain', { kind: 'set-state', ...names, state: 'drain' }],
      ['disable server bk/a', { kind: 'set-state', ...names, state: 'maint' }],
      ['enable server bk/a', { kind: 'set-state', ...names, state: 'ready' }],
      ['set server bk/a weight 50%', { kind: 'set-weight', ...names, weight: 2 }],
      ['set weight bk/a 0', { kind: 'set-weight', ...names, weight: 0 }],
      ['shutdown sessions server bk/a', { kind: 'end-sessions', ...names }],
      ['shutdown session 0x12c', { kind: 'end-session', session: 300 }],
    ] as const) {
      assert.deepEqual(say(command), ['\n', [order]], command);
    }
  });

  it('says what is wrong in the words of HAProxy 2.6', () => {
    for (const [command, text] of [
      ['set server bk/z state drain', 'No such server.\n\n'],
      ['set server z/a state drain', 'No such backend.\n\n'],
      ['set server bk/a state foo', "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"],
      ['set server bk/a weight 300', 'Absolute weight can only be between 0 and 256 inclusive.\n\n'],
      ['set server bk/a weight', 'Require <weight> or <weight%>.\n\n'],
      ['set server', "Require 'backend/server'.\n\n"],
      ['enable server x', "Require 'backend/server'.\n\n"],
      ['shutdown sessions server bk/z', 'No such server.\n\n'],
      ['shutdown sessions server', "Require 'backend/server'.\n\n"],
      ['shutdown session', "Session pointer expected (use 'show sess').\n\n"],
      ['shutdown session 0x1', "No such session (use 'show sess').\n\n"],
      ['show servers state zz', "Can't find backend.\n\n"],
    ] as const) {
      assert.deepEqual(say(command), [text, []], command);
    }
  });

  it('names what there is when it does not know a command, and leaves the line alone', () => {
    for (const command of [
      'nonsense',
      '',
      'show',
      'show table',
      'shutdown frontend x',
      'shutdown sessions',
    ]) {
      const [text, orders] = say(command);
      assert.match(text, /^Unknown command/, command);
      assert.match(text, /\n {2}quit +: [^\n]*\n\n$/, command);
      assert.deepEqual(orders, []);
    }
    assert.match(say('help shutdown')[0], /shutdown sessions server/);
    assert.doesNotMatch(say('help shutdown')[0], /show stat/);
    assert.match(say('help')[0], /show stat/);
  });

  it('lets only admins give orders, and users see no clients', () => {
    for (const [command, level, text] of [
      ['set server bk/a state drain', 'operator', 'Permission denied\n\n'],
      ['shutdown sessions server bk/a', 'operator', 'Permission denied\n\n'],
      ['show sess', 'user', 'Permission denied\n\n'],
      ['operator', 'user', 'Permission denied\n\n'],
      ['show cli level', 'operator', 'operator\n\n'],
    ] as const) {
      assert.deepEqual(say(command, {}, { level, isInteractive: false }), [text, []], command);
    }
    const { talk } = answerRuntime('operator', view(), ADMIN);
    assert.equal(talk.level, 'operator');
  });

  it('keeps a connection that asked for a prompt, until it asks again or quits', () => {
    const first = answerRuntime('prompt', view(), ADMIN);
    assert.deepEqual([first.text, first.isOver], ['\n> ', false]);
    const second = answerRuntime('get weight bk/a', view(), first.talk);
    assert.deepEqual([second.text, second.isOver], ['5 (initial 5)\n\n> ', false]);
    const third = answerRuntime('prompt', view(), first.talk);
    assert.deepEqual([third.text, third.isOver], ['\n', true]);
    const last = answerRuntime('quit', view(), first.talk);
    assert.deepEqual([last.text, last.isOver], ['', true]);
  });

  it('parts several commands in one line', () => {
    assert.deepEqual(commandsOf('get weight bk/a; show backend'), ['get weight bk/a', ' show backend']);
    assert.equal(say(' show  backend ')[0], '# name\nbk\n\n');
  });

  it('shows the process, and how many clients it has', () => {
    const [text] = say('show info');
    assert.match(text, /^Name: Baton\nVersion: 1\n/);
    assert.match(
      text,
      /\nPid: 7\nUptime: 0d 1h02m03s\nUptime_sec: 3723\nMaxconn: 100\nCurrConns: 3\nCumConns: 30\n/,
    );
  });

  it('shows who is there', () => {
    assert.deepEqual(say('show sess')[0].split('\n'), [
      '0x12c: proto=tcpv4 src=10.0.0.9:40000 fe=x be=bk srv=a age=5s',
      '0x12d: proto=tcpv6 src=[fe80::1]:40001 fe=x be=bk srv=<none> age=0s',
      '',
      '',
    ]);
  });

  /** Rows by their svname, each field by the name of its column. */
  function stat(command = 'show stat', more: Partial<RuntimeView> = {}): Map<string, Record<string, string>> {
    const [head = '', ...rows] = say(command, more)[0].trimEnd().split('\n');
    const fields = (line: string): string[] => line.match(/"(?:[^"]|"")*"|[^,]+|(?<=,|^)(?=,|$)/g) ?? [];
    const names = fields(head.slice(2));
    return new Map(
      rows.map((row) => {
        assert.equal(fields(row).length, names.length);
        const named = Object.fromEntries(fields(row).map((field, at) => [names[at] ?? '', field]));
        return [named['svname'] ?? '', named];
      }),
    );
  }
  const some = (row: Record<string, string> | undefined, ...names: string[]): unknown[] =>
    names.map((name) => row?.[name]);

  it('shows statistics as CSV, with the columns of HAProxy in their places', () => {
    const [head = ''] = say('show stat')[0].split('\n');
    const columns = head.slice(2).split(',');
    // Counted from 0 in HAProxy's manual.
    for (const [at, name] of [
      [0, 'pxname'],
      [4, 'scur'],
      [17, 'status'],
      [33, 'rate'],
      [73, 'addr'],
      [76, 'algo'],
      [99, 'uweight'],
    ] as const) {
      assert.equal(columns[at], name);
    }
    const rows = stat();
    assert.deepEqual([...rows.keys()], ['FRONTEND', 'a', 'b', 'BACKEND']);
    const counts = ['status', 'scur', 'smax', 'slim', 'stot', 'bin', 'bout', 'iid', 'sid', 'type'];
    assert.deepEqual(some(rows.get('FRONTEND'), ...counts), [
      'OPEN',
      '3',
      '4',
      '100',
      '30',
      '100',
      '200',
      '2',
      '0',
      '0',
    ]);
    assert.deepEqual(some(rows.get('a'), ...counts), ['UP', '2', '3', '', '20', '100', '200', '3', '1', '2']);
    assert.deepEqual(some(rows.get('b'), ...counts), [
      'DOWN',
      '2',
      '3',
      '',
      '20',
      '100',
      '200',
      '3',
      '2',
      '2',
    ]);
    assert.deepEqual(some(rows.get('BACKEND'), ...counts), [
      'UP',
      '2',
      '3',
      '',
      '20',
      '100',
      '200',
      '3',
      '0',
      '1',
    ]);
    assert.deepEqual(some(rows.get('a'), 'chkfail', 'chkdown', 'lastchg', 'downtime'), ['4', '1', '61', '2']);
    assert.equal(rows.get('b')?.['last_chk'], '"no, ""never"""');
  });

  it('leaves counts empty where nobody sees the clients', () => {
    assert.deepEqual(some(stat('show stat', { traffic: {} }).get('a'), 'scur', 'stot', 'bin'), ['', '', '']);
  });

  it('shows only the rows that are asked for', () => {
    assert.deepEqual([...stat('show stat -1 4 -1').keys()], ['a', 'b']);
    assert.deepEqual([...stat('show stat x 7 -1').keys()], ['FRONTEND']);
    assert.deepEqual([...stat('show stat 3 6 2').keys()], ['b', 'BACKEND']);
    assert.deepEqual([...stat('show stat -1 4 -1 up').keys()], ['a']);
    assert.match(say('show stat json')[0], /as CSV only/);
  });

  it('shows the state of servers in the format of version 1', () => {
    const far = server('c', {
      target: { host: 'fd00::1', port: 6380 },
      address: '[fd00::1]:6380',
      adminState: 'maint',
      weightSet: 7,
      hostName: 'c.example',
    });
    const near = server('d', { target: { host: '/run/redis.sock', port: 0 }, address: '/run/redis.sock' });
    const lines = say('show servers state', {
      snapshot: snapshot(backend('bk', { servers: [server('a'), far, near] })),
    })[0].split('\n');
    assert.equal(lines[0], '1');
    assert.equal(lines[2], '3 bk 1 a 10.0.0.1 2 0 5 5 61 15 3 4 6 0 0 0 - 6379 - 0 0 - - 0');
    assert.equal(lines[3], '3 bk 2 c fd00::1 0 1 7 5 61 15 3 4 14 0 0 0 c.example 6380 - 0 0 - - 0');
    assert.equal(lines[4], '3 bk 3 d /run/redis.sock 2 0 5 5 61 15 3 4 6 0 0 0 - 0 - 0 0 - - 0');
    assert.equal(lines[2]?.split(' ').length, (lines[1]?.split(' ').length ?? 0) - 1);
  });

  it('gives Prometheus the figures of the exporter', () => {
    const text = exportMetrics(view());
    for (const line of [
      'haproxy_frontend_current_sessions{proxy="x"} 3',
      'haproxy_frontend_status{proxy="x",state="UP"} 1',
      'haproxy_backend_current_sessions{proxy="bk"} 2',
      'haproxy_backend_active_servers{proxy="bk"} 1',
      'haproxy_backend_agg_server_status{proxy="bk",state="DOWN"} 1',
      'haproxy_server_status{proxy="bk",server="a",state="UP"} 1',
      'haproxy_server_status{proxy="bk",server="b",state="DOWN"} 1',
      'haproxy_server_bytes_out_total{proxy="bk",server="a"} 200',
      'haproxy_process_current_connections 3',
    ]) {
      assert.ok(text.split('\n').includes(line), line);
    }
    // Each family once, before its samples, and nothing that is no number.
    const types = text.split('\n').filter((line) => line.startsWith('# TYPE '));
    assert.equal(new Set(types).size, types.length);
    assert.doesNotMatch(text, /null|undefined|NaN/);
    const hostile = backend('q"\\\n', { servers: [] });
    assert.match(exportMetrics(view({ snapshot: snapshot(hostile) })), /proxy="q\\"\\\\\\n"/);
  });
});

describe('questions of load balancers', () => {
  const primary = backend('p', { role: 'primary' });
  const nobody = backend('p', { role: 'primary', leadsTo: [], because: 'no server is a primary' });
  const replica = backend('r', {
    role: 'replica',
    servers: [server('s', { role: 'slave', lagBytes: 2_000_000 })],
  });
  const status = (
    path: string,
    query: Record<string, string>,
    ...backends: BackendSnapshot[]
  ): number | undefined => answerHealth(path, query, snapshot(...backends))?.status;

  it('are answered by 200 where clients are led somewhere, else by 503', () => {
    assert.equal(status('/primary', {}, primary), 200);
    assert.equal(status('/primary', {}, nobody, replica), 503);
    assert.equal(status('/master', {}, replica), 503);
    assert.equal(status('/replica', {}, primary, replica), 200);
    assert.equal(status('/readiness', {}, nobody), 503);
    assert.equal(status('/else', {}, primary), undefined);
    for (const name of ['/', '/leader', '/read-write']) {
      assert.deepEqual([status(name, {}, primary), status(name, {}, nobody)], [200, 503], name);
    }
  });

  it('say of the servers whether any is up, and of the process that it lives', () => {
    const dead = backend('p', { leadsTo: [], servers: [server('a', { health: 'down', reason: 'refused' })] });
    assert.deepEqual([status('/health', {}, nobody), status('/health', {}, dead)], [200, 503]);
    assert.deepEqual(answerHealth('/health', {}, snapshot(dead))?.body, {
      state: 'no server is up',
      servers: { a: 'down: refused' },
    });
    assert.deepEqual([status('/liveness', {}, dead), status('/readiness', {}, dead)], [200, 503]);
  });

  it('take the primary for one that can be read, too', () => {
    assert.equal(status('/read-only', {}, primary), 200);
    assert.equal(status('/read-only', { lag: '1MB' }, nobody, replica), 503);
    assert.equal(status('/read-only', {}, nobody, replica), 200);
    const fallen = backend('r', { role: 'replica', servers: [server('s', { role: 'master' })] });
    assert.equal(status('/read-only', { lag: '1MB' }, fallen), 200);
    assert.deepEqual(answerHealth('/replica', {}, snapshot(primary))?.body, {
      reason: 'there is no endpoint for that',
    });
  });

  it('may name how far behind a replica may be', () => {
    assert.equal(status('/replica', { lag: '1MB' }, replica), 503);
    assert.equal(status('/replica', { lag: '2MB' }, replica), 200);
    assert.equal(status('/replica', { lag: 'much' }, replica), 400);
  });

  it('say no of a replica endpoint that has fallen back to the primary', () => {
    const fallen = backend('r', { role: 'replica', servers: [server('s', { role: 'master' })] });
    assert.equal(status('/replica', {}, fallen), 503);
  });
});

it('the page of status escapes what servers say', () => {
  const hostile = backend('<b>', {
    servers: [server('a', { reason: '<script>' })],
    alarm: 'two & more',
    switching: 'on & on',
  });
  const page = statusPage(view({ snapshot: snapshot(hostile) }), 5_000);
  assert.doesNotMatch(page, /<script>|<b>/);
  assert.match(page, /<p class="alarm">on &#38; on<\/p><p class="alarm">two &#38; more<\/p>/);
  assert.match(page, /content="5"/);
  assert.match(page, /x: 3 clients \(at most 4, in all 30/);
  assert.match(page, /<td>2<td>3<td>20<td>100<td>200/);
});
