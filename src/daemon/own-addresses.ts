// The addresses that this host has now.

import { networkInterfaces } from 'node:os';

/** What every host has. */
const LOOPBACK = ['127.0.0.1', '::1'];

/** As the kernel writes them; loopback, floating and link-local ones included. Only the loopback's where nobody may ask. */
export function ownAddresses(list: typeof networkInterfaces = networkInterfaces): string[] {
  try {
    return Object.values(list()).flatMap((all) => (all ?? []).map(({ address }) => address));
  } catch {
    // A sandbox keeps netlink from us (systemd's RestrictAddressFamilies=).
    return LOOPBACK;
  }
}
