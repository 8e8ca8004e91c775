// What `recvmsg` fills: the data, the sender's address, and the control messages beside them. The kernel's structures
// point to one another, so they lie in memory that does not move.

import { type StableMemory, libc } from './libc.ts';
import { addressText } from './ip-address.ts';

const SENDER_BYTES = 28;
const CONTROL_BYTES = 256;
/** `msghdr`: name, its length, iovec, its count, control, its length, flags; each takes a word. */
const HEADER_BYTES = 56;
const CONTROL_LENGTH_AT = 40;

/** One set of buffers; each receive overwrites the last. */
export class MessageBuffers {
  readonly #data: StableMemory;
  readonly #sender: StableMemory;
  readonly #control: StableMemory;
  readonly #header: StableMemory;

  constructor(dataBytesMax: number) {
    const { allocate } = libc();
    this.#data = allocate(dataBytesMax);
    this.#sender = allocate(SENDER_BYTES);
    this.#control = allocate(CONTROL_BYTES);
    const vector = allocate(16);
    vector.bytes.writeBigUInt64LE(this.#data.address, 0);
    vector.bytes.writeBigUInt64LE(BigInt(dataBytesMax), 8);
    this.#header = allocate(HEADER_BYTES);
    const header = this.#header.bytes;
    header.writeBigUInt64LE(this.#sender.address, 0);
    header.writeBigUInt64LE(vector.address, 16);
    header.writeBigUInt64LE(1n, 24);
    header.writeBigUInt64LE(this.#control.address, 32);
  }

  /** One datagram; the result is `recvmsg`'s. */
  receive(fd: number, flags: number): number {
    // The kernel writes the lengths it used where it found the lengths there were.
    this.#header.bytes.writeUInt32LE(SENDER_BYTES, 8);
    this.#header.bytes.writeBigUInt64LE(BigInt(CONTROL_BYTES), CONTROL_LENGTH_AT);
    return libc().recvmsg(fd, this.#header.address, flags);
  }

  /** The first `byteCount` bytes received; valid until the next receive. */
  data(byteCount: number): Buffer {
    return this.#data.bytes.subarray(0, byteCount);
  }

  /** Who sent it, an IPv6 address. */
  ipv6Sender(): string {
    return addressText(this.#sender.bytes.subarray(8, 24));
  }

  control(): Buffer {
    const byteCount = Number(this.#header.bytes.readBigUInt64LE(CONTROL_LENGTH_AT));
    return this.#control.bytes.subarray(0, byteCount);
  }
}
