import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, it } from 'node:test';
import { forwardingProblems, loopbackProblems } from './forwarding.ts';

const OWN = (host: string): boolean => host === '10.0.0.1' || host === 'fd00::1';
const HERE = ['10.0.0.1', 'fd00::1'].map((host) => ({ host, port: 6379 }));
const THERE = ['10.0.0.2', 'fd00::2'].map((host) => ({ host, port: 6379 }));

/** A folder as /proc/sys/net. */
function sysctls(t: TestContext, settings: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'baton-sysctls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const off = ['ipv4/conf/all', 'ipv4/conf/default', 'ipv4/conf/eth0', 'ipv6/conf/all'].map(
    (name) => [`${name}/forwarding`, '0'] as const,
  );
  for (const [name, value] of [...off, ...Object.entries(settings)]) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `${value}\n`);
  }
  return folder;
}

it('names the switch of each family that is off while a server is elsewhere', (t) => {
  assert.deepEqual(forwardingProblems([...HERE, ...THERE], OWN, sysctls(t, {})), [
    'Clients of other machines cannot reach 10.0.0.2:6379: this machine does not forward IPv4: sysctl -w net.ipv4.ip_forward=1, and a line in /etc/sysctl.d/ to keep it.',
    'Clients of other machines cannot reach [fd00::2]:6379: this machine does not forward IPv6: sysctl -w net.ipv6.conf.all.forwarding=1, and a line in /etc/sysctl.d/ to keep it.',
  ]);
});

it('finds nothing wrong with servers of this machine', (t) => {
  assert.deepEqual(forwardingProblems(HERE, OWN, sysctls(t, {})), []);
});

it('is content with one IPv4 interface that forwards, and with the one switch of IPv6', (t) => {
  const on = { 'ipv4/conf/eth0/forwarding': '1', 'ipv6/conf/all/forwarding': '1' };
  assert.deepEqual(forwardingProblems(THERE, OWN, sysctls(t, on)), []);
  // What later interfaces get is no interface.
  const later = { 'ipv4/conf/default/forwarding': '1', 'ipv6/conf/default/forwarding': '1' };
  assert.equal(forwardingProblems(THERE, OWN, sysctls(t, later)).length, 2);
});

it('says that the kernel lets nobody from elsewhere to a loopback address, unless it is told to', (t) => {
  const servers = [...HERE, ...['127.0.0.1', '::1'].map((host) => ({ host, port: 6379 }))];
  const said = (settings: Readonly<Record<string, string>>): string[] =>
    loopbackProblems(servers, sysctls(t, settings)).map((sentence) => sentence.split(',')[0] ?? '');
  const [one, two] = ['127.0.0.1:6379', '[::1]:6379'].map(
    (server) => `Clients of other machines cannot reach ${server}`,
  );
  assert.deepEqual(said({}), [one, two]);
  assert.deepEqual(said({ 'ipv4/conf/lo/route_localnet': '1' }), [one, two]);
  assert.deepEqual(said({ 'ipv4/conf/eth0/route_localnet': '1' }), [two]);
});

it('knows the addresses of this machine', (t) => {
  assert.deepEqual(forwardingProblems([{ host: '127.0.0.1', port: 1 }], undefined, sysctls(t, {})), []);
});
