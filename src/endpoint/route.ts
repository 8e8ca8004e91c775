// What the machine decides about an endpoint: where it leads, and until when. The three paths (socket, nat, relay) carry
// the same decision out, and each lets it lapse by itself when nobody renews it (design.md §8).

import { hostPort } from '../base/host-port.ts';

/** A server's address in canonical text (`10.0.0.1`, `fe80::1`), and its port; or a unix socket's path, and 0. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** One server that an endpoint leads to. */
export interface RouteServer extends Target {
  /** Its name in the configuration; a discovered one is called by its address and port. */
  readonly name: string;
  /** Share among the servers of this route; at least 1. */
  readonly weight: number;
  /** Open connections at most; null: no limit. */
  readonly connectionsMax: number | null;
  /** Once full, it gets clients again below this many; absent: at once. */
  readonly connectionsAgain?: number;
}

/** How one of several servers is chosen for a new connection (HAProxy's `balance`). */
export type Balance = 'roundrobin' | 'leastconn' | 'first' | 'source';

/**
 * Where one endpoint leads now. A later route of the same endpoint replaces it. One with the same generation only moves
 * the deadline: nothing but that may differ.
 */
export interface Route {
  /** Name of the frontend. */
  readonly endpoint: string;
  /** Grows with every change of `servers`. Connections of an earlier generation to a server that left are ended. */
  readonly generation: number;
  /** In the configuration's order. Empty: it leads nowhere, and new clients wait. */
  readonly servers: readonly RouteServer[];
  readonly balance: Balance;
  /** Boot-clock milliseconds (os/boot-clock.ts) after which it counts as leading nowhere. Infinity: until replaced. */
  readonly deadline: number;
  /** Well, and for those clients only that a rule, or their last connection, leads to them; absent: none. */
  readonly standby?: readonly RouteServer[];
  /** Connections to servers that are not in the route any more are reset; false: only new ones are kept from them. */
  readonly endsOthers: boolean;
  /** Whose connections stand all the same until they end by themselves; absent: nobody's. */
  readonly keeps?: readonly Target[];
  /** A sentence that says why, e.g. `10.0.0.1:6379 is the primary: 3 of 3 sentinels say so at config epoch 7`. */
  readonly because: string;
}

/** `10.0.0.1:6379`, `[fe80::1]:6379`; of a unix socket its path. */
export const targetText = ({ host, port }: Target): string =>
  isUnixSocket({ host }) ? host : hostPort(host, port);

/** Whether a server is reached by a unix socket of this machine, and not by TCP. */
export const isUnixSocket = ({ host }: Pick<Target, 'host'>): boolean => host.startsWith('/');

/** Whether `host` is a name to be looked up: no address, and no path of a unix socket. */
export const isHostName = (host: string): boolean => !isUnixSocket({ host }) && !/^[\d.]+$|:/.test(host);

export function isSameTarget(a: Target, b: Target): boolean {
  return a.host === b.host && a.port === b.port;
}
