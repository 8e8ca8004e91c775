// `baton endpoint switch`, `drain`, `maint` and `ready`: orders for the running endpoint daemon.

import type { SwitchResult } from '../daemon/endpoint/endpoint-daemon.ts';
import { findSocket, orderDaemon } from './control-client.ts';
import { parseHostPort, unixPath } from './endpoint-arguments.ts';

/** A switch may wait for sentinels, and for what follows the promotion. */
const SWITCH_MS_MAX = 60_000;
const ORDER_MS_MAX = 5_000;
const EXIT_USAGE = 2;

/** As commander gives them. */
export interface OrderOptions {
  readonly backend?: string;
  readonly json?: true;
  readonly socket?: string;
}

export interface SwitchOptions extends OrderOptions {
  readonly to?: string;
}

/** Returns the exit code: 0 switched, 1 not, 2 usage or several daemons, 3 none. */
export async function orderSwitch(options: SwitchOptions): Promise<number> {
  const path = unixPath(options.to ?? '');
  const named = path === null ? parseHostPort(options.to ?? '', null) : { host: path, port: 0 };
  const to = options.to === undefined ? null : named;
  if (options.to !== undefined && to === null) return usage(`--to ${options.to}: HOST:PORT, or [IPV6]:PORT`);
  const body = { to, backend: options.backend ?? null };
  return order(options, '/switch', body, SWITCH_MS_MAX);
}

export async function orderState(
  options: OrderOptions & { readonly server: string; readonly state: 'drain' | 'maint' | 'ready' },
): Promise<number> {
  const { server, state, backend } = options;
  return order(options, '/server', { server, state, backend: backend ?? null }, ORDER_MS_MAX);
}

async function order(options: OrderOptions, path: string, body: unknown, timeoutMs: number): Promise<number> {
  const socket = await findSocket('endpoint', options.socket ?? null);
  const answer = socket.ok ? await orderDaemon(socket.value, path, body, timeoutMs) : socket;
  if (!answer.ok) {
    process.stderr.write(`baton: ${answer.problem.sentence}\n`);
    return answer.problem.exitCode;
  }
  const { isDone, sentence } = answer.value as SwitchResult;
  if (options.json === true) process.stdout.write(`${JSON.stringify(answer.value)}\n`);
  else (isDone ? process.stdout : process.stderr).write(`${isDone ? '' : 'baton: '}${sentence}\n`);
  return isDone ? 0 : 1;
}

function usage(sentence: string): number {
  process.stderr.write(`baton: ${sentence}\n`);
  return EXIT_USAGE;
}
