import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { HaproxyFile } from './haproxy-conf.ts';
import { readHaproxy } from './read-haproxy.ts';

const HEAD = 'defaults\n mode tcp\n timeout connect 4s\n timeout client 5m\n timeout server 5m\n';
const LADDER = String.raw` option tcp-check
 tcp-check send PING\r\n
 tcp-check expect string +PONG
 tcp-check send info\ replication\r\n
 tcp-check expect string role:master
`;

function read(text: string): HaproxyFile {
  const result = readHaproxy(`${HEAD}${text}`, { path: 'h.cfg', isLenient: false, environment: {} });
  assert.ok(result.ok, result.ok ? '' : result.problem.join('\n'));
  return result.value;
}

/** All problems of a file that is refused. */
function said(text: string): string {
  const result = readHaproxy(`${HEAD}${text}`, { path: 'h.cfg', isLenient: false, environment: {} });
  return result.ok ? '' : result.problem.join('\n');
}

const frontends = (text: string): unknown =>
  read(text).conf.frontends.map(({ name, backend, binds, branches, branchOf }) => ({
    name,
    backend,
    listens: binds.length,
    to: branches?.map((branch) => branch?.frontend ?? null),
    branchOf,
  }));

const plain = (name: string): string => `backend ${name}\n server s 10.0.0.1:1 check\n`;
const frontend = (lines: string): string => `frontend f\n bind :6379\n${lines}`;

