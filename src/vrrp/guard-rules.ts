// The guard's rules in nftables' words, as data; when they let an address answer is decided in guard.ts. One table of a
// name in each of two families, since ARP is a family of its own:
//
//     held    addresses that this machine may have on an interface because of us. Ends by itself soon after the kernel
//             has taken the address, so that what a crash leaves behind drops nothing of whoever has it later.
//     alive   those of them that may answer. Ends with the last advert's due, to the millisecond.
//     resets  (interface, its hardware address, address): clients that still send to an address we lost are reset.
//
// What is held and not alive is dropped in both directions before connection tracking and NAT see it, and only while the
// address is on this machine: the resets of a lost one must pass. Neighbour solicitations may come in, but the
// advertisements that would answer leave from the address itself, and so don't.
//
// A reset is for what was sent to this very machine: on the interface of the address and to its hardware address. Frames
// that a bridge passes on, and traffic between other interfaces, are none of ours (proxy.md §3.6 has the bare rule).

import { familyOf, type Family } from './ip-address.ts';

/** One guarded address. Milliseconds from now, whole; 0: over. */
export interface GuardedAddress {
  readonly address: string;
  readonly aliveMs: number;
  readonly heldMs: number;
}

/** One address whose clients are reset where it is not on this machine. */
export interface ResetAddress {
  readonly interface: string;
  /** `02:00:00:00:00:01`. */
  readonly mac: string;
  readonly address: string;
}

export interface GuardElements {
  readonly guarded: readonly GuardedAddress[];
  /** null: as before. */
  readonly resets: readonly ResetAddress[] | null;
}

/** Name in `inet`, and the type of its addresses. */
const FAMILIES = [
  { family: 'ipv4', header: 'ip', digit: '4', type: 'ipv4_addr' },
  { family: 'ipv6', header: 'ip6', digit: '6', type: 'ipv6_addr' },
] as const;

/** Replaces what an earlier run left under this name. One transaction with {@link guardElements} after it. */
export function guardTable(name: string): string[] {
  const inet = `inet ${name}`;
  const arp = `arp ${name}`;
  return [
    ...guardRemoval(name),
    `add table ${inet}`,
    `add table ${arp}`,
    ...FAMILIES.flatMap(({ digit, type }) => [
      ...timedSets(inet, digit, type),
      `add set ${inet} resets${digit} { type ifname . ether_addr . ${type}; }`,
    ]),
    ...timedSets(arp, '4', 'ipv4_addr'),
    `add chain ${inet} input { type filter hook prerouting priority -300; }`,
    `add chain ${inet} output { type filter hook output priority -300; }`,
    `add chain ${inet} lost { type filter hook prerouting priority -150; }`,
    `add chain ${arp} input { type filter hook input priority 0; }`,
    `add chain ${arp} output { type filter hook output priority 0; }`,
    ...FAMILIES.flatMap(({ header, digit }) => [
      `add rule ${inet} input ${silence(`${header} daddr`, digit)} fib daddr type local drop`,
      `add rule ${inet} output ${silence(`${header} saddr`, digit)} fib saddr type local drop`,
      `add rule ${inet} lost iifname . ether daddr . ${header} daddr @resets${digit} ` +
        'meta l4proto tcp fib daddr type != local reject with tcp reset',
    ]),
    `add rule ${arp} input ${silence('arp daddr ip', '4')} drop`,
    `add rule ${arp} output ${silence('arp saddr ip', '4')} drop`,
  ];
}

/** Makes the table that is there say `elements` and nothing else. To be one transaction: nothing is dropped in between. */
export function guardElements(name: string, { guarded, resets }: GuardElements): string[] {
  const commands: string[] = [];
  const fill = (set: string, elements: readonly string[]): void => {
    // Adding an element that is there does not move its end; removing one that has just ended fails (proxy.md §3.2).
    commands.push(`flush set ${set}`);
    if (elements.length > 0) commands.push(`add element ${set} { ${elements.join(', ')} }`);
  };
  const ends = (family: Family, ms: (one: GuardedAddress) => number): string[] =>
    guarded
      .filter((one) => familyOf(one.address) === family && ms(one) > 0)
      .map((one) => `${one.address} timeout ${ms(one)}ms`);
  for (const { family, digit } of FAMILIES) {
    const tables = family === 'ipv4' ? [`inet ${name}`, `arp ${name}`] : [`inet ${name}`];
    for (const table of tables) {
      fill(
        `${table} held${digit}`,
        ends(family, ({ heldMs }) => heldMs),
      );
      fill(
        `${table} alive${digit}`,
        ends(family, ({ aliveMs }) => aliveMs),
      );
    }
    if (resets === null) continue;
    fill(
      `inet ${name} resets${digit}`,
      resets
        .filter((one) => familyOf(one.address) === family)
        .map((one) => `"${one.interface}" . ${one.mac} . ${one.address}`),
    );
  }
  return commands;
}

/** Removes all of it, whether it is there or not. */
export function guardRemoval(name: string): string[] {
  return ['inet', 'arp'].flatMap((family) => [
    `add table ${family} ${name}`,
    `delete table ${family} ${name}`,
  ]);
}

function timedSets(table: string, digit: string, type: string): string[] {
  return ['held', 'alive'].map((set) => `add set ${table} ${set}${digit} { type ${type}; flags timeout; }`);
}

const silence = (field: string, digit: string): string => `${field} @held${digit} ${field} != @alive${digit}`;
