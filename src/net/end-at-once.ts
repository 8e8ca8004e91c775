// The end of a connection that nobody has any more use for.

import type { Socket } from 'node:net';

/** With a reset, so that no port is left in TIME_WAIT; TLS and unix sockets, and what is not connected, just end. */
export function endAtOnce(socket: Socket): void {
  const isTcp = socket.remoteAddress !== undefined && !('encrypted' in socket);
  if (isTcp) socket.resetAndDestroy();
  else socket.destroy();
}
