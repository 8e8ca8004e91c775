// Finds a running daemon's control socket and asks it (design.md §3).

import { request } from 'node:http';
import { basename } from 'node:path';
import { failure, success, type Result } from '../base/result.ts';
import { isLive } from '../api/control-socket.ts';
import { listSockets, runtimeFolder } from '../api/socket-paths.ts';

/** What went wrong, and what the command exits with. */
export interface Unreachable {
  readonly exitCode: 2 | 3;
  readonly sentence: string;
}

/** A daemon that does not answer for this long is as good as none. */
const ANSWER_MS_MAX = 3_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** What a daemon's socket is named after. */
export type DaemonKind = 'sentinel' | 'vrrp' | 'endpoint';

/** The socket that was named, else the only one of a daemon of this kind on which somebody listens. */
export async function findSocket(
  kind: DaemonKind,
  named: string | null,
  folder: string | null = runtimeFolder(),
): Promise<Result<string, Unreachable>> {
  if (named !== null) return success(named);
  const live: string[] = [];
  const all = folder === null ? [] : listSockets(folder);
  for (const path of all) if (basename(path).startsWith(`${kind}-`) && (await isLive(path))) live.push(path);
  const [only] = live;
  if (only === undefined) {
    const where = folder === null ? '' : ` (looked in ${folder})`;
    return failure({
      exitCode: 3,
      sentence: `no daemon of yours is running here${where}; start one, or name its socket with --socket`,
    });
  }
  if (live.length > 1) {
    return failure({
      exitCode: 2,
      sentence: `several daemons are running; name one with --socket:\n${live.map((path) => `  ${path}`).join('\n')}`,
    });
  }
  return success(only);
}

/** GETs `path` from the daemon behind `socketPath`: its JSON. */
export function askDaemon(socketPath: string, path: string): Promise<Result<unknown, Unreachable>> {
  return converse(socketPath, { method: 'GET', path, timeoutMs: ANSWER_MS_MAX });
}

/** POSTs an order; its JSON. `timeoutMs`: how long carrying it out may take. */
export function orderDaemon(
  socketPath: string,
  path: string,
  body: unknown,
  timeoutMs: number,
): Promise<Result<unknown, Unreachable>> {
  return converse(socketPath, { method: 'POST', path, timeoutMs, text: JSON.stringify(body) });
}

interface Conversation {
  readonly method: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly text?: string;
}

function converse(
  socketPath: string,
  { method, path, timeoutMs, text: sent = '' }: Conversation,
): Promise<Result<unknown, Unreachable>> {
  return new Promise((resolve) => {
    const unreachable = (reason: string): void =>
      resolve(failure({ exitCode: 3, sentence: `no answer from ${socketPath}: ${reason}` }));
    const asked = request({ socketPath, path, method, timeout: timeoutMs, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > ANSWER_BYTES_MAX) asked.destroy(new Error('the answer is too long'));
      });
      response.once('error', (error) => unreachable(error.message));
      response.once('end', () => {
        if (response.statusCode !== 200) return unreachable(`HTTP ${response.statusCode}`);
        try {
          resolve(success(JSON.parse(text)));
        } catch {
          unreachable('what it says is not JSON');
        }
      });
    });
    asked.once('timeout', () => asked.destroy(new Error(`nothing for ${timeoutMs / 1000} s`)));
    asked.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      unreachable(
        code === 'ENOENT' || code === 'ECONNREFUSED'
          ? 'nobody listens there; without --socket the daemon that runs is looked for'
          : message,
      ),
    );
    asked.end(sent);
  });
}
