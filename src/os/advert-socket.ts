// Raw sockets for IP protocol 112, VRRP's: one sends adverts from a chosen source and receives those of the peers, on
// one interface, for one family, multicast or unicast. What the bytes mean is not its business. See vrrp.md 1.5.

import { constants } from 'node:os';
import { AF_INET, AF_INET6, ipSocketAddress } from './socket-address.ts';
import { MSG_DONTWAIT, SOCK_RAW, SOL_SOCKET, SO_RCVBUF, Socket, type Purpose } from './socket.ts';
import { MessageBuffers } from './message-buffers.ts';
import { OsError } from './os-error.ts';
import { addressBytes, familyOf } from './ip-address.ts';
import { checked, libc } from './libc.ts';
import { parseIpv4Packet, parseIpv6Control, type ReceivedPacket } from './received-packet.ts';
import { watchReadable } from './watch-readable.ts';

const EAGAIN = constants.errno.EAGAIN;
const IPPROTO_VRRP = 112;

// linux/in.h
const SOL_IP = 0;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_MTU_DISCOVER = 10;
const IP_FREEBIND = 15;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_MULTICAST_ALL = 49;
const IP_PMTUDISC_DONT = 0;

// linux/in6.h
const SOL_IPV6 = 41;
const IPV6_CHECKSUM = 7;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_MULTICAST_ALL = 29;
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_TCLASS = 67;
const IPV6_FREEBIND = 78;

/** Internetwork control (CS6), as routers mark their own traffic. */
const CLASS_CONTROL = 0xc0;
/** Where VRRP's checksum stands; the kernel fills and verifies it for IPv6. */
const CHECKSUM_OFFSET = 6;

/** No IP packet is longer, so none is cut. */
const PACKET_BYTES_MAX = 65_535;
/** Packets read in one go before the loop gets a turn; the rest is announced again. */
const BATCH_PACKETS_MAX = 64;

export interface AdvertSocketOptions {
  /** The interface that adverts come and go through. */
  readonly link: { readonly name: string; readonly index: number };
  /** Our address that adverts leave from; its family is the socket's. */
  readonly source: string;
  /** The multicast group that we send to and listen on; null for unicast, received at `source` only. */
  readonly group: string | null;
  /** TTL or hop limit of what we send: 255, unless `unicast_ttl` says otherwise. */
  readonly hops: number;
}

/** What a socket tells. */
export interface AdvertReceiver {
  packet(packet: ReceivedPacket): void;
  /** Receiving failed (not: a packet was bad); the socket stays open. */
  failed(error: OsError): void;
}

/**
 * Open from construction until `close`. The constructor throws {@link OsError}: EPERM without CAP_NET_RAW, ENODEV
 * without the interface, EADDRNOTAVAIL if a multicast source isn't there (or IPv6 is still checking it for duplicates).
 * A unicast source may come later, as keepalived since 2.3.3 has it.
 *
 * An interface that vanishes and comes back has another index: close the socket, and open one for the new interface.
 */
export class AdvertSocket {
  readonly #options: AdvertSocketOptions;
  readonly #purpose: Purpose;
  readonly #receiver: AdvertReceiver;
  readonly #receiving: Socket;
  /** The same as `#receiving` for unicast. */
  readonly #sending: Socket;
  readonly #watch: { close(): void };
  readonly #isIpv6: boolean;
  #isOpen = true;

