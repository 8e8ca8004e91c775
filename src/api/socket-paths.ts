// Where control sockets are (design.md §3): one folder a user, one socket a daemon.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Longest path a unix socket can have on Linux; longer ones would be cut off silently. */
export const SOCKET_PATH_BYTES_MAX = 107;

/** The folder for the sockets of this user's daemons; null if the system names none. */
export function runtimeFolder(
  environment: NodeJS.ProcessEnv = process.env,
  isRoot = process.getuid?.() === 0,
): string | null {
  // systemd lists several when a unit has several.
  const [runtimeDirectory] = (environment['RUNTIME_DIRECTORY'] ?? '').split(':');
  if (runtimeDirectory !== undefined && runtimeDirectory !== '') return runtimeDirectory;
  if (isRoot) return '/run/baton';
  const user = environment['XDG_RUNTIME_DIR'] ?? '';
  return user === '' ? null : join(user, 'baton');
}

/** `<kind>-<name>.sock`, with what cannot be in a file name replaced. */
export function socketName(kind: string, name: string): string {
  return `${kind}-${name.replaceAll(/[^\w.-]/g, '_')}.sock`;
}

/** All control sockets of `folder`, sorted; whether anybody listens on them is another question. */
export function listSockets(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.sock'))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
