// `npm run sim -- --seeds 1000`: the simulator from source, without building the whole program first.
import { mkdirSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = `${root}.cache/sim/simulate.mjs`;
mkdirSync(`${root}.cache/sim`, { recursive: true });
await build({
  entryPoints: [`${root}src/cli/simulate.ts`],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'warning',
});
/** @type {{ simulate(argv: readonly string[]): number }} */
const { simulate } = await import(pathToFileURL(bundle).href);
process.exitCode = simulate(process.argv.slice(2));
