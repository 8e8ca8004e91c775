// What a test may need that a machine may lack. Each gives `false`, or the reason to skip; a reason that begins with
// `kernel: ` is one that no installation mends (scripts/test.mjs lets only those pass on CI).

import { spawnSync } from 'node:child_process';
import { serverFiles } from './fleet.ts';

export const SYSTEM_PYTHON = '/usr/bin/python3';

function works(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** openssl, to make certificates. */
export function lacksOpenssl(): string | false {
  return works('openssl', 'version') ? false : 'needs openssl';
}

/** For clients that connect as Node never does. */
export function lacksPython(): string | false {
  return works(SYSTEM_PYTHON, '-c', '') ? false : 'needs python3';
}

/** A C compiler, to make a module of; headers are not needed. */
export function lacksCompiler(): string | false {
  return works('cc', '--version') ? false : 'needs cc (gcc)';
}

/** redis-py, in the distribution's Python. */
export function lacksRedisPy(): string | false {
  return works(SYSTEM_PYTHON, '-c', 'import redis.sentinel') ? false : 'needs python3-redis';
}

/** A mount namespace, to have an /etc/hosts of one's own. */
export function lacksMountNamespaces(): string | false {
  if (works('unshare', '--mount', 'true')) return false;
  return process.getuid?.() === 0 ? 'kernel: no mount namespaces' : 'needs root';
}

/** Network namespaces with bridges and virtual cables. */
export function lacksNetworkNamespaces(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!works('ip', '-V')) return 'needs iproute2';
  const probe = `baton-probe-${process.pid}`;
  if (!works('ip', 'netns', 'add', probe)) return 'kernel: no network namespaces';
  const inside = ['netns', 'exec', probe, 'ip', 'link', 'add'];
  const hasLinks =
    works('ip', ...inside, 'bridge0', 'type', 'bridge') && works('ip', ...inside, 'cable0', 'type', 'veth');
  works('ip', 'netns', 'delete', probe);
  return hasLinks ? false : 'kernel: no bridge or veth';
}

/** keepalived, to share virtual routers with. */
export function lacksKeepalived(): string | false {
  return works('keepalived', '--version') ? false : 'needs keepalived';
}

/** arping of iputils, as scripts that move addresses call it. */
export function lacksArping(): string | false {
  return works('arping', '-V') ? false : 'needs iputils-arping';
}

/** tshark, to judge what was sent, and dumpcap, which captures for it. */
export function lacksTshark(): string | false {
  return works('tshark', '--version') && works('dumpcap', '--version') ? false : 'needs tshark';
}

/** ping, to be a client that needs no port. */
export function lacksPing(): string | false {
  return works('ping', '-V') ? false : 'needs iputils-ping';
}

/** pgrep that can look within a namespace, to find a process by its name as keepalived's scripts do. */
export function lacksPgrep(): string | false {
  const words = ['--ns', `${process.pid}`, '--nslist', 'net', '.'];
  return works('pgrep', ...words) ? false : 'needs procps with pgrep --ns';
}

/** haproxy, to judge its own configuration files and to be compared with. */
export function lacksHaproxy(): string | false {
  return works('haproxy', '-v') ? false : 'needs haproxy';
}

export async function lacksValkey(): Promise<string | false> {
  return serverFiles('valkey').then(
    () => false,
    (error: unknown) => (error as Error).message,
  );
}
