// One echo request and its reply. Linux lets ordinary users have ICMP sockets of the datagram kind where
// `net.ipv4.ping_group_range` names their group (for IPv6 too); elsewhere it takes a raw socket and CAP_NET_RAW.

import { constants } from 'node:os';
import { echoRequest, isEchoReply } from '../endpoint/checks/echo.ts';
import { familyOf } from './ip-address.ts';
import { checked, libc } from './libc.ts';
import { OsError, osError } from './os-error.ts';
import { AF_INET, AF_INET6, ipSocketAddress } from './socket-address.ts';
import { MSG_DONTWAIT, SOCK_DGRAM, SOCK_RAW, Socket } from './socket.ts';
import { watchReadable } from './watch-readable.ts';

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const PACKET_BYTES_MAX = 2_048;
/** Read in one go; a raw socket hears everybody's ICMP. */
const BATCH_PACKETS_MAX = 64;
const IPV4_HEADER_BYTES_MIN = 20;

export interface Echo {
  close(): void;
}

/**
 * Sends a request to a numeric address and calls `answered` at most once, when its reply comes, or with the error that
 * came instead (no route, no host). Throws an {@link OsError} if it can't be sent; close it in any case.
 */
export function sendEcho(
  address: string,
  sequence: number,
  data: Uint8Array,
  answered: (error: OsError | null) => void,
): Echo {
  const family = familyOf(address);
  const { socket, isRaw } = openEchoSocket(family);
  try {
    const request = echoRequest(family, process.pid & 0xffff, sequence, data);
    const to = ipSocketAddress(address);
    const doing = `send an echo request to ${address}`;
    checked(libc().sendto(socket.fd, request, request.length, 0, to, to.length), {
      syscall: 'sendto',
      doing,
    });
  } catch (error) {
    socket.close();
    throw error;
  }
  const buffer = Buffer.alloc(PACKET_BYTES_MAX);
  const watch = watchReadable(socket.fd, () => {
    for (let count = 0; count < BATCH_PACKETS_MAX; count++) {
      const length = libc().recv(socket.fd, buffer, buffer.length, MSG_DONTWAIT);
      if (length === -1) {
        const errno = libc().errno();
        if (errno === constants.errno.EAGAIN || errno === constants.errno.EINTR) return;
        answered(osError(errno, { syscall: 'recv', doing: `hear an echo of ${address}` }));
        return;
      }
      const packet = buffer.subarray(isRaw && family === 'ipv4' ? ipv4HeaderBytes(buffer) : 0, length);
      if (isEchoReply(family, packet, sequence, data)) {
        answered(null);
        return;
      }
    }
  });
  return {
    close() {
      watch.close();
      socket.close();
    },
  };
}

/** IHL, RFC 791 §3.1. */
const ipv4HeaderBytes = (packet: Uint8Array): number =>
  Math.max(IPV4_HEADER_BYTES_MIN, ((packet[0] ?? 0) & 0x0f) * 4);

function openEchoSocket(family: 'ipv4' | 'ipv6'): { readonly socket: Socket; readonly isRaw: boolean } {
  const [domain, protocol] = family === 'ipv4' ? [AF_INET, IPPROTO_ICMP] : [AF_INET6, IPPROTO_ICMPV6];
  const open = (type: number): Socket =>
    Socket.open(
      domain,
      type,
      protocol,
      { doing: 'open an ICMP socket', permission: 'CAP_NET_RAW' },
      () => undefined,
    );
  try {
    return { socket: open(SOCK_DGRAM), isRaw: false };
  } catch (error) {
    if (!(error instanceof OsError) || (error.code !== 'EACCES' && error.code !== 'EPERM')) throw error;
  }
  try {
    return { socket: open(SOCK_RAW), isRaw: true };
  } catch (error) {
    if (!(error instanceof OsError) || error.code !== 'EPERM') throw error;
    const message = `${error.message}, or let this group have them: sysctl net.ipv4.ping_group_range`;
    throw new OsError(error.code, error.syscall, message, { cause: error });
  }
}
