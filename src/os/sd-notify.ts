// Tells systemd how we are (sd_notify(3)): ready, reloading, stopping, alive. Node has no unix datagrams.

import { AF_UNIX, UNIX_PATH_BYTES_MAX, unixSocketAddress } from './socket-address.ts';
import { MSG_DONTWAIT, SOCK_DGRAM, Socket } from './socket.ts';
import { checked, libc } from './libc.ts';

/** The variables that systemd sets for a service; usually `process.env`. */
export type ServiceEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Sends assignments, one a line: `READY=1`, `STATUS=…`, `WATCHDOG=1`, `STOPPING=1`. False if nobody wants to know.
 * Throws an OsError if the manager can't be reached or does not read, which harms nothing but its picture of us.
 */
export function notifyManager(assignments: string, environment: ServiceEnvironment = process.env): boolean {
  const path = environment['NOTIFY_SOCKET'] ?? '';
  // Other forms (vsock:) are for virtual machines.
  if (!/^[/@]/.test(path) || Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) return false;
  const doing = `notify the service manager at ${path}`;
  const socket = Socket.open(AF_UNIX, SOCK_DGRAM, 0, { doing }, () => {});
  try {
    const bytes = Buffer.from(assignments);
    const address = unixSocketAddress(path);
    const result = libc().sendto(socket.fd, bytes, bytes.length, MSG_DONTWAIT, address, address.length);
    checked(result, { syscall: 'sendto', doing });
  } finally {
    socket.close();
  }
  return true;
}

/**
 * How long the manager waits for `WATCHDOG=1` before it restarts us, in milliseconds; null if it does not (sd_watchdog_enabled(3)).
 * Notify at half of it.
 */
export function watchdogMs(
  environment: ServiceEnvironment = process.env,
  processId: number = process.pid,
): number | null {
  const microseconds = Number(environment['WATCHDOG_USEC'] ?? '');
  const isForUs = [undefined, '', String(processId)].includes(environment['WATCHDOG_PID']);
  return isForUs && Number.isInteger(microseconds) && microseconds > 0 ? microseconds / 1_000 : null;
}
