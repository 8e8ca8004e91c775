import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BackendConf, EndpointsConf } from '../endpoint/endpoint-conf.ts';
import { loaded } from '../vrrp/conf/test-world.ts';
import { endpointsFromKeepalived } from './keepalived.ts';

const told = (text: string, lenient = false): string[] => {
  const result = endpointsFromKeepalived(loaded(text), lenient);
  const remarks = result.ok ? result.value.warnings : result.problem;
  return remarks.map(({ where, severity, sentence }) => `${where} ${severity}: ${sentence}`);
};

function made(text: string): EndpointsConf {
  const result = endpointsFromKeepalived(loaded(text), false);
  assert.ok(result.ok, result.ok ? '' : told(text).join('\n'));
  return result.value.conf;
}

/** The only backend of one virtual server with these lines. */
function backend(lines: string): BackendConf {
  const [only, ...rest] = made(`virtual_server 10.0.0.100 80 {\n${lines}\n}`).backends;
  assert.ok(only !== undefined && rest.length === 0);
  return only;
}

const REAL = 'real_server 10.0.0.1 80 {\n}';

const FARM = `
global_defs {
  router_id lb1
  lvs_notify_fifo /run/lvs.fifo
}
virtual_server 10.0.0.100 6379 {
  delay_loop 6
  lb_algo wrr
  lb_kind DR
  quorum 2
  hysteresis 1
  omega
  quorum_up "/etc/quorum.sh up"
  sorry_server 10.0.0.20 6379
  sorry_server_inhibit
  real_server 10.0.0.21 6379 {
    weight 2
    inhibit_on_failure
    uthreshold 100
    notify_down "/etc/down.sh 21" redis
    TCP_CHECK {
      connect_timeout 3
      retry 2
      delay_before_retry 4
    }
  }
  real_server 10.0.0.22 6379 {
    uthreshold 100
    lthreshold 10
    alpha
    MISC_CHECK {
      misc_path "/etc/check.sh 10.0.0.22"
      misc_timeout 5
      misc_dynamic
      warmup 0
    }
  }
}
`;

