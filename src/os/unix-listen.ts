// A listening unix socket for several processes, with its mode and owner before anybody can connect, in place of one that a
// crash left behind, and never in place of one that somebody listens on.

import { chmodSync, chownSync, lstatSync, renameSync, rmSync, type Stats } from 'node:fs';
import { constants } from 'node:os';
import { checked, libc } from './libc.ts';
import { OsError } from './os-error.ts';
import { AF_UNIX, UNIX_PATH_BYTES_MAX, unixSocketAddress } from './socket-address.ts';
import { SOCK_STREAM, Socket } from './socket.ts';

export interface UnixSocketFile {
  /** null: as the process's umask has it. */
  readonly mode: number | null;
  readonly uid: number | null;
  readonly gid: number | null;
}

export interface UnixListener {
  /** For `server.listen({ fd })`, which then owns it. */
  readonly fd: number;
  /** Removes the file, unless it is another's by now. */
  readonly remove: () => void;
}

/** Throws an {@link OsError} that says what is in the way: somebody listens there, it is no socket, no permission. */
export function listenUnix(path: string, file: UnixSocketFile, backlog: number): UnixListener {
  const doing = `listen on ${path}`;
  // Made under another name and put in its place, so that there is no moment without the file or with wrong rights.
  const made = `${path}.${process.pid}.new`;
  if (Buffer.byteLength(made) > UNIX_PATH_BYTES_MAX) {
    const most = UNIX_PATH_BYTES_MAX - (Buffer.byteLength(made) - Buffer.byteLength(path));
    throw new OsError('ENAMETOOLONG', 'bind', `cannot ${doing}: a path of at most ${most} bytes`);
  }
  const purpose = { doing } as const;
  const occupied = whyOccupied(path);
  if (occupied !== null) throw new OsError('EADDRINUSE', 'bind', `cannot ${doing}: ${occupied}`);
  rmSync(made, { force: true });
  const socket = Socket.open(AF_UNIX, SOCK_STREAM, 0, purpose, (opened) => {
    opened.bind(unixSocketAddress(made));
    try {
      if (file.mode !== null) chmodSync(made, file.mode);
      if (file.uid !== null || file.gid !== null) chownSync(made, file.uid ?? -1, file.gid ?? -1);
      checked(libc().listen(opened.fd, backlog), { ...purpose, syscall: 'listen' });
      renameSync(made, path);
    } catch (error) {
      rmSync(made, { force: true });
      if (error instanceof OsError) throw error;
      const { code = 'EIO', syscall = 'rename', message } = error as NodeJS.ErrnoException;
      throw new OsError(code, syscall, `cannot ${doing}: ${message}`);
    }
  });
  const own = statOf(path);
  const remove = (): void => {
    const now = statOf(path);
    if (own === null || now === null || now.ino !== own.ino || now.dev !== own.dev) return;
    try {
      rmSync(path);
    } catch {
      // Who gave root's rights up may not; the next one to come finds that nobody listens there.
    }
  };
  return { fd: socket.fd, remove };
}

/** Why a path can't be taken; null: it is free, or what is there nobody listens on. */
function whyOccupied(path: string): string | null {
  const there = statOf(path);
  if (there === null) return null;
  if (!there.isSocket()) return 'there is a file that is no socket: remove it, or choose another path';
  return isListenedOn(path) ? 'another program listens there: stop it, or choose another path' : null;
}

function statOf(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}

/** Only a refused connection shows that nobody does; a full queue, or no permission to connect, that somebody does. */
function isListenedOn(path: string): boolean {
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) return false;
  const probe = Socket.open(AF_UNIX, SOCK_STREAM, 0, { doing: `connect to ${path}` }, () => undefined);
  try {
    const address = unixSocketAddress(path);
    if (libc().connect(probe.fd, address, address.length) === 0) return true;
    const { ECONNREFUSED, ENOENT } = constants.errno;
    return ![ECONNREFUSED, ENOENT].includes(libc().errno());
  } finally {
    probe.close();
  }
}
