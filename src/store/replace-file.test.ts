import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { replaceFile, replaceFileSync } from './replace-file.ts';

let folder = '';
before(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'baton-store-'));
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

for (const [name, replace] of [
  ['replaceFile', replaceFile],
  ['replaceFileSync', async (path: string, text: string) => replaceFileSync(path, text)],
] as const) {
  describe(name, () => {
    it('replaces the whole file, bytes as they are, mode 0644 less umask, nothing left beside it (sentinel.md §2.5)', async () => {
      const path = join(folder, `${name}.conf`);
      fs.writeFileSync(path, 'old', { mode: 0o600 });
      assert.deepEqual(await replace(path, 'caf\u00e9 \u0000\u00ff\n'), { ok: true, value: null });
      assert.equal(fs.readFileSync(path, 'latin1'), 'caf\u00e9 \u0000\u00ff\n');
      assert.equal(fs.statSync(path).mode & 0o777, 0o644 & ~process.umask());
      assert.deepEqual(
        fs.readdirSync(folder).filter((entry) => entry.startsWith(name)),
        [`${name}.conf`],
      );
    });

    it('writes through a symbolic link to the file it leads to', async () => {
      const real = join(folder, `${name}-real.conf`);
      const link = join(folder, `${name}-link.conf`);
      fs.writeFileSync(real, 'old');
      fs.symlinkSync(real, link);
      assert.ok((await replace(link, 'new')).ok);
      assert.equal(fs.readFileSync(real, 'utf8'), 'new');
      assert.ok(fs.lstatSync(link).isSymbolicLink());
    });

    it('reports a folder that is not there', async () => {
      const result = await replace(join(folder, 'missing', 'x.conf'), 'new');
      assert.ok(!result.ok);
      assert.match(result.problem, /ENOENT/);
    });

    it('leaves the old file whole, and nothing else, when the disk is full', async (test) => {
      const disk = join(folder, `${name}-disk`);
      fs.mkdirSync(disk);
      const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
      if (mount.status !== 0) return test.skip('mounting a small tmpfs needs root');
      try {
        const path = join(disk, 'sentinel.conf');
        fs.writeFileSync(path, 'old');
        const result = await replace(path, 'x'.repeat(100_000));
        assert.ok(!result.ok);
        assert.match(result.problem, /ENOSPC/);
        assert.equal(fs.readFileSync(path, 'utf8'), 'old');
        assert.deepEqual(fs.readdirSync(disk), ['sentinel.conf']);
      } finally {
        spawnSync('umount', [disk]);
      }
    });

    it('leaves the old file when its folder cannot be written', async (test) => {
      const disk = join(folder, `${name}-readonly`);
      fs.mkdirSync(disk);
      const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
      if (mount.status !== 0) return test.skip('mounting a read-only file system needs root');
      try {
        const path = join(disk, 'sentinel.conf');
        fs.writeFileSync(path, 'old');
        spawnSync('mount', ['-o', 'remount,ro', disk]);
        const result = await replace(path, 'new');
        assert.ok(!result.ok);
        assert.match(result.problem, /EROFS/);
        assert.equal(fs.readFileSync(path, 'utf8'), 'old');
      } finally {
        spawnSync('umount', [disk]);
      }
    });
  });
}
