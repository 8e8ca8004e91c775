// The little that all our sockets share: opened non-blocking and closed on exec, options set, closed when setting up
// fails half-way.

import { checked, libc } from './libc.ts';
import type { Attempt } from './os-error.ts';

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_RCVBUF = 8;
export const SO_BINDTODEVICE = 25;

/** For `recv`: the descriptors are non-blocking anyway; this says so at the call. */
export const MSG_DONTWAIT = 0x40;
/** For `recv`: return the length the datagram had, even where it was cut. */
export const MSG_TRUNC = 0x20;

/** What a socket is for, as its errors say it. */
export type Purpose = Omit<Attempt, 'syscall'>;

/** A descriptor of our own; see the file's head. */
export class Socket {
  readonly fd: number;
  readonly #purpose: Purpose;
  #isClosed = false;

  /**
   * Opens one and hands it to `setUp`; what that throws closes it. Throws {@link OsError}s that say `purpose.doing`.
   */
  static open(
    family: number,
    type: number,
    protocol: number,
    purpose: Purpose,
    setUp: (socket: Socket) => void,
  ): Socket {
    const fd = libc().socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    const socket = new Socket(checked(fd, { ...purpose, syscall: 'socket' }), purpose);
    try {
      setUp(socket);
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }

  private constructor(fd: number, purpose: Purpose) {
    this.fd = fd;
    this.#purpose = purpose;
  }

  /** A number is a C `int`. */
  setOption(level: number, name: number, value: number | Uint8Array): void {
    const bytes = typeof value === 'number' ? int(value) : value;
    const result = libc().setsockopt(this.fd, level, name, bytes, bytes.length);
    checked(result, { ...this.#purpose, syscall: 'setsockopt' });
  }

  /** Packets come and go through this interface only. */
  bindToDevice(linkName: string): void {
    this.setOption(SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${linkName}\0`, 'latin1'));
  }

  bind(address: Uint8Array): void {
    const result = libc().bind(this.fd, address, address.length);
    checked(result, { ...this.#purpose, syscall: 'bind' });
  }

  /** Once; a second call does nothing, since the number may already be another file's. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    libc().close(this.fd);
  }
}

/** A C `int` as option value. */
export function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  return bytes;
}
