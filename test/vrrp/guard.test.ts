// What the nft guard does on real machines: after a crash the old holder falls silent before the other takes over, though
// its kernel still lists the address, and its clients are not left hanging.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findNft } from '../../src/os/nft.ts';
import { routerConf, virtualAddress, vrrpConf } from '../../src/vrrp/test-conf.ts';
import { lacksMountNamespaces } from '../harness/requirements.ts';
import { pause, until } from '../harness/wait.ts';
import { HOSTS, LINK, skip, startHosts, type Cleanup, type Host } from '../os/hosts.ts';
import { holds, startCommand, startOurs, takes, type Router } from './routers.ts';
import { startThreeHosts } from './three-hosts.ts';

const IPV4 = '10.77.0.100';
const IPV6 = 'fd77::100';
const BOTH = [IPV4, IPV6];
/** Longer than the default, so that there is time to see that a listed address is silent. */
const LIFETIME_SECONDS = 3;
const PORT = 6379;
/** What a neighbour that is there needs to answer, many times over. */
const ANSWER_MS = 200;

/** One virtual router for each address, ten adverts a second. */
const conf = (priority: number, addressLifetimeSeconds = LIFETIME_SECONDS) =>
  vrrpConf(
    BOTH.map((address, index) =>
      routerConf({
        name: `VI_${index}`,
        interface: LINK,
        virtualRouterId: 51 + index,
        version: 3,
        advertIntervalMs: 100,
        priority,
        addresses: [virtualAddress(address, { interface: LINK })],
        addressLifetimeSeconds,
        guard: true,
      }),
    ),
  );

const holdsAll = (host: Host): boolean => BOTH.every((address) => holds(host, address));
const tables = (host: Host): string => host.run('nft', 'list', 'tables');
/** Of the neighbour cache of `from`, for an address that is said to be at host a. */
const pointToA = (from: Host, address: string, state: string): void => {
  const entry = [address, 'lladdr', HOSTS.a.mac, 'dev', LINK, 'nud', state];
  from.run('ip', 'neighbour', 'replace', ...entry);
};

/** What host a answers for `address`, asked directly whoever else has it: neighbour resolution, and an echo. */
async function answersOfA(from: Host, address: string): Promise<{ neighbour: boolean; echo: boolean }> {
  pointToA(from, address, 'probe');
  await pause(ANSWER_MS);
  const entry = from.run('ip', 'neighbour', 'show', address, 'dev', LINK);
  pointToA(from, address, 'permanent');
  const ping = ['netns', 'exec', from.namespace, 'ping', '-c', '1', '-W', `${ANSWER_MS / 1000}`, address];
  return { neighbour: /REACHABLE/.test(entry), echo: spawnSync('ip', ping).status === 0 };
}

/** Whether connecting to it at host a is refused; else it hangs. */
function isRefusedByA(from: Host, address: string): boolean {
  pointToA(from, address, 'permanent');
  const script = `exec 3<>/dev/tcp/${address}/${PORT + 1}`;
  const words = ['netns', 'exec', from.namespace, 'timeout', '2', 'bash', '-c', script];
  const { status, stderr } = spawnSync('ip', words, { encoding: 'latin1' });
  return status !== 124 && stderr.includes('Connection refused');
}

/** A client that says what became of its connection; it writes whenever its input gets a line. */
const CLIENT = `
  const [host, port] = process.argv.slice(1);
  const socket = require('node:net').connect({ host, port });
  socket.on('data', (data) => console.log('echo ' + data)).on('error', ({ code }) => console.log(code));
  process.stdin.on('data', () => socket.write('x'));
`;

const SILENT = { neighbour: false, echo: false };
const ANSWERS = { neighbour: true, echo: true };

/** The process id of its child. Throws if it has none now. */
const nftOf = (host: Host, router: Router): number =>
  Number(host.run('pgrep', '-P', String(router.process.pid), 'nft'));

/** Host a holds both addresses, host b would. */
async function startPair(test: Cleanup, a: Host, b: Host): Promise<Router> {
  const first = await startOurs(test, a, conf(200));
  await takes(() => holdsAll(a));
  const second = await startOurs(test, b, conf(100));
  await second.says('VI_1 is backup');
  await until('the table', () => tables(a).includes('arp baton_vrrp_test'));
  return first;
}

