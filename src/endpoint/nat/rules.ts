// The nftables text of the nat path: one table of our own, and the elements that say where each endpoint leads.
//
// For each address that clients connect to, the table has a map (slot -> server) that new connections take their server
// from, and a set of the servers that connections may be on. Both hold elements that end by themselves, so that a dead
// daemon's route goes: then nothing is led any more, and the guard resets what was, at the client's next packet.
//
//   prerouting, output (filter)       guard     resets connections whose server may not have them any more
//   prerouting, output (nat)          lead      endpoint address -> server, for remote and for local clients; or a reset
//   postrouting (nat)                           what leaves this machine does so with its address
//
// The guard comes after connection tracking and before the nat hooks: there a packet still has the endpoint's address, so
// that a reset made of it comes from whom the client knows. Later, the server's address would have to be translated
// back, which the kernel does not do for resets of bridged packets (br_netfilter, as on every host of containers).
// A kernel must know reject in prerouting (5.9).
//
// Facts behind it, as measured with nft 1.0.6: elements are not refreshed by adding them again, but by flushing and adding
// in one transaction; a map's key must be declared by `typeof`, and one that says jhash crashes whoever lists it.

import type { Balance, Target } from '../route.ts';

/** Divisible by 1, 2, 3, 4 and 6: so many servers of equal weight get equal shares. */
export const NAT_SLOTS = 12;

/** An address that clients connect to. */
export interface NatListen extends Target {
  readonly family: 'ipv4' | 'ipv6';
  readonly balance: Balance;
}

/** What the elements of one address say. */
export interface NatElements {
  /** A server for each slot; none, if it leads nowhere. */
  readonly slots: readonly Target[];
  /** Servers that connections may be on: those of the slots, and those that left without ending their clients. */
  readonly allowed: readonly Target[];
  /** How long they stand; Infinity: until they are replaced. At least 1. */
  readonly timeoutMs: number;
}

/** The longest that the kernel can count, by far. */
const TIMEOUT_MS_MAX = 0x7fff_ffff;

const WORDS = {
  ipv4: { header: 'ip', type: 'ipv4_addr' },
  ipv6: { header: 'ip6', type: 'ipv6_addr' },
} as const;

/** Hooks are not named `lead` and `guard`, so that a reader of the table sees what is looked up and what only calls. */
const CHAINS = [
  'lead',
  'guard',
  'prerouting { type filter hook prerouting priority mangle; policy accept; }',
  'output { type filter hook output priority mangle; policy accept; }',
  'prerouting_nat { type nat hook prerouting priority dstnat; policy accept; }',
  // There, nft 1.0.6 has no name for the number.
  'output_nat { type nat hook output priority -100; policy accept; }',
  'postrouting { type nat hook postrouting priority srcnat; policy accept; }',
];

/**
 * Commands that make the table anew, whatever was there under its name, without elements. In one transaction with
 * {@link elementCommands}, no packet sees less than the whole.
 */
export function tableCommands(table: string, listens: readonly NatListen[], masquerades: boolean): string[] {
  const rule = (chain: string, text: string): string => `add rule inet ${table} ${chain} ${text}`;
  return [
    // Deleting what isn't there would fail.
    `add table inet ${table}`,
    `delete table inet ${table}`,
    `add table inet ${table}`,
    ...CHAINS.map((chain) => `add chain inet ${table} ${chain}`),
    ...['prerouting', 'output'].map((chain) => rule(chain, 'meta l4proto tcp jump guard')),
    ...['prerouting_nat', 'output_nat'].map((chain) => rule(chain, 'meta l4proto tcp jump lead')),
    ...listens.flatMap((listen, index) => {
      const { host, port, family, balance } = listen;
      const { header, type } = WORDS[family];
      const led = `ct status dnat ct direction original ct original ${header} daddr ${host} meta l4proto tcp ct original proto-dst ${port}`;
      const asked = `${header} daddr ${host} tcp dport ${port}`;
      const slot =
        balance === 'source' ? `jhash ${header} saddr mod ${NAT_SLOTS}` : `numgen inc mod ${NAT_SLOTS}`;
      return [
        `add map inet ${table} leads${index} { typeof numgen inc mod ${NAT_SLOTS} : ${header} daddr . tcp dport; flags timeout; }`,
        `add set inet ${table} open${index} { type ${type} . inet_service; flags timeout; }`,
        // A client's own reset may go through: it ends the connection on a server that is there no more for it.
        rule(
          'guard',
          `${asked} ct status confirmed ct reply ${header} saddr . ct reply proto-src != @open${index} tcp flags & rst == 0 counter reject with tcp reset`,
        ),
        rule('lead', `${asked} dnat ${header} to ${slot} map @leads${index}`),
        // What was not led would vanish in silence, if the address is not this machine's own.
        rule('lead', `${asked} counter reject with tcp reset`),
        ...(masquerades ? [rule('postrouting', `${led} oifname != "lo" masquerade`)] : []),
      ];
    }),
  ];
}

/** How many rules {@link tableCommands} makes. */
export function ruleCount(listens: readonly NatListen[], masquerades: boolean): number {
  return tableCommands('t', listens, masquerades).filter((command) => command.startsWith('add rule ')).length;
}

/** Commands that replace the elements of the address at `index`. They belong into one transaction. */
export function elementCommands(table: string, index: number, elements: NatElements): string[] {
  const { slots, allowed, timeoutMs } = elements;
  const stands = Number.isFinite(timeoutMs)
    ? ` timeout ${Math.min(Math.ceil(timeoutMs), TIMEOUT_MS_MAX)}ms`
    : '';
  const leads = slots.map(({ host, port }, slot) => `${slot}${stands} : ${host} . ${port}`);
  const open = allowed.map(({ host, port }) => `${host} . ${port}${stands}`);
  const add = (name: string, all: readonly string[]): string[] =>
    all.length === 0 ? [] : [`add element inet ${table} ${name} { ${all.join(', ')} }`];
  return [
    `flush map inet ${table} leads${index}`,
    `flush set inet ${table} open${index}`,
    ...add(`leads${index}`, leads),
    ...add(`open${index}`, open),
  ];
}

/** Takes the table away. */
export function removalCommands(table: string): string[] {
  return [`add table inet ${table}`, `delete table inet ${table}`];
}