  constructor(options: AdvertSocketOptions, receiver: AdvertReceiver) {
    this.#options = options;
    this.#receiver = receiver;
    this.#isIpv6 = familyOf(options.source) === 'ipv6';
    this.#purpose = {
      doing: `open a VRRP socket on ${options.link.name} for ${options.source}`,
      permission: 'CAP_NET_RAW',
    };
    // Bound to the group, so unicast adverts and those of other groups stay out; but what is bound to a group has no
    // source of its own, so multicast takes a second socket to send.
    this.#receiving = this.#open((socket) => this.#setUpToReceive(socket));
    try {
      this.#sending =
        options.group === null ? this.#receiving : this.#open((socket) => this.#setUpToSend(socket));
      this.#watch = watchReadable(this.#receiving.fd, () => this.receiveWaiting());
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Sends one advert to the group or a peer; for IPv6 the kernel fills the checksum in. Throws {@link OsError}: EPERM
   * if the machine's own firewall drops it, ENETDOWN, ENODEV, and ENETUNREACH also when the source was removed. (IPv6
   * goes on sending from a source that was removed: an AddressWatch tells.)
   */
  send(destination: string, bytes: Uint8Array): void {
    const { link } = this.#options;
    const address = ipSocketAddress(destination, 0, link.index);
    const result = libc().sendto(this.#sending.fd, bytes, bytes.length, 0, address, address.length);
    if (result === -1) {
      checked(result, {
        syscall: 'sendto',
        doing: `send an advert from ${this.#options.source} to ${destination} through ${link.name}`,
        permission: 'firewall',
      });
    }
  }

  /**
   * Hands over what has arrived. It happens by itself; a caller that woke up late calls it before it judges anybody's
   * silence, since Node runs timers before it reads.
   */
  receiveWaiting(): void {
    for (let count = 0; count < BATCH_PACKETS_MAX; count++) {
      // Whoever got the last packet may have closed us.
      if (!this.#isOpen) return;
      let packet: ReceivedPacket | 'none' | 'unusable';
      try {
        packet = this.#isIpv6 ? this.#receiveIpv6() : this.#receiveIpv4();
      } catch (error) {
        if (!(error instanceof OsError)) throw error;
        this.#receiver.failed(error);
        return;
      }
      if (packet === 'none') return;
      if (packet !== 'unusable') this.#receiver.packet(packet);
    }
  }

  /** Nothing is sent or handed over any more; the group is left. */
  close(): void {
    this.#isOpen = false;
    this.#watch?.close();
    this.#receiving.close();
    this.#sending?.close();
  }

  #open(setUp: (socket: Socket) => void): Socket {
    const family = this.#isIpv6 ? AF_INET6 : AF_INET;
    return Socket.open(family, SOCK_RAW, IPPROTO_VRRP, this.#purpose, (socket) => {
      // What others on this machine joined does not concern us. IPv6 would hand it even to sockets bound for unicast.
      if (this.#isIpv6) socket.setOption(SOL_IPV6, IPV6_MULTICAST_ALL, 0);
      else socket.setOption(SOL_IP, IP_MULTICAST_ALL, 0);
      setUp(socket);
    });
  }

  #setUpToReceive(socket: Socket): void {
    const { link, group, source } = this.#options;
    socket.bindToDevice(link.name);
    if (this.#isIpv6) {
      // Wrong checksums never reach us.
      socket.setOption(SOL_IPV6, IPV6_CHECKSUM, CHECKSUM_OFFSET);
      socket.setOption(SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
      socket.setOption(SOL_IPV6, IPV6_RECVPKTINFO, 1);
    }
    if (group === null) {
      if (this.#isIpv6) socket.setOption(SOL_IPV6, IPV6_FREEBIND, 1);
      else socket.setOption(SOL_IP, IP_FREEBIND, 1);
      this.#setHeader(socket);
      socket.bind(ipSocketAddress(source, 0, link.index));
      return;
    }
    if (this.#isIpv6) {
      socket.setOption(SOL_IPV6, IPV6_ADD_MEMBERSHIP, ipv6Membership(group, link.index));
    } else {
      socket.setOption(SOL_IP, IP_ADD_MEMBERSHIP, ipv4Membership(group, link.index));
    }
    socket.bind(ipSocketAddress(group, 0, link.index));
  }

  #setUpToSend(socket: Socket): void {
    const { link, source } = this.#options;
    socket.bindToDevice(link.name);
    // It also receives what is sent to the source, and nobody reads that: keep its queue at the kernel's minimum.
    socket.setOption(SOL_SOCKET, SO_RCVBUF, 0);
    if (this.#isIpv6) {
      socket.setOption(SOL_IPV6, IPV6_CHECKSUM, CHECKSUM_OFFSET);
      socket.setOption(SOL_IPV6, IPV6_MULTICAST_IF, link.index);
      socket.setOption(SOL_IPV6, IPV6_MULTICAST_LOOP, 0);
    } else {
      socket.setOption(SOL_IP, IP_MULTICAST_IF, ipv4Membership('0.0.0.0', link.index));
      socket.setOption(SOL_IP, IP_MULTICAST_LOOP, 0);
    }
    this.#setHeader(socket);
    socket.bind(ipSocketAddress(source, 0, link.index));
  }

  #setHeader(socket: Socket): void {
    const { hops } = this.#options;
    if (this.#isIpv6) {
      socket.setOption(SOL_IPV6, IPV6_TCLASS, CLASS_CONTROL);
      socket.setOption(SOL_IPV6, IPV6_UNICAST_HOPS, hops);
      socket.setOption(SOL_IPV6, IPV6_MULTICAST_HOPS, hops);
    } else {
      socket.setOption(SOL_IP, IP_TOS, CLASS_CONTROL);
      socket.setOption(SOL_IP, IP_TTL, hops);
      socket.setOption(SOL_IP, IP_MULTICAST_TTL, hops);
      socket.setOption(SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    }
  }

  #receiveIpv4(): ReceivedPacket | 'none' | 'unusable' {
    const { fd } = this.#receiving;
    ipv4Buffer ??= Buffer.alloc(PACKET_BYTES_MAX);
    const byteCount = this.#received(libc().recv(fd, ipv4Buffer, ipv4Buffer.length, MSG_DONTWAIT));
    if (byteCount === null) return 'none';
    return parseIpv4Packet(ipv4Buffer.subarray(0, byteCount)) ?? 'unusable';
  }

  #receiveIpv6(): ReceivedPacket | 'none' | 'unusable' {
    ipv6Buffers ??= new MessageBuffers(PACKET_BYTES_MAX);
    const byteCount = this.#received(ipv6Buffers.receive(this.#receiving.fd, MSG_DONTWAIT));
    if (byteCount === null) return 'none';
    const control = parseIpv6Control(ipv6Buffers.control());
    if (control === null) return 'unusable';
    return {
      ...control,
      source: ipv6Buffers.ipv6Sender(),
      bytes: Uint8Array.from(ipv6Buffers.data(byteCount)),
    };
  }

  /** The result of a receive; null if nothing waits. */
  #received(result: number): number | null {
    if (result !== -1) return result;
    if (libc().errno() === EAGAIN) return null;
    return checked(result, {
      syscall: this.#isIpv6 ? 'recvmsg' : 'recv',
      doing: `receive adverts on ${this.#options.link.name}`,
    });
  }
}

// Shared by all sockets: a packet is copied out of them before the next is received.
let ipv4Buffer: Buffer | undefined;
let ipv6Buffers: MessageBuffers | undefined;

/** `ip_mreqn` */
function ipv4Membership(group: string, linkIndex: number): Buffer {
  const result = Buffer.alloc(12);
  result.set(addressBytes(group), 0);
  result.writeInt32LE(linkIndex, 8);
  return result;
}

/** `ipv6_mreq` */
function ipv6Membership(group: string, linkIndex: number): Buffer {
  const result = Buffer.alloc(20);
  result.set(addressBytes(group), 0);
  result.writeInt32LE(linkIndex, 16);
  return result;
}
