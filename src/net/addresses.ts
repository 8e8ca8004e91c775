// How the ends of a socket are written in replies and logs, and what a `bind` directive means (sentinel.md §2.4).

import type { Socket } from 'node:net';
import { hostPort } from '../base/host-port.ts';

/** One address to listen on. */
export interface BindRule {
  /** As Node wants it: `0.0.0.0`, `::`, a numeric address, or a name. */
  readonly host: string;
  readonly isIpv6: boolean;
  /** Was written with a leading `-`: this machine need not have it. */
  readonly isOptional: boolean;
}

/** The rules of `bind`, in the order written; `*` is every IPv4 address, `::*` every IPv6 address. */
export function bindRules(bind: readonly string[]): BindRule[] {
  return bind.map((text) => {
    const isOptional = text.startsWith('-');
    const address = isOptional ? text.slice(1) : text;
    if (address === '*') return { host: '0.0.0.0', isIpv6: false, isOptional };
    if (address === '::*') return { host: '::', isIpv6: true, isOptional };
    return { host: address, isIpv6: address.includes(':'), isOptional };
  });
}

/** `ip:port` of the other end; `?:0` if it has gone already. */
export function remoteAddressOf(socket: Socket): string {
  return hostPort(socket.remoteAddress ?? '?', socket.remotePort ?? 0);
}

/** The same of our end. */
export function localAddressOf(socket: Socket): string {
  return hostPort(socket.localAddress ?? '?', socket.localPort ?? 0);
}

/** Whether the other end is on this machine, as protected mode understands it. */
export function isLoopback(host: string | undefined): boolean {
  return host !== undefined && (host.startsWith('127.') || host === '::1');
}
