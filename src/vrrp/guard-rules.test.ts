import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { guardElements, guardRemoval, guardTable } from './guard-rules.ts';

const MAC = '02:00:00:00:00:01';

describe('the rules of the guard', () => {
  it('drop what is held and not alive, in both directions, and reset only what was meant for this machine', () => {
    const rules = guardTable('t').filter((command) => command.startsWith('add rule'));
    assert.deepEqual(rules, [
      'add rule inet t input ip daddr @held4 ip daddr != @alive4 fib daddr type local drop',
      'add rule inet t output ip saddr @held4 ip saddr != @alive4 fib saddr type local drop',
      'add rule inet t lost iifname . ether daddr . ip daddr @resets4 meta l4proto tcp fib daddr type != local reject with tcp reset',
      'add rule inet t input ip6 daddr @held6 ip6 daddr != @alive6 fib daddr type local drop',
      'add rule inet t output ip6 saddr @held6 ip6 saddr != @alive6 fib saddr type local drop',
      'add rule inet t lost iifname . ether daddr . ip6 daddr @resets6 meta l4proto tcp fib daddr type != local reject with tcp reset',
      'add rule arp t input arp daddr ip @held4 arp daddr ip != @alive4 drop',
      'add rule arp t output arp saddr ip @held4 arp saddr ip != @alive4 drop',
    ]);
  });

  it('replace a table that is there, and one that is not', () => {
    const removal = ['add table inet t', 'delete table inet t', 'add table arp t', 'delete table arp t'];
    assert.deepEqual(guardRemoval('t'), removal);
    assert.deepEqual(guardTable('t').slice(0, 6), [...removal, 'add table inet t', 'add table arp t']);
  });

  it('name every set that is filled', () => {
    const commands = guardTable('t');
    const filled = guardElements('t', { guarded: [], resets: [] });
    assert.equal(filled.length, 8);
    for (const flush of filled) {
      const set = flush.replace('flush set ', 'add set ');
      assert.ok(
        commands.some((command) => command.startsWith(`${set} {`)),
        flush,
      );
    }
  });

  it('empty a set before they fill it: adding does not move the end of an element (proxy.md §3.2)', () => {
    const commands = guardElements('t', {
      guarded: [
        { address: '10.0.0.1', aliveMs: 290, heldMs: 2000 },
        { address: '10.0.0.2', aliveMs: 0, heldMs: 1500 },
        { address: 'fe80::1', aliveMs: 280, heldMs: 0 },
      ],
      resets: [{ interface: 'eth0', mac: MAC, address: '10.0.0.1' }],
    });
    assert.deepEqual(commands, [
      'flush set inet t held4',
      'add element inet t held4 { 10.0.0.1 timeout 2000ms, 10.0.0.2 timeout 1500ms }',
      'flush set inet t alive4',
      'add element inet t alive4 { 10.0.0.1 timeout 290ms }',
      'flush set arp t held4',
      'add element arp t held4 { 10.0.0.1 timeout 2000ms, 10.0.0.2 timeout 1500ms }',
      'flush set arp t alive4',
      'add element arp t alive4 { 10.0.0.1 timeout 290ms }',
      'flush set inet t resets4',
      `add element inet t resets4 { "eth0" . ${MAC} . 10.0.0.1 }`,
      'flush set inet t held6',
      'flush set inet t alive6',
      'add element inet t alive6 { fe80::1 timeout 280ms }',
      'flush set inet t resets6',
    ]);
    const kept = guardElements('t', { guarded: [], resets: null });
    assert.ok(!kept.some((command) => command.includes('resets')));
  });
});
