// What the relay's classes need of the world: connections that take bytes. Sockets stand behind it (net/relay), or a
// test.

import type { ClientEnds } from '../condition.ts';

/** One end of a connection. Calls after `close` or `reset` do nothing. */
export interface Wire {
  /** Sends `parts`, in one go where the system can. The bytes belong to the wire from now on. */
  write(parts: readonly Uint8Array[]): void;
  /**
   * Bytes given to {@link write} that wait because the other end does not take them; 0 while they are so few that nobody is
   * told when they were sent.
   */
  readonly unsentBytes: number;
  /** A number that grows while the other end takes bytes. */
  readonly takenBytes: number;
  /** The address at the other end, where there is one. */
  readonly sourceAddress?: string;
  /** Both ends of a client's connection, where they have addresses. */
  readonly ends?: ClientEnds;
  /** Stops reading until {@link resume}; what comes meanwhile waits at the sender. */
  pause(): void;
  resume(): void;
  /** Closes once all that was written is sent. */
  close(): void;
  /** Ends it at once, with a reset where the system can. */
  reset(): void;
}

/** Told what happens on a {@link Wire} to a server. */
export interface WireEvents {
  connected(): void;
  received(bytes: Uint8Array): void;
  /** The last bytes that waited were sent. */
  drained(): void;
  /** It is over, for whatever reason; nothing more is told. `because` is a phrase: `connection refused`. */
  closed(because: string): void;
}
