// Names of users and groups to the numbers the kernel knows, from /etc/passwd and /etc/group. Node has no such lookup.

import { readFileSync } from 'node:fs';
import { failure, success, type Result } from '../base/result.ts';

/** What `spawn` takes; neither for the daemon's own. */
export interface Ids {
  readonly uid?: number;
  readonly gid?: number;
}

/** Those of a user (or number) and group; null: the daemon's own user, that user's own group. */
export function findIds(
  user: string | null,
  group: string | null,
  files: { readonly passwd: string; readonly group: string } = { passwd: '/etc/passwd', group: '/etc/group' },
): Result<Ids, string> {
  let ids: Ids = {};
  if (user !== null) {
    const entry = findEntry(files.passwd, user);
    if (entry === null) return failure(`there is no user ${user}`);
    ids = { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  if (group !== null) {
    const entry = findEntry(files.group, group);
    if (entry === null) return failure(`there is no group ${group}`);
    ids = { ...ids, gid: Number(entry[2]) };
  }
  return success(ids);
}

/** The fields of the line whose name or number is `wanted`. */
function findEntry(path: string, wanted: string): readonly string[] | null {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return null;
  }
  const entries = text.split('\n').map((line) => line.split(':'));
  return (
    entries.find(([name]) => name === wanted) ??
    entries.find((fields) => fields.length > 2 && fields[2] === wanted) ??
    null
  );
}
