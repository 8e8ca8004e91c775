// The TCP sockets of this network namespace, and the way to reset one of them, whoever has it open: netlink's sock_diag
// (sock_diag(7), linux/inet_diag.h). Listeners and what is already over are left out.

import { AF_INET, AF_INET6 } from './socket-address.ts';
import { NETLINK_SOCK_DIAG, NetlinkSocket } from './netlink-socket.ts';
import { OsError } from './os-error.ts';
import { addressText } from './ip-address.ts';

const SOCK_DIAG_BY_FAMILY = 20;
const SOCK_DESTROY = 21;
const IPPROTO_TCP = 6;

/** States in linux/tcp_states.h that have a peer who would notice: all but TIME_WAIT, CLOSE, LISTEN and NEW_SYN_RECV. */
const STATES = [1, 2, 3, 4, 5, 8, 9, 11].reduce((mask, state) => mask | (1 << state), 0);
const ALL_STATES = 0xffff_ffff;

/** `struct inet_diag_sockid`: two ports, two addresses, an interface, a cookie. */
const ID_BYTES = 48;
const REQUEST_ID_AT = 8;
const ANSWER_ID_AT = 4;
const ID = { remotePort: 2, remoteAddress: 20, cookie: 40 } as const;

export interface TcpSocket {
  /** Bytes of the remote address: 4 or 16 of them; a dual-stack socket has `::ffff:a.b.c.d`. */
  readonly remoteAddress: Buffer;
  readonly remotePort: number;
  /** Eight bytes, as eBPF programs see it. */
  readonly cookie: Buffer;
  readonly family: number;
  /** All that names it to the kernel. */
  readonly id: Buffer;
}

/** `struct inet_diag_req_v2`. */
export function tcpSocketRequest(family: number, states: number, id?: Uint8Array): Buffer {
  const request = Buffer.alloc(REQUEST_ID_AT + ID_BYTES);
  request.writeUInt8(family, 0);
  request.writeUInt8(IPPROTO_TCP, 1);
  request.writeUInt32LE(states, 4);
  if (id !== undefined) request.set(id, REQUEST_ID_AT);
  return request;
}

/** A socket from `struct inet_diag_msg`; null if it is too short to be one. */
export function parseTcpSocket(message: Buffer): TcpSocket | null {
  if (message.length < ANSWER_ID_AT + ID_BYTES) return null;
  const family = message.readUInt8(0);
  const id = Buffer.from(message.subarray(ANSWER_ID_AT, ANSWER_ID_AT + ID_BYTES));
  const addressLength = family === AF_INET ? 4 : 16;
  return {
    remoteAddress: id.subarray(ID.remoteAddress, ID.remoteAddress + addressLength),
    remotePort: id.readUInt16BE(ID.remotePort),
    cookie: id.subarray(ID.cookie, ID.cookie + 8),
    family,
    id,
  };
}

/** See the file's head. Calls throw an OsError. */
export class TcpSockets {
  readonly #netlink = new NetlinkSocket(0, NETLINK_SOCK_DIAG);

  /** Needs no capability. */
  list(): TcpSocket[] {
    const attempt = { syscall: 'sendto', doing: 'list the TCP sockets' };
    return [AF_INET, AF_INET6].flatMap((family) =>
      this.#netlink
        .dump(SOCK_DIAG_BY_FAMILY, tcpSocketRequest(family, STATES), attempt)
        .map(parseTcpSocket)
        .filter((socket) => socket !== null),
    );
  }

  /**
   * Resets a connection: its peer gets a reset, its owner ECONNABORTED at the next call. False if it ended meanwhile.
   * Needs CAP_NET_ADMIN.
   */
  destroy({ family, id, remoteAddress, remotePort }: TcpSocket): boolean {
    return this.#destroy(
      family,
      id,
      `reset a connection to ${addressText(remoteAddress)} port ${remotePort}`,
    );
  }

  /** Throws what {@link TcpSockets.destroy} would, if we or the kernel can't do it at all. */
  checkDestroy(): void {
    this.#destroy(AF_INET, Buffer.alloc(ID_BYTES), 'reset connections');
  }

  #destroy(family: number, id: Uint8Array, doing: string): boolean {
    const permission = 'CAP_NET_ADMIN';
    const attempt = { syscall: 'sendto', doing, permission } as const;
    try {
      this.#netlink.change(SOCK_DESTROY, 0, tcpSocketRequest(family, ALL_STATES, id), attempt);
      return true;
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      if (error.code === 'ENOENT' || error.code === 'ESTALE') return false;
      if (error.code !== 'EOPNOTSUPP') throw error;
      const advice =
        'this kernel was built without CONFIG_INET_DIAG_DESTROY: use --path relay, which ends its own connections';
      throw new OsError(error.code, error.syscall, `${error.message}; ${advice}`, { cause: error });
    }
  }

  close(): void {
    this.#netlink.close();
  }
}
