// The third host: it pings the floating address every 5 ms and writes through it every 10 ms, each time on a connection
// of its own. It runs in a process inside its machine, is told on its input whom to ask (nothing: nobody), and tells
// whenever another machine answers than before.

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { bootClockMs } from '../../src/os/boot-clock.ts';
import { libc } from '../../src/os/libc.ts';
import { MSG_DONTWAIT, SOCK_RAW, Socket } from '../../src/os/socket.ts';
import { AF_INET, ipSocketAddress } from '../../src/os/socket-address.ts';
import { watchReadable } from '../../src/os/watch-readable.ts';
import { Wire } from '../../test/harness/wire.ts';
import { startPart } from '../shared/parts.ts';

const PING_EVERY_MS = 5;
const WRITE_EVERY_MS = 10;
/** A connection that says nothing for so long was to a host that is gone. */
const WRITE_PATIENCE_MS = 1_000;
const IPPROTO_ICMP = 1;
const ECHO_REQUEST = 8;
const TTL_AT = 8;

/** Where each machine keeps its own name, so that an accepted write tells who accepted it. */
export const NAME_KEY = 'bench:machine';
export const REDIS_PORT = 6379;
/** Replies to pings leave with a TTL that tells which machine they are from. */
export const ttlOfMachine = (machine: number): number => 100 + machine;

/** From `atMs` of the boot clock on, `machine` answers pings or accepts writes. */
export interface Change {
  readonly what: 'ping' | 'write';
  readonly machine: number;
  readonly atMs: number;
}

/** The process's own side. */
export function runClient(): void {
  const answering = new Map<Change['what'], number>();
  let timers: NodeJS.Timeout[] = [];
  let target = '';
  const purpose = { doing: 'ping', permission: 'CAP_NET_RAW' } as const;
  const socket = Socket.open(AF_INET, SOCK_RAW, IPPROTO_ICMP, purpose, () => {});
  const reply = Buffer.alloc(128);
  const tell = (what: Change['what'], machine: number): void => {
    if (target === '' || answering.get(what) === machine) return;
    answering.set(what, machine);
    process.stdout.write(`${JSON.stringify({ what, machine, atMs: bootClockMs() } satisfies Change)}\n`);
  };
  watchReadable(socket.fd, () => {
    for (;;) {
      const byteCount = libc().recv(socket.fd, reply, reply.length, MSG_DONTWAIT);
      if (byteCount < 0) return;
      const isEchoReply = reply[((reply[0] ?? 0) & 0x0f) * 4] === 0;
      if (isEchoReply) tell('ping', (reply[TTL_AT] ?? 0) - ttlOfMachine(0));
    }
  });
  const ping = (): void => {
    const request = echoRequest();
    const address = ipSocketAddress(target);
    // An address that nobody has is an error here, and silence to the one who reads the log.
    libc().sendto(socket.fd, request, request.length, 0, address, address.length);
  };
  const write = async (): Promise<void> => {
    const host = target;
    const wire = await Wire.open({ host, port: REDIS_PORT }, WRITE_PATIENCE_MS);
    const timer = setTimeout(() => wire.close(), WRITE_PATIENCE_MS);
    const answers = await Promise.all([wire.call('SET', 'bench', 'x'), wire.call('GET', NAME_KEY)]).finally(
      () => {
        clearTimeout(timer);
        wire.close();
      },
    );
    if (host === target) tell('write', Number(answers[1]));
  };
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      target = line;
      answering.clear();
      for (const timer of timers.splice(0)) clearInterval(timer);
      if (line === '') return;
      timers = [
        setInterval(ping, PING_EVERY_MS),
        setInterval(() => void write().catch(() => undefined), WRITE_EVERY_MS),
      ];
    })
    .on('close', () => process.exit(0));
}

function echoRequest(): Buffer {
  const request = Buffer.alloc(16);
  request[0] = ECHO_REQUEST;
  // Everything else is 0, so this is the one's complement of the sum.
  request.writeUInt16BE(0xffff - ECHO_REQUEST * 256, 2);
  return request;
}

/** The bench's side. */
export class Client {
  /** Since {@link watch}, oldest first. */
  changes: Change[] = [];
  readonly #child: ChildProcess;

  /** Starts {@link runClient} behind `wrapper`. */
  constructor(wrapper: readonly string[]) {
    this.#child = startPart('client', wrapper, (line) => this.changes.push(JSON.parse(line) as Change));
  }

  /** Asks `address` from now on; '': nobody. */
  watch(address: string): void {
    this.changes = [];
    this.#child.stdin?.write(`${address}\n`);
  }

  /** When, by the boot clock, `machine` began to answer after `sinceMs`; null: not yet. */
  changedTo(what: Change['what'], machine: number, sinceMs: number): number | null {
    const found = this.changes.find(
      (change) => change.what === what && change.machine === machine && change.atMs > sinceMs,
    );
    return found?.atMs ?? null;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
