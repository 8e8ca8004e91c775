// HAProxy's `stats socket`: a line of commands, its answer, and the connection ends (proxy.md §1.4).

import { chmodSync, chownSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { failure, success, type Result } from '../../base/result.ts';
import type { StatsSocket } from '../../endpoint/conf/haproxy/haproxy-conf.ts';
import { answerRuntime, type RuntimeOrder, type RuntimeView } from '../../endpoint/runtime-api.ts';
import { findIds } from '../user-ids.ts';

const LINE_BYTES_MAX = 16_384;
/** Who connects and says nothing is sent away. */
const SILENCE_MS_MAX = 10_000;
const CONNECTIONS_MAX = 64;

export interface RuntimeHands {
  readonly view: () => Omit<RuntimeView, 'level'>;
  readonly order: (order: RuntimeOrder) => void;
}

export interface RuntimeSocket {
  close(): void;
}

/** Opens it with its mode and owner; a socket that a dead process left behind is replaced. */
export async function openRuntimeSocket(
  conf: StatsSocket,
  hands: RuntimeHands,
): Promise<Result<RuntimeSocket, string>> {
  const { bind } = conf;
  const shown = bind.kind === 'unix' ? bind.path : `${bind.host}:${bind.port}`;
  const ids = findIds(conf.user, conf.group);
  if (!ids.ok) return failure(`stats socket ${shown}: ${ids.problem}`);
  if (bind.kind === 'unix') {
    if (await isLive(bind.path)) return failure(`stats socket ${shown}: another process serves it`);
    rmSync(bind.path, { force: true });
  }
  const server = createServer((socket) => serve(socket, conf, hands));
  server.maxConnections = CONNECTIONS_MAX;
  const listening = await listen(server, bind);
  if (listening !== null) return failure(`stats socket ${shown}: ${listening}`);
  const close = (): void => {
    server.close();
    if (bind.kind === 'unix') rmSync(bind.path, { force: true });
  };
  if (bind.kind === 'unix') {
    try {
      chmodSync(bind.path, conf.mode ?? 0o600);
      if (conf.user !== null || conf.group !== null) {
        chownSync(
          bind.path,
          ids.value.uid ?? process.getuid?.() ?? 0,
          ids.value.gid ?? process.getgid?.() ?? 0,
        );
      }
    } catch (error) {
      close();
      return failure(`stats socket ${shown}: ${(error as Error).message}`);
    }
  }
  return success({ close });
}

/** null: it listens. Between that and its mode nobody but the owner may come in. */
function listen(server: Server, bind: StatsSocket['bind']): Promise<string | null> {
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(error.message));
    const umask = process.umask(0o177);
    server.listen(
      bind.kind === 'unix'
        ? { path: bind.path }
        : { port: bind.port, ...(bind.host === '*' ? {} : { host: bind.host }) },
      () => resolve(null),
    );
    process.umask(umask);
  });
}

function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

function serve(socket: Socket, { level }: StatsSocket, { view, order }: RuntimeHands): void {
  let said = '';
  socket.setTimeout(SILENCE_MS_MAX, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  const answer = (line: string): void => {
    socket.removeAllListeners('data');
    const { text, orders } = answerRuntime(line, { ...view(), level });
    for (const one of orders) order(one);
    socket.end(text, 'latin1');
  };
  socket.on('data', (bytes) => {
    said += bytes.toString('latin1');
    const end = said.indexOf('\n');
    if (end !== -1) answer(said.slice(0, end).replace(/\r$/, ''));
    else if (said.length > LINE_BYTES_MAX) socket.destroy();
  });
}
