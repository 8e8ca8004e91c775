import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { HaproxyFile } from './haproxy-conf.ts';
import { readHaproxy } from './read-haproxy.ts';

const TIMES = 'defaults\n mode tcp\n timeout connect 4s\n timeout client 5m\n timeout server 5m\n';

const LADDER = String.raw`
 option tcp-check
 tcp-check connect
 tcp-check send AUTH\ sesame\r\n
 tcp-check expect string +OK
 tcp-check send PING\r\n
 tcp-check expect string +PONG
 tcp-check send info\ replication\r\n
 tcp-check expect string role:master
 tcp-check send QUIT\r\n
 tcp-check expect string +OK
`;

function read(text: string, isLenient = false, environment: Record<string, string> = {}): HaproxyFile {
  const result = readHaproxy(text, { path: 'h.cfg', isLenient, environment });
  assert.ok(result.ok, result.ok ? '' : result.problem.join('\n'));
  return result.value;
}

function problems(text: string): readonly string[] {
  const result = readHaproxy(text, { path: 'h.cfg', isLenient: false, environment: {} });
  return result.ok ? [] : result.problem;
}

describe('haproxy.cfg of the tutorials', () => {
  const file = read(`global
 daemon
 maxconn 4000
 nbthread 4
 no busy-polling
 log /dev/log local0 notice
 user haproxy
 group haproxy
 chroot /var/lib/haproxy
 pidfile /run/h.pid
 stats socket /run/h.sock mode 600 level admin
${TIMES}
frontend fe
 bind *:6379 name redis
 default_backend bk
backend bk
 balance first${LADDER}
 server a 10.0.0.1:6379 check inter 1s fall 2 rise 3 weight 10
 server b 10.0.0.2:6379 check inter 1s maxconn 50
listen stats
 bind :8404
 mode http
 stats enable
 stats uri /stats
 stats refresh 10
 stats auth admin:hush
`);

  it('makes a primary endpoint of the ladder, with its password', () => {
    const [backend] = file.conf.backends;
    assert.deepEqual(backend?.role, { kind: 'primary', preferred: null });
    assert.deepEqual(backend?.source, { kind: 'checks' });
    assert.deepEqual(backend?.credentials, { user: null, password: 'sesame' });
    assert.equal(backend?.endsOthers, true);
    assert.equal(backend?.balance, 'first');
    assert.deepEqual(backend?.timing, {
      intervalMs: 1_000,
      fastIntervalMs: 1_000,
      downIntervalMs: 1_000,
      rise: 3,
      fall: 2,
      timeoutMs: 1_000,
    });
    assert.deepEqual(
      backend?.servers.map(({ name, host, port, weight, connectionsMax, checks }) => [
        name,
        host,
        port,
        weight,
        connectionsMax,
        checks.length,
      ]),
      [
        ['a', '10.0.0.1', 6379, 10, null, 0],
        ['b', '10.0.0.2', 6379, 1, 50, 0],
      ],
    );
  });

  it('listens where HAProxy does, with its limits', () => {
    const [frontend] = file.conf.frontends;
    assert.deepEqual(frontend?.binds, [
      { kind: 'tcp', host: '*', port: 6379, tls: null, acceptsProxyProtocol: false },
    ]);
    assert.equal(frontend?.mode, 'redis');
    assert.equal(frontend?.idleMsMax, 300_000);
    assert.equal(frontend?.queue.timeoutMs, 4_000);
    assert.equal(file.conf.frontends.length, 1);
  });

  it('listens at an address in the head, as HAProxy before 1.9 did, and says how it is written today', () => {
    const old = read(`${TIMES}listen x 127.0.0.1:1,:2 name a\n bind :3\n server a 10.0.0.1:6379\n`);
    const [frontend] = old.conf.frontends;
    assert.deepEqual(
      frontend?.binds.map((bind) => (bind.kind === 'tcp' ? `${bind.host} ${bind.port}` : '')),
      ['127.0.0.1 1', '* 2', '* 3'],
    );
    assert.ok(
      old.warnings.includes(
        "h.cfg:6:10: HAProxy of today reads no address here: write 'bind 127.0.0.1:1,:2' below",
      ),
      old.warnings.join('\n'),
    );
    assert.deepEqual(
      problems(`${TIMES}listen x y\n server a 10.0.0.1:1\nbackend z 10.0.0.1:1\n`).slice(0, 2),
      [
        "h.cfg:6:10: 'y' is no address to listen on: ADDRESS:PORT, *:PORT or /path/of/a.sock",
        "h.cfg:8:11: a backend has no address: '10.0.0.1:1' is one word too many",
      ],
    );
  });

  it('says what of the process is not done', () => {
    const { warnings } = read(
      `global\n chroot /c\n maxsessrate 5\n ulimit-n 9\n${TIMES}listen x\n bind :1\n server a 10.0.0.1:1\n`,
    );
    assert.deepEqual(warnings.slice(0, 2), [
      'h.cfg:2:2: chroot is not done: user and group are, and systemd can confine',
      'h.cfg:3:2: maxsessrate is not followed: clients are not counted by the second',
    ]);
  });

  it('hands over what the process is told', () => {
    const { statsPages, ...process } = file.process;
    assert.deepEqual(process, {
      logs: [{ to: { kind: 'unix', path: '/dev/log' }, isRaw: false, facility: 'local0', level: 'notice' }],
      user: 'haproxy',
      group: 'haproxy',
      isDaemon: true,
      pidFile: '/run/h.pid',
      connectionsMax: 4_000,
      workers: 4,
      staysAwake: false,
      statsSockets: [
        {
          bind: { kind: 'unix', path: '/run/h.sock' },
          mode: 0o600,
          user: null,
          group: null,
          level: 'admin',
          timeoutMs: null,
        },
      ],
      httpFrontends: [],
      sections: [
        { kind: 'frontend', name: 'fe' },
        { kind: 'backend', name: 'bk' },
        { kind: 'listen', name: 'stats' },
      ],
    });
    assert.deepEqual(
      statsPages.map(({ name, uri, refreshMs, users }) => [name, uri, refreshMs, users.length]),
      [['stats', '/stats', 10_000, 1]],
    );
  });

  it('wants a replica of a primary whose check asks for connected_slaves', () => {
    const guarded = LADDER.replace(
      ' tcp-check expect string role:master\n',
      ' tcp-check expect string role:master\n tcp-check expect rstring connected_slaves:[1-9]\n',
    );
    const { conf } = read(`${TIMES}listen r\n bind :6380${guarded} server a 10.0.0.1:6379 check\n`);
    assert.deepEqual(conf.backends[0]?.role, { kind: 'primary', preferred: null, wantsReplica: true });
  });

  it('knows who may come by their address', () => {
    const rulesOf = (lines: string): unknown =>
      read(`${TIMES}listen r\n bind :6380\n${lines} server a 10.0.0.1:1\n`).conf.frontends[0]?.clientRules;
    const from = (isNegated: boolean, ...ranges: readonly (readonly [string, number])[]): object => ({
      isNegated,
      tests: ranges.map(([address, bits]) => ({
        kind: 'address',
        of: 'source',
        ranges: [{ address, bits }],
      })),
    });
    assert.equal(rulesOf(''), undefined);
    assert.deepEqual(
      rulesOf(
        ' acl inside src 10.0.0.0/8\n acl inside src fd00::/8\n' +
          ' tcp-request inspect-delay 5s\n' +
          ' tcp-request connection reject if !inside || { src 10.9.9.9 } inside\n tcp-request content accept unless LOCALHOST\n tcp-request connection reject\n',
      ),
      [
        {
          action: 'reject',
          layer: 'connection',
          when: {
            isNegated: false,
            anyOf: [
              [from(true, ['10.0.0.0', 8], ['fd00::', 8])],
              [from(false, ['10.9.9.9', 32]), from(false, ['10.0.0.0', 8], ['fd00::', 8])],
            ],
          },
        },
        {
          action: 'accept',
          layer: 'content',
          when: { isNegated: true, anyOf: [[from(false, ['127.0.0.0', 8])]] },
        },
        {
          action: 'reject',
          layer: 'connection',
          when: { isNegated: false, anyOf: [[{ isNegated: false, tests: [{ kind: 'always' }] }]] },
        },
      ],
    );
  });

  it('refuses conditions that it cannot follow, rather than let in who is to be kept out', () => {
    for (const [line, problem] of [
      ['tcp-request connection reject if nobody', /8:35: there is no acl 'nobody' above/],
      [
        'tcp-request connection reject if { src 10.0.0.0/33 }',
        /8:41: src takes addresses such as .* '10.0.0.0\/33'/,
      ],
      ['tcp-request connection reject if { src 10.0.0.0/255.0.255.0 }', /8:41: src takes/],
      [
        'tcp-request connection reject if { hdr(x) a }',
        /8:37: conditions ask for src, dst, .*not for 'hdr\(x\)'/,
      ],
      ['tcp-request connection reject if { be_conn gt 5 }', /8:37: .*'be_conn': maxconn of a server makes/],
      ['tcp-request connection reject if { src -f /a }', /8:41: src -f is not served: write the addresses/],
      ['tcp-request connection reject if { nbsrv(z) ge 1 }', /8:37: there is no backend 'z'/],
      ['tcp-request connection reject if { srv_is_up(z) }', /8:37: 'r' has no server 'z'/],
      ['tcp-request connection reject if { nbsrv ge x }', /8:46: nbsrv takes numbers such as/],
      ['tcp-request connection reject if { dst_port }', /8:37: dst_port takes numbers .* not nothing/],
      ['use-server z if { src 10.0.0.1 }', /8:13: there is no server 'z' in this backend/],
      ['use-server a', /8:13: use-server takes a condition/],
      ['use_backend z if { src 10.0.0.1 }', /8:14: 'r' leads to 'z', which is no backend/],
      ['use_backend %[src]', /8:14: a name that is made up for each client/],
      ['tcp-request connection reject if', /8:32: 'if' takes the names/],
      ['tcp-request connection reject when x', /8:32: a condition begins with if or unless/],
      ['tcp-request connection track-sc0 src', /8:2: tcp-request connection track-sc0 is not served/],
      ['acl x src', /8:8: src takes addresses/],
    ] as const) {
      const [only, ...more] = problems(`${TIMES}listen r\n bind :1\n ${line}\n server a 10.0.0.1:1\n`);
      assert.match(only ?? '', problem, line);
      assert.deepEqual(more, [], line);
    }
  });

  it('leaves out the lines whose condition does not hold', () => {
    const environment = { PASSWORD: 'sesame' };
    const serversOf = (lines: string): string[] => {
      const { conf } = read(`${TIMES}listen r\n bind :6380\n${lines}`, false, environment);
      return (conf.backends[0]?.servers ?? []).map(({ name }) => name);
    };
    const chosen = (condition: string): string =>
      serversOf(`.if ${condition}\n server yes 10.0.0.1:1\n .else\n server no 10.0.0.1:1\n.endif\n`).join();
    for (const condition of [
      '1',
      '!0',
      '! defined(NOBODY)',
      'defined(PASSWORD) && 1',
      'streq("${PASSWORD}",sesame)',
      'strneq(a,b)',
      '0 && 0 || 1',
      '0 || (1 && !(0))',
      'version_atleast(2.4)',
      'version_before(3.0)',
      'feature(PROMEX)',
    ]) {
      assert.equal(chosen(condition), 'yes', condition);
    }
    for (const condition of [
      '',
      '0',
      'defined()',
      'streq(a,b)',
      'version_before(2.6)',
      '1 && feature(LUA)',
    ]) {
      assert.equal(chosen(condition), 'no', condition);
    }
    const ladder =
      '.if 0\n nonsense "\n .if what(\n .elif ever\n .else\n nonsense\n .endif\n.elif 1\n server b 10.0.0.1:1\n.elif 1\n server c 10.0.0.1:1\n.else\n nonsense\n.endif\n';
    assert.deepEqual(serversOf(ladder), ['b']);
  });

  it('makes a replica endpoint of role:slave, and refuses clients without one, as HAProxy does', () => {
    const replicas = read(
      `${TIMES}listen r\n bind :6380${LADDER.replace('role:master', 'role:slave')} server a 10.0.0.1:6379 check\n`,
    );
    const role = replicas.conf.backends[0]?.role;
    assert.equal(role?.kind, 'replica');
    assert.equal(role?.kind === 'replica' && role.withoutReplica, 'refuse');
  });

  it('refuses to ask by TLS who is named by sentinels and served without', () => {
    const fileOf = (words: string): string => String.raw`${TIMES}frontend fe
 bind :6379
 default_backend bk
backend is_master
 option tcp-check
 tcp-check send SENTINEL\ get-master-addr-by-name\ mymaster\r\n
 tcp-check expect string 10.0.0.1
 server s0 10.0.0.10:26379 check
backend bk${LADDER} use-server R0 if { nbsrv(is_master) ge 1 }
 server R0 10.0.0.1:6379 check ${words}
`;
    assert.match(
      problems(fileOf('check-ssl verify none')).join(),
      /^h\.cfg:\d+:\d+: server 'R0': sentinels name .*: add ssl to its line, or leave TLS out of its check$/,
    );
    for (const words of ['', 'ssl verify none', 'ssl verify none check-ssl'])
      assert.deepEqual(problems(fileOf(words)), [], words);
  });

  it('finds the sentinels behind use-server and nbsrv (charts for Kubernetes)', () => {
    const sentinels = [0, 1]
      .map(
        (index) => String.raw`backend is_master_${index}
 option tcp-check
 tcp-check connect port 26379
 tcp-check send SENTINEL\ get-master-addr-by-name\ mymaster\r\n
 tcp-check expect string 10.0.0.${index}
 server s0 10.0.0.10:26379 check
 server s1 10.0.0.11:26379 check
`,
      )
      .join('');
    const { conf } = read(`${TIMES}frontend fe
 bind :6379
 default_backend bk
backend bk${LADDER} use-server R0 if { srv_is_up(R0) } { nbsrv(is_master_0) ge 2 }
 server R0 10.0.0.1:6379 check
${sentinels}`);
    assert.deepEqual(conf.backends[0]?.source, {
      kind: 'sentinels',
      sentinels: [
        { host: '10.0.0.10', port: 26_379 },
        { host: '10.0.0.11', port: 26_379 },
      ],
      group: 'mymaster',
      credentials: null,
      tls: null,
    });
    assert.deepEqual(conf.backends[0]?.servers, []);
  });

  it('runs any other script as it stands, and keeps what HAProxy does', () => {
    const { conf } = read(
      String.raw`${TIMES} timeout check 300ms
listen x
 bind 127.0.0.1:7000-7001,[::1]:7000
 option allbackups
 option tcp-check
 default-server inter 2s fall 1 fastinter 100ms downinter 5s on-marked-down shutdown-sessions
 tcp-check send-binary 50494e470d0a
 tcp-check expect min-recv 2 ! rstring ^-
 server a 10.0.0.1:6379 check
 server b 10.0.0.2:6379 check backup disabled ssl verify none sni str(b.example)
 server c 10.0.0.3:6379
`,
    );
    const [backend] = conf.backends;
    assert.deepEqual(backend?.role, { kind: 'any' });
    assert.equal(backend?.usesAllBackups, true);
    assert.equal(backend?.endsOthers, true);
    assert.equal(conf.frontends[0]?.mode, 'tcp');
    assert.equal(conf.frontends[0]?.binds.length, 3);
    const [a, b, c] = backend?.servers ?? [];
    assert.deepEqual(a?.checks[0]?.timing, {
      intervalMs: 2_000,
      fastIntervalMs: 100,
      downIntervalMs: 5_000,
      rise: 2,
      fall: 1,
      timeoutMs: 2_300,
    });
    const check = a?.checks[0]?.check;
    assert.deepEqual(check?.kind === 'tcp-check' && check.steps, [
      { kind: 'send', bytes: 'PING\r\n' },
      { kind: 'expect', what: 'rstring', pattern: '^-', isNegated: true, bytesMin: 2, comment: null },
    ]);
    assert.equal(b?.isBackup && b.isDisabled, true);
    assert.deepEqual([b?.tls?.verifies, b?.tls?.serverName], [false, 'b.example']);
    assert.deepEqual(c?.checks, []);
  });

  it('reads mode http of the tutorials', () => {
    const { conf, process } = read(`defaults
 mode http
 timeout connect 1s
listen web
 bind :8080
 balance roundrobin
 option forwardfor
 option httpchk GET /health HTTP/1.1\\r\\nHost:\\ example
 http-check expect status 200-299,304
 stats uri /haproxy
 server a 10.0.0.1:80 check weight 3
 server-template w 2 10.0.0.9:80 check
`);
    assert.equal(conf.frontends[0]?.mode, 'http');
    assert.deepEqual(
      conf.backends[0]?.servers.map(({ name }) => name),
      ['a', 'w1', 'w2'],
    );
    const check = conf.backends[0]?.servers[0]?.checks[0]?.check;
    assert.ok(check?.kind === 'http');
    assert.deepEqual(
      [check.method, check.path, check.version, check.headers, check.expects],
      [
        'GET',
        '/health',
        '1.1',
        [['Host', 'example']],
        [
          {
            kind: 'status',
            ranges: [
              [200, 299],
              [304, 304],
            ],
            isNegated: false,
          },
        ],
      ],
    );
    assert.deepEqual(
      process.httpFrontends.map(({ frontend, forwardsFor, stats }) => [frontend, forwardsFor, stats?.uri]),
      [['web', true, '/haproxy']],
    );
  });

  it('passes on the defaults that stand above, or are named', () => {
    const { conf } = read(`defaults one
 mode tcp
 timeout client 1m
 timeout server 1m
defaults two from one
 timeout client 2m
 option redis-check
defaults three
 timeout client 3m
listen a from two
 bind :1
 server s 10.0.0.1:1 check
listen b from one
 bind :2
 server s 10.0.0.1:1 check
listen c
 bind :3
 server s 10.0.0.1:1 check
`);
    assert.deepEqual(
      conf.frontends.map(({ idleMsMax }) => idleMsMax),
      [60_000, 60_000, 180_000],
    );
    assert.deepEqual(
      conf.backends.map(({ servers }) => servers[0]?.checks[0]?.check.kind),
      ['redis-ping', 'tcp', 'tcp'],
    );
  });
});

