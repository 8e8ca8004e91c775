// How much the relay takes of anything, so that no client and no server can fill its memory or stop the others.

export interface RelayLimits {
  /** Reply bytes that one client has not taken, and all of them together. Beyond, the client is closed. */
  readonly replyBytesMax: number;
  readonly allReplyBytesMax: number;
  /** A reply of which so much has come, or is sure to, keeps others from a shared connection. */
  readonly longReplyBytes: number;
  /** One that looks longer than this is asked for again elsewhere if others wait behind it for what can't be. */
  readonly sharedReplyBytesMax: number;
  /** How long a client for which a server is made to wait may take nothing at all, in ms. */
  readonly deafMs: number;
  /** How long others wait with it for a client that does not take its replies, in ms. */
  readonly othersWaitMs: number;
  /** A longer request goes out as it comes, over a connection of its own; a shorter one is gathered first. */
  readonly gatheredBytesMax: number;
  /** One that has to be looked at whole (SUBSCRIBE, AUTH) is gathered up to this, and refused beyond. */
  readonly lookedAtBytesMax: number;
  /**
   * Bytes that a server has not taken, from which on its clients are not read from; or that a client has not taken, from
   * which on its server is not.
   */
  readonly congestedBytes: number;
  /** Bytes of requests that one connection's server has not answered, from which on no more are sent to it. */
  readonly keptBytesMax: number;
  /** Bytes that a client has sent and that can't be passed on yet, from which on it is not read from. */
  readonly waitingBytesMax: number;
  /**
   * Of held requests: of one client, and of all. From so many on that are not answered, more are sent only over connections
   * with few of them.
   */
  readonly heldBytesMax: number;
  readonly allHeldBytesMax: number;
  /** After a hold that brought no new primary, how long refusals are passed on, in ms. */
  readonly quietMs: number;
  /** How long a server that left may take to answer those who wait at it, in ms. */
  readonly leavingMs: number;
  /** And how long it may take to answer all else that was sent to it. */
  readonly drainMs: number;
  /** Shared connections of one kind to one server. More than one is used while a long reply keeps the first busy. */
  readonly sharedMax: number;
  /** Connections that wait for a client who needs one of its own, of one kind to one server. */
  readonly idleMax: number;
  /** How long a client waits for a server; and how many may. */
  readonly queueMs: number;
  readonly queuedMax: number;
}

export const LIMITS: RelayLimits = {
  replyBytesMax: 8 * 1024 * 1024,
  allReplyBytesMax: 256 * 1024 * 1024,
  longReplyBytes: 1024 * 1024,
  sharedReplyBytesMax: 8 * 1024 * 1024,
  deafMs: 60_000,
  othersWaitMs: 1_000,
  gatheredBytesMax: 128 * 1024,
  lookedAtBytesMax: 4 * 1024 * 1024,
  congestedBytes: 1024 * 1024,
  keptBytesMax: 8 * 1024 * 1024,
  waitingBytesMax: 64 * 1024,
  heldBytesMax: 1024 * 1024,
  allHeldBytesMax: 256 * 1024 * 1024,
  quietMs: 5_000,
  leavingMs: 5_000,
  drainMs: 1_000,
  sharedMax: 4,
  idleMax: 64,
  queueMs: 5_000,
  queuedMax: 10_000,
};
