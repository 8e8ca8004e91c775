// Which network namespace this process is in, as eBPF programs see it.

import { constants } from 'node:os';
import { AF_INET } from './socket-address.ts';
import { SOCK_DGRAM, SOL_SOCKET, Socket } from './socket.ts';
import { libc } from './libc.ts';
import { osError } from './os-error.ts';

const SO_NETNS_COOKIE = 71;

/** Its cookie: a number that no other namespace has had since boot. Throws an OsError before Linux 5.14. */
export function networkNamespaceCookie(): bigint {
  const doing = "read the network namespace's cookie";
  const value = Buffer.alloc(8);
  const socket = Socket.open(AF_INET, SOCK_DGRAM, 0, { doing }, (opened) => {
    const byteCount = Buffer.from([value.length, 0, 0, 0]);
    if (libc().getsockopt(opened.fd, SOL_SOCKET, SO_NETNS_COOKIE, value, byteCount) === 0) return;
    const errno = libc().errno();
    const detail = 'Linux 5.14 and later tell it: use --netns all, or --path relay';
    throw osError(errno, {
      syscall: 'getsockopt',
      doing,
      ...(errno === constants.errno.ENOPROTOOPT && { detail }),
    });
  });
  socket.close();
  return value.readBigUInt64LE(0);
}