describe('a virtual server of keepalived', () => {
  it('becomes a frontend and a backend with all it says', () => {
    const { frontends, backends } = made(FARM);
    const [frontend] = frontends;
    assert.deepEqual(
      [frontend?.name, frontend?.backend, frontend?.mode, frontend?.path],
      ['10.0.0.100:6379', '10.0.0.100:6379', 'tcp', 'relay'],
    );
    assert.deepEqual(frontend?.binds, [
      { kind: 'tcp', host: '10.0.0.100', port: 6379, tls: null, acceptsProxyProtocol: false },
    ]);
    const [only] = backends;
    assert.deepEqual([only?.balance, only?.endsOthers, only?.role.kind], ['roundrobin', true, 'any']);
    const { sorry, ...virtual } = only?.virtual ?? {};
    assert.deepEqual(virtual, {
      label: '[10.0.0.100]:tcp:6379',
      routerId: 'lb1',
      up: { argv: ['/etc/quorum.sh', 'up'], user: null, group: null },
      down: null,
      sendsMail: false,
      quorum: 2,
      hysteresis: 1,
      tellsStop: true,
      hasFifo: true,
    });
    assert.deepEqual([sorry?.name, sorry?.real?.keepsClients], ['10.0.0.20:6379', true]);
    const [a, b] = only?.servers ?? [];
    assert.deepEqual(a?.real, {
      label: '[10.0.0.21]:tcp:6379',
      up: null,
      down: { argv: ['/etc/down.sh', '21'], user: 'redis', group: null },
      sendsMail: true,
      startsAlive: true,
      keepsClients: true,
      hasEqualShare: false,
    });
    assert.deepEqual([a?.weight, a?.connectionsMax, a?.connectionsAgain], [2, 100, 75]);
    assert.deepEqual([b?.weight, b?.connectionsMax, b?.connectionsAgain], [1, 100, 10]);
    assert.deepEqual([b?.real?.startsAlive, b?.real?.keepsClients], [false, false]);
  });

  it('is checked as often as keepalived does, from the first moment on', () => {
    const [a, b] = made(FARM).backends[0]?.servers ?? [];
    assert.deepEqual(a?.checks, [
      {
        check: { kind: 'tcp', host: null, port: null, tls: null },
        timing: {
          intervalMs: 6_000,
          fastIntervalMs: 4_000,
          downIntervalMs: 6_000,
          rise: 1,
          fall: 3,
          timeoutMs: 3_000,
        },
        secondAfterMs: 3_000,
      },
    ]);
    const [misc] = b?.checks ?? [];
    assert.equal(misc?.secondAfterMs, undefined, 'warmup 0');
    assert.deepEqual([misc?.timing.fall, misc?.timing.timeoutMs], [1, 5_000]);
    const { check } = misc ?? {};
    assert.ok(check?.kind === 'command' && check.saysWeight && check.haproxy === null);
    assert.deepEqual(check.argv, ['/etc/check.sh', '10.0.0.22']);
  });

  for (const [algo, balance, isEqual] of [
    ['rr', 'roundrobin', true],
    ['wrr', 'roundrobin', false],
    ['lc', 'leastconn', true],
    ['wlc', 'leastconn', false],
    ['sh', 'source', false],
  ] as const) {
    it(`by ${algo} is ${balance}${isEqual ? ' without weights' : ''}`, () => {
      const { balance: got, servers } = backend(`lb_algo ${algo}\n${REAL}`);
      assert.deepEqual([got, servers[0]?.real?.hasEqualShare], [balance, isEqual]);
    });
  }

  it('with persistence keeps a client with its server for so long, and chooses by lb_algo before that', () => {
    const { balance, persistMs } = backend(`lb_algo rr\npersistence_timeout 50\n${REAL}`);
    assert.deepEqual([balance, persistMs], ['roundrobin', 50_000]);
    assert.equal(backend(`lb_algo rr\n${REAL}`).persistMs, undefined);
  });

  it('by pages: with its host, what it must answer, and TLS', () => {
    const lines = `virtualhost www
      real_server 10.0.0.1 443 {
        SSL_GET {
          connect_port 8443
          nb_get_retry 4
          enable_sni
          url {
            path /health
            status_code 200 300-302
            digest 9B3A0C85A887A256D6939DA88AABD8CD
          }
          url {
            path /other
            regex "^ok"
            regex_no_match
          }
        }
      }`;
    const [first, second] = backend(lines).servers[0]?.checks ?? [];
    assert.equal(first?.timing.fall, 5, 'nb_get_retry');
    assert.deepEqual(first?.check, {
      kind: 'http',
      host: null,
      port: 8443,
      tls: { caFile: null, certificateFile: null, keyFile: null, verifies: false, serverName: 'www' },
      method: 'GET',
      path: '/health',
      version: '1.0',
      headers: [
        ['Host', 'www'],
        ['User-Agent', 'KeepAliveClient'],
        ['Connection', 'close'],
      ],
      body: '',
      expects: [
        {
          kind: 'status',
          ranges: [
            [200, 200],
            [300, 302],
          ],
          isNegated: false,
        },
        { kind: 'digest', md5: '9b3a0c85a887a256d6939da88aabd8cd' },
      ],
    });
    assert.ok(second?.check.kind === 'http');
    assert.deepEqual(second.check.expects[1], { kind: 'regex', pattern: '^ok', isNegated: true });
  });

  it('by other means', () => {
    const lines = `real_server 10.0.0.1 25 {
        SMTP_CHECK {
          helo_name me
          host {
            connect_port 587
          }
        }
        DNS_CHECK {
          type A
          name example.org
          connect_port 5353
        }
        PING_CHECK {
        }
        FILE_CHECK {
          track_file drain
          weight 3 reverse
        }
      }`;
    const text = `track_file drain {\nfile /etc/drain\n}\nvirtual_server 10.0.0.100 25 {\n${lines}\n}`;
    assert.deepEqual(
      made(text).backends[0]?.servers[0]?.checks.map(({ check }) => check),
      [
        { kind: 'smtp', host: null, port: 587, heloName: 'me' },
        { kind: 'dns', port: 5353, name: 'example.org', type: 'A' },
        { kind: 'icmp' },
        { kind: 'file', path: '/etc/drain', weight: -3 },
      ],
    );
  });

  it('of a group listens on all its addresses', () => {
    const text = `virtual_server_group G {\n10.0.0.254-1 80\n}\nvirtual_server group G {\n${REAL}\n}`;
    assert.match(told(text).join('\n'), /no address to listen on/);
    const good = `virtual_server_group G {\n10.0.0.8-10 80\nfe80::1 80\n}\nvirtual_server group G {\n${REAL}\n}`;
    const [frontend] = made(good).frontends;
    assert.deepEqual(
      frontend?.binds.map((bind) => (bind.kind === 'tcp' ? bind.host : '')),
      ['10.0.0.8', '10.0.0.9', '10.0.0.10', 'fe80::1'],
    );
    assert.equal(made(good).backends[0]?.virtual?.label, 'G');
  });

  it('says once that it is relayed', () => {
    const text = `virtual_server 10.0.0.1 80 {\nlb_kind DR\n${REAL}\n}\nvirtual_server 10.0.0.2 80 {\n${REAL}\n}`;
    assert.deepEqual(told(text), [
      'k.conf:1:1 warning: virtual servers are served by a relay, whatever lb_kind says (DR, NAT): real servers see the ' +
        "address of this machine, not the client's, and need no address of the virtual server on lo",
    ]);
  });

  const refused: readonly (readonly [what: string, text: string, sentence: RegExp])[] = [
    [
      'UDP',
      `virtual_server 10.0.0.1 53 {\nprotocol UDP\n${REAL}\n}`,
      /k.conf:1:1 error: protocol UDP is not served/,
    ],
    ['SCTP', `virtual_server 10.0.0.1 53 {\nprotocol SCTP\n${REAL}\n}`, /k.conf:1:1 error: protocol SCTP/],
    ['a firewall mark', `virtual_server fwmark 3 {\n${REAL}\n}`, /k.conf:1:1 error: fwmark 3 is not served/],
    ['all ports', `virtual_server 10.0.0.1 0 {\n${REAL}\n}`, /k.conf:1:1 error: .* all ports is not served/],
    [
      'an algorithm',
      `virtual_server 10.0.0.1 1 {\nlb_algo dh\n${REAL}\n}`,
      /k.conf:1:1 error: lb_algo dh .*rr, wrr/,
    ],
    [
      'two at one address',
      `virtual_server 10.0.0.1 1 {\n${REAL}\n}\nvirtual_server 10.0.0.1 1 {\n${REAL}\n}`,
      /k.conf:5:1 error: 10.0.0.1:1 is served by the virtual_server at k.conf:1:1 already/,
    ],
    [
      'a server twice',
      `virtual_server 10.0.0.1 1 {\n${REAL}\n${REAL}\n}`,
      /k.conf:1:1 error: real_server 10.0.0.1:80 is there twice/,
    ],
    [
      'UDP_CHECK',
      'virtual_server 10.0.0.1 1 {\nreal_server 10.0.0.2 2 {\nUDP_CHECK {\n}\n}\n}',
      /k.conf:3:1 error: UDP_CHECK is not done/,
    ],
    [
      'a file nobody tracks',
      'virtual_server 10.0.0.1 1 {\nreal_server 10.0.0.2 2 {\nFILE_CHECK {\ntrack_file f\n}\n}\n}',
      /k.conf:3:1 error: there is no track_file f/,
    ],
  ];
  for (const [what, text, sentence] of refused) {
    it(`is refused by name and place for ${what}`, () => {
      assert.match(told(text).join('\n'), sentence);
      assert.equal(endpointsFromKeepalived(loaded(text), false).ok, false);
    });
  }

  it('that can not be served is left out where that is asked for', () => {
    const text = `virtual_server 10.0.0.1 53 {\nprotocol UDP\n${REAL}\n}\nvirtual_server 10.0.0.2 80 {\n${REAL}\n}`;
    const result = endpointsFromKeepalived(loaded(text), true);
    assert.ok(result.ok);
    assert.deepEqual(
      result.value.conf.frontends.map(({ name }) => name),
      ['10.0.0.2:80'],
    );
    assert.match(told(text, true).join('\n'), /k.conf:1:1 warning: protocol UDP is not served/);
  });
});
