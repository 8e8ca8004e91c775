// The door to libc. Nothing is loaded before the first call, so commands that need no such call run without native code.
//
// Structures are Buffers with explicit offsets, built and read by the other files of this room, which can be tested
// without libc; the foreign function interface only makes the calls. All of them return at once: descriptors are
// non-blocking, and netlink answers within the call.

import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import type * as Koffi from 'koffi';
import { type Attempt, OsError, osError } from './os-error.ts';

/** The calls, as in section 2 of the manual; -1 with {@link Libc.errno} on failure. */
export interface Libc {
  readonly socket: (family: number, type: number, protocol: number) => number;
  readonly bind: (fd: number, address: Uint8Array, addressBytes: number) => number;
  readonly connect: (fd: number, address: Uint8Array, addressBytes: number) => number;
  readonly listen: (fd: number, backlog: number) => number;
  readonly close: (fd: number) => number;
  readonly setsockopt: (
    fd: number,
    level: number,
    name: number,
    value: Uint8Array,
    valueBytes: number,
  ) => number;
  readonly getsockopt: (
    fd: number,
    level: number,
    name: number,
    into: Uint8Array,
    valueBytes: Uint8Array,
  ) => number;
  readonly sendto: (
    fd: number,
    bytes: Uint8Array,
    byteCount: number,
    flags: number,
    address: Uint8Array | null,
    addressBytes: number,
  ) => number;
  readonly recv: (fd: number, into: Uint8Array, byteCountMax: number, flags: number) => number;
  readonly recvmsg: (fd: number, message: StableMemory['address'], flags: number) => number;
  readonly clock_gettime: (clock: number, into: Uint8Array) => number;
  readonly prctl: (what: number, ...values: [bigint, bigint, bigint, bigint]) => number;
  readonly capset: (header: Uint8Array, data: Uint8Array) => number;
  /** The call `bpf`, for which libc has no function. */
  readonly bpf: (number: number, command: number, attributes: Uint8Array, attributeBytes: number) => number;
  /** Of the last call; any later call may change it. */
  readonly errno: () => number;
  /** Zeroed memory outside the JavaScript heap. Never freed: its owners live as long as the process. */
  readonly allocate: (byteCount: number) => StableMemory;
  readonly poll: typeof Koffi.node.poll;
}

/** Memory that stays where it is, for structures that point to one another. */
export interface StableMemory {
  readonly address: bigint;
  readonly bytes: Buffer;
}

let loaded: Libc | undefined;

/** libc, loaded by the first call. Throws an {@link OsError} `ENOSYS` where that can't be done. */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  let koffi: typeof Koffi;
  try {
    koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  } catch (error) {
    throw new OsError(
      'ENOSYS',
      'dlopen',
      'cannot load koffi, which calls libc for us: install Baton with its dependencies (npm ci), on x64, arm64, riscv64 or loong64',
      { cause: error },
    );
  }
  // The offsets in this room are those of 64-bit little-endian Linux.
  if (process.platform !== 'linux' || koffi.sizeof('void *') !== 8 || endianness() !== 'LE') {
    throw new OsError('ENOSYS', 'dlopen', 'raw sockets and addresses need 64-bit little-endian Linux');
  }
  // Without a path: what this process is linked with, so glibc and musl alike.
  const library = koffi.load(null);
  // koffi has no ssize_t; intptr_t is the same.
  return {
    socket: library.func('int socket(int, int, int)'),
    bind: library.func('int bind(int, const void *, uint32_t)'),
    connect: library.func('int connect(int, const void *, uint32_t)'),
    listen: library.func('int listen(int, int)'),
    close: library.func('int close(int)'),
    setsockopt: library.func('int setsockopt(int, int, int, const void *, uint32_t)'),
    getsockopt: library.func('int getsockopt(int, int, int, _Out_ void *, _Inout_ void *)'),
    sendto: library.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)'),
    recv: library.func('intptr_t recv(int, _Out_ void *, size_t, int)'),
    recvmsg: library.func('intptr_t recvmsg(int, void *, int)'),
    clock_gettime: library.func('int clock_gettime(int, _Out_ void *)'),
    capset: library.func('int capset(const void *, const void *)'),
    // `int prctl(int, ...)` and `long syscall(long, ...)`: on every platform of ours such arguments travel as those of
    // an ordinary function.
    prctl: library.func('int prctl(int, uint64_t, uint64_t, uint64_t, uint64_t)'),
    bpf: library.func('intptr_t syscall(intptr_t, int, _Inout_ void *, uint32_t)'),
    errno: () => koffi.errno(),
    allocate(byteCount) {
      const address = koffi.alloc('uint8_t', byteCount) as bigint;
      return { address, bytes: Buffer.from(koffi.view(address, byteCount)).fill(0) };
    },
    poll: koffi.node.poll,
  };
}

/** `result` of a call just made, unless it is -1: then its {@link OsError} is thrown. */
export function checked(result: number, attempt: Attempt): number {
  if (result === -1) throw osError(libc().errno(), attempt);
  return result;
}
