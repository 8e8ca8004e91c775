// What world tests need of the machine. Servers come as a private copy when they are not installed, which starts and
// enables nothing; the few other programs are installed if we are root on a system with apt-get. What is still missing
// makes its tests skip, and they say why.
import { spawnSync } from 'node:child_process';
import { build } from 'esbuild';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail, root, withProgress } from './checkout.mjs';

// By the distribution's Python, which its packages belong to; another one may come first on PATH.
const PROGRAMS = [
  { shown: ['openssl', 'version'], comesIn: 'openssl' },
  { shown: ['ip', '-V'], comesIn: 'iproute2' },
  { shown: ['nft', '--version'], comesIn: 'nftables' },
  { shown: ['ping', '-V'], comesIn: 'iputils-ping' },
  { shown: ['pgrep', '--version'], comesIn: 'procps' },
  { shown: ['keepalived', '--version'], comesIn: 'keepalived' },
  { shown: ['haproxy', '-v'], comesIn: 'haproxy' },
  { shown: ['arping', '-V'], comesIn: 'iputils-arping' },
  { shown: ['tshark', '--version'], comesIn: 'tshark' },
  { shown: ['cc', '--version'], comesIn: 'gcc' },
  { shown: ['/usr/bin/python3', '-c', 'import redis'], comesIn: 'python3-redis' },
];

/** Installs or fetches what is missing and can be. */
export async function prepareMachine() {
  const missing = PROGRAMS.filter(({ shown: [command = '', ...args] }) => !runs(command, args));
  if (missing.length > 0 && process.getuid?.() === 0 && runs('apt-get', ['--version'])) {
    const packages = missing.map(({ comesIn }) => comesIn);
    withProgress(`installing ${packages.join(', ')}`, () => {
      const install = ['-qq', '-y', '--no-install-recommends', 'install', ...packages];
      if (!runs('apt-get', install)) {
        // Its lists may be missing or old.
        runs('apt-get', ['-qq', 'update']);
        runs('apt-get', install);
      }
    });
  }
  await prepareServers();
}

async function prepareServers() {
  const outfile = join(root, '.cache/tests/find-server.mjs');
  await build({
    entryPoints: [join(root, 'src/redis/find-server.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  const { findServer } = await import(pathToFileURL(outfile).href);
  const onProgress = (/** @type {string} */ step) => process.stderr.write(`${step}\n`);
  const redis = await findServer({ flavors: ['redis'], onProgress });
  if (!redis.ok) fail(`world tests need a Redis: ${redis.problem.sentence}`);
  // Tests of Valkey say themselves that it is missing.
  await findServer({ flavors: ['valkey'], onProgress });
}

/** @param {string} command @param {string[]} args */
function runs(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, args, { stdio: 'ignore', env }).status === 0;
}
