// `haproxy -sf PID ...` and `-st PID ...`, by which init scripts reload: HAProxy starts a second process that takes the
// first one's ports. Differs from HAProxy: with -sf the process that runs reads the new file itself and stays, because
// then its clients, its checks and what it knows of the servers stay, too. With -st it ends before the new one starts.

import { readFileSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { runtimeFolder, listSockets } from '../api/socket-paths.ts';
import { failure, success, type Result } from '../base/result.ts';
import { askDaemon, orderDaemon } from './control-client.ts';
import type { Predecessors } from './haproxy-arguments.ts';

/** Opening what a new file asks for takes less. */
const RELOAD_MS_MAX = 30_000;
/** Ending may wait for mails and hooks (endpoints.ts). */
const END_MS_MAX = 15_000;
const LOOK_EVERY_MS = 20;

/** `alone`: nobody is left who runs; `reads-anew`: one goes on, with this file. */
export type TakenOver = 'alone' | 'reads-anew';

export async function takeOver(
  { pids, areEnded }: Predecessors,
  file: string,
): Promise<Result<TakenOver, readonly string[]>> {
  const running = pids.filter((pid) => pid !== process.pid && nameOf(pid) === 'haproxy');
  const foreign = running.filter((pid) => !isOfOurs(pid));
  if (foreign.length > 0) {
    return failure([
      `process ${foreign.join(', ')} is HAProxy itself, which does not hand its ports to another program: end it, then start this one without -sf and -st`,
    ]);
  }
  if (running.length === 0) return success('alone');
  if (areEnded) return end(running);
  const problems: string[] = [];
  for (const pid of running) {
    const read = await readAnew(pid, resolve(file));
    if (!read.ok) problems.push(...read.problem);
  }
  return problems.length > 0 ? failure(problems) : success('reads-anew');
}

/** What the process table calls it; null: it does not run. One that ended and was not asked for by its parent is gone. */
function nameOf(pid: number): string | null {
  try {
    const [, name = '', state] =
      /^\d+ \((.*)\) (\w)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
    return state === 'Z' || state === 'X' ? null : name;
  } catch {
    return null;
  }
}

function isOfOurs(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === readlinkSync('/proc/self/exe');
  } catch {
    return false;
  }
}

async function readAnew(pid: number, file: string): Promise<Result<null, readonly string[]>> {
  const socket = await socketOf(pid);
  if (socket === null) {
    return failure([
      `process ${pid} has no control socket in ${runtimeFolder() ?? 'any folder'}: send it SIGHUP, and it reads its file anew`,
    ]);
  }
  const answer = await orderDaemon(socket, '/reload', { file }, RELOAD_MS_MAX);
  if (!answer.ok) return failure([answer.problem.sentence]);
  const { isDone, sentence } = answer.value as { readonly isDone: boolean; readonly sentence: string };
  return isDone ? success(null) : failure([sentence]);
}

/** null: none in our folder is that process's. */
async function socketOf(pid: number): Promise<string | null> {
  const folder = runtimeFolder();
  for (const path of folder === null ? [] : listSockets(folder)) {
    const status = await askDaemon(path, '/status');
    if (status.ok && (status.value as { readonly pid?: unknown }).pid === pid) return path;
  }
  return null;
}

async function end(pids: readonly number[]): Promise<Result<TakenOver, readonly string[]>> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH')
        return failure([`process ${pid} cannot be ended: ${(error as Error).message}`]);
    }
  }
  for (let waitedMs = 0; waitedMs < END_MS_MAX; waitedMs += LOOK_EVERY_MS) {
    if (pids.every((pid) => nameOf(pid) === null)) return success('alone');
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
  }
  return failure([`process ${pids.join(', ')} does not end: kill it, then start this one`]);
}
