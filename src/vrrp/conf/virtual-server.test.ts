import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errors, loaded, warnings } from './test-world.ts';

const REPLICAS = `
virtual_server 10.0.0.100 6379 {
  delay_loop 6
  lb_algo rr
  lb_kind DR
  persistence_timeout
  protocol TCP
  quorum 2
  hysteresis 1
  quorum_down "/etc/quorum.sh down"
  sorry_server 10.0.0.20 6379
  real_server 10.0.0.21 6379 {
    weight 2
    inhibit_on_failure
    notify_down "/etc/down.sh 21"
    TCP_CHECK { connect_timeout 3
      retry 2
    }
  }
  real_server 10.0.0.22 6379 {
    lvs_method TUN type gre
    MISC_CHECK { misc_path "/etc/check.sh 10.0.0.22" redis
      misc_timeout 5
      misc_dynamic
    }
    HTTP_GET { connect_port 8080
      url { path /health
        status_code 200 300-302
        digest 9b3a0c85a887a256d6939da88aabd8cd
      }
    }
  }
}
virtual_server_group G {
  10.0.0.1-9 80
  fwmark 7
}
SSL { password hunter2
}
`;

describe('a virtual_server', () => {
  it('is read whole (vrrp.md §2.3)', () => {
    assert.deepEqual(warnings(REPLICAS), []);
    const { balancer, foreignUsers } = loaded(REPLICAS);
    const [server] = balancer.virtualServers;
    assert.deepEqual(server?.target, { kind: 'address', address: '10.0.0.100', port: 6379 });
    assert.equal(server?.scheduler, 'rr');
    assert.equal(server?.forwarding, 'DR');
    assert.equal(server?.persistenceTimeoutMs, 360_000);
    assert.deepEqual(server?.sorryServer, {
      address: '10.0.0.20',
      port: 6379,
      inhibit: false,
      forwarding: 'DR',
    });
    const [a, b] = server?.realServers ?? [];
    assert.deepEqual([a?.weight, a?.inhibitOnFailure, a?.forwarding], [2, true, 'DR']);
    assert.deepEqual(a?.notifyDown?.argv, ['/etc/down.sh', '21']);
    const [tcp] = a?.checkers ?? [];
    assert.deepEqual(
      [
        tcp?.kind,
        tcp?.connectTimeoutMs,
        tcp?.retry,
        tcp?.delayLoopMs,
        tcp?.delayBeforeRetryMs,
        tcp?.warmupMs,
      ],
      ['TCP_CHECK', 3000, 2, 6000, 1000, 6000],
    );
    assert.equal(b?.forwarding, 'TUN');
    const [misc, http] = b?.checkers ?? [];
    assert.deepEqual(misc?.command, { argv: ['/etc/check.sh', '10.0.0.22'], user: 'redis', group: null });
    assert.equal(misc?.retry, 0);
    assert.deepEqual(
      misc?.options,
      new Map([
        ['misc_timeout', ['5']],
        ['misc_dynamic', []],
      ]),
    );
    assert.equal(http?.connect.port, 8080);
    assert.equal(http?.delayBeforeRetryMs, 3000);
    assert.deepEqual(http?.urls[0]?.statusCodes, [
      [200, 200],
      [300, 302],
    ]);
    assert.deepEqual(balancer.groups[0]?.entries, [
      { kind: 'addresses', from: '10.0.0.1', to: '10.0.0.9', port: 80 },
      { kind: 'fwmark', mark: 7 },
    ]);
    assert.deepEqual(foreignUsers, [{ user: 'redis', group: null, where: 'k.conf:22:18' }]);
  });

  const cases: readonly (readonly [why: string, lines: string, ...messages: string[]])[] = [
    [
      'an unknown scheduler',
      'lb_algo wr',
      "k.conf:2:9 lb_algo is one of rr, wrr, lc, wlc, lblc, sh, mh, dh, fo, ovf, lblcr, sed, nq, twos, not 'wr' (did you mean 'rr'?)",
    ],
    [
      'a method in the wrong case',
      'lb_kind dr',
      "k.conf:2:9 lb_kind is one of NAT, DR, TUN, not 'dr' (did you mean 'DR'?; upper and lower case differ)",
    ],
    [
      'a hysteresis as large as the quorum',
      'quorum 2\nhysteresis 2',
      'k.conf:1:1 hysteresis 2 is not less than the quorum 2',
    ],
    [
      'a real server without an address',
      'real_server {\n}',
      'k.conf:2:1 real_server takes an IP address, and may take a port',
    ],
    [
      'a check without a port',
      'real_server 10.0.0.2 {\nTCP_CHECK {\n}\n}',
      'k.conf:3:1 TCP_CHECK needs a port: real_server or connect_port names it',
    ],
    [
      'a checker with a slip',
      'real_server 10.0.0.2 1 {\nTCP_CHEK {\n}\n}',
      "k.conf:3:1 unknown keyword 'TCP_CHEK' in real_server 10.0.0.2 (did you mean 'TCP_CHECK'?); its whole block is skipped",
    ],
    [
      'a check of a page without one',
      'real_server 10.0.0.2 1 {\nHTTP_GET {\n}\n}',
      'k.conf:3:1 HTTP_GET has no url { ... }',
    ],
    [
      'a bad status code',
      'real_server 10.0.0.2 1 {\nHTTP_GET {\nurl {\npath /\nstatus_code ok\n}\n}\n}',
      "k.conf:6:13 a status code is like 200 or 200-299, not 'ok'",
    ],
    [
      'a check by script without one',
      'real_server 10.0.0.2 1 {\nMISC_CHECK {\n}\n}',
      'k.conf:3:1 MISC_CHECK has no misc_path',
    ],
    [
      'BFD',
      'real_server 10.0.0.2 1 {\nBFD_CHECK {\n}\n}',
      "k.conf:3:1 'BFD_CHECK' is not supported: keepalived knows it, baton does not do what it asks",
    ],
  ];
  for (const [why, lines, ...messages] of cases) {
    it(`is refused for ${why}`, () => {
      assert.deepEqual(errors(`virtual_server 10.0.0.1 80 {\n${lines}\n}`), messages);
    });
  }

  it('keeps the port of what DR and TUN pass on', () => {
    const text = 'virtual_server 10.0.0.1 80 {\nlb_kind DR\nreal_server 10.0.0.2 8080 {\n}\n}';
    assert.equal(loaded(text).balancer.virtualServers[0]?.realServers[0]?.port, 80);
    assert.equal(warnings(text)[0], 'k.conf:3:1 DR leaves the port as it is: 10.0.0.2 gets 80, not 8080');
  });

  it('needs its group', () => {
    assert.deepEqual(errors('virtual_server group H {\n}'), [
      "k.conf:1:1 there is no virtual_server_group 'H'",
    ]);
  });
});
