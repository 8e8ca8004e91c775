// Everything the screen shows at one moment, as plain data, and what can be concluded from it.

import type { WriterPicture } from './writer.ts';

/** One data node, asked just now. */
export interface NodePicture {
  readonly name: string;
  readonly port: number;
  /** What was done to its process last. */
  readonly state: 'starting' | 'running' | 'frozen' | 'stopped';
  /** What it says it is; null while it does not answer. */
  readonly role: 'primary' | 'replica' | null;
  /** The name of the node it replicates from; null for a primary. */
  readonly follows: string | null;
  /** Whether a replica's link to that node is up. */
  readonly isLinkUp: boolean;
  /** Bytes of the replication stream it has written or received. */
  readonly offset: number | null;
  /** How many of the primary's bytes a replica lacks; null where there is nothing to compare. */
  readonly lagBytes: number | null;
}

/** One member, asked just now. */
export interface MemberPicture {
  readonly name: string;
  readonly port: number;
  readonly answers: boolean;
  /** Whom it takes for the primary; null while it does not answer. */
  readonly primary: string | null;
  readonly configEpoch: string;
  /** What is on its mind, as phrases; nothing is: all is well. */
  readonly concerns: readonly string[];
  /** It knows every node and every other member, and fails nothing over just now. */
  readonly isSettled: boolean;
}

/** The endpoint, asked just now. */
export interface EndpointPicture {
  readonly port: number;
  readonly answers: boolean;
  /** The name of the node that its clients reach; null: none. */
  readonly leadsTo: string | null;
  /** Why, as a sentence. */
  readonly because: string;
}

/** One thing that happened, as a sentence, and whose it is. Equal ones of one moment are one entry. */
export interface StoryEntry {
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly who: readonly string[];
  readonly sentence: string;
}

export interface Picture {
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly startedAt: number;
  readonly nodes: readonly NodePicture[];
  readonly members: readonly MemberPicture[];
  readonly endpoint: EndpointPicture;
  readonly writer: WriterPicture;
  /** Acknowledged writes in each of the last moments, oldest first. */
  readonly writesPerTick: readonly number[];
  /** Oldest first. */
  readonly story: readonly StoryEntry[];
  /** How it was set up, in a few words. */
  readonly setting: string;
}

/** The primary that a majority of all members names, and the highest epoch they know it by; null if there is none. */
export function agreedPrimary(
  members: readonly MemberPicture[],
): { readonly name: string; readonly epoch: string } | null {
  for (const name of new Set(members.map(({ primary }) => primary))) {
    const supporters = members.filter(({ primary }) => primary === name);
    if (name === null || supporters.length * 2 <= members.length) continue;
    const epochs = supporters.map(({ configEpoch }) => BigInt(configEpoch));
    const epoch = epochs.reduce((a, b) => (a > b ? a : b));
    return { name, epoch: `${epoch}` };
  }
  return null;
}

/** Writes that flow are never further apart than this on an idle machine. */
const WRITES_FLOW_MS = 500;

/** What still keeps the fleet from being whole, as a phrase; null if it is. */
export function whatIsMissing(picture: Picture): string | null {
  const agreed = agreedPrimary(picture.members);
  if (agreed === null) return 'the members do not agree who is primary';
  for (const member of picture.members) {
    if (!member.answers) return `${member.name} does not answer`;
    if (member.primary !== agreed.name) return `${member.name} still takes ${member.primary} for the primary`;
    if (!member.isSettled) return `${member.name} ${member.concerns[0] ?? 'is not settled'}`;
  }
  const primary = picture.nodes.find(({ name }) => name === agreed.name);
  if (primary?.state === 'stopped') return `${agreed.name} was killed`;
  if (primary?.state === 'frozen') return `${agreed.name} is frozen`;
  if (primary?.role !== 'primary') return `${agreed.name} is not a primary yet`;
  for (const node of picture.nodes) {
    if (node === primary || node.state === 'stopped' || node.state === 'frozen') continue;
    if (node.role === null) return `${node.name} does not answer`;
    if (node.role === 'primary') return `${node.name} still is a primary too`;
    if (node.follows !== agreed.name) return `${node.name} still follows ${node.follows}`;
    if (!node.isLinkUp) return `${node.name} has not caught up with ${agreed.name}`;
  }
  const { answers, leadsTo } = picture.endpoint;
  if (!answers) return 'the endpoint does not answer';
  if (leadsTo === null) return 'the endpoint leads nowhere';
  if (leadsTo !== agreed.name) return `the endpoint still leads to ${leadsTo}`;
  const { sinceLastMs } = picture.writer;
  if (sinceLastMs === null || sinceLastMs > WRITES_FLOW_MS) return 'no write is acknowledged';
  return null;
}
