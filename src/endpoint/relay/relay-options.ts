// What a relay is given by whoever makes it.

import type { Target } from '../route.ts';
import type { SessionCounter } from '../traffic.ts';
import type { Dial } from './backend.ts';
import type { RelayLimits } from './limits.ts';
import type { SharedSlots } from './places.ts';
import type { RejectionConf } from './rejections.ts';
import type { ScriptNews } from './scripts.ts';
import type { Steering } from './steering.ts';

export interface RelayOptions {
  readonly dial: Dial;
  /** The relay's `flush` is wanted at the end of this turn. */
  readonly wantsFlush: () => void;
  /** Before anything is sent in the midst of a turn: sets the time, and calls the relay's `lapse` if the route has lapsed. */
  readonly checkTime: () => void;
  /** SHA-1 of a byte string, in lower-case hex. */
  readonly sha1: (text: string) => string;
  /** What other workers of this endpoint have to know of scripts; absent: there are none. */
  readonly shareScript?: (news: ScriptNews) => void;
  readonly isTransparent: boolean;
  /** Which server a client is to have; absent: the balance decides. */
  readonly steering?: Steering | null;
  /** Counts the clients that are led to a server; default: nobody wants to know. */
  readonly sessionsOf?: (server: Target) => SessionCounter;
  readonly limits?: RelayLimits;
  /** What all workers of this endpoint share; absent: there are no others. */
  readonly shared?: SharedSlots;
  /** Reply bytes that clients of this process have not taken; absent: counted for this endpoint alone. */
  readonly untaken?: { bytes: number };
  /** Holding when a server refuses to write; null: refusals are for the client (replicas, any server). */
  readonly rejection: RejectionConf | null;
}
