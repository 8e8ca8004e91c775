// What the status commands have in common: asking the daemon, and showing people what it says.

import { stripVTControlCharacters } from 'node:util';
import { askDaemon, findSocket, type DaemonKind } from './control-client.ts';

export interface StatusOptions {
  readonly json: boolean;
  /** null: the only one there is. */
  readonly socket: string | null;
}

/**
 * Prints the status of a daemon, as `describe` puts it or as JSON. Returns the exit code: 0, 2 (several daemons), 3
 * (none).
 */
export async function showStatusOf(
  kind: DaemonKind,
  options: StatusOptions,
  describe: (status: never) => readonly string[],
): Promise<number> {
  const socket = await findSocket(kind, options.socket);
  const answer = socket.ok ? await askDaemon(socket.value, '/status') : socket;
  if (!answer.ok) {
    process.stderr.write(`baton: ${answer.problem.sentence}\n`);
    return answer.problem.exitCode;
  }
  // The socket is only our own user's, so its daemon is trusted to send what it promises, but not with our terminal.
  const lines = options.json ? [JSON.stringify(answer.value, null, 2)] : describe(answer.value as never);
  for (const line of lines) process.stdout.write(`${line}\n`);
  return 0;
}

/** Names come from the network: they must not steer the terminal. */
export function clean(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return stripVTControlCharacters(text).replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}

/** Local, to the second, with the day if it is not today. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

/** The two largest units, e.g. `3d 4h`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ];
  const parts: string[] = [];
  let rest = seconds;
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0s';
}
