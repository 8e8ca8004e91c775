// One haproxy.cfg, run by HAProxy and by us at the same time, each on ports of its own, in front of the same servers.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { until } from '../harness/wait.ts';
import type { Target } from '../harness/wire.ts';
import { BATON, type Cleanup } from './baton-endpoint.ts';

const ANSWER_MS_MAX = 10_000;

/** Checks that come fast, and patience with clients. */
export const DEFAULTS = `defaults
    mode tcp
    timeout connect 2s
    timeout client 1m
    timeout server 1m
    default-server inter 200ms fall 1 rise 1
`;

/** How tutorials ask a Redis whether it is the master. */
export const ROLE_CHECK = `    option tcp-check
    tcp-check send PING\\r\\n
    tcp-check expect string +PONG
    tcp-check send info\\ replication\\r\\n
    tcp-check expect string role:master
    tcp-check send QUIT\\r\\n
    tcp-check expect string +OK`;

/** Tells everybody who comes its name, and keeps the connection; silent ends of connections are nobody's business. */
export class NamedServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** What is written to whoever comes. */
  greeting: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  private constructor(name: string, host: string, port: number) {
    this.name = name;
    this.host = host;
    this.port = port;
    this.greeting = `${name}\n`;
  }

  static async start(test: Cleanup, name: string, where: Partial<Target> = {}): Promise<NamedServer> {
    const server = new NamedServer(name, where.host ?? '127.0.0.1', where.port ?? (await freePort()));
    test.after(() => server.stop());
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      socket.write(this.greeting);
      socket.resume();
    });
    this.#server = server;
    server.listen(this.port, this.host);
    await once(server, 'listening');
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

export interface Program {
  readonly name: 'haproxy' | 'baton';
  readonly ports: readonly number[];
  readonly process: ManagedProcess;
}

/** Starts both with `count` ports each; resolves once both have let somebody in at every port, to a server or not. */
export async function startBoth(
  test: Cleanup,
  count: number,
  cfgOf: (ports: readonly number[], folder: string) => string,
  /** Our command runs behind these words. */
  wrapper: readonly string[] = [],
): Promise<readonly Program[]> {
  const start = async (name: Program['name']): Promise<Program> => {
    const ports: number[] = [];
    while (ports.length < count) ports.push(await freePort());
    const command =
      name === 'haproxy' ? ['haproxy', '-db', '-f'] : [...wrapper, process.execPath, BATON, 'endpoint'];
    const daemon: ManagedProcess = new ManagedProcess({
      name,
      command: (folder) => ['env', `RUNTIME_DIRECTORY=${folder}`, ...command, join(folder, 'h.cfg')],
      isReady: () => Promise.all(ports.map(listensAt)).then((all) => all.every(Boolean)),
    });
    test.after(() => daemon.dispose());
    writeFileSync(join(daemon.folder, 'h.cfg'), cfgOf(ports, daemon.folder));
    await daemon.restart();
    return { name, ports, process: daemon };
  };
  return Promise.all([start('haproxy'), start('baton')]);
}

async function listensAt(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The first line that a client is told; empty if it is sent away without a word. */
export function whoAnswers(port: number, from = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    const patience = setTimeout(() => end(new Error('nothing is said')), ANSWER_MS_MAX);
    let heard = '';
    const end = (error: Error | null): void => {
      clearTimeout(patience);
      socket.destroy();
      if (error === null) resolve(heard.split('\n')[0] ?? '');
      else reject(error);
    };
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text;
      if (heard.includes('\n')) end(null);
    });
    socket.on('error', () => end(null));
    socket.on('close', () => end(null));
  });
}

/** Waits until at each program the client of the `at`-th port is answered by `expected`. */
export async function answers(
  programs: readonly Program[],
  at: number,
  expected: string,
  from = '127.0.0.1',
): Promise<void> {
  for (const { name, ports, process } of programs) {
    await until(
      `${name}: port ${at} from ${from} to be answered by '${expected}'`,
      async () => {
        const answer = await whoAnswers(ports[at] ?? 0, from);
        if (answer !== expected) throw new Error(`'${answer}'`);
        return true;
      },
      () => process.output,
    );
  }
}

/** At each program so many clients, one after the other, are answered by these. */
export async function assertAnswers(
  programs: readonly Program[],
  at: number,
  expected: readonly string[],
  from = '127.0.0.1',
): Promise<void> {
  for (const { name, ports, process } of programs) {
    const found: string[] = [];
    for (const _ of expected) found.push(await whoAnswers(ports[at] ?? 0, from));
    assert.deepEqual(found, expected, `${name}, port ${at}, from ${from}\n${process.output}`);
  }
}
