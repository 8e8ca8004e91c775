// `npm test`: everything a change must pass. `npm test -- pure|world|check` runs one part.
//
// Unit and world tests are bundled by esbuild first (one file each): node starts them several times faster than it
// could through a loader.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const parts = process.argv.slice(2);
const wanted = (/** @type {string} */ part) => parts.length === 0 || parts.includes(part);

/** @param {string} command @param {string[]} args */
function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) process.exit(status ?? 1);
}

/** @param {string} folder */
function testFiles(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .sort();
}

/** @param {string} folder @param {string[]} options */
async function runTests(folder, options) {
  const { build } = await import('esbuild');
  const out = `.cache/tests/${folder}`;
  rmSync(out, { recursive: true, force: true });
  await build({
    entryPoints: testFiles(folder),
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
  const files = readdirSync(out, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.mjs'))
    .map((name) => join(out, name))
    .sort();
  run(process.execPath, ['--enable-source-maps', '--test', ...options, ...files], { NODE_NO_WARNINGS: '1' });
}

const bin = (/** @type {string} */ name) => join(root, 'node_modules', '.bin', name);

if (wanted('check')) {
  run(bin('tsc'), ['-p', '.']);
  run(bin('oxlint'), ['--type-aware', '--deny-warnings']);
  run(bin('prettier'), ['--check', '--log-level', 'warn', '.']);
}
if (wanted('pure')) await runTests('src', []);
