// Where the shells hand over what happened.

import type { Event as SentinelEvent } from '../sentinel/io.ts';

/**
 * Takes events in the order they happened. A source pushes all that one read brought and then settles once, so that
 * everything the machine says in return to one peer leaves in one write.
 */
export interface EventSink<Event = SentinelEvent> {
  /** Lets the machine see `event` now, or next, if the machine is at work on another. */
  push(event: Event): void;
  /** The source has no more for now: what was queued to be sent is sent, and the timer is set. */
  settle(): void;
}
