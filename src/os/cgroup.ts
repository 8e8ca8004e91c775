// Where the cgroups of version 2 are on this machine, and which is ours. A machine has one tree of them, which is
// mounted at /sys/fs/cgroup, or at /sys/fs/cgroup/unified beside the trees of version 1, or not at all; a container may
// see a part of it only. See cgroups(7) and, for mountinfo, proc_pid_mountinfo(5).

import { statSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure, success, type Result } from '../base/result.ts';

/** A mount of the tree. */
export interface CgroupMount {
  readonly folder: string;
  /** Which cgroup its folder is; `/` for all we may see. */
  readonly root: string;
}

/** The mounts of version 2 in the text of a `/proc/<pid>/mountinfo`, in its order. */
export function parseCgroupMounts(mountinfo: string): CgroupMount[] {
  return mountinfo.split('\n').flatMap((line) => {
    // Optional fields, up to a hyphen, stand between the options and the file system's type.
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, folder] = before.split(' ');
    if (!after.startsWith('cgroup2 ') || root === undefined || folder === undefined) return [];
    return [{ folder: unescaped(folder), root: unescaped(root) }];
  });
}

/** Space, tab, line break and backslash are written as three octal digits. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The path of the process's cgroup of version 2, from the text of a `/proc/<pid>/cgroup`; null if it has none. */
export function parseOwnCgroup(text: string): string | null {
  return /^0::(.+)$/m.exec(text)?.[1] ?? null;
}

/**
 * The folder of a cgroup, from what an operator names: null for all processes we may cover, `self` for our own cgroup,
 * a folder (`/sys/fs/cgroup/system.slice`), or a path in the tree (`/system.slice`, as /proc/<pid>/cgroup has it).
 */
export function cgroupFolder(
  named: string | null,
  mountinfo = readFileSync('/proc/self/mountinfo', 'latin1'),
  own = () => readFileSync('/proc/self/cgroup', 'latin1'),
  isFolder: (path: string) => boolean = (path) =>
    statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
): Result<string> {
  const mounts = parseCgroupMounts(mountinfo);
  const mount = mounts.find(({ root }) => root === '/') ?? mounts[0];
  if (mount === undefined) {
    const sentence =
      'no cgroup2 file system is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified, or use --path relay';
    return failure({ code: 'no-cgroup2', sentence });
  }
  if (named === null) return success(mount.folder);
  const path = named === 'self' ? (parseOwnCgroup(own()) ?? '/') : named;
  const isWithin = mounts.some(({ folder }) => path === folder || path.startsWith(`${folder}/`));
  // Where only a part of the tree is mounted, its folder is that part already.
  const isBelow = mount.root !== '/' && `${path}/`.startsWith(`${mount.root}/`);
  const folder = isWithin ? path : join(mount.folder, isBelow ? path.slice(mount.root.length) : path);
  if (isFolder(folder)) return success(folder);
  const sentence = `there is no cgroup ${folder}: name one below ${mount.folder}, as /proc/<pid>/cgroup shows it`;
  return failure({ code: 'no-cgroup', sentence });
}
