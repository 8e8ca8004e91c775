// Listens on an address before this machine has it, so that a port is ready the moment its floating address arrives.
// Does for one socket what the sysctl ip_nonlocal_bind does for all.

import { AF_INET, AF_INET6, ipSocketAddress } from './socket-address.ts';
import { SOCK_STREAM, SOL_SOCKET, SO_REUSEADDR, Socket } from './socket.ts';
import { checked, libc } from './libc.ts';
import { familyOf } from './ip-address.ts';

const SOL_IP = 0;
const IP_FREEBIND = 15;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_FREEBIND = 78;

/**
 * A listening TCP descriptor for `server.listen({ fd })`, which then owns it. Throws an OsError: EADDRINUSE, or EACCES
 * for a port below 1024 without CAP_NET_BIND_SERVICE.
 */
export function listenFreebind(address: string, port: number, backlog = 511): number {
  const isIpv6 = familyOf(address) === 'ipv6';
  const doing = `listen on ${isIpv6 ? `[${address}]` : address}:${port}`;
  const purpose = { doing, permission: 'CAP_NET_BIND_SERVICE' } as const;
  const socket = Socket.open(isIpv6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, purpose, (opened) => {
    opened.setOption(SOL_SOCKET, SO_REUSEADDR, 1);
    if (isIpv6) {
      opened.setOption(SOL_IPV6, IPV6_V6ONLY, 1);
      opened.setOption(SOL_IPV6, IPV6_FREEBIND, 1);
    } else {
      opened.setOption(SOL_IP, IP_FREEBIND, 1);
    }
    opened.bind(ipSocketAddress(address, port));
    checked(libc().listen(opened.fd, backlog), { ...purpose, syscall: 'listen' });
  });
  return socket.fd;
}
