// The door of an endpoint with a limit of clients: whoever comes waits until all workers together have room for him, no
// longer than others wait for a server.

import type { Socket } from 'node:net';
import type { RelayConf } from '../../endpoint/relay/messages.ts';
import type { Slots } from '../../endpoint/relay/slots.ts';

/** Gives the place back; once. */
export type Leave = () => void;

/**
 * `enter` is called at once if there is no limit. Nothing is read from a client that waits; `refuse` is called for one
 * that waited in vain.
 */
export function admit(
  socket: Socket,
  { limits, frontend }: RelayConf,
  slots: Slots,
  enter: (leave: Leave) => void,
  refuse: () => void,
): void {
  if (limits.clients.length === 0) return enter(() => undefined);
  socket.pause();
  const give = (): void => slots.give(id);
  const stopWaiting = (): void => {
    clearTimeout(patience);
    socket.off('error', gone);
    socket.off('close', gone);
  };
  const gone = (): void => {
    stopWaiting();
    give();
    socket.destroy();
  };
  const inVain = (): void => {
    stopWaiting();
    refuse();
  };
  const patience = setTimeout(() => {
    give();
    inVain();
  }, frontend.queue.timeoutMs);
  socket.on('error', gone);
  socket.on('close', gone);
  const id = slots.take([limits.clients], frontend.queue.clientsMax, (choice) => {
    if (choice === null) return inVain();
    stopWaiting();
    enter(give);
  });
}
