// Whether this machine passes on the packets of other machines' clients. Without that, the nat path leads them nowhere
// unless the server runs here, and nobody hears of it: the kernel drops their packets in silence.

import { readFileSync, readdirSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { type ForwardPolicy, droppingPolicies, remedyFor } from '../../endpoint/nat/forward-policies.ts';
import { letsThrough, rulesOf } from '../../endpoint/nat/forward-rules.ts';
import { type Target, targetText } from '../../endpoint/route.ts';
import { listChains, listTable } from '../../os/nft.ts';
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

/** The same for servers at a loopback address, as a sentence each: the kernel drops what other machines send there. */
export function loopbackProblems(servers: readonly Target[], sysctls = SYSCTLS): string[] {
  const isReachable = (host: string): boolean => host !== '::1' && isOnSomewhere('route_localnet', sysctls);
  return servers
    .filter(({ host }) => (host === '::1' || host.startsWith('127.')) && !isReachable(host))
    .map(
      (server) =>
        `Clients of other machines cannot reach ${targetText(server)}, a loopback address: name another address of this machine that it listens on, or use --path relay.`,
    );
}

/** Whose chain may drop the packets of clients of these servers, and the remedy, as a sentence. `table`: as nft lists it. */
export function policyProblems(
  servers: readonly Target[],
  policies: readonly { readonly policy: ForwardPolicy; readonly table: string }[],
  isOwn: (host: string) => boolean = isOwnAddress,
): string[] {
  return policies.flatMap(({ policy, table: listing }) => {
    const chains = rulesOf(listing);
    const far = servers.find(
      (server) =>
        !isOwn(server.host) &&
        (policy.family === 'inet' || (policy.family === 'ip6') === isIPv6(server.host)) &&
        !letsThrough(chains, policy.chain, server),
    );
    if (far === undefined) return [];
    const { family, table, chain } = policy;
    return [
      `Clients of other machines may not reach ${targetText(far)}: chain ${chain} of the nftables table ${family} ${table} drops what is forwarded unless a rule of its own lets it through (Docker and ufw set it so): if none does, ${remedyFor(policy)}`,
    ];
  });
}

/** Looks for all of that when clients are led elsewhere, and warns of each once. */
export class Forwarding {
  readonly #warn: (sentence: string) => void;
  readonly #nftFile: string | null;
  readonly #told = new Set<string>();

  constructor(warn: (sentence: string) => void, nftFile: string | null) {
    this.#warn = warn;
    this.#nftFile = nftFile;
  }

  /** Of the firewall it tells when it has been asked. */
  look(servers: readonly Target[]): void {
    this.#tell([...forwardingProblems(servers), ...loopbackProblems(servers)]);
    const far = servers.filter(({ host }) => !isOwnAddress(host));
    if (far.length === 0 || this.#nftFile === null) return;
    void this.#lookAtPolicies(this.#nftFile, far);
  }

  async #lookAtPolicies(nftFile: string, far: readonly Target[]): Promise<void> {
    const policies = droppingPolicies(await listChains(nftFile));
    const listed = policies.map(async (policy) => ({
      policy,
      table: await listTable(nftFile, policy.family, policy.table),
    }));
    this.#tell(policyProblems(far, await Promise.all(listed)));
  }

  #tell(problems: readonly string[]): void {
    for (const problem of problems) {
      if (!this.#told.has(problem)) this.#warn(problem);
      this.#told.add(problem);
    }
  }
}

/** IPv4 asks the interface that a packet came in by, IPv6 one switch for all. */
function forwards(isV6: boolean, sysctls: string): boolean {
  if (isV6) return isOn(join(sysctls, 'ipv6/conf/all/forwarding'));
  return isOnSomewhere('forwarding', sysctls);
}

/** Whether a setting of IPv4 is on for an interface that packets may come in by, or for all. */
function isOnSomewhere(setting: string, sysctls: string): boolean {
  const folder = join(sysctls, 'ipv4/conf');
  const names = readdirSync(folder).filter((name) => name !== 'default' && name !== 'lo');
  return names.some((name) => isOn(join(folder, name, setting)));
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
