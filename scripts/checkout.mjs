// What a fresh clone needs before anything of it can run: dependencies as the lockfile says, and a build as new as
// the sources. Plain Node without dependencies, since it runs before there are any.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, lstatSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's folder, without a slash at its end. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs `work` with one line on standard error about it: what is done, and how long it took. @param {string} what @param {() => void} work */
export function withProgress(what, work) {
  const start = performance.now();
  const isTerminal = process.stderr.isTTY;
  process.stderr.write(isTerminal ? `${what} …` : `${what}\n`);
  try {
    work();
    if (isTerminal) process.stderr.write(` ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  } catch (error) {
    if (isTerminal) process.stderr.write('\n');
    throw error;
  }
}

/** Runs `npm ci` unless what the lockfile says is installed. */
export function ensureDependencies() {
  if (dependenciesAreInstalled()) return;
  withProgress('installing dependencies (npm ci)', () => {
    // npm started us and tells where it is, or it is on PATH.
    const npm = process.env['npm_execpath'];
    const [command = 'npm', ...first] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
    const args = [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'];
    const result = spawnSync(command, args, {
      cwd: root,
      env: { ...process.env, ...npmCacheEnvironment() },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (result.status !== 0) {
      const said = `${result.stdout}${result.stderr}${result.error?.message ?? ''}`.trim();
      fail(`npm ci failed:\n${said}`);
    }
  });
}

/** Builds dist/ unless it is newer than everything it is made from. */
export function ensureBuilt() {
  const built = modifiedAt(join(root, 'dist/main.js'));
  const sources = ['package.json', 'package-lock.json', 'scripts/build.mjs', ...filesUnder('src')];
  if (sources.every((path) => modifiedAt(join(root, path)) <= built)) return;
  withProgress('building', () => {
    const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (status !== 0) fail('the build failed');
  });
}

/** Prints a sentence and leaves. @param {string} sentence @returns {never} */
export function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

// Contents are compared, not times: git writes the lockfile at checkout, which says nothing about node_modules.
function dependenciesAreInstalled() {
  const folder = join(root, 'node_modules');
  // A link leads to another checkout's; installing through it would pull the ground from under that one.
  if (existsSync(folder) && lstatSync(folder).isSymbolicLink()) return true;
  /** @type {(path: string) => Record<string, { version: string, optional?: boolean }>} */
  const packagesIn = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
  try {
    const installed = packagesIn('node_modules/.package-lock.json');
    // Optional ones are for other platforms; what an installation left out for ours would not be in its list.
    return Object.entries(packagesIn('package-lock.json')).every(
      ([name, { version, optional }]) =>
        name === '' ||
        (optional === true && installed[name] === undefined) ||
        installed[name]?.version === version,
    );
  } catch {
    return false;
  }
}

/** npm wants to write to a cache in the home folder; where it can't, it gets one in the checkout. */
function npmCacheEnvironment() {
  const cache = process.env['npm_config_cache'] ?? join(process.env['HOME'] ?? homedir(), '.npm');
  return isWritable(cache) ? {} : { npm_config_cache: join(root, '.cache/npm') };
}

/** @param {string} folder @returns {boolean} */
function isWritable(folder) {
  if (!existsSync(folder)) return dirname(folder) !== folder && isWritable(dirname(folder));
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} path */
function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** @param {string} folder */
function filesUnder(folder) {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|html|css|svg)$/.test(name) && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name));
}
