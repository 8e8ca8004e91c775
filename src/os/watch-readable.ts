// Tells when a descriptor can be read, on Node's own loop. Node watches no foreign descriptors itself; koffi lends us
// libuv's `uv_poll_t`, which does not appear in its manual. So it is used here and nowhere else.
//
// Should it ever go: `setInterval(onReadable, 10)` keeps the same promise (readers read until nothing is left) at
// 1.3 % of a core and 10 ms of delay; a worker thread that blocks in poll(2) costs 0.2 ms and 13 MB. A blocking `recv`
// in libuv's pool is no way: four of them stop every file access and name lookup of the process.

import { libc } from './libc.ts';

type Poll = ReturnType<typeof libc>['poll'];
type Handle = ReturnType<Poll>;
type Callback = Parameters<Poll>[1];

const OPTIONS = { readable: true };

/** Keeps every open handle reachable: one that is garbage-collected closes itself, silently. */
const open = new Set<Handle>();

/**
 * Calls `onReadable` whenever `fd` has something to read, be it an error (again, while it is left unread). The watch
 * keeps the process alive. Close it before the descriptor, and always before a worker thread ends (it would crash the
 * process).
 */
export function watchReadable(fd: number, onReadable: () => void): { close(): void } {
  // The native callback runs outside Node's care: an exception there is lost and ends the watch, and promises made
  // there may not run. So it only asks for a turn of its own.
  const callback = (status: number): void => {
    setImmediate(() => {
      if (!open.has(handle)) return;
      // An error of the socket (a full netlink queue, say) makes libuv give up on the descriptor. Reading clears it.
      if (status < 0) handle.start(OPTIONS, asDeclared);
      onReadable();
    });
  };
  // koffi declares the callback with the events alone, and calls it with a status before them.
  const asDeclared = callback as unknown as Callback;
  const handle = libc().poll(fd, OPTIONS, asDeclared);
  open.add(handle);
  return {
    close() {
      if (open.delete(handle)) handle.close();
    },
  };
}