describe('what is wrong with a haproxy.cfg', () => {
  it('is told all at once, with line, column and a guess', () => {
    assert.deepEqual(
      problems(`${TIMES}listen a
 bnid :1
 bind nonsense
 bind redis.example:6379,localhost:6380
 balance roundrobbin
 server s 10.0.0.1:99999 check
 server s 10.0.0.1:1 chekc
 timeout client 5x
 acl x hdr_beg 10
frontend f
 bind :2
 default_backend nowhere
`).map((line) => line.replace(/;.*|: ADDRESS.*/, '')),
      [
        "h.cfg:7:2: there is no keyword 'bnid' (did you mean 'bind'?)",
        "h.cfg:8:7: 'nonsense' is no address to listen on",
        "h.cfg:9:7: names to listen on are not looked up: write the address of 'redis.example'",
        "h.cfg:10:10: there is no balance 'roundrobbin' (did you mean 'roundrobin'?)",
        "h.cfg:11:11: a port is a number from 1 to 65535, not '99999'",
        "h.cfg:12:22: a server has no option 'chekc' (did you mean 'check'?)",
        "h.cfg:13:17: timeout client is a time such as 500ms, 3s or 1m (milliseconds without a unit), not '5x'",
        "h.cfg:14:8: conditions ask for src, dst, src_port, dst_port, nbsrv(BACKEND), srv_is_up(BACKEND/SERVER), always_true and always_false only, not for 'hdr_beg'",
        "h.cfg:15:1: 'f' leads to 'nowhere', which is no backend of this file",
      ],
    );
  });

  it('names conditions that are none, and blocks that are not closed', () => {
    for (const [lines, problem] of [
      ['.if banana\n.endif\n', /:8:5: 'banana' is no condition: there is defined/],
      ['.if 1 || what(x)\n.endif\n', /:8:5: 'what\(x\)' is no condition/],
      ['.if streq(a)\n.endif\n', /:8:5: 'streq\(a\)' is no condition/],
      [`.if ${'('.repeat(300)}\n.endif\n`, /is no condition/],
      ['.endif\n', /:8:1: \.endif without a \.if above it/],
      ['.if 1\n.else\n.elif 1\n.endif\n', /:10:1: \.elif behind \.else of the \.if in line 8/],
      ['.if 1\n', /:8:1: this \.if has no \.endif/],
    ] as const) {
      const [only, ...more] = problems(`${TIMES}listen r\n bind :1\n${lines} server a 10.0.0.1:1\n`);
      assert.match(only ?? '', problem, lines);
      assert.deepEqual(more, [], lines);
    }
  });

  it('is told of thirty mistakes at once, each at its place and in their order', () => {
    const mistakes: readonly (readonly [line: string, column: number])[] = [
      [' mode udp', 7],
      [' timeout client 5x', 17],
      [' timeout banana 5s', 10],
      [' balance roundrobbin', 10],
      [' option tcp-chek', 9],
      [' option ldap-check', 9],
      [' bind nonsense', 7],
      [' bind :99999', 7],
      [' bind', 2],
      [' bnid :1', 2],
      [' maxconn many', 10],
      [' retries -1', 10],
      [' tcp-check sned PING', 12],
      [' tcp-check send-binary 123', 24],
      [' tcp-check expect nothing', 19],
      [' tcp-check expect rstring (', 27],
      [' http-check expect banana', 20],
      [' stats banana', 8],
      [' stats auth nobody', 2],
      [' log nowhere banana', 14],
      [' server', 2],
      [' server x', 2],
      [' server a 10.0.0.1:99999 check', 11],
      [' server b 10.0.0.1:1 chekc', 22],
      [' server c 10.0.0.1:1 weight 300', 29],
      [' server d 10.0.0.1:1 inter 0', 28],
      [' server e 10.0.0.1:1 verify maybe', 29],
      [' server f 10.0.0.1:1 source 10.0.0.9', 22],
      [' use_backend x if { src 10.0.0.1 }', 14],
      [' capture request header X len 3', 2],
    ];
    assert.equal(mistakes.length, 30);
    const text = `listen a\n${mistakes.map(([line]) => `${line}\n`).join('')}`;
    const places = problems(text)
      .map((line) => /^h\.cfg:(\d+):(\d+): /.exec(line))
      .map((match) => [Number(match?.[1]), Number(match?.[2])]);
    const expected = mistakes.map(([, column], index) => [index + 2, column]);
    assert.deepEqual(places, expected);
  });

  it('says what to do about what is not served', () => {
    for (const [options, problem] of [
      ['source 10.0.0.9', /source is not served: the system chooses the address/],
      ['check observe layer7', /observe layer7 is not served: layer4 looks at connections/],
      ['check agent-check', /8:28: agent-check needs agent-port/],
      ['track other/x', /8:22: there is no server 'other\/x' to track/],
      ['track s', /8:22: it tracks itself, by way of 'a\/s'/],
      ['track t', /8:22: nothing tells how 'a\/t' fares: give it a check/],
      ['check track u', /8:28: a server that tracks another has no check of its own/],
      ['check error-limit 0', /8:40: error-limit is a number from 1/],
    ] as const) {
      const [first] = problems(
        `${TIMES}listen a\n bind :1\n server s 10.0.0.1:1 ${options}\n server t 10.0.0.2:1\n server u 10.0.0.3:1 check\n`,
      );
      assert.match(first ?? '', problem);
    }
  });

  it('is a warning where we were asked to be lenient', () => {
    const file = read(
      `${TIMES}listen a\n bind :1\n acl x hdr(host) a\n foo bar\n server s 10.0.0.1:1\n`,
      true,
    );
    assert.deepEqual(file.warnings, [
      "h.cfg:8:8: conditions ask for src, dst, src_port, dst_port, nbsrv(BACKEND), srv_is_up(BACKEND/SERVER), always_true and always_false only, not for 'hdr(host)'; it is left out",
      "h.cfg:9:2: there is no keyword 'foo'; it is left out",
    ]);
  });

  it('never shows a password', () => {
    const bad = String.raw`${TIMES}listen a
 bind :1
 option tcp-check
 tcp-check send AUTH sesame\r\n
 tcp-check send "AUTH sesame
 stats auth sesame
 stats auth admin:open sesame
 http-check send hdr Authorization Basic sesame
 server s 10.0.0.1:1
`;
    assert.ok(problems(bad).length >= 5, problems(bad).join('\n'));
    assert.doesNotMatch(problems(bad).join('\n'), /sesame/);
  });

  for (const [trap, text, warning] of [
    ['rules without option tcp-check', ' tcp-check expect string x\n server s 10.0.0.1:1 check\n', /ignored/],
    [
      'a send without line end',
      ' option tcp-check\n tcp-check send PING\n server s 10.0.0.1:1 check\n',
      /\\r\\n/,
    ],
    [
      'old connections that stay',
      ' option redis-check\n server s 10.0.0.1:1 check\n',
      /on-marked-down shutdown-sessions/,
    ],
    ['a primary by hearsay', `${LADDER} server s 10.0.0.1:1 check\n`, /only the servers themselves/],
    [
      'an AUTH nobody looks at',
      `${LADDER.replace(' tcp-check expect string +OK\n', '')} server s 10.0.0.1:1 check\n`,
      /nobody looks at the answer to AUTH/,
    ],
    ['short idle limits', ` timeout client 6s\n${LADDER} server s 10.0.0.1:1 check\n`, /idle connections/],
  ] as const) {
    it(`is a trap that it warns of: ${trap}`, () => {
      const { warnings } = read(`${TIMES}listen a\n bind :1\n${text}`);
      assert.ok(
        warnings.some((line) => warning.test(line)),
        warnings.join('\n'),
      );
    });
  }

  it('is said of any text without failing', () => {
    const words = fc.constantFrom(
      ...'global defaults frontend backend listen bind server tcp-check expect send option timeout stats log \\ " \' # :1 a 10.0.0.1:1 check ! rstring ( use_backend from no http-check'.split(
        ' ',
      ),
    );
    const line = fc
      .array(fc.oneof(words, fc.string({ maxLength: 6 })), { maxLength: 6 })
      .map((all) => all.join(' '));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        readHaproxy(lines.join('\n'), { path: 'x', isLenient: true, environment: {} });
      }),
      { numRuns: 300 },
    );
  });
});

