// Chains of others that drop what is forwarded unless a rule of theirs lets it through, as Docker and ufw set them up: a
// gateway's clients never reach a server then, and nobody hears of it. They are read, never changed.

export interface ForwardPolicy {
  readonly family: 'ip' | 'ip6' | 'inet';
  readonly table: string;
  readonly chain: string;
}

/** Those of `nft -j list chains` whose policy is to drop. None if it is no such list. */
export function droppingPolicies(listing: string): ForwardPolicy[] {
  let entries: unknown;
  try {
    entries = (JSON.parse(listing) as { nftables?: unknown } | null)?.nftables;
  } catch {
    return [];
  }
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: { chain?: Record<string, unknown> } | null): ForwardPolicy[] => {
    const { family, table, name, type, hook, policy } = entry?.chain ?? {};
    if (type !== 'filter' || hook !== 'forward' || policy !== 'drop') return [];
    if (family !== 'ip' && family !== 'ip6' && family !== 'inet') return [];
    return typeof table === 'string' && typeof name === 'string' ? [{ family, table, chain: name }] : [];
  });
}

/** The command by which its owner lets clients through whom nat leads. */
export function remedyFor({ family, table, chain }: ForwardPolicy): string {
  // Whoever set it by iptables goes on with it.
  if (family !== 'inet' && table === 'filter' && chain === 'FORWARD') {
    const tool = family === 'ip' ? 'iptables' : 'ip6tables';
    return `${tool} -I FORWARD -m conntrack --ctstate DNAT -j ACCEPT`;
  }
  return `nft insert rule ${family} ${table} ${chain} ct status dnat accept`;
}
