// What a connection to a server needs from those around it.

import type { RelayLimits } from './limits.ts';
import type { Owed, Verdict } from './owed.ts';
import type { SeenReply } from './replay.ts';
import type { ServerConnection } from './server-connection.ts';

export interface ConnectionOwner {
  readonly limits: RelayLimits;
  /** Bytes of all requests that are not answered. */
  readonly kept: { bytes: number };
  /** It has something to send, at the end of this turn. */
  wantsFlush(connection: ServerConnection): void;
  /** A client's request got an error, or the client is replaying: `deliver`, unless the client is to be spared it. */
  unusual(owed: Owed, reply: SeenReply, connection: ServerConnection): Verdict;
  /** A long reply begins on a shared connection, of about so many bytes. What is owed there may change. */
  beginsLong(connection: ServerConnection, bytes: number): void;
  /** Everything that one read brought was given out. */
  settle(): void;
  /** It stands. */
  connected(connection: ServerConnection): void;
  /** It is over; `owed` is what was not answered, and the last `unsent` of that were not even sent. */
  lost(connection: ServerConnection, owed: readonly Owed[], unsent: number, because: string): void;
  /** There may be room again on a congested connection. */
  drained(connection: ServerConnection): void;
}
