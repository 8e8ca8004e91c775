// What travels on a simulated connection: whole requests one way, whole replies the other, and, once a replica has asked
// for it, the replication stream. Bytes are not simulated; the codec has tests of its own.

import type { Reply } from '../resp/reply.ts';

/** A request: the command's name and its arguments. */
export type Command = readonly string[];

/** One entry of the replication stream. It counts for `bytes` of the offset, as its RESP form would. */
export interface StreamEntry {
  readonly kind: 'write' | 'publish' | 'ping';
  readonly bytes: number;
  /** The offset after this entry. */
  readonly endOffset: number;
  /** A write's id; a publication's channel and payload. */
  readonly args: readonly string[];
}

/** The whole data set, as an RDB would carry it: the ids of all writes. */
export type DataSet = readonly string[];

export type ReplicationFrame =
  | {
      readonly kind: 'full-resync';
      readonly replicationId: string;
      readonly offset: number;
      readonly data: DataSet;
    }
  | { readonly kind: 'continue'; readonly replicationId: string }
  | { readonly kind: 'stream'; readonly entries: readonly StreamEntry[] };

export type Wire = Command | Reply | ReplicationFrame;

export function isCommand(item: Wire): item is Command {
  return Array.isArray(item);
}
