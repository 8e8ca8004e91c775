// How many rules a table of nftables has, asked of the kernel itself: a look costs microseconds, where `nft list` would
// have to be started. (linux/netfilter/nf_tables.h)

import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.ts';
import { OsError } from './os-error.ts';
import { attribute, attributes, cString } from './netlink-message.ts';

const NFT_MSG_GETRULE = (10 << 8) | 7;
const NFPROTO_INET = 1;
const NFTA_RULE_TABLE = 1;

export class NftRules {
  readonly #netlink = new NetlinkSocket(0, NETLINK_NETFILTER);

  /** Of a table of the family inet; 0 if there is no such table. Throws an OsError; needs CAP_NET_ADMIN. */
  count(table: string): number {
    const attempt = {
      syscall: 'sendto',
      doing: 'count nftables rules',
      permission: 'CAP_NET_ADMIN',
    } as const;
    try {
      // Older kernels send the rules of all tables.
      const bodies = this.#netlink.dump(NFT_MSG_GETRULE, rulesQuery(table), attempt);
      return bodies.filter((body) => isRuleOf(body, table)).length;
    } catch (error) {
      if (error instanceof OsError && error.code === 'ENOENT') return 0;
      throw error;
    }
  }

  close(): void {
    this.#netlink.close();
  }
}

/** Asks for the rules of a table of the family inet. */
export function rulesQuery(table: string): Buffer {
  const name = Buffer.from(`${table}\0`, 'latin1');
  return Buffer.concat([Buffer.from([NFPROTO_INET, 0, 0, 0]), attribute(NFTA_RULE_TABLE, name)]);
}

/** Whether a message's body is a rule of this table. */
export function isRuleOf(body: Buffer, table: string): boolean {
  const name = attributes(body.subarray(4)).get(NFTA_RULE_TABLE);
  return name !== undefined && cString(name) === table;
}
