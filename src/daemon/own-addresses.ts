// The addresses that this host has now.

import { networkInterfaces } from 'node:os';

/** As the kernel writes them; loopback, floating and link-local ones included. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
