// What the hub's end of a machine's cable hears of VRRP: every advert that the machine sends, with the kernel's time of
// arrival. A packet socket with a filter in the kernel, so that pings and writes cost it nothing.

import { libc } from '../../src/os/libc.ts';
import { MessageBuffers } from '../../src/os/message-buffers.ts';
import { MSG_DONTWAIT, SOCK_RAW, SOL_SOCKET, Socket } from '../../src/os/socket.ts';
import { AF_PACKET, linkSocketAddress } from '../../src/os/socket-address.ts';
import { watchReadable } from '../../src/os/watch-readable.ts';

const ETH_P_ALL = 3;
const ETHERNET_BYTES = 14;
const SO_ATTACH_FILTER = 26;
/** Also the type of the control message with the time. */
const SO_TIMESTAMPNS = 35;
const CONTROL_TIME_AT = 16;
const FRAME_BYTES_MAX = 256;

/** One advert, as it came up the cable. */
export interface CapturedAdvert {
  /** The kernel's time of arrival, on the wall clock: to be compared with each other only. */
  readonly atMs: number;
  readonly virtualRouterId: number;
}

/** `sock_filter`s: code, jump if true, jump if false, operand. IPv4, protocol 112, and not on its way out of the hub. */
const FILTER: readonly (readonly [number, number, number, number])[] = [
  [0x28, 0, 0, 12],
  [0x15, 0, 5, 0x0800],
  [0x30, 0, 0, 23],
  [0x15, 0, 3, 112],
  // SKF_AD_OFF + SKF_AD_PKTTYPE; 4 is PACKET_OUTGOING.
  [0x20, 0, 0, 0xfffff000 + 4],
  [0x15, 1, 0, 4],
  [0x06, 0, 0, FRAME_BYTES_MAX],
  [0x06, 0, 0, 0],
];

/** Captures from when it is made. Only where the link is: inside the hub. */
export class AdvertCapture {
  /** Oldest first. */
  readonly adverts: CapturedAdvert[] = [];
  readonly #buffers = new MessageBuffers(FRAME_BYTES_MAX);
  readonly #socket: Socket;
  readonly #watch: { close(): void };

  constructor(linkIndex: number) {
    // Protocol 0 receives nothing, so nothing slips in before the filter is there.
    const purpose = { doing: 'capture adverts', permission: 'CAP_NET_RAW' } as const;
    this.#socket = Socket.open(AF_PACKET, SOCK_RAW, 0, purpose, (socket) => {
      socket.setOption(SOL_SOCKET, SO_ATTACH_FILTER, filterProgram());
      socket.setOption(SOL_SOCKET, SO_TIMESTAMPNS, 1);
      const address = linkSocketAddress(linkIndex);
      address.writeUInt16BE(ETH_P_ALL, 2);
      socket.bind(address);
    });
    this.#watch = watchReadable(this.#socket.fd, () => this.readWaiting());
  }

  readWaiting(): void {
    for (;;) {
      const byteCount = this.#buffers.receive(this.#socket.fd, MSG_DONTWAIT);
      if (byteCount < 0) return;
      const frame = this.#buffers.data(byteCount);
      const messageAt = ETHERNET_BYTES + ((frame[ETHERNET_BYTES] ?? 0) & 0x0f) * 4;
      const control = this.#buffers.control();
      if (frame.length < messageAt + 2 || control.length < CONTROL_TIME_AT + 16) continue;
      this.adverts.push({
        atMs:
          Number(control.readBigInt64LE(CONTROL_TIME_AT)) * 1_000 +
          Number(control.readBigInt64LE(CONTROL_TIME_AT + 8)) / 1_000_000,
        virtualRouterId: frame[messageAt + 1] ?? 0,
      });
    }
  }

  close(): void {
    this.#watch.close();
    this.#socket.close();
  }
}

/** `sock_fprog`: it points to the filter, which therefore lies where it stays. */
function filterProgram(): Buffer {
  const filter = libc().allocate(FILTER.length * 8);
  for (const [index, [code, ifTrue, ifFalse, operand]] of FILTER.entries()) {
    filter.bytes.writeUInt16LE(code, index * 8);
    filter.bytes.writeUInt8(ifTrue, index * 8 + 2);
    filter.bytes.writeUInt8(ifFalse, index * 8 + 3);
    filter.bytes.writeUInt32LE(operand, index * 8 + 4);
  }
  const program = Buffer.alloc(16);
  program.writeUInt16LE(FILTER.length, 0);
  program.writeBigUInt64LE(filter.address, 8);
  return program;
}