it('reads TLS, unix sockets and the PROXY protocol on either side', () => {
  const { conf } = read(`global
 crt-base /etc/certs
 ca-base /etc/ca
 ssl-server-verify none
${TIMES}listen a
 bind /run/r.sock mode 660 user redis group 7 accept-proxy
 bind :1 ssl crt site.pem ca-file clients.pem verify required
${LADDER} server s 10.0.0.1:1 check ssl verify required ca-file x.pem crt /c.pem sni str(r.example) send-proxy-v2
 server t unix@/run/redis.sock ssl
listen through
 bind :2
${LADDER} server s 10.0.0.1:1 check check-ssl
`);
  const [a, through] = conf.frontends;
  const tls = {
    certificateFile: '/etc/certs/site.pem',
    keyFile: '/etc/certs/site.pem',
    clientCaFile: '/etc/ca/clients.pem',
  };
  assert.deepEqual(a?.binds, [
    {
      kind: 'unix',
      path: '/run/r.sock',
      mode: 0o660,
      user: 'redis',
      group: '7',
      tls: null,
      acceptsProxyProtocol: true,
    },
    { kind: 'tcp', host: '*', port: 1, tls, acceptsProxyProtocol: false },
  ]);
  const [s, t] = conf.backends[0]?.servers ?? [];
  assert.deepEqual(s?.tls, {
    caFile: '/etc/ca/x.pem',
    certificateFile: '/c.pem',
    keyFile: '/c.pem',
    verifies: true,
    serverName: 'r.example',
  });
  assert.equal(s?.sendsProxyProtocol, 2);
  assert.deepEqual([t?.host, t?.port, t?.tls?.verifies], ['/run/redis.sock', 0, false]);
  // TLS from end to end: only the check speaks it, so the bytes are passed on unread.
  assert.deepEqual([a?.mode, through?.mode], ['redis', 'tcp']);
  const [end] = conf.backends[1]?.servers ?? [];
  assert.deepEqual([end?.tls, end?.linkTls?.verifies], [null, false]);
});

