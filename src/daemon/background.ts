// `daemonize yes` and `supervised`: how a daemon that was started tells others that it runs (sentinel.md §2.1).
//
// A Node process cannot fork itself, so the background process is a second one with the same arguments. It reports over
// a channel of messages, and the first exits when it has: 0 when the second listens, its code when it gave up. Only the
// first has a terminal, so what keeps the second from starting is said by the first.

import { spawn } from 'node:child_process';
import type { ServerConf } from '../sentinel/conf/conf.ts';
import { ServiceManager } from './service-manager.ts';

/** Set for the second process only, and taken out of its environment before a script could inherit it. */
const MARK = 'BATON_IN_BACKGROUND';

/** Whether this process is the second one. True once; later calls say false. */
export function takeBackgroundMark(): boolean {
  const isMarked = process.env[MARK] === '1';
  delete process.env[MARK];
  return isMarked;
}

/**
 * Starts this program again, with the same arguments, in the background. Settles with the exit code for this process.
 * `standardInput`: what the arguments' `-` read, for the second to read again.
 */
export function startInBackground(standardInput: string | null): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      detached: true,
      stdio: [standardInput === null ? 'ignore' : 'pipe', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, [MARK]: '1' },
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(standardInput ?? '', 'latin1');
    child.once('error', () => resolve(1));
    child.once('exit', (code) => resolve(code ?? 1));
    child.on('message', (message: string | readonly string[]) => {
      if (typeof message !== 'string') {
        for (const line of message) process.stderr.write(`${line}\n`);
        return;
      }
      child.disconnect();
      child.unref();
      resolve(0);
    });
  });
}

/** In the second process: the first may exit now. */
export function reportListening(): void {
  if (process.send === undefined) return;
  process.send('listening', () => {
    if (process.connected) process.disconnect();
  });
}

/** In the second process: has the first say these lines. Resolves once they are on their way. */
export function reportProblems(lines: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(lines, () => resolve());
  });
}

/** Which supervisor is to be told, `auto` resolved by what the environment offers. */
export function supervisorOf(server: ServerConf): 'none' | 'systemd' | 'upstart' {
  const hasSystemd = process.env['NOTIFY_SOCKET'] !== undefined;
  const hasUpstart = process.env['UPSTART_JOB'] !== undefined;
  switch (server.supervised) {
    case 'systemd':
      return hasSystemd ? 'systemd' : 'none';
    case 'upstart':
      return hasUpstart ? 'upstart' : 'none';
    case 'auto':
      if (hasUpstart) return 'upstart';
      return hasSystemd ? 'systemd' : 'none';
    default:
      return 'none';
  }
}

/** Tells the supervisor that we are ready. */
export function reportReady(
  supervisor: 'none' | 'systemd' | 'upstart',
  status: string,
  warn: (sentence: string) => void,
): void {
  if (supervisor === 'upstart') process.kill(process.pid, 'SIGSTOP');
  if (supervisor !== 'systemd') return;
  const manager = new ServiceManager(warn);
  manager.status(status);
  manager.ready();
}
