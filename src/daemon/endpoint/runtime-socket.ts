// HAProxy's `stats socket`: a line of commands, its answer, and the connection ends, or stays for the next (proxy.md §1.4).

import { chmodSync, chownSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { failure, success, type Result } from '../../base/result.ts';
import type { StatsSocket } from '../../endpoint/conf/haproxy/haproxy-conf.ts';
import {
  answerRuntime,
  asksForSessions,
  commandsOf,
  type RuntimeOrder,
  type RuntimeTalk,
} from '../../endpoint/runtime-api.ts';
import type { RuntimeView } from '../../endpoint/runtime-view.ts';
import { listenError } from '../../os/os-error.ts';
import { removeSocket } from '../remove-socket.ts';
import { findIds } from '../user-ids.ts';

const LINE_BYTES_MAX = 16_384;
/** Who connects and says nothing is sent away, unless `stats timeout` says when. */
const SILENCE_MS_MAX = 10_000;
const CONNECTIONS_MAX = 64;

export interface RuntimeHands {
  readonly view: (withSessions: boolean) => Promise<RuntimeView>;
  /** Resolves once it is carried out. */
  readonly order: (order: RuntimeOrder) => Promise<void>;
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
  // Who has said all still hears the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => new RuntimeClient(socket, conf, hands));
  server.maxConnections = CONNECTIONS_MAX;
  const listening = await listen(server, bind);
  if (listening !== null) return failure(listenError(listening, `open the stats socket ${shown}`).message);
  const close = (): void => {
    server.close();
    if (bind.kind === 'unix') removeSocket(bind.path);
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
function listen(server: Server, bind: StatsSocket['bind']): Promise<Error | null> {
  return new Promise((resolve) => {
    // Later ones (too many open files) are of one who wants to connect, and no reason to end.
    server.on('error', resolve);
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

/**
 * Answers line after line; after the first ones it ends, unless it is asked to stay (`prompt`). No more is read before
 * what was said is answered, and taken.
 */
class RuntimeClient {
  readonly #socket: Socket;
  readonly #hands: RuntimeHands;
  #talk: RuntimeTalk;
  #said = '';
  #hasEnded = false;
  #isBusy = false;

  constructor(socket: Socket, { level, timeoutMs }: StatsSocket, hands: RuntimeHands) {
    this.#socket = socket;
    this.#hands = hands;
    this.#talk = { level, isInteractive: false };
    socket.setTimeout(timeoutMs ?? SILENCE_MS_MAX, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      this.#said += bytes.toString('latin1');
      if (this.#said.length > LINE_BYTES_MAX && !this.#said.slice(0, LINE_BYTES_MAX).includes('\n')) {
        socket.destroy();
      } else {
        this.#serve();
      }
    });
    socket.on('end', () => {
      this.#hasEnded = true;
      this.#serve();
    });
  }

  #serve(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#socket.pause();
    this.#answer().then(
      () => this.#readOn(),
      () => this.#socket.destroy(),
    );
  }

  #readOn(): void {
    this.#isBusy = false;
    this.#socket.resume();
  }

  async #answer(): Promise<void> {
    let hasAnswered = false;
    for (let line = this.#next(); line !== null; line = this.#next()) {
      hasAnswered = true;
      for (const command of commandsOf(line)) {
        const view = await this.#hands.view(asksForSessions(command));
        const { text, orders, talk, isOver } = answerRuntime(command, view, this.#talk);
        this.#talk = talk;
        for (const order of orders) await this.#hands.order(order);
        const isTaken = this.#socket.write(text, 'latin1');
        if (isOver) return void this.#socket.end();
        if (!isTaken) await takenOrGone(this.#socket);
        if (this.#socket.destroyed) return;
      }
    }
    const isAllSaid = hasAnswered && this.#said === '' && !this.#talk.isInteractive;
    if (this.#hasEnded || isAllSaid) this.#socket.end();
  }

  /** The next line; the last one may lack its end if nothing follows. */
  #next(): string | null {
    const end = this.#said.indexOf('\n');
    if (end === -1 && (!this.#hasEnded || this.#said === '')) return null;
    const line = end === -1 ? this.#said : this.#said.slice(0, end);
    this.#said = end === -1 ? '' : this.#said.slice(end + 1);
    return line.replace(/\r$/, '');
  }
}

function takenOrGone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}