describe('the nft guard', { skip: skip || (findNft() === null ? 'needs nftables' : false) }, () => {
  it('silences a killed daemon before the other takes over, and resets its clients', async (t) => {
    const { a, b, watcher } = startThreeHosts(t);
    const server = await a.agent(t);
    await server.ask('listen', '0.0.0.0', PORT);
    const first = await startPair(t, a, b);
    for (const address of BOTH) assert.deepEqual(await answersOfA(watcher, address), ANSWERS, address);
    const client = startCommand(t, watcher, [process.execPath, '-e', CLIENT, IPV4, String(PORT)]);
    client.process.stdin?.write('\n');
    await client.says('echo x');

    first.process.kill('SIGKILL');
    await takes(() => holdsAll(b));
    for (const address of BOTH) {
      const answers = await answersOfA(watcher, address);
      assert.ok(holds(a, address), 'the machine is too slow to see anything');
      assert.deepEqual(answers, SILENT, address);
    }
    await takes(() => BOTH.every((address) => !holds(a, address)));
    for (const address of BOTH) assert.ok(isRefusedByA(watcher, address), `${address} hangs`);
    client.process.stdin?.write('\n');
    await client.says('ECONNRESET');

    // What a crash left is replaced, and nothing is left by one that ends in order.
    const again = await startOurs(t, a, conf(200));
    await takes(() => holdsAll(a));
    for (const address of BOTH) assert.deepEqual(await answersOfA(watcher, address), ANSWERS, address);
    again.process.kill('SIGTERM');
    assert.equal(await again.ended, 0, again.output);
    assert.equal(tables(a), '');
    assert.ok(!isRefusedByA(watcher, IPV4), 'it is the rule that resets');
  });

  it('silences a frozen daemon, which steps down when it wakes', async (t) => {
    const { a, b, watcher } = startThreeHosts(t);
    const first = await startPair(t, a, b);
    first.process.kill('SIGSTOP');
    await takes(() => holdsAll(b));
    for (const address of BOTH) {
      const answers = await answersOfA(watcher, address);
      assert.ok(holds(a, address), 'the machine is too slow to see anything');
      assert.deepEqual(answers, SILENT, address);
    }
    first.process.kill('SIGCONT');
    await first.says('VI_0 is backup, not active any more');
    await first.says('VI_1 is backup, not active any more');
    // The better one takes over again in its own time, and answers.
    await takes(() => holdsAll(a) && BOTH.every((address) => !holds(b, address)));
    for (const address of BOTH) assert.deepEqual(await answersOfA(watcher, address), ANSWERS, address);
  });

  it('mends its table and its nft, and the address answers all the while', async (t) => {
    const { a, b } = startHosts(t);
    a.run('sysctl', '-q', `net.ipv4.conf.${LINK}.forwarding=1`);
    const router = await startOurs(t, a, conf(200));
    await takes(() => holdsAll(a));
    await until('the table', () => tables(a).includes('arp baton_vrrp_test'));
    const resets = (digit: number): string =>
      a.run('nft', 'list', 'set', 'inet', 'baton_vrrp_test', `resets${digit}`);
    assert.match(resets(6), new RegExp(`${HOSTS.a.mac} \\. ${IPV6} `));
    assert.doesNotMatch(resets(4), /elements/, 'a router resets what it could lead on');
    const pings = startCommand(t, b, ['ping', '-i', '0.02', '-c', '150', IPV4]);
    await pings.says('time=');
    a.run('nft', 'flush', 'ruleset');
    await until('the table anew', () => tables(a).includes('arp baton_vrrp_test'));
    a.run('nft', 'delete', 'table', 'arp', 'baton_vrrp_test');
    await until('the table anew', () => tables(a).includes('arp baton_vrrp_test'));
    const child = nftOf(a, router);
    process.kill(child, 'SIGKILL');
    await until('another nft', () => nftOf(a, router) !== child);
    await pings.ended;
    assert.match(pings.output, /150 received/);
    assert.doesNotMatch(router.output, /no nft guard/);
  });

  it('gives way when nft fails for good: the address answers again, and an alarm says what is open', async (t) => {
    const { a, b } = startHosts(t);
    const folder = mkdtempSync(join(tmpdir(), 'baton-nft-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const broken = join(folder, 'broken');
    const script = `#!/bin/sh\n[ -e ${broken} ] && exit 1\nexec ${findNft()} "$@"\n`;
    writeFileSync(join(folder, 'nft'), script, { mode: 0o755 });
    const path = `PATH=${folder}:${process.env['PATH'] ?? ''}`;
    const router = await startOurs(t, a, conf(200, 1), 'env', path);
    await takes(() => holdsAll(a));
    await until('the table', () => tables(a).includes('arp baton_vrrp_test'));
    writeFileSync(broken, '');
    process.kill(nftOf(a, router), 'SIGKILL');
    await router.says(/no nft guard: nft did not answer: .*two machines may hold an address for 1200 ms/);
    // Nothing could remove the table, so it takes until what it holds has lapsed.
    await until('an answer', async () => (await answersOfA(b, IPV4)).echo);
    assert.deepEqual(await answersOfA(b, IPV6), ANSWERS);
    assert.ok(holdsAll(a));
    assert.doesNotMatch(router.output, /is backup, not active/);
  });

  it('is done without where there is no nft', { skip: lacksMountNamespaces() }, async (t) => {
    const { a, b } = startHosts(t);
    const hidden = 'mount --bind /dev/null "$0" && exec "$@"';
    const wrapper = ['unshare', '--mount', 'sh', '-c', hidden, findNft() ?? ''];
    const router = await startOurs(t, a, conf(200), ...wrapper);
    await takes(() => holdsAll(a));
    await router.says(/no nft guard: nft is not installed.*two machines may hold an address for 3200 ms/);
    assert.equal(tables(a), '');
    assert.deepEqual(await answersOfA(b, IPV4), ANSWERS);
  });
});
