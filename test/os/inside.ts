// A process that does with src/os/ what a test asks, one JSON line each, inside a network namespace or with rights of
// its own. Started by hosts.ts.

import { createServer, connect, type Socket } from 'node:net';
import { AddressWatch } from '../../src/os/address-watch.ts';
import { Addresses } from '../../src/os/addresses.ts';
import { AdvertSocket, type AdvertSocketOptions } from '../../src/os/advert-socket.ts';
import { effectiveCapabilities } from '../../src/os/capabilities.ts';
import { FrameSocket } from '../../src/os/frame-socket.ts';
import { listenFreebind } from '../../src/os/freebind-listen.ts';
import { Nft } from '../../src/os/nft.ts';
import type { AddressName, AddressSetting } from '../../src/os/route-messages.ts';
import { obey, say } from './obey.ts';

const adverts = new Map<string, AdvertSocket>();
const closers: (() => void)[] = [];
let watch: AddressWatch | undefined;
let nft: Nft | undefined;
let held: NodeJS.Timeout | undefined;
let addresses: Addresses | undefined;
const rtnetlink = (): Addresses => (addresses ??= new Addresses());

export const operations = {
  capabilities: () => effectiveCapabilities(),
  links: () => rtnetlink().links(),
  addresses: () => rtnetlink().list(),
  set: (setting: AddressSetting) => rtnetlink().set(setting),
  remove: (name: AddressName) => rtnetlink().remove(name),
  removeAll: (address: string, linkIndex: number | null) => rtnetlink().removeAll(address, linkIndex),
  /** Sets it now and every so often. */
  hold(setting: AddressSetting, everyMs: number) {
    rtnetlink().set(setting);
    held = setInterval(() => rtnetlink().set(setting), everyMs);
  },
  watch() {
    watch = new AddressWatch((change) => say({ event: 'change', ...change }));
  },
  readWatch: () => watch?.readWaiting(),
  open(name: string, options: AdvertSocketOptions) {
    const socket = new AdvertSocket(options, {
      packet: (packet) => say({ event: 'packet', name, ...packet }),
      failed: ({ code, message }) => say({ event: 'failed', name, code, message }),
    });
    adverts.set(name, socket);
  },
  /** A receiver that throws at its first packet. */
  openThrowing(options: AdvertSocketOptions) {
    const socket = new AdvertSocket(options, {
      packet: () => {
        throw new Error('thrown by the receiver');
      },
      failed: () => {},
    });
    adverts.set('throwing', socket);
  },
  send: (name: string, destination: string, hex: string, count = 1) => {
    for (let index = 0; index < count; index++) {
      adverts.get(name)?.send(destination, Buffer.from(hex, 'hex'));
    }
  },
  sendFrame(linkIndex: number, hex: string, count: number) {
    const socket = new FrameSocket();
    for (let index = 0; index < count; index++) socket.send(linkIndex, Buffer.from(hex, 'hex'));
    socket.close();
  },
  nft: (commands: readonly string[]) => (nft ??= new Nft()).apply(commands),
  /** Listens, maybe before the address is there, and echoes. */
  listen(address: string, port: number) {
    const server = createServer((socket) => socket.pipe(socket).on('error', () => {}));
    server.listen({ fd: listenFreebind(address, port) });
    closers.push(() => server.close());
  },
  /** Sends a byte every 20 ms over one connection and says what becomes of it. */
  connect: (host: string, port: number) =>
    new Promise((resolve, reject) => {
      const socket: Socket = connect({ host, port });
      let echoed = 0;
      socket.once('error', reject);
      socket.once('connect', () => {
        const timer = setInterval(() => socket.write('x'), 20);
        socket.on('data', (bytes) => (echoed += bytes.length));
        socket.on('close', (hadError) => say({ event: 'connection-closed', hadError }));
        closers.push(() => {
          clearInterval(timer);
          socket.destroy();
        });
        operations.echoed = () => echoed;
        resolve(null);
      });
    }),
  echoed: () => 0,
  /** Nothing else runs for so long. */
  freeze(milliseconds: number) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  },
  collectGarbage() {
    for (let index = 0; index < 20; index++) (globalThis as { gc?: () => void }).gc?.();
  },
  /** Of our own, so far. */
  cpuMs: () => process.cpuUsage().user / 1_000,
  exit: () => process.exit(7),
  /** Lets go of everything; the process then has nothing left to wait for. */
  closeAll() {
    for (const socket of adverts.values()) socket.close();
    watch?.close();
    nft?.close();
    addresses?.close();
    clearInterval(held);
    for (const close of closers) close();
    obeying.stop();
  },
};

const obeying = obey(operations);
