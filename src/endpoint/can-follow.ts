// Whether the servers of a group could follow one of them as it is named here. Endpoints may know a server by a name that
// means something on this machine only; said to another server in REPLICAOF, it would mean nothing there, or that one itself.

import { describeServer, type RedisServer } from './redis-server.ts';
import { isUnixSocket, type Target } from './route.ts';

const isLoopback = ({ host }: Target): boolean => host.startsWith('127.') || host === '::1';
const isHere = (target: Target): boolean => isUnixSocket(target) || isLoopback(target);

/** Why `others` could not replicate `to`; null: they could. */
export function whyNoneCouldFollow(to: RedisServer, others: readonly RedisServer[]): string | null {
  const { target } = to;
  if (isUnixSocket(target)) {
    return 'no server could follow it by a unix socket: name its address and port in place of that';
  }
  const elsewhere = isLoopback(target) ? others.find((one) => !isHere(one.target)) : undefined;
  if (elsewhere === undefined) return null;
  return `${describeServer(elsewhere)} could not follow it by a loopback address, which means itself there: name an address that all of them can reach`;
}