it('a frontend serves one backend itself, and the others by branches that listen nowhere', () => {
  const rules = ' use_backend b if { src 10.0.0.0/8 }\n use_backend a unless { nbsrv(c) ge 1 }\n';
  const text = `${frontend(`${rules} default_backend a\n`)}${plain('a')}${plain('b')}${plain('c')}`;
  assert.deepEqual(frontends(text), [
    { name: 'f', backend: 'a', listens: 1, to: ['f/b', 'f'], branchOf: undefined },
    { name: 'f/b', backend: 'b', listens: 0, to: undefined, branchOf: 'f' },
  ]);
  // The one that is only asked about is watched, too.
  assert.deepEqual(
    read(text).conf.backends.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
});

it('who is led nowhere by the rules is turned away where there is no default_backend', () => {
  assert.deepEqual(frontends(`${frontend(' use_backend b if { dst_port 6379 }\n')}${plain('b')}`), [
    { name: 'f', backend: 'b', listens: 1, to: ['f', null], branchOf: undefined },
  ]);
});

it('a rule without a condition ends the list, and comes before the servers of a listen', () => {
  const lines = ' use_backend b if TRUE\n use_backend c\n use_backend d\n server own 10.0.0.9:1\n';
  const text = `listen f\n bind :6379\n${lines}${plain('b')}${plain('c')}${plain('d')}`;
  assert.deepEqual(frontends(text), [
    { name: 'f', backend: 'c', listens: 1, to: ['f/b'], branchOf: undefined },
    { name: 'f/b', backend: 'b', listens: 0, to: undefined, branchOf: 'f' },
  ]);
});

it('reads numbers as HAProxy does: values, ranges, and operators for all that follow', () => {
  const ranges = (criterion: string): unknown => {
    const { conf } = read(
      `${frontend(` use_backend b if { ${criterion} }\n default_backend a\n`)}${plain('a')}${plain('b')}`,
    );
    const test = conf.frontends[0]?.branches?.[0]?.when.anyOf[0]?.[0]?.tests[0];
    return test?.kind === 'port' || test?.kind === 'servers-up' ? test.ranges : test;
  };
  assert.deepEqual(ranges('nbsrv(b) ge 2'), [[2, Infinity]]);
  assert.deepEqual(ranges('nbsrv(b) gt 2'), [[3, Infinity]]);
  assert.deepEqual(ranges('nbsrv(b) -m int lt 2 4'), [
    [-Infinity, 1],
    [-Infinity, 3],
  ]);
  assert.deepEqual(ranges('dst_port 6379 7000:7010 :10 9000:'), [
    [6379, 6379],
    [7000, 7010],
    [-Infinity, 10],
    [9000, Infinity],
  ]);
  assert.deepEqual(ranges('srv_is_up(b/s)'), [[1, Infinity]]);
  assert.deepEqual(ranges('srv_is_up(b/s) 0'), [[0, 0]]);
  assert.deepEqual(ranges('always_false 0'), { kind: 'always' });
  assert.equal(ranges('always_true 0'), undefined);
});

/** The tutorial with one backend for each server, and one that asks the sentinels about it. */
const TUTORIAL = ['01', '02']
  .map(
    (name, index) => String.raw`backend redis-${name}
 balance first
 ${LADDER} server redis-${name} 10.0.0.${index + 1}:6379 maxconn 1024 check inter 1s
backend check_master_redis-${name}
 option tcp-check
 tcp-check connect
 tcp-check send PING\r\n
 tcp-check expect string +PONG
 tcp-check send SENTINEL\ master\ mymaster\r\n
 tcp-check expect string 10.0.0.${index + 1}
 tcp-check send QUIT\r\n
 tcp-check expect string +OK
 server s1 10.0.0.1:26379 check inter 1s
 server s2 10.0.0.2:26379 check inter 1s
 server s3 10.0.0.3:26379 check inter 1s
`,
  )
  .join('');
const LEADS = frontend(
  ['01', '02']
    .map(
      (name) =>
        ` use_backend redis-${name} if { srv_is_up(redis-${name}/redis-${name}) } { nbsrv(check_master_redis-${name}) ge 2 }\n`,
    )
    .join(''),
);

it('backends that each look for the primary, chosen by what sentinels say, are one that asks the sentinels', () => {
  for (const end of ['', ' default_backend redis-01\n']) {
    const { conf, warnings } = read(`${LEADS}${end}${TUTORIAL}`);
    assert.deepEqual(
      conf.frontends.map(({ name, backend, branches }) => [name, backend, branches]),
      [['f', 'f', undefined]],
    );
    const [backend, ...more] = conf.backends;
    assert.deepEqual(more, []);
    assert.equal(backend?.role.kind, 'primary');
    assert.deepEqual(backend?.source, {
      kind: 'sentinels',
      sentinels: [1, 2, 3].map((last) => ({ host: `10.0.0.${last}`, port: 26_379 })),
      group: 'mymaster',
      credentials: null,
      tls: null,
    });
    assert.match(
      warnings.join('\n'),
      /^h\.cfg:6:1: 'f': its backends \(redis-01, redis-02\) are one endpoint here, which follows the sentinels' 'mymaster'/m,
    );
  }
});

it('without sentinels such backends are one as well, so that an old primary that returns gets no clients', () => {
  const rules = ' use_backend a if { srv_is_up(a/s) }\n use_backend b if { srv_is_up(b/s) }\n';
  const backend = (name: string, last: number): string =>
    `backend ${name}\n${LADDER} server s 10.0.0.${last}:6379 check\n`;
  const { conf } = read(`${frontend(rules)}${backend('a', 1)}${backend('b', 2)}`);
  assert.deepEqual(
    conf.backends.map(({ name, source, servers }) => [name, source.kind, servers.map((one) => one.name)]),
    [['f', 'checks', ['a/s', 'b/s']]],
  );
});

it('such an endpoint takes the name of no other, and names hold no slash', () => {
  const rules = ' use_backend a if { srv_is_up(a/s) }\n use_backend b if { srv_is_up(b/s) }\n';
  const backend = (name: string, last: number): string =>
    `backend ${name}\n${LADDER} server s 10.0.0.${last}:6379 check\n`;
  const own = `${frontend(rules)}${backend('a', 1)}${backend('b', 2)}`;
  const others = `listen f-primary\n bind :1\n server s 10.0.0.9:1 check\n${backend('f', 3)}`;
  const { conf } = read(`${own}${others}`);
  const leads = conf.frontends.map(({ name, backend: to }) => [name, to]);
  assert.deepEqual(leads, [
    ['f', 'f/primary'],
    ['f-primary', 'f-primary'],
  ]);
  const problems = said('listen a/b\n bind :1\n server c/d 10.0.0.1:1\n server-template e/ 2 10.0.0.1:1\n');
  assert.match(problems, /^h\.cfg:6:8: '\/' cannot stand in the name of a listen/m);
  assert.match(problems, /^h\.cfg:8:9: '\/' cannot stand in the name of a server/m);
  assert.match(problems, /^h\.cfg:9:18: '\/' cannot stand in the name of a server/m);
});

it('servers that sentinels name are neither asked about nor tracked by names of the file', () => {
  const trick = ' use-server redis-01 if { srv_is_up(redis-01) } { nbsrv(check_master_redis-01) ge 2 }\n';
  const led = TUTORIAL.replace('backend redis-01\n', `backend redis-01\n${trick}`);
  const text = `frontend f\n bind :1\n use_backend redis-02 unless { srv_is_up(redis-01/redis-01) }\n default_backend redis-01\n${led}`;
  const tracking = 'listen x\n bind :2\n server y 10.0.0.8:1 track redis-01/redis-01\n';
  // A backend of several servers is no part of one endpoint with another.
  const apart = text.replace(
    'default_backend redis-01\n',
    'use_backend other if { src 10.0.0.0/8 }\n default_backend redis-01\n',
  );
  const problems = said(`${apart}${plain('other')}${tracking}`);
  assert.match(
    problems,
    /^h\.cfg:8:32: srv_is_up\(redis-01\/redis-01\) is not served, since sentinels name the servers of 'redis-01': nbsrv\(redis-01\) says/m,
  );
  assert.match(
    problems,
    /^h\.cfg:\d+:22: sentinels name the servers of 'redis-01', so that none of them can be tracked/m,
  );
});

it('what belongs to servers does nothing in a frontend, which is said', () => {
  const lines = ' server-template t 2 10.0.0.1:1\n stick on src\n default_backend a\n';
  const { warnings } = read(`${frontend(lines)}${plain('a')}`);
  assert.match(warnings.join('\n'), /^h\.cfg:8:2: 'server-template' does nothing in a frontend/m);
  assert.match(warnings.join('\n'), /^h\.cfg:9:2: 'stick' does nothing in a frontend/m);
});

it('backends that other conditions choose from, or that have several servers each, stay apart', () => {
  const names = (rule: string, servers: string): readonly string[] => {
    const backend = (name: string): string => `backend ${name}\n${LADDER}${servers}`;
    const text = `${frontend(`${rule} default_backend b\n`)}${backend('a')}${backend('b')}`;
    return read(text).conf.backends.map(({ name }) => name);
  };
  const [one, other] = [' server s 10.0.0.1:6379 check\n', ' server t 10.0.0.2:6379 check\n'];
  assert.deepEqual(names(' use_backend a if { src 10.0.0.0/8 }\n', one), ['b', 'a']);
  assert.deepEqual(names(' use_backend a if { nbsrv(b) lt 1 }\n', `${one}${other}`), ['b', 'a']);
  assert.deepEqual(names(' use_backend a if { nbsrv(b) lt 1 }\n', one), ['f']);
});

it('use-server is a rule of its backend, and nothing where the primary is known', () => {
  const rule = ' use-server s if { src 10.0.0.0/8 }\n';
  const { conf } = read(
    `listen x\n bind :1\n${rule} server s 10.0.0.1:1 check\n server t 10.0.0.2:1 check\n`,
  );
  assert.deepEqual(
    conf.backends[0]?.serverRules?.map(({ server }) => server),
    ['s'],
  );
  const { conf: led, warnings } = read(`listen x\n bind :1\n${LADDER}${rule} server s 10.0.0.1:1 check\n`);
  assert.equal(led.backends[0]?.serverRules, undefined);
  assert.match(warnings.join('\n'), /^h\.cfg:13:13: use-server does nothing here/m);
});
