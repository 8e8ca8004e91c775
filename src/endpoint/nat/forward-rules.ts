// Whether a chain that drops what is forwarded has a rule that lets an endpoint's clients through all the same, read from
// what `nft list table` prints. Only what is understood for sure counts: a rule that asks for something else, as the
// interface or who the client is, may or may not be about them.

import type { Target } from '../route.ts';

/** A packet of a led connection: to the server (its first one), or back from it. */
type Direction = 'there' | 'back';

type Outcome = 'accept' | 'drop' | 'return' | 'none';

/** Chains that call each other for ever are refused by the kernel; so deep they are no firewall. */
const DEPTH_MAX = 16;
const WORD = String.raw`[\w.:/-]+`;
const ANY_OF = String.raw`(${WORD}|\{ ?[^{}]*\})`;

/** Rules by the chain. */
export function rulesOf(table: string): ReadonlyMap<string, readonly string[]> {
  const chains = new Map<string, string[]>();
  let rules: string[] | null = null;
  for (const line of table.split('\n')) {
    const text = line.trim();
    const name = /^chain (\S+) \{$/.exec(text)?.[1];
    if (name !== undefined) {
      rules = [];
      chains.set(name, rules);
    } else if (text === '}') {
      rules = null;
    } else if (!/^type \w+ hook /.test(text)) {
      rules?.push(text.replace(/ comment "[^"]*"/, '').replace(/counter packets \d+ bytes \d+ ?/, ''));
    }
  }
  return chains;
}

/** Whether packets of clients of `server` surely pass `chain`, and so do the answers. */
export function letsThrough(
  chains: ReadonlyMap<string, readonly string[]>,
  chain: string,
  server: Target,
): boolean {
  return (['there', 'back'] as const).every(
    (direction) => outcomeOf(chains, chain, { server, direction }, 0) === 'accept',
  );
}

interface Packet {
  readonly server: Target;
  readonly direction: Direction;
}

function outcomeOf(
  chains: ReadonlyMap<string, readonly string[]>,
  chain: string,
  packet: Packet,
  depth: number,
): Outcome {
  if (depth > DEPTH_MAX) return 'none';
  for (const rule of chains.get(chain) ?? []) {
    const verdict = verdictFor(rule, packet);
    const called = /^(jump|goto) (\S+)$/.exec(verdict ?? '');
    if (called !== null) {
      const outcome = outcomeOf(chains, called[2] ?? '', packet, depth + 1);
      if (outcome === 'accept' || outcome === 'drop') return outcome;
      if (called[1] === 'goto') return 'none';
    } else if (verdict === 'accept' || verdict === 'return') return verdict;
    else if (/^(?:drop|reject)/.test(verdict ?? '')) return 'drop';
  }
  return 'none';
}

/** What a rule does with the packet; null: nothing, or nobody knows. */
function verdictFor(rule: string, packet: Packet): string | null {
  let rest = rule.replaceAll(/ {2,}/g, ' ');
  for (;;) {
    const clause = CLAUSES.find(({ pattern }) => pattern.test(rest));
    if (clause === undefined)
      return /^(?:accept|drop|return|reject.*|(?:jump|goto) \S+)$/.test(rest) ? rest : null;
    const [all = '', what = ''] = clause.pattern.exec(rest) ?? [];
    if (!clause.holds(membersOf(what), packet)) return null;
    rest = rest.slice(all.length).trimStart();
  }
}

const membersOf = (text: string): string[] => text.split(/[{},\s]+/).filter((word) => word !== '');

interface Clause {
  readonly pattern: RegExp;
  readonly holds: (members: readonly string[], packet: Packet) => boolean;
}

const clause = (words: string, holds: Clause['holds']): Clause => ({
  pattern: new RegExp(`^(?:${words}) ${ANY_OF}(?= |$)`),
  holds,
});

const isServer = (members: readonly string[], { server }: Packet): boolean =>
  members.some((member) => member === server.host || isWithin(server.host, member));
const isPort = (members: readonly string[], { server }: Packet): boolean =>
  members.some((member) => {
    const [first, last = first] = member.split('-').map(Number);
    return first !== undefined && last !== undefined && first <= server.port && server.port <= last;
  });

const CLAUSES: readonly Clause[] = [
  clause('ct status', (members) => members.includes('dnat')),
  {
    pattern: new RegExp(`^ct state ((?:${WORD},?)+|\\{ ?[^{}]*\\})(?= |$)`),
    holds: (members, { direction }) => members.includes(direction === 'there' ? 'new' : 'established'),
  },
  clause('meta l4proto|ip protocol|ip6 nexthdr', (members) => members.includes('tcp')),
  clause('ip6? daddr', (members, packet) => packet.direction === 'there' && isServer(members, packet)),
  clause('ip6? saddr', (members, packet) => packet.direction === 'back' && isServer(members, packet)),
  clause('tcp dport', (members, packet) => packet.direction === 'there' && isPort(members, packet)),
  clause('tcp sport', (members, packet) => packet.direction === 'back' && isPort(members, packet)),
];

/** Of IPv4 only: `10.0.0.0/24`. */
function isWithin(host: string, prefix: string): boolean {
  const [network = '', bits = ''] = prefix.split('/');
  const [inside, outside] = [numberOf(host), numberOf(network)];
  if (bits === '' || inside === null || outside === null) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(inside / size) === Math.floor(outside / size);
}

function numberOf(address: string): number | null {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(address)) return null;
  return address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
}
