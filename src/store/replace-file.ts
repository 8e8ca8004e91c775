// Replaces a small file so that, whatever happens and whenever, its name leads to the whole old text or the whole new
// text: write a temporary file beside it, fsync, rename over it, fsync the folder (sentinel.md §2.5).

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as fsp from 'node:fs/promises';
import { dirname } from 'node:path';
import { failure, success, type Result } from '../base/result.ts';

/** Umask can only be read by setting it, which must not happen while another thread creates files: asked once. */
let umaskAtStart: number | null = null;

function permissions(): number {
  umaskAtStart ??= process.umask();
  return 0o644 & ~umaskAtStart;
}

/**
 * Where a write to `path` must land: a symbolic link is followed, so that the link stays a link. A link that leads
 * nowhere is replaced by the file itself.
 *
 * Differs from Sentinel: it renames over the link, because of which a file kept elsewhere and linked into place stops
 * being the file that is in use, silently.
 */
function targetOf(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch {
    return path;
  }
}

function temporaryNameFor(path: string): string {
  return `${path}.${randomBytes(4).toString('base64url').replaceAll(/[-_]/g, 'x')}`;
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Durably replaces the file at `path` by `text`, a byte string, without blocking the event loop. On failure the file is
 * untouched, no temporary file is left, and the problem says what the system said.
 */
export async function replaceFile(path: string, text: string): Promise<Result<null, string>> {
  const target = targetOf(path);
  const temporary = temporaryNameFor(target);
  try {
    const file = await fsp.open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text, 'latin1');
      await file.sync();
      await file.chmod(permissions());
    } finally {
      await file.close();
    }
    await fsp.rename(temporary, target);
  } catch (error) {
    await fsp.rm(temporary, { force: true }).catch(() => undefined);
    return failure(sentence(error));
  }
  try {
    const folder = await fsp.open(dirname(target), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return success(null);
  } catch (error) {
    return failure(`${path} was written, but its folder could not be synced: ${sentence(error)}`);
  }
}

/** The same, done before it returns. For commands that must answer at once, and for the way out. */
export function replaceFileSync(path: string, text: string): Result<null, string> {
  const target = targetOf(path);
  const temporary = temporaryNameFor(target);
  try {
    const file = fs.openSync(temporary, 'wx', 0o600);
    try {
      fs.writeFileSync(file, text, 'latin1');
      fs.fsyncSync(file);
      fs.fchmodSync(file, permissions());
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(temporary, target);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    return failure(sentence(error));
  }
  try {
    const folder = fs.openSync(dirname(target), 'r');
    try {
      fs.fsyncSync(folder);
    } finally {
      fs.closeSync(folder);
    }
    return success(null);
  } catch (error) {
    return failure(`${path} was written, but its folder could not be synced: ${sentence(error)}`);
  }
}
