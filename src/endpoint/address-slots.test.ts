// Servers that share a name, and which of its addresses each has.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AddressSlots } from './address-slots.ts';
import type { CheckConf } from './checks/check-conf.ts';
import type { ServerConf } from './endpoint-conf.ts';
import { backendConf, endpointsConf, serverConf, Stage, TIMING } from './test-kit.ts';

const TCP: CheckConf = { kind: 'tcp', host: null, port: null, tls: null };
const CHECKED = { checks: [{ check: TCP, timing: TIMING }] };
const slots = (more: Partial<ServerConf> = {}): ServerConf[] =>
  [0, 1, 2].map((index) =>
    serverConf(`s${index + 1}`, 'redis:6379', { ...more, slot: { group: 's redis', index } }),
  );

it('who has an address keeps it, whatever comes before it, and who has none takes a free one', () => {
  const addresses = new AddressSlots();
  const take = (index: number, ...ips: readonly string[]): string | null =>
    addresses.take({ group: 'g', index }, ips);
  assert.deepEqual([take(0, 'a', 'b'), take(1, 'a', 'b'), take(2, 'a', 'b')], ['a', 'b', null]);
  assert.deepEqual([take(1, 'c', 'b', 'a'), take(2, 'c', 'b', 'a')], ['b', 'c']);
  assert.equal(take(0, 'b', 'c'), null);
  assert.equal(take(0, 'd', 'c', 'b'), 'd');
  assert.equal(addresses.take({ group: 'other', index: 0 }, ['a']), 'a');
});

it('a reload that leaves servers out sets their addresses free', () => {
  const confOf = (count: number): ReturnType<typeof endpointsConf> =>
    endpointsConf(backendConf({ role: { kind: 'any' }, servers: slots(CHECKED).slice(0, count) }));
  const stage = new Stage(confOf(3));
  stage.names.set('redis', ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  stage.checkFinds = () => ({ isUp: true });
  stage.pass(100);
  assert.equal(stage.leadsTo().length, 3);
  // The last one is being looked up when it goes.
  stage.feed({ kind: 'reload', conf: confOf(3) });
  stage.feed({ kind: 'reload', conf: confOf(2) });
  stage.names.set('redis', ['10.0.0.2', '10.0.0.3']);
  stage.pass(30_000);
  assert.deepEqual(stage.leadsTo(), ['10.0.0.3:6379', '10.0.0.2:6379']);
});

it('one server too many is down, and says that the others have all addresses', () => {
  const stage = new Stage(endpointsConf(backendConf({ role: { kind: 'any' }, servers: slots(CHECKED) })));
  stage.names.set('redis', ['10.0.0.1', '10.0.0.2']);
  stage.checkFinds = () => ({ isUp: true });
  stage.pass(100);
  assert.deepEqual(stage.alarms(), [
    'server: s3: redis has no address left: other servers have each of them',
  ]);
  const [, , last] = stage.backend().servers;
  assert.deepEqual([last?.health, last?.history.timesDown], ['down', 1]);
  const redis = new Stage(endpointsConf(backendConf({ servers: slots() })));
  redis.names.set('redis', ['10.0.0.1']);
  redis.model('10.0.0.1:6379', { role: 'master' });
  redis.pass(1_000);
  assert.match(redis.backend().servers[1]?.reason ?? '', /^redis has no address left/);
});

it('servers of a template have each an address to themselves, and follow the name', () => {
  const stage = new Stage(endpointsConf(backendConf({ role: { kind: 'any' }, servers: slots(CHECKED) })));
  stage.names.set('redis', ['10.0.0.1', '10.0.0.2']);
  stage.checkFinds = () => ({ isUp: true });
  stage.pass(100);
  assert.deepEqual(stage.leadsTo(), ['10.0.0.1:6379', '10.0.0.2:6379']);
  assert.match(stage.backend().because, /s3: redis has no address/);
  stage.names.set('redis', ['10.0.0.3', '10.0.0.2']);
  stage.pass(12_000);
  assert.deepEqual(stage.leadsTo(), ['10.0.0.2:6379', '10.0.0.3:6379']);
  // While no name server answers, all stays.
  stage.names.set('redis', []);
  stage.pass(30_000);
  assert.deepEqual(stage.leadsTo(), ['10.0.0.2:6379', '10.0.0.3:6379']);
});

it('the wanted family comes first, where the name has it', () => {
  const led = (family: 4 | 6, ...ips: readonly string[]): readonly string[] => {
    const servers = [serverConf('a', 'redis:6379', { family })];
    const stage = new Stage(endpointsConf(backendConf({ role: { kind: 'any' }, servers })));
    stage.names.set('redis', ips);
    stage.pass(100);
    return stage.leadsTo();
  };
  assert.deepEqual(led(4, 'fd00::1', '10.0.0.1'), ['10.0.0.1:6379']);
  assert.deepEqual(led(6, '10.0.0.1', 'fd00::1'), ['[fd00::1]:6379']);
  assert.deepEqual(led(6, '10.0.0.1'), ['10.0.0.1:6379']);
});

it('a primary is found among the servers of a template, also at an address that is new', () => {
  const stage = new Stage(endpointsConf(backendConf({ servers: slots() })));
  stage.names.set('redis', ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  stage.model('10.0.0.1:6379', { role: 'master' });
  stage.model('10.0.0.2:6379');
  stage.model('10.0.0.3:6379');
  stage.pass(1_000);
  assert.deepEqual(stage.leadsTo(), ['10.0.0.1:6379']);
  stage.kill('10.0.0.1:6379');
  stage.names.set('redis', ['10.0.0.9', '10.0.0.2', '10.0.0.3']);
  stage.model('10.0.0.9:6379', { role: 'master', history: 'h2' });
  stage.pass(3_000);
  assert.deepEqual(stage.leadsTo(), ['10.0.0.9:6379']);
});
