// Sends whole Ethernet frames: gratuitous ARP and unsolicited neighbour advertisements (vrrp.md 4).
//
// Whole frames, not payloads beside a `sockaddr_ll`: the pure rooms then build and test every byte that leaves, and a
// virtual MAC address as source needs nothing more. So it is for links that speak Ethernet (Link.isEthernet).

import { AF_PACKET, linkSocketAddress } from './socket-address.ts';
import { SOCK_RAW, Socket } from './socket.ts';
import { checked, libc } from './libc.ts';

/** One for all interfaces. The constructor throws an OsError: EPERM without CAP_NET_RAW. */
export class FrameSocket {
  // Protocol 0: it receives nothing.
  readonly #socket = Socket.open(
    AF_PACKET,
    SOCK_RAW,
    0,
    { doing: 'open a packet socket', permission: 'CAP_NET_RAW' },
    () => {},
  );

  /** Throws an OsError: ENXIO if the interface is gone, ENETDOWN if it is down, ENOBUFS if its queue is full. */
  send(linkIndex: number, frame: Uint8Array): void {
    const address = linkSocketAddress(linkIndex);
    const result = libc().sendto(this.#socket.fd, frame, frame.length, 0, address, address.length);
    checked(result, { syscall: 'sendto', doing: `announce an address on interface ${linkIndex}` });
  }

  close(): void {
    this.#socket.close();
  }
}
