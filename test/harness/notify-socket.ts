// A service manager's ear: a unix datagram socket at a path, of which Node has none of its own.

import { libc } from '../../src/os/libc.ts';
import { AF_UNIX, unixSocketAddress } from '../../src/os/socket-address.ts';
import { MSG_DONTWAIT, SOCK_DGRAM, Socket } from '../../src/os/socket.ts';

const MESSAGE_BYTES_MAX = 4096;

export class NotifySocket {
  readonly #socket: Socket;
  readonly #heard: string[] = [];

  constructor(path: string) {
    this.#socket = Socket.open(AF_UNIX, SOCK_DGRAM, 0, { doing: 'listen' }, (opened) =>
      opened.bind(unixSocketAddress(path)),
    );
  }

  /** All it was told so far, oldest first. */
  heard(): readonly string[] {
    const buffer = Buffer.alloc(MESSAGE_BYTES_MAX);
    for (;;) {
      const count = libc().recv(this.#socket.fd, buffer, buffer.length, MSG_DONTWAIT);
      if (count < 0) return this.#heard;
      this.#heard.push(buffer.toString('utf8', 0, count));
    }
  }

  close(): void {
    this.#socket.close();
  }
}
