// A netlink socket: requests with their acknowledgement, or notices of a set of groups.
//
// The kernel answers within the call that asks: when `sendto` has returned, the answer waits in our queue. So nothing
// here is asynchronous.

import { constants } from 'node:os';
import {
  NLMSG_DONE,
  NLMSG_ERROR,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  acknowledgement,
  netlinkMessages,
  netlinkRequest,
  type NetlinkMessage,
} from './netlink-message.ts';
import { AF_NETLINK, netlinkSocketAddress } from './socket-address.ts';
import { MSG_DONTWAIT, MSG_TRUNC, SOCK_RAW, SOL_SOCKET, SO_RCVBUF, Socket } from './socket.ts';
import { checked, libc } from './libc.ts';
import { type Attempt, OsError, osError } from './os-error.ts';
import { assert } from '../base/assert.ts';

/** Families of netlink (linux/netlink.h): addresses and links; sockets of this machine; its firewall. */
export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;

/** More than the kernel ever puts into one datagram (32 KiB). */
const DATAGRAM_BYTES_MAX = 65_536;
/** Enough for thousands of notices that come while we are busy. */
const QUEUE_BYTES = 1 << 20;
/** A table that changes during each of so many dumps: something is very wrong with this machine. */
const DUMP_ATTEMPTS_MAX = 10;

const { EAGAIN, ENOBUFS, EINTR } = constants.errno;

/** What brings a family that the kernel lacks; no module is loaded for a container. */
const REMEDIES: Readonly<Record<number, string>> = {
  [NETLINK_SOCK_DIAG]: ' (sock_diag): modprobe inet_diag on the host, or use --path relay',
  [NETLINK_NETFILTER]: ' (nfnetlink): modprobe nf_tables on the host, or use --path relay',
};

/** Of a refusal to open netlink: says who refuses, and what to do. */
export function explainNetlink(error: unknown, protocol: number): unknown {
  if (!(error instanceof OsError)) return error;
  const advice =
    error.code === 'EPROTONOSUPPORT'
      ? `this kernel lacks this part of it${REMEDIES[protocol] ?? ''}`
      : error.code === 'EAFNOSUPPORT'
        ? "a sandbox keeps this process from it: systemd's RestrictAddressFamilies= has to name AF_NETLINK, too"
        : null;
  if (advice === null) return error;
  const [what = ''] = error.message.split(';');
  return new OsError(error.code, error.syscall, `${what}; ${advice}`, { cause: error });
}

export class NetlinkSocket {
  readonly #socket: Socket;
  readonly #buffer = Buffer.alloc(DATAGRAM_BYTES_MAX);
  #sequence = 0;

  /** `groups` is a mask of RTMGRP_*, 0 for a socket that makes requests. Throws an OsError; needs no capability. */
  constructor(groups = 0, protocol = NETLINK_ROUTE) {
    try {
      this.#socket = Socket.open(AF_NETLINK, SOCK_RAW, protocol, { doing: 'open netlink' }, (socket) => {
        socket.setOption(SOL_NETLINK, NETLINK_EXT_ACK, 1);
        socket.setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
        if (groups !== 0) socket.setOption(SOL_SOCKET, SO_RCVBUF, QUEUE_BYTES);
        socket.bind(netlinkSocketAddress(groups));
      });
    } catch (error) {
      throw explainNetlink(error, protocol);
    }
  }

  get fd(): number {
    return this.#socket.fd;
  }

  /** Makes a change. Throws an OsError with the kernel's own words if it refuses. */
  change(type: number, flags: number, body: Uint8Array, attempt: Attempt): void {
    const sequence = this.#send(type, flags | NLM_F_ACK, body, attempt);
    for (;;) {
      for (const message of this.#answers(attempt)) {
        if (message.sequence !== sequence || message.type !== NLMSG_ERROR) continue;
        throwUnlessDone(message, attempt);
        return;
      }
    }
  }

  /** The bodies of all answers to a question for a whole table. */
  dump(type: number, body: Uint8Array, attempt: Attempt): Buffer[] {
    for (let count = 0; count < DUMP_ATTEMPTS_MAX; count++) {
      const bodies = this.#dumpOnce(type, body, attempt);
      if (bodies !== null) return bodies;
    }
    throw osError(EINTR, { ...attempt, detail: 'the table changes faster than it can be read' });
  }

  /** Null if the table changed meanwhile. */
  #dumpOnce(type: number, body: Uint8Array, attempt: Attempt): Buffer[] | null {
    const sequence = this.#send(type, NLM_F_DUMP, body, attempt);
    const bodies: Buffer[] = [];
    let isWhole = true;
    for (;;) {
      for (const message of this.#answers(attempt)) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) isWhole = false;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          throwUnlessDone(message, attempt);
          return isWhole ? bodies : null;
        }
        bodies.push(Buffer.from(message.body));
      }
    }
  }

  /**
   * The messages of the next datagram that waits; their bodies are valid until the next call. `none` if nothing waits,
   * `lost` if the kernel had to drop notices since the last call.
   */
  receive(attempt: Attempt): NetlinkMessage[] | 'none' | 'lost' {
    const byteCount = libc().recv(
      this.#socket.fd,
      this.#buffer,
      this.#buffer.length,
      MSG_DONTWAIT | MSG_TRUNC,
    );
    if (byteCount === -1) {
      const errno = libc().errno();
      if (errno === EAGAIN) return 'none';
      if (errno === ENOBUFS) return 'lost';
    }
    checked(byteCount, { ...attempt, syscall: 'recv' });
    assert(byteCount <= this.#buffer.length, `netlink sent a datagram of ${byteCount} bytes`);
    return netlinkMessages(this.#buffer.subarray(0, byteCount));
  }

  close(): void {
    this.#socket.close();
  }

  #send(type: number, flags: number, body: Uint8Array, attempt: Attempt): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const request = netlinkRequest(type, flags, this.#sequence, body);
    const kernel = netlinkSocketAddress();
    checked(libc().sendto(this.#socket.fd, request, request.length, 0, kernel, kernel.length), {
      ...attempt,
      syscall: 'sendto',
    });
    return this.#sequence;
  }

  #answers(attempt: Attempt): NetlinkMessage[] {
    const messages = this.receive(attempt);
    if (messages === 'none') throw osError(EAGAIN, { ...attempt, detail: 'the kernel gave no answer' });
    if (messages === 'lost') throw osError(ENOBUFS, { ...attempt, detail: 'its answer was too long' });
    return messages;
  }
}

function throwUnlessDone(message: NetlinkMessage, attempt: Attempt): void {
  const { errno, detail } = acknowledgement(message);
  if (errno !== 0) throw osError(errno, { ...attempt, ...(detail !== undefined && { detail }) });
}
