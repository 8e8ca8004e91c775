import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerHealth, parseSize } from './health.ts';
import { answerRuntime, type RuntimeView } from './runtime-api.ts';
import type { BackendSnapshot, EndpointsSnapshot, ServerSnapshot } from './snapshot.ts';
import { statusPage } from './status-page.ts';

const server = (name: string, more: Partial<ServerSnapshot> = {}): ServerSnapshot => ({
  name,
  address: '10.0.0.1:6379',
  health: 'up',
  adminState: 'ready',
  weight: 5,
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
  role: 'any',
  generation: 1,
  leadsTo: ['10.0.0.1:6379'],
  because: 'a',
  expiresInMs: null,
  alarm: null,
  hasQuorum: null,
  servers: [server('a'), server('b', { health: 'down', reason: 'no, "never"', isServing: false })],
  sentinels: [],
  ...more,
});

const snapshot = (...backends: BackendSnapshot[]): EndpointsSnapshot => ({
  frontends: [{ name: 'x', backend: backends[0]?.name ?? '' }],
  backends,
});

const view = (more: Partial<RuntimeView> = {}): RuntimeView => ({
  snapshot: snapshot(backend('bk')),
  level: 'admin',
  version: '1',
  pid: 7,
  uptimeMs: 3_723_000,
  connectionsMax: 100,
  ...more,
});

describe("HAProxy's runtime API", () => {
  it('gives orders, and answers them by an empty line, as HAProxy', () => {
    for (const [line, orders] of [
      ['set server bk/a state drain', [{ kind: 'set-state', backend: 'bk', server: 'a', state: 'drain' }]],
      ['disable server bk/a', [{ kind: 'set-state', backend: 'bk', server: 'a', state: 'maint' }]],
      ['enable server bk/a', [{ kind: 'set-state', backend: 'bk', server: 'a', state: 'ready' }]],
      ['set server bk/a weight 50%', [{ kind: 'set-weight', backend: 'bk', server: 'a', weight: 2 }]],
      ['set weight bk/a 0', [{ kind: 'set-weight', backend: 'bk', server: 'a', weight: 0 }]],
    ] as const) {
      assert.deepEqual(answerRuntime(line, view()), { text: '\n', orders });
    }
  });

  it('says what is wrong in the words of HAProxy 2.6', () => {
    for (const [line, text] of [
      ['set server bk/z state drain', 'No such server.\n\n'],
      ['set server z/a state drain', 'No such backend.\n\n'],
      ['set server bk/a state foo', "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"],
      ['set server bk/a weight 300', 'Absolute weight can only be between 0 and 256 inclusive.\n\n'],
      ['show servers state zz', "Can't find backend.\n\n"],
    ] as const) {
      assert.deepEqual(answerRuntime(line, view()), { text, orders: [] });
    }
    assert.match(answerRuntime('nonsense', view()).text, /^Unknown command: nonsense/);
  });

  it('lets only admins give orders', () => {
    const answer = answerRuntime('set server bk/a state drain', view({ level: 'operator' }));
    assert.deepEqual(answer, { text: 'Permission denied\n\n', orders: [] });
  });

  it('takes several commands in one line', () => {
    const { text } = answerRuntime('get weight bk/a; show backend', view());
    assert.equal(text, '5 (initial 5)\n\n# name\nbk\n\n');
  });

  it('shows the process', () => {
    assert.match(
      answerRuntime('show info', view()).text,
      /^Name: Baton\nVersion: 1\nPid: 7\nUptime: 0d 1h02m03s\nUptime_sec: 3723\nMaxconn: 100\n\n$/,
    );
  });

  it('shows statistics as CSV whose rows have as many fields as its head', () => {
    const [head = '', ...rows] = answerRuntime('show stat', view()).text.trimEnd().split('\n');
    const fields = (line: string): string[] => line.match(/"(?:[^"]|"")*"|[^,]+|(?<=,|^)(?=,|$)/g) ?? [];
    const names = fields(head.slice(2));
    assert.equal(rows.length, 4);
    for (const row of rows) assert.equal(fields(row).length, names.length);
    const at = (row: number, name: string): string | undefined =>
      fields(rows[row] ?? '')[names.indexOf(name)];
    assert.deepEqual(
      [0, 1, 2, 3].map((row) => [at(row, 'svname'), at(row, 'status')]),
      [
        ['FRONTEND', 'OPEN'],
        ['a', 'UP'],
        ['b', 'DOWN'],
        ['BACKEND', 'UP'],
      ],
    );
    assert.equal(at(2, 'last_chk'), '"no, ""never"""');
  });

  it('shows the state of servers in the format of version 1', () => {
    const lines = answerRuntime('show servers state', view()).text.split('\n');
    assert.equal(lines[0], '1');
    assert.equal(lines[2], '2 bk 1 a 10.0.0.1 2 0 5 5 0 1 3 0 0 0 0 0 - 6379 - 0 0 - - 0');
    assert.equal(lines[2]?.split(' ').length, (lines[1]?.split(' ').length ?? 0) - 1);
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
    assert.equal(status('/health', {}, nobody), 200);
    assert.equal(status('/else', {}, primary), undefined);
  });

  it('may name how far behind a replica may be', () => {
    assert.equal(status('/replica', { lag: '1MB' }, replica), 503);
    assert.equal(status('/replica', { lag: '2MB' }, replica), 200);
    assert.equal(status('/replica', { lag: 'much' }, replica), 400);
    assert.deepEqual(['65536', '1kB', '1k', '2GB', '-1', ''].map(parseSize), [
      65_536,
      1_024,
      1_000,
      2_147_483_648,
      null,
      null,
    ]);
  });

  it('say no of a replica endpoint that has fallen back to the primary', () => {
    const fallen = backend('r', { role: 'replica', servers: [server('s', { role: 'master' })] });
    assert.equal(status('/replica', {}, fallen), 503);
  });
});

it('the page of status escapes what servers say', () => {
  const page = statusPage(
    snapshot(backend('<b>', { servers: [server('a', { reason: '<script>' })], alarm: 'two & more' })),
    5_000,
  );
  assert.doesNotMatch(page, /<script>|<b>/);
  assert.match(page, /two &#38; more/);
  assert.match(page, /content="5"/);
});
