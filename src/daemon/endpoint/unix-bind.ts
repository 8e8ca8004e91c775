// A frontend's unix socket: its file's rights by the names that the configuration has, and its listening descriptor.

import { lstatSync } from 'node:fs';
import type { Bind } from '../../endpoint/endpoint-conf.ts';
import { OsError } from '../../os/os-error.ts';
import { listenUnix } from '../../os/unix-listen.ts';
import { removeSocket } from '../remove-socket.ts';
import { findIds } from '../user-ids.ts';

type UnixBind = Extract<Bind, { readonly kind: 'unix' }>;

export interface OpenedUnixBind {
  /** null: this platform has no such call, so who serves it listens at the path itself. */
  readonly fd: number | null;
  /** In UTF-8. */
  readonly path: string;
  readonly remove: () => void;
}

/** Throws what is in the way, as a sentence. */
export function openUnixBind(bind: UnixBind, backlog: number): OpenedUnixBind {
  const path = Buffer.from(bind.path, 'latin1').toString('utf8');
  const ids = findIds(bind.user, bind.group);
  if (!ids.ok) throw new Error(`cannot listen on ${path}: ${ids.problem}`);
  const gid = bind.group === null ? null : (ids.value.gid ?? null);
  try {
    return { path, ...listenUnix(path, { mode: bind.mode, uid: ids.value.uid ?? null, gid }, backlog) };
  } catch (error) {
    if (!(error instanceof OsError) || error.code !== 'ENOSYS') throw error;
    const remove = (): void => {
      if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) removeSocket(path);
    };
    remove();
    return { fd: null, path, remove };
  }
}
