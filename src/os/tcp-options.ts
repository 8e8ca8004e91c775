// Options of TCP sockets that Node has no word for.

import { int } from './socket.ts';
import { libc } from './libc.ts';

const IPPROTO_TCP = 6;
const TCP_USER_TIMEOUT = 18;

/**
 * Ends the connection when what was sent is not acknowledged for `ms`: long before the kernel would by itself (some 15
 * minutes). Of a socket that belongs to Node; where it can't be set, the kernel's own patience stays.
 */
export function setTcpUserTimeout(fd: number, ms: number): void {
  try {
    const value = int(ms);
    libc().setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, value, value.length);
  } catch {
    // No libc to call: a platform without this option, too.
  }
}
