// `node scripts/bench.mjs NAME [arguments]`: bundles bench/NAME.ts and runs it. Without a name, lists what there is.
//
// Bundled, since that is how the program itself runs; packages are left outside, as they ship.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const names = readdirSync(`${root}bench`)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));
const [name, ...rest] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  console.error(`usage: node scripts/bench.mjs ${names.join('|')} [arguments]`);
  process.exit(2);
}

const outfile = `${root}.cache/bench/${name}.mjs`;
await build({
  entryPoints: [`${root}bench/${name}.ts`],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--expose-gc', outfile, ...rest], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
