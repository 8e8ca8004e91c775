// `npm start`: the demo, from a fresh clone too: installs and builds what is missing, then runs `baton demo` with the
// arguments given.
import { join } from 'node:path';
import { ensureBuilt, ensureDependencies, root } from './checkout.mjs';

ensureDependencies();
ensureBuilt();

// In this very process, so that Ctrl-C and the exit code are the demo's own.
process.argv = [process.execPath, join(root, 'bin/baton'), 'demo', ...process.argv.slice(2)];
await import(new URL('../dist/main.js', import.meta.url).href);
