// What to do next where the kernel, or nft, refuses the rules of the nat path.

/** `refusal`: nft's own words. Null: they say enough. */
export function natAdvice(refusal: string): string | null {
  if (/Operation not supported/i.test(refusal)) {
    return 'resets before routing need Linux 5.9: use --path relay';
  }
  if (/No such file or directory/i.test(refusal)) {
    return 'this kernel lacks NAT, connection tracking or a part of nftables: modprobe -a nft_chain_nat nft_ct nft_numgen nft_hash nft_masq nft_reject_inet, or use --path relay';
  }
  if (/netlink socket|Protocol not supported|cache initialization failed/i.test(refusal)) {
    return 'this kernel lacks nftables: modprobe nf_tables, or use --path relay';
  }
  if (/syntax error/i.test(refusal))
    return 'nft 0.9.4 or later knows these rules: install it, or use --path relay';
  return null;
}