it('reads versions of TLS, with the usual ones in global, and several certificates for one listener', () => {
  const { conf } = read(`global
 crt-base /etc/certs
 ssl-default-bind-options prefer-client-ciphers ssl-min-ver TLSv1.3 no-tls-tickets
 ssl-default-server-options no-tlsv10 no-tlsv13
${TIMES}listen a
 bind :1 ssl crt one.pem crt /two/
 bind :2 ssl crt one.pem ssl-min-ver TLSv1.2
 bind :3 ssl crt one.pem force-tlsv12
${LADDER} default-server ssl verify none
 server s 10.0.0.1:1 check
 server t 10.0.0.2:1 check ssl-min-ver TLSv1.1
 server u 10.0.0.3:1 check no-tlsv12
`);
  const binds = conf.frontends[0]?.binds ?? [];
  assert.deepEqual(
    binds.map(({ tls }) => tls?.version ?? 'both'),
    ['TLSv1.3', 'both', 'TLSv1.2'],
  );
  assert.deepEqual(binds[0]?.tls?.otherFiles, ['/two/']);
  const servers = conf.backends[0]?.servers ?? [];
  assert.deepEqual(
    servers.map(({ tls }) => tls?.version ?? 'both'),
    ['TLSv1.2', 'both', 'TLSv1.3'],
  );
  const bad = problems(
    `global\n ssl-default-bind-options no-tlsv12 no-tlsv13\n${TIMES}listen a\n bind :1 ssl crt x ssl-max-ver TLSv1.1\n server s 10.0.0.1:1 ssl ssl-min-ver 1.3\n`,
  ).join('\n');
  assert.match(bad, /^h\.cfg:2:27: no version of TLS is left/m);
  assert.match(bad, /^h\.cfg:9:7: no version of TLS is left: 1\.2 and 1\.3 are spoken/m);
  assert.match(bad, /ssl-min-ver is one of SSLv3, .* not '1\.3'/);
});
