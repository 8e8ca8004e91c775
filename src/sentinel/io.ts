// The two languages between the quorum machine and the world: what happened (`Event`) and what to do (`Effect`).
// Nothing else crosses the line. A shell feeds events to `Sentinel.step(event, now)` and carries out the effects it
// returns, in order. The simulator is another such shell.
//
// `now` is whole milliseconds of a monotonic clock that the shell owns. All text is byte strings (resp/reply.ts).

import type { Protocol, Reply } from '../resp/reply.ts';

/** `nothing` silences the log; it is a level to log at for nobody. */
export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning' | 'nothing';

/** One outgoing connection attempt; never used again for another attempt, so an answer can't be taken for another's. */
export type ConnectionId = number;
/** One connected client of our own port. Grows; never used again. */
export type ClientId = number;
/** One run of one script. */
export type ScriptRunId = number;

/**
 * Why an outgoing connection ended. `refused`: nothing listens there. `closed`: FIN. `reset`: RST. `failed`: anything
 * else (no route, TLS, garbage on the line); `detail` says what.
 */
export type EndOfConnection = 'refused' | 'closed' | 'reset' | 'failed';

/** What happened. */
export type Event =
  /** Once, first: resolves, connects, announces what is monitored. */
  | { readonly kind: 'start' }
  /** `deadline()` has passed. Readable sockets have been drained first if the wake-up was late. */
  | { readonly kind: 'tick' }
  /** A connection is established; `localAddress` is our own address on it. */
  | { readonly kind: 'connected'; readonly connection: ConnectionId; readonly localAddress: string }
  /** A connection ended, or could not be made. Not sent after our own `close`. */
  | {
      readonly kind: 'disconnected';
      readonly connection: ConnectionId;
      readonly reason: EndOfConnection;
      readonly detail: string;
    }
  /** A whole reply (or pub/sub frame) arrived. */
  | { readonly kind: 'reply'; readonly connection: ConnectionId; readonly reply: Reply }
  /** The answer to `resolve`; `ip` is null when the name has no address. */
  | { readonly kind: 'resolved'; readonly host: string; readonly ip: string | null }
  /** The state of `version` is on disk, with all versions before it; or it could not be written (`problem`). */
  | { readonly kind: 'persisted'; readonly version: number; readonly problem: string | null }
  | {
      readonly kind: 'client-connected';
      readonly client: ClientId;
      /** `ip:port`, `[v6]:port` or `/path:0` of the other end. */
      readonly address: string;
      /** The same of our end. */
      readonly localAddress: string;
      /** Came over a loopback address or the unix socket (protected mode lets it in). */
      readonly isLocal: boolean;
      readonly fd: number;
    }
  | { readonly kind: 'client-closed'; readonly client: ClientId }
  /** A whole request; `args` is never empty. Not sent while the client is held. */
  | { readonly kind: 'command'; readonly client: ClientId; readonly args: readonly string[] }
  | { readonly kind: 'script-started'; readonly run: ScriptRunId; readonly pid: number }
  /** Also when it could not be started (`pid` was never told): `exitCode` 2, as a failed exec has. */
  | {
      readonly kind: 'script-ended';
      readonly run: ScriptRunId;
      readonly exitCode: number;
      /** The signal's number, 0 if it exited. */
      readonly signal: number;
    }
  /** SIGTERM, SIGINT. */
  | { readonly kind: 'terminate' };

/** What to do, in this order. */
export type Effect =
  | {
      readonly kind: 'connect';
      readonly connection: ConnectionId;
      readonly ip: string;
      readonly port: number;
      readonly tls: boolean;
    }
  /** Drop a connection without a word back. */
  | { readonly kind: 'close'; readonly connection: ConnectionId }
  /** Queue one command; may be called before `connected`. All sends of one step to one connection leave in one write. */
  | { readonly kind: 'send'; readonly connection: ConnectionId; readonly args: readonly string[] }
  | { readonly kind: 'resolve'; readonly host: string }
  /**
   * Save `stateToPersist()` as soon as the disk is free; always the newest, so one write serves all that wait. Never
   * delays other effects: what depends on the disk waits in the machine for `persisted`.
   */
  | { readonly kind: 'persist' }
  | { readonly kind: 'answer'; readonly client: ClientId; readonly reply: Reply; readonly protocol: Protocol }
  /** Deliver no further `command` of this client (what it sent stays undecoded, in bounded memory) until `release-client`. */
  | { readonly kind: 'hold-client'; readonly client: ClientId }
  | { readonly kind: 'release-client'; readonly client: ClientId }
  /** Close once everything answered so far has been written. */
  | { readonly kind: 'close-client'; readonly client: ClientId }
  | {
      readonly kind: 'run-script';
      readonly run: ScriptRunId;
      readonly path: string;
      readonly args: readonly string[];
    }
  /** SIGKILL. `script-ended` follows. */
  | { readonly kind: 'kill-script'; readonly run: ScriptRunId }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string }
  /** One of Sentinel's events (sentinel.md §3), to be logged as `<name> <text>` and kept for the operator. */
  | { readonly kind: 'event'; readonly level: LogLevel; readonly name: string; readonly text: string }
  /** A sentence that says what was decided about `master` and why. */
  | { readonly kind: 'decision'; readonly master: string; readonly sentence: string }
  | { readonly kind: 'set-log-level'; readonly level: LogLevel }
  /** Leave with this exit code, after what was answered so far has been written. */
  | { readonly kind: 'exit'; readonly code: number };
