// The control socket of a daemon: HTTP with JSON on a unix socket that only its owner can open (design.md §3). It is a
// convenience: when it cannot be made, the daemon does its work without.

import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { makeFolder } from '../daemon/make-folder.ts';
import { removeSocket } from '../daemon/remove-socket.ts';
import { failure, success, type Result } from '../base/result.ts';
import { answerRequest, toJson, type ApiSource } from './routes.ts';
import { SOCKET_PATH_BYTES_MAX, socketName } from './socket-paths.ts';

/** Orders are short. */
const BODY_CHARACTERS_MAX = 64 * 1024;

export interface ControlSocket {
  readonly path: string;
  /** Stops serving and removes the socket. Done when it returns. */
  close(): void;
}

export interface ControlSocketOptions {
  /** See {@link runtimeFolder}; null if there is none. */
  readonly folder: string | null;
  readonly kind: string;
  readonly name: string;
  /** Tells apart daemons whose names are the same, e.g. the port. */
  readonly distinction: string;
  readonly source: ApiSource;
}

/** Whether somebody listens on `path`. */
export function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (isLive: boolean): void => {
      socket.destroy();
      resolve(isLive);
    };
    socket.once('connect', () => done(true));
    // Refused: its daemon died. What fails otherwise (a full backlog, a file that is no socket) is not ours to take.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

/** Opens the socket: `<kind>-<name>.sock`, or `<kind>-<name>-<distinction>.sock` if a live daemon has that. */
export async function openControlSocket(
  options: ControlSocketOptions,
): Promise<Result<ControlSocket, string>> {
  const { folder, kind, name, distinction, source } = options;
  if (folder === null) {
    return failure('no folder for it: neither RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set');
  }
  try {
    makeFolder(folder);
    for (const candidate of [socketName(kind, name), socketName(kind, `${name}-${distinction}`)]) {
      const path = join(folder, candidate);
      if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) return failure(`its path is too long: ${path}`);
      if (await isLive(path)) continue;
      rmSync(path, { force: true });
      const server = createHttpServer(source);
      await listen(server, path);
      return success({
        path,
        close() {
          server.close();
          server.closeAllConnections();
          removeSocket(path);
        },
      });
    }
    return failure(`other daemons named ${name} hold its places in ${folder}: give this one another --name`);
  } catch (error) {
    return failure(error instanceof Error ? error.message : String(error));
  }
}

function createHttpServer(source: ApiSource): Server {
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    const [path = '/'] = (request.url ?? '/').split('?');
    const answer = body.ok
      ? await answerRequest({ method: request.method ?? 'GET', path, body: body.value }, source)
      : { status: 400, body: { code: 'bad-body', sentence: body.problem } };
    response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8' });
    response.end(`${toJson(answer.body)}\n`);
  };
  const server = createServer((request, response) => void serve(request, response));
  // The daemon's life does not depend on this one.
  server.unref();
  return server;
}

/** The JSON that came with a request, or why it is none. */
async function readBody(request: IncomingMessage): Promise<Result<unknown, string>> {
  let text = '';
  request.setEncoding('utf8');
  try {
    for await (const chunk of request) {
      text += chunk as string;
      if (text.length > BODY_CHARACTERS_MAX) return failure(`more than ${BODY_CHARACTERS_MAX} characters`);
    }
    return success(text === '' ? undefined : JSON.parse(text));
  } catch (error) {
    return failure(`what was sent could not be read as JSON: ${(error as Error).message}`);
  }
}

/** Mode 0600 from the moment it exists: nobody else can slip in between. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.removeListener('error', reject);
        server.on('error', () => undefined);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}
