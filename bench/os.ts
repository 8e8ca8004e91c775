// What the calls on VRRP's hot path cost, and the children that other daemons start for the same.
//
// Needs root; works in a network namespace of its own, which it re-executes itself into.
//
//     node scripts/bench.mjs os [rounds]

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Addresses } from '../src/os/addresses.ts';
import { AdvertSocket } from '../src/os/advert-socket.ts';
import { FrameSocket } from '../src/os/frame-socket.ts';
import { Nft, findNft } from '../src/os/nft.ts';
import { SCOPE, type AddressSetting } from '../src/os/route-messages.ts';
import { bootClockMs } from '../src/os/boot-clock.ts';

const ROUNDS_DEFAULT = 2_000;
/** Starting a program takes so long that fewer do. */
const CHILD_ROUNDS = 100;

function inNamespace(): number {
  const name = `baton-bench-${process.pid}`;
  const ip = (...args: readonly string[]): void => {
    if (spawnSync('ip', args, { stdio: 'inherit' }).status !== 0) throw new Error(`ip ${args.join(' ')}`);
  };
  ip('netns', 'add', name);
  try {
    ip('-n', name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
    ip('-n', name, 'address', 'add', '10.77.0.1/24', 'dev', 'eth0');
    for (const link of ['lo', 'eth0', 'eth1']) ip('-n', name, 'link', 'set', link, 'up');
    const self = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
    const env = { ...process.env, BATON_BENCH_INSIDE: '1' };
    return spawnSync('ip', ['netns', 'exec', name, ...self], { stdio: 'inherit', env }).status ?? 1;
  } finally {
    ip('netns', 'delete', name);
  }
}

function report(what: string, tookUs: readonly number[]): void {
  const sorted = [...tookUs].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
  const cells = [at(0.5).padStart(10), at(0.99).padStart(10), at(1).padStart(10)].join('');
  process.stdout.write(`${what.padEnd(44)}${cells}\n`);
}

async function measure(what: string, rounds: number, act: () => unknown): Promise<void> {
  const tookUs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedAtMs = performance.now();
    await act();
    tookUs.push((performance.now() - startedAtMs) * 1_000);
  }
  report(what, tookUs);
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? ROUNDS_DEFAULT);
  const addresses = new Addresses();
  const link = addresses.links().find(({ name }) => name === 'eth0');
  if (link === undefined) throw new Error('no eth0');
  const options = { link, source: '10.77.0.1', group: '224.0.0.18', hops: 255 };
  const adverts = new AdvertSocket(options, { packet: () => {}, failed: () => {} });
  const frames = new FrameSocket();
  const setting: AddressSetting = {
    linkIndex: link.index,
    address: '10.77.0.100',
    prefixLength: 32,
    peer: null,
    validSeconds: 2,
    preferredSeconds: 2,
    scope: SCOPE.global,
    label: null,
    broadcast: null,
    flags: [],
  };
  const ipv6: AddressSetting = {
    ...setting,
    address: 'fd77::100',
    prefixLength: 128,
    preferredSeconds: 0,
    flags: ['nodad'],
  };
  const advert = Buffer.from('21336401000170030a6300640000000000000000', 'hex');
  const frame = Buffer.alloc(42);

  process.stdout.write(
    `${'microseconds'.padEnd(44)}${'median'.padStart(10)}${'p99'.padStart(10)}${'max'.padStart(10)}\n`,
  );
  await measure('read the boot clock', rounds, () => bootClockMs());
  await measure('look for adverts, none there', rounds, () => adverts.receiveWaiting());
  await measure('send an advert', rounds, () => adverts.send('224.0.0.18', advert));
  await measure('announce an address (gratuitous ARP)', rounds, () => frames.send(link.index, frame));
  await measure('refresh an IPv4 address', rounds, () => addresses.set(setting));
  await measure('refresh an IPv6 address', rounds, () => addresses.set(ipv6));
  await measure('list all addresses', rounds, () => addresses.list());
  await measure('refresh an address, by starting ip', CHILD_ROUNDS, () =>
    spawnSync('ip', [
      'address',
      'change',
      '10.77.0.100/32',
      'dev',
      'eth0',
      'valid_lft',
      '2',
      'preferred_lft',
      '2',
    ]),
  );
  if (findNft() !== null) {
    const nft = new Nft();
    await nft.apply(['add table inet t', 'add set inet t held { type ipv4_addr; flags timeout; }']);
    const refresh = ['flush set inet t held', 'add element inet t held { 10.77.0.100 timeout 2s }'];
    await measure('refresh an nftables element', Math.min(rounds, 500), () => nft.apply(refresh));
    await measure('the same, by starting nft', CHILD_ROUNDS, () => spawnSync('nft', [refresh.join('; ')]));
    nft.close();
  }
  adverts.close();
  frames.close();
  addresses.close();
}

if (process.env['BATON_BENCH_INSIDE'] === '1') await main();
else process.exitCode = inNamespace();
