import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { BackendConf } from '../../endpoint-conf.ts';
import { readHaproxy } from './read-haproxy.ts';

const SERVERS = ' server a 10.0.0.1:1 check\n server b 10.0.0.2:1 check\n';

function read(lines: string, more = SERVERS): { backend: BackendConf | null; said: readonly string[] } {
  const text = `listen x\n bind :1\n${lines}${more}`;
  const result = readHaproxy(text, { path: 'h.cfg', isLenient: false, environment: {} });
  return result.ok
    ? { backend: result.value.conf.backends[0] ?? null, said: result.value.warnings }
    : { backend: null, said: result.problem };
}

it('clients stay with a server by their address, as long and as many as the table says', () => {
  for (const rules of [' stick on src\n', ' stick match src\n stick store-request src table x\n']) {
    const { backend } = read(` stick-table type ip size 200k expire 30m nopurge\n${rules}`);
    assert.equal(backend?.persistMs, 1_800_000);
    assert.deepEqual(backend?.persistTable, { addressesMax: 204_800, isFixed: true });
  }
  const { backend } = read(' stick-table size 5 type ip\n stick on src\n');
  assert.equal(backend?.persistMs, Infinity);
  assert.deepEqual(backend?.persistTable, { addressesMax: 5, isFixed: false });
});

it('with a key that is the same for all, one server has all of them, and a note says what that means', () => {
  for (const key of ['dst', 'int(1)', 'str(x)']) {
    const { backend, said } = read(` stick-table type string len 32 size 1 nopurge\n stick on ${key}\n`);
    assert.equal(backend?.staysWithOne, true);
    assert.match(
      said.join('\n'),
      /^h\.cfg:4:2: all clients of 'x' have one server, which stays while it is/m,
    );
  }
});

it('to match alone, or to store alone, moves nobody', () => {
  for (const rule of ['match', 'store-request']) {
    const { backend } = read(` stick-table type ip size 10\n stick ${rule} src\n`);
    assert.equal(backend?.persistMs, undefined);
  }
});

it('the primary in use stays by itself', () => {
  const ladder = String.raw` option tcp-check
 tcp-check send info\ replication\r\n
 tcp-check expect string role:master
`;
  const { backend, said } = read(` stick-table type ip size 10\n stick on dst\n${ladder}`);
  assert.equal(backend?.staysWithOne, undefined);
  assert.match(said.join('\n'), /^h\.cfg:4:2: stick does nothing here: the primary that is in use stays/m);
});

it('says what is not served, and where', () => {
  const table = ' stick-table type ip size 10\n';
  for (const [lines, problem] of [
    [' stick on src\n', /^h\.cfg:3:2: 'x' has no stick-table/],
    [' stick-table type ip\n', /^h\.cfg:3:2: a stick-table takes a size/],
    [' stick-table size 10\n', /^h\.cfg:3:2: a stick-table takes a type/],
    [' stick-table type ip size none\n', /^h\.cfg:3:22: size is a number/],
    [' stick-table type ip size 10 expire soon\n', /^h\.cfg:3:30: expire is a time/],
    [' stick-table type banana size 10\n', /^h\.cfg:3:14: type is one of ip/],
    [`${table} stick on hdr(x)\n`, /^h\.cfg:4:11: stick on 'hdr\(x\)' is not served: keys are src/],
    [`${table} stick store-response src\n`, /^h\.cfg:4:23: stick store-response 'src' is not served/],
    [`${table} stick on src if TRUE\n`, /^h\.cfg:4:15: stick on is served without conditions/],
    [`${table} stick on src table y\n`, /^h\.cfg:4:15: stick on is served without conditions/],
    [' balance hash dst\n', /^h\.cfg:3:10: balance hash is not served but for "src": balance source is/],
    [' balance random(0)\n', /^h\.cfg:3:10: random takes a number of servers/],
    [' hash-type banana\n', /^h\.cfg:3:12: hash-type is one of consistent, map-based/],
    [' hash-type consistent md5\n', /^h\.cfg:3:23: hash-type is one of sdbm/],
  ] as const) {
    const { said } = read(lines);
    assert.match(said[0] ?? '', problem, lines);
  }
  assert.match(
    read(`${table.trimEnd()} peers p store conn_cur\n stick on src\n`).said.join('\n'),
    /3:30: what stays where is known to this process only[^]*3:38: counters of stick tables are not kept/,
  );
});

it('balances: hash of the source is source, and hashes are of every kind', () => {
  const { backend } = read(' balance hash src\n hash-type map-based djb2 avalanche\n');
  assert.equal(backend?.balance, 'source');
  assert.match(read(' hash-balance-factor 150\n').said.join('\n'), /hash-balance-factor is not kept/);
  assert.match(read(' balance random(3)\n').said.join('\n'), /random is served as leastconn/);
});

it('reads what tells of a server besides its check', () => {
  const { backend } = read(
    '',
    ` default-server inter 1s
 server a 10.0.0.1:1 check agent-check agent-port 9 agent-addr 10.0.0.9 agent-inter 5s agent-send hello\\n slowstart 20s observe layer4 error-limit 3 on-error sudden-death
 server b 10.0.0.2:1 track a
 server c 10.0.0.3:1 track x/a no-agent-check
`,
  );
  const [a, b, c] = backend?.servers ?? [];
  assert.deepEqual(a?.agent, {
    host: '10.0.0.9',
    port: 9,
    send: 'hello\n',
    timing: {
      intervalMs: 5_000,
      fastIntervalMs: 5_000,
      downIntervalMs: 5_000,
      rise: 1,
      fall: 1,
      timeoutMs: 5_000,
    },
  });
  assert.equal(a?.slowStartMs, 20_000);
  assert.deepEqual(a?.observe, { errorLimit: 3, onError: 'sudden-death' });
  for (const one of [b, c]) assert.deepEqual(one?.tracks, { backend: 'x', server: 'a' });
});

it('servers of a template share a name, and each has an address of it to itself', () => {
  const slots = (address: string): unknown =>
    read(
      '',
      ` server-template w 1-2 ${address}:1 check resolvers k8s init-addr none resolve-prefer ipv4\n`,
    ).backend?.servers.map(({ name, slot, family }) => [name, slot?.group, slot?.index, family]);
  assert.deepEqual(slots('redis.ns.svc'), [
    ['w1', 'w redis.ns.svc', 0, 4],
    ['w2', 'w redis.ns.svc', 1, 4],
  ]);
  assert.deepEqual(slots('10.0.0.1'), [
    ['w1', undefined, undefined, 4],
    ['w2', undefined, undefined, 4],
  ]);
});
