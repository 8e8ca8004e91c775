// What the reader of keepalived.conf asks the machine about: included files, scripts and who owns them, users, network
// interfaces. Text is byte strings on the reader's side and UTF-8 on the system's.

import { accessSync, constants, lstatSync, readlinkSync, statSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { randomInt } from 'node:crypto';
import { Random } from '../base/random.ts';
import { success } from '../base/result.ts';
import { Addresses } from '../os/addresses.ts';
import type { KnownInterface, PathPart, Surroundings } from '../vrrp/conf/surroundings.ts';
import { confFiles } from './conf-files.ts';
import { findIds } from './user-ids.ts';

const toText = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');
const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** As many as the kernel follows. */
const LINKS_FOLLOWED_MAX = 40;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Of this machine, as it is now. */
export function keepalivedSurroundings(): Surroundings {
  return {
    workingDirectory: toBytes(process.cwd()),
    readInclude(pattern) {
      const read = confFiles.readInclude(pattern);
      if (!read.ok) return read;
      return success(read.value.map((file) => ({ ...file, directory: toBytes(dirname(toText(file.path))) })));
    },
    pathParts: (path) => pathParts(toText(path)),
    findProgram,
    user(name) {
      const ids = findIds(name, null);
      if (!ids.ok || ids.value.uid === undefined || ids.value.gid === undefined) return null;
      return { userId: ids.value.uid, groupId: ids.value.gid };
    },
    group(name) {
      const ids = findIds(null, name);
      return ids.ok ? (ids.value.gid ?? null) : null;
    },
    daemonUserId: process.geteuid?.() ?? 0,
    daemonUserName: toBytes(daemonUserName()),
    interfaces: knownInterfaces(),
    hostName: toBytes(hostname()),
    environment(name) {
      const value = process.env[toText(name)];
      return value === undefined ? null : toBytes(value);
    },
    random: new Random(randomInt(2 ** 48 - 1)),
  };
}

/** Its number where it has no name. */
function daemonUserName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid?.() ?? 0);
  }
}

/** See `Surroundings.pathParts`. */
export function pathParts(path: string): PathPart[] | null {
  const parts = new Map<string, PathPart>();
  let rest = path.split('/').filter((name) => name !== '');
  let at = '/';
  let linksFollowed = 0;
  try {
    parts.set(at, partOf(at));
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      const next = resolve(at, name);
      if (lstatSync(next).isSymbolicLink()) {
        linksFollowed += 1;
        if (linksFollowed > LINKS_FOLLOWED_MAX) return null;
        const target = resolve(at, readlinkSync(next));
        rest = [...target.split('/').filter((one) => one !== ''), ...rest];
        at = '/';
        continue;
      }
      at = next;
      // The file itself stays the last.
      parts.delete(at);
      parts.set(at, partOf(at));
    }
    return [...parts.values()];
  } catch {
    return null;
  }
}

function partOf(path: string): PathPart {
  const { mode, uid, gid } = lstatSync(path);
  const kinds = { [constants.S_IFREG]: 'file', [constants.S_IFDIR]: 'directory' } as const;
  return {
    path: toBytes(path),
    kind: kinds[mode & constants.S_IFMT] ?? 'other',
    userId: uid,
    groupId: gid,
    mode: mode & 0o7777,
  };
}

function findProgram(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? DEFAULT_PATH).split(':')) {
    const path = join(folder === '' ? '.' : folder, toText(name));
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return toBytes(resolve(path));
    } catch {
      // Not there.
    }
  }
  return null;
}

/** null where the kernel cannot be asked. */
function knownInterfaces(): KnownInterface[] | null {
  try {
    const netlink = new Addresses();
    const addresses = netlink.list();
    const known = netlink.links().map(({ name, index, isLoopback }) => ({
      name,
      isLoopback,
      addresses: addresses.filter(({ linkIndex }) => linkIndex === index).map(({ address }) => address),
    }));
    netlink.close();
    return known;
  } catch {
    return null;
  }
}
