import assert from 'node:assert/strict';
import { it } from 'node:test';
import { letsThrough, rulesOf } from './forward-rules.ts';

const SERVER = { host: '10.0.0.1', port: 6379 };

/** As `nft list table` writes it (1.0.6). */
const table = (forward: readonly string[], user: readonly string[] = []): string => `table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
${forward.map((rule) => `\t\t${rule}\n`).join('')}	}

	chain DOCKER-USER {
${user.map((rule) => `\t\t${rule}\n`).join('')}	}
}
`;

const passes = (forward: readonly string[], user?: readonly string[]): boolean =>
  letsThrough(rulesOf(table(forward, user)), 'FORWARD', SERVER);

const ESTABLISHED = 'ct state related,established counter packets 7 bytes 9 accept';

it('sees the rules by which firewalls let clients through', () => {
  for (const [forward, user] of [
    // What our own advice makes, by iptables and by nft.
    [['ct status dnat counter packets 0 bytes 0 accept']],
    [['ct status dnat accept']],
    [['oifname "docker0" counter packets 0 bytes 0 drop', 'ct status dnat accept']],
    [['counter packets 0 bytes 0 jump DOCKER-USER'], ['ct status dnat accept comment "a b"', 'return']],
    [[ESTABLISHED, 'ip daddr 10.0.0.1 tcp dport 6379 counter packets 0 bytes 0 accept']],
    [
      [
        ESTABLISHED,
        'meta l4proto tcp ip daddr 10.0.0.0/24 tcp dport { 6379, 6380 }  counter packets 0 bytes 0 accept',
      ],
    ],
    [[ESTABLISHED, 'ip daddr { 10.0.0.1, 10.0.0.2 } tcp dport 6000-7000 accept']],
    [[ESTABLISHED, 'goto DOCKER-USER'], ['ct state new ct status dnat accept']],
    [['ct state { established, related } accept', 'ip protocol tcp accept']],
    [['ip daddr 10.0.0.1 accept', 'ip saddr 10.0.0.1 tcp sport 6379 accept']],
  ] as const) {
    assert.ok(passes(forward, user), forward.join('\n'));
  }
});

it('takes nothing for granted that it does not understand, or that is about others', () => {
  for (const [forward, user] of [
    [[]],
    [[ESTABLISHED]],
    [['ip daddr 10.0.0.1 tcp dport 6379 accept']],
    [[ESTABLISHED, 'ip daddr 10.0.0.2 tcp dport 6379 accept']],
    [[ESTABLISHED, 'ip daddr 10.0.1.0/24 accept']],
    [[ESTABLISHED, 'ip daddr 10.0.0.1 tcp dport 6380 accept']],
    [[ESTABLISHED, 'iifname "eth0" ip daddr 10.0.0.1 accept']],
    [[ESTABLISHED, 'ip daddr @servers accept']],
    [['meta l4proto udp accept']],
    [['xt match "conntrack" counter packets 0 bytes 0 accept']],
    [['ip daddr 10.0.0.1 drop', 'ct status dnat accept']],
    [['reject with icmp port-unreachable', 'ct status dnat accept']],
    [
      ['jump DOCKER-USER', ESTABLISHED],
      ['return', 'ct status dnat accept'],
    ],
    [['goto DOCKER-USER', 'ct status dnat accept'], []],
    [['jump FORWARD']],
    [['ct state vmap { established : accept, new : jump DOCKER-USER }'], ['ct status dnat accept']],
  ] as const) {
    assert.ok(!passes(forward, user), forward.join('\n'));
  }
});
