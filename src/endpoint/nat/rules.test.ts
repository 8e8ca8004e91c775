import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  type NatListen,
  NAT_SLOTS,
  elementCommands,
  removalCommands,
  ruleCount,
  tableCommands,
} from './rules.ts';

const IPV4: NatListen = { host: '10.0.0.100', port: 6379, family: 'ipv4', balance: 'roundrobin' };
const IPV6: NatListen = { host: 'fd00::100', port: 6380, family: 'ipv6', balance: 'source' };
const A = { host: '10.0.0.1', port: 6379 };
const B = { host: '10.0.0.2', port: 7000 };

it('replaces the elements of an address in one transaction: flushed first, since adding does not refresh', () => {
  assert.deepEqual(elementCommands('t', 0, { slots: [A, B], allowed: [A, B], timeoutMs: 2_500.2 }), [
    'flush map inet t leads0',
    'flush set inet t open0',
    'add element inet t leads0 { 0 timeout 2501ms : 10.0.0.1 . 6379, 1 timeout 2501ms : 10.0.0.2 . 7000 }',
    'add element inet t open0 { 10.0.0.1 . 6379 timeout 2501ms, 10.0.0.2 . 7000 timeout 2501ms }',
  ]);
});

it('leads nowhere by adding nothing, and for ever without a timeout', () => {
  assert.deepEqual(elementCommands('t', 1, { slots: [], allowed: [], timeoutMs: 1 }), [
    'flush map inet t leads1',
    'flush set inet t open1',
  ]);
  assert.deepEqual(elementCommands('t', 1, { slots: [A], allowed: [A], timeoutMs: Infinity }).slice(2), [
    'add element inet t leads1 { 0 : 10.0.0.1 . 6379 }',
    'add element inet t open1 { 10.0.0.1 . 6379 }',
  ]);
});

it('makes the table anew, whether it is there or not, and touches no other', () => {
  const commands = tableCommands('t', [IPV4, IPV6], true);
  assert.deepEqual(commands.slice(0, 3), ['add table inet t', 'delete table inet t', 'add table inet t']);
  assert.deepEqual(removalCommands('t'), ['add table inet t', 'delete table inet t']);
  for (const command of commands) assert.match(command, /^(add|delete) \w+ inet t\b/);
  assert.equal(ruleCount([IPV4, IPV6], true), commands.filter((text) => text.startsWith('add rule')).length);
});

it('leads, guards and masquerades exactly the address and port of the endpoint', () => {
  const rules = tableCommands('t', [IPV4], true).filter((command) => command.includes('10.0.0.100'));
  const asked = 'ip daddr 10.0.0.100 tcp dport 6379';
  const led =
    'ct status dnat ct direction original ct original ip daddr 10.0.0.100 meta l4proto tcp ct original proto-dst 6379';
  assert.deepEqual(rules, [
    `add rule inet t guard ${asked} ct status confirmed ct reply ip saddr . ct reply proto-src != @open0 tcp flags & rst == 0 counter reject with tcp reset`,
    `add rule inet t lead ${asked} dnat ip to numgen inc mod ${NAT_SLOTS} map @leads0`,
    `add rule inet t lead ${asked} counter reject with tcp reset`,
    `add rule inet t postrouting ${led} oifname != "lo" masquerade`,
  ]);
  assert.ok(!tableCommands('t', [IPV4], false).some((command) => command.includes('masquerade')));
});

it('keeps a client on its server by its address where `balance source` asks for it', () => {
  const commands = tableCommands('t', [IPV6], false);
  assert.ok(commands.some((text) => text.endsWith('dnat ip6 to jhash ip6 saddr mod 12 map @leads0')));
  // Declaring the map so would crash nft 1.0.6 when somebody lists it.
  assert.ok(!commands.some((text) => text.includes('typeof jhash')));
});
