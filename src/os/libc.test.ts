import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { build } from 'esbuild';
import { bootClockMs } from './boot-clock.ts';
import { OsError } from './os-error.ts';
import { checked, libc } from './libc.ts';

const loadedModules = Object.keys(createRequire(import.meta.url).cache);
const uptimeMs = (): number => Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1_000;

it('loads nothing native until the first call', () => {
  assert.deepEqual(
    loadedModules.filter((path) => path.includes('koffi')),
    [],
  );
});

it("reads the kernel's time since boot, suspended or not", () => {
  const before = uptimeMs();
  const now = bootClockMs();
  // /proc/uptime counts hundredths.
  assert.ok(now >= before && now < uptimeMs() + 10, `${before} ${now}`);
  assert.ok(bootClockMs() > now);
});

it('throws what errno says of a failed call, and passes results through', () => {
  assert.equal(checked(7, { syscall: 'read', doing: 'read' }), 7);
  assert.throws(
    () => checked(libc().close(-1), { syscall: 'close', doing: 'close nothing' }),
    (error) => error instanceof OsError && error.code === 'EBADF' && error.syscall === 'close',
  );
  assert.equal(libc().errno(), constants.errno.EBADF);
});

it('says what to install where koffi is missing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const outfile = join(folder, 'alone.mjs');
  await build({
    stdin: {
      contents: `import { bootClockMs } from './src/os/boot-clock.ts'; bootClockMs();`,
      resolveDir: process.cwd(),
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  const { status, stderr } = spawnSync(process.execPath, [outfile], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /cannot load koffi, which calls libc for us: install Baton with its dependencies/);
});
