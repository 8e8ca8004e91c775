// Whether this machine passes on the packets of other machines' clients. Without that, the nat path leads them nowhere
// unless the server runs here, and nobody hears of it: the kernel drops their packets in silence.

import { readFileSync, readdirSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { type Target, targetText } from '../../endpoint/route.ts';
import { ownAddresses } from '../own-addresses.ts';

const SYSCTLS = '/proc/sys/net';

/** What keeps other machines' clients from being led to these servers, and the remedy, as sentences. */
export function forwardingProblems(
  servers: readonly Target[],
  isOwn: (host: string) => boolean = isOwnAddress,
  sysctls = SYSCTLS,
): string[] {
  return [false, true].flatMap((isV6) => {
    const far = servers.find(({ host }) => isIPv6(host) === isV6 && !isOwn(host));
    if (far === undefined || forwards(isV6, sysctls)) return [];
    const [family, setting] = isV6
      ? ['IPv6', 'net.ipv6.conf.all.forwarding']
      : ['IPv4', 'net.ipv4.ip_forward'];
    return [
      `Clients of other machines cannot reach ${targetText(far)}: this machine does not forward ${family}: sysctl -w ${setting}=1, and a line in /etc/sysctl.d/ to keep it.`,
    ];
  });
}

/** IPv4 asks the interface that a packet came in by, IPv6 one switch for all. */
function forwards(isV6: boolean, sysctls: string): boolean {
  if (isV6) return isOn(join(sysctls, 'ipv6/conf/all/forwarding'));
  const folder = join(sysctls, 'ipv4/conf');
  const names = readdirSync(folder).filter((name) => name !== 'default' && name !== 'lo');
  return names.some((name) => isOn(join(folder, name, 'forwarding')));
}

function isOn(file: string): boolean {
  try {
    return readFileSync(file, 'latin1').trim() !== '0';
  } catch {
    // No such interface any more, or no such protocol.
    return false;
  }
}

function isOwnAddress(host: string): boolean {
  return host.startsWith('127.') || ownAddresses().includes(host);
}
