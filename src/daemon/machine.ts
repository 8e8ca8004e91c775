// What the daemon needs of the quorum machine. `sentinel/sentinel.ts` is one; tests bring small ones of their own.

import type { SentinelConf } from '../sentinel/conf/conf.ts';
import type { ClientId, Effect, Event } from '../sentinel/io.ts';
import type { Snapshot } from '../sentinel/snapshot.ts';

export interface Machine {
  /** What to do now that `event` happened. `now`: whole monotonic milliseconds. */
  step(event: Event, now: number): readonly Effect[];
  /** When the next `tick` is due at the latest, in the same milliseconds; Infinity: never. */
  deadline(): number;
  /** What a `persist` effect is about; `version` grows with each change. */
  stateToPersist(): { readonly version: number; readonly conf: SentinelConf };
  snapshot(now: number): Snapshot;
  /** Whether a client may send requests of the full size (sentinel.md §1.1). */
  isAuthenticated(client: ClientId): boolean;
  /** Whether a client's waiting output counts against the pub/sub limits rather than the normal ones. */
  isSubscribed(client: ClientId): boolean;
}
