// Which addresses a frontend of a kernel path stands for. Nothing listens there: the kernel leads clients away from each
// address by itself, so `*` has to be spelt out, and never means any other destination that a packet may have.

import type { Bind } from './endpoint-conf.ts';
import { targetText, type Target } from './route.ts';

/**
 * The addresses of `binds`, each once. `own`: those of this host, as its kernel writes them, which `*` (IPv4) and `::`
 * (both families) stand for, but for link-local ones. `withLoopback` false: only those that other machines can come to.
 */
export function bindTargets(binds: readonly Bind[], own: readonly string[], withLoopback: boolean): Target[] {
  const targets = binds.flatMap((bind) => {
    if (bind.kind === 'unix') return [];
    const { host, port } = bind;
    if (host !== '*' && host !== '::') return [{ host, port }];
    return own
      .filter((address) => host === '::' || !address.includes(':'))
      .filter((address) => !address.startsWith('fe80:') && (withLoopback || !isLoopback(address)))
      .map((address) => ({ host: address, port }));
  });
  return [...new Map(targets.map((target) => [targetText(target), target])).values()];
}

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');
