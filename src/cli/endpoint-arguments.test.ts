import assert from 'node:assert/strict';
import { it } from 'node:test';
import { endpointsFromFlags, parseHostPort, type EndpointFlags } from './endpoint-arguments.ts';

const NONE = { servers: null, sentinels: null };
const read = (flags: EndpointFlags) => {
  const conf = endpointsFromFlags(flags, NONE);
  assert.ok(conf.ok, conf.ok ? '' : conf.problem.join('\n'));
  return conf.value;
};

it('makes a primary and a replica endpoint that follow sentinels', () => {
  const { frontends, backends, leaseMs, refreshMs } = read({
    sentinels: 'a,b:5000,[fe80::1]:5001',
    primary: 'mymaster',
    listen: ['6379'],
    replicaListen: ['10.0.0.9:6380'],
  });
  assert.deepEqual(
    frontends.map(({ name, binds }) => [
      name,
      binds.map((bind) => (bind.kind === 'tcp' ? `${bind.host} ${bind.port}` : '')),
    ]),
    [
      ['primary', ['127.0.0.1 6379', '::1 6379']],
      ['replica', ['10.0.0.9 6380']],
    ],
  );
  const [primary, replica] = backends;
  assert.deepEqual(primary?.source, {
    kind: 'sentinels',
    sentinels: [
      { host: 'a', port: 26_379 },
      { host: 'b', port: 5_000 },
      { host: 'fe80::1', port: 5_001 },
    ],
    group: 'mymaster',
    credentials: null,
    tls: null,
  });
  assert.deepEqual(replica?.role, {
    kind: 'replica',
    lagBytesMax: 1_048_576,
    lagMsMax: 10_000,
    withoutReplica: 'primary',
    shareMax: 100,
  });
  assert.deepEqual([leaseMs, refreshMs], [3_000, 500]);
});

it('wants a password in a file, and does not repeat one that is in an address', () => {
  const bad = { sentinels: 'a:sesame@b', primary: 'm', listen: ['1'] };
  for (const flags of [
    { servers: 'sesame@10.0.0.1:1', listen: ['1'] },
    { servers: 'redis://:sesame@10.0.0.1:1', listen: ['1'] },
    bad,
  ]) {
    const conf = endpointsFromFlags(flags, NONE);
    const text = conf.ok ? '' : conf.problem.join('\n');
    assert.match(text, /\.\.\.@.*: HOST:PORT.*go into the file of --(?:sentinel-)?auth-file/);
    assert.doesNotMatch(text, /sesame/);
  }
});

it('takes localhost for both loopbacks, and a zone where a server needs one', () => {
  const { frontends, backends } = read({
    servers: '[fe80::1%eth0]:6380,fe80',
    listen: ['localhost:6379', '[::1]:6380', '*:6381'],
  });
  assert.deepEqual(
    frontends[0]?.binds.map((bind) => (bind.kind === 'tcp' ? `${bind.host} ${bind.port}` : '')),
    ['127.0.0.1 6379', '::1 6379', '::1 6380', '* 6381'],
  );
  assert.deepEqual(
    backends[0]?.servers.map(({ name, host, port }) => [name, host, port]),
    [
      ['[fe80::1%eth0]:6380', 'fe80::1%eth0', 6_380],
      ['fe80:6379', 'fe80', 6_379],
    ],
  );
});

it('reads durations and sizes in the usual units', () => {
  const { frontends, backends } = read({
    servers: 'a',
    replicaListen: ['1'],
    queueTimeout: '250ms',
    holdMax: '2',
    replicaLag: '1.5s',
    replicaLagBytes: '2mb',
  });
  assert.equal(frontends[0]?.queue.timeoutMs, 250);
  assert.equal(frontends[0]?.hold.holdMsMax, 2_000);
  assert.deepEqual(
    backends[0]?.role.kind === 'replica' && [backends[0].role.lagMsMax, backends[0].role.lagBytesMax],
    [1_500, 2_097_152],
  );
});

it('says all that is wrong at once', () => {
  const conf = endpointsFromFlags(
    {
      sentinels: 'a',
      servers: 'b',
      listen: ['x:y', 'redis.example:6379', '[fe80::1%eth0]:6379', '[fe80::1]:6379'],
      lease: '1s',
      refresh: '600ms',
      shareMax: '0',
      prefer: 'nobody',
      replicaLag: 'long',
    },
    NONE,
  );
  assert.ok(!conf.ok);
  const text = conf.problem.join('\n');
  for (const what of [
    '--sentinels exclude',
    '--sentinels needs --primary',
    '--listen x:y: PORT',
    '--listen redis.example:6379: PORT (on loopback), ADDRESS:PORT (an address of this host',
    '--listen [fe80::1%eth0]:6379: PORT',
    '--listen [fe80::1]:6379: PORT (on loopback), ADDRESS:PORT (an address of this host; names may change, and link-local',
    'at most half of --lease',
    '--prefer nobody',
    '--share-max 0: a number from 1 to 100',
    '--replica-lag long: a duration',
    '--share-max, --replica-lag: say where readers come, --replica-listen 6380',
  ]) {
    assert.ok(text.includes(what), `${what} is missing in:\n${text}`);
  }
});

it('counts nobody twice', () => {
  for (const [flags, said] of [
    [{ sentinels: 'a,B,b:26379', primary: 'm' }, ['--sentinels b:26379: it is named twice']],
    [{ servers: '[::1],10.0.0.1,[::1]:6379,/a.sock,/b.sock' }, ['--servers [::1]:6379: it is named twice']],
  ] as const) {
    const conf = endpointsFromFlags({ ...flags, listen: ['1'] }, NONE);
    assert.deepEqual(conf.ok ? [] : conf.problem, said);
  }
});

it('reads hosts and ports', () => {
  assert.deepEqual(parseHostPort('*:6379', null), { host: '*', port: 6379 });
  assert.deepEqual(parseHostPort('[::1]:1', null), { host: '::1', port: 1 });
  for (const wrong of ['::1:1', 'a:0', 'a:65536', ':1', 'a b:1', ''])
    assert.equal(parseHostPort(wrong, null), null);
});
