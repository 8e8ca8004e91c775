// `npm test`: everything a change must pass. `npm test -- check|build|pure|sim|world` runs the named parts; more
// arguments that name no part pick the test files whose path contains one of them.
//
// Unit and world tests are bundled by esbuild first (one file each): node starts them several times faster than it
// could through a loader.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDependencies, root } from './checkout.mjs';

const PARTS = ['check', 'build', 'pure', 'sim', 'world'];
/** Simulated fleets in one run of the tests; `npm run sim` runs more. */
const SIMULATION_SEEDS = 200;
/** The same for floating addresses: some thousand take three seconds or so. */
const VRRP_SIMULATION_SEEDS = 1_500;
const ENDPOINT_SIMULATION_SEEDS = 200;
/** A skip that begins like this is the machine's kernel's fault, which no installation can mend. */
const KERNEL_REASON = /^kernel: /;

process.chdir(root);
process.env['NODE_NO_WARNINGS'] = '1';
const parts = process.argv.slice(2).filter((argument) => PARTS.includes(argument));
const picked = process.argv.slice(2).filter((argument) => !PARTS.includes(argument));
const wanted = (/** @type {string} */ part) => parts.length === 0 || parts.includes(part);

const totals = { pass: 0, fail: 0, cancelled: 0, skipped: 0 };
/** @type {{ skipped: string, reason: string }[]} */
const skips = [];
let isCounted = false;

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) leave(status ?? 1);
}

/** Prints the totals, and what keeps a run on CI from counting, and exits. @param {number} status @returns {never} */
function leave(status) {
  let exitCode = status;
  if (isCounted) {
    console.log(`${totals.pass} passed, ${totals.fail + totals.cancelled} failed, ${totals.skipped} skipped`);
  }
  const avoidable = skips.filter(({ reason }) => !KERNEL_REASON.test(reason));
  if (exitCode === 0 && process.env['CI'] && avoidable.length > 0) {
    const names = avoidable.map(({ skipped, reason }) => `"${skipped}" (${reason || 'no reason given'})`);
    console.log(`failed: on CI these may not be skipped: ${names.join(', ')}`);
    exitCode = 1;
  }
  process.exit(exitCode);
}

/** @param {string} folder @param {string[]} options */
async function runTests(folder, options) {
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => picked.length === 0 || picked.some((part) => path.includes(part)))
    .sort();
  if (sources.length === 0) return;

  const { build } = await import('esbuild');
  const out = `.cache/tests/${folder}`;
  rmSync(out, { recursive: true, force: true });
  await build({
    entryPoints: sources,
    outdir: out,
    outbase: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const files = sources.map((path) => join('.cache/tests', path.replace(/\.ts$/, '.mjs')));

  const countsFile = `.cache/tests/${folder}.counts`;
  rmSync(countsFile, { force: true });
  const reporters = [
    `--test-reporter=${process.stdout.isTTY ? 'spec' : 'tap'}`,
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/test-counts.mjs',
    `--test-reporter-destination=${countsFile}`,
  ];
  const args = ['--enable-source-maps', '--test', ...options, ...reporters, ...files];
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  readCounts(countsFile);
  if (status !== 0) leave(status ?? 1);
}

/** @param {string} file */
function readCounts(file) {
  if (!existsSync(file)) return;
  isCounted = true;
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const entry = JSON.parse(line);
    if (entry.skipped === undefined) totals[/** @type {keyof typeof totals} */ (entry.total)] += entry.count;
    else skips.push(entry);
  }
}

ensureDependencies();
mkdirSync('.cache/tests', { recursive: true });
const bin = (/** @type {string} */ name) => join(root, 'node_modules', '.bin', name);

if (wanted('check')) {
  run(bin('tsc'), ['-p', '.']);
  run(bin('oxlint'), ['--type-aware', '--deny-warnings']);
  run(bin('prettier'), ['--check', '--log-level', 'warn', '.']);
}
if (wanted('build') || wanted('world')) run(process.execPath, ['scripts/build.mjs']);
if (wanted('pure')) await runTests('src', []);
if (wanted('sim') && existsSync('scripts/sim.mjs')) {
  run(process.execPath, ['scripts/sim.mjs', '--seeds', String(SIMULATION_SEEDS)]);
  run(process.execPath, ['scripts/sim.mjs', '--vrrp', '--seeds', String(VRRP_SIMULATION_SEEDS)]);
  run(process.execPath, ['scripts/sim.mjs', '--endpoint', '--seeds', String(ENDPOINT_SIMULATION_SEEDS)]);
}
if (wanted('world') && existsSync('test')) {
  const { prepareMachine } = await import('./machine.mjs');
  await prepareMachine();
  // Three files at a time: fleets mostly wait, and each has ports of its own.
  await runTests('test', ['--test-concurrency=3', '--test-timeout=600000']);
}
leave(0);
