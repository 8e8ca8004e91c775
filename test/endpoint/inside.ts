// A process that carries routes out, or is a client of an endpoint, as a test asks (started by test/os/hosts.ts).

import { createSocket } from 'node:dgram';
import { type Socket, connect, createServer } from 'node:net';
import { once } from 'node:events';
import {
  SocketPath,
  type SocketPathScope,
  socketPathProblem,
} from '../../src/daemon/endpoint/socket-path.ts';
import { NatPath, type NatPathOptions } from '../../src/daemon/endpoint/nat-path.ts';
import type { ListenNames } from '../../src/daemon/endpoint/listening.ts';
import { bindTargets } from '../../src/endpoint/bind-targets.ts';
import { killClients } from '../../src/daemon/endpoint/kill-clients.ts';
import type { RoutePath } from '../../src/daemon/endpoint/route-path.ts';
import type { Route, Target } from '../../src/endpoint/route.ts';
import { bootClockMs } from '../../src/os/boot-clock.ts';
import { obey, say } from '../os/obey.ts';

/** A route as tests give it: the time that it stands from now on, null for ever. */
export type RouteOrder = Omit<Route, 'deadline'> & { readonly standsMs: number | null };

let path: (RoutePath & { status(): unknown }) | undefined;
const connections = new Map<string, Socket>();

const warn = (sentence: string): void => say({ event: 'warning', sentence });

/** Follows this host's addresses where a host is `*` or `::`. */
const namesOf =
  (targets: readonly Target[], withLoopback: boolean): ListenNames =>
  (own) =>
    bindTargets(
      targets.map((target) => ({ kind: 'tcp', ...target, tls: null, acceptsProxyProtocol: false })),
      own,
      withLoopback,
    );

/** The answer to a command, once it satisfies `isWhole`. */
function answer(socket: Socket, command: string, isWhole: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (bytes: Buffer): void => {
      text += bytes.toString('latin1');
      const match = isWhole.exec(text);
      if (match === null) return;
      socket.off('data', onData).off('error', reject);
      resolve(match[1] ?? '');
    };
    socket.on('data', onData).once('error', reject);
    socket.write(command);
  });
}

obey({
  /** Opens the socket path; null, or why not. */
  openSocketPath(scope: SocketPathScope, listens: readonly [string, readonly Target[]][]) {
    const names = listens.map(([name, targets]) => [name, namesOf(targets, true)] as const);
    const opened = SocketPath.open({ ...scope, listens: new Map(names), warn });
    if (!opened.ok) return opened.problem.sentence;
    path = opened.value;
    return null;
  },
  /** The same for the nat path. */
  async openNatPath(
    options: Pick<NatPathOptions, 'table' | 'masquerade' | 'nftFile'>,
    listens: readonly [string, readonly Target[]][],
  ) {
    const opened = await NatPath.open({
      ...options,
      endpoints: new Map(
        listens.map(([name, targets]) => [
          name,
          {
            listens: namesOf(targets, false),
            killClients: (server, clients) => killClients(server, clients, { credentials: null, tls: null }),
          },
        ]),
      ),
      warn,
    });
    if (!opened.ok) return opened.problem.sentence;
    path = opened.value;
    return null;
  },
  socketPathProblem: (scope: SocketPathScope) => socketPathProblem(scope),
  apply({ standsMs, ...route }: RouteOrder) {
    path?.apply({ ...route, deadline: standsMs === null ? Infinity : bootClockMs() + standsMs });
  },
  avoid: (endpoint: string, servers: readonly Target[]) => path?.avoid?.(endpoint, servers),
  drop: (endpoints: readonly string[]) => path?.drop?.(endpoints),
  endSessions: (endpoints: readonly string[], server: Target) => path?.endSessions(endpoints, server),
  status: () => path?.status(),
  close: () => path?.close(),

  /** Connects and asks the Redis there for its port; whom we seem to be connected to, too. */
  async connect(name: string, host: string, port: number) {
    const socket = connect({ host, port });
    connections.set(name, socket);
    await once(socket, 'connect');
    const peer = `${socket.remoteAddress} ${socket.remotePort}`;
    const redis = await answer(socket, 'CONFIG GET port\r\n', /port\r\n\$\d+\r\n(\d+)\r\n/);
    socket.on('error', (error: Error & { code?: string }) => say({ event: 'error', name, code: error.code }));
    socket.on('close', () => say({ event: 'closed', name }));
    return { peer, redis: Number(redis) };
  },
  /** Whether a connection still answers. */
  ping: async (name: string) => {
    const socket = connections.get(name);
    return socket === undefined ? null : answer(socket, 'PING\r\n', /\+(PONG)\r\n/);
  },
  /** A command for the Redis there, whose answer is one line. */
  command: async (name: string, line: string) => {
    const socket = connections.get(name);
    return socket === undefined ? null : answer(socket, `${line}\r\n`, /^[+-](.*)\r\n/);
  },
  /** Has the kernel ask every second whether the peer is there. */
  keepAlive: (name: string) => void connections.get(name)?.setKeepAlive(true, 1_000),
  /** How often each port answered, of so many connections one after the other. */
  async count(host: string, port: number, times: number) {
    const counts: Record<string, number> = {};
    for (let time = 0; time < times; time++) {
      const socket = connect({ host, port });
      await once(socket, 'connect');
      const redis = await answer(socket, 'CONFIG GET port\r\n', /port\r\n\$\d+\r\n(\d+)\r\n/);
      counts[redis] = (counts[redis] ?? 0) + 1;
      socket.destroy();
    }
    return counts;
  },
  /** Listens and answers as a Redis with this port would that closes nobody. */
  async listen(host: string, port: number) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => {
        const isPing = bytes.toString('latin1').startsWith('PING');
        socket.write(isPing ? '+PONG\r\n' : `*2\r\n$4\r\nport\r\n$${String(port).length}\r\n${port}\r\n`);
      });
    });
    server.listen(port, host);
    await once(server, 'listening');
  },
  /** Sends a datagram from a connected socket to one that is bound there, and says whom it went to. */
  async datagram(host: string, port: number) {
    const [receiver, sender] = [createSocket('udp4'), createSocket('udp4')];
    receiver.bind(port, host);
    await once(receiver, 'listening');
    sender.connect(port, host);
    await once(sender, 'connect');
    const { address, port: remotePort } = sender.remoteAddress();
    const received = once(receiver, 'message');
    sender.send('hello');
    const [bytes] = (await received) as [Buffer];
    receiver.close();
    sender.close();
    return { peer: `${address} ${remotePort}`, text: bytes.toString() };
  },
});
