// The last events and decisions, with the time on the wall, for people who ask afterwards.

import type { LogLevel } from '../sentinel/io.ts';

const EVENTS_KEPT = 100;
const DECISIONS_KEPT = 50;

export interface JournalEvent {
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly level: LogLevel;
  readonly name: string;
  readonly text: string;
}

export interface JournalDecision {
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly master: string;
  readonly sentence: string;
}

export class Journal {
  readonly #events: JournalEvent[] = [];
  readonly #decisions: JournalDecision[] = [];

  event(level: LogLevel, name: string, text: string): void {
    this.#events.push({ at: Date.now(), level, name, text });
    if (this.#events.length > EVENTS_KEPT) this.#events.shift();
  }

  decision(master: string, sentence: string): void {
    this.#decisions.push({ at: Date.now(), master, sentence });
    if (this.#decisions.length > DECISIONS_KEPT) this.#decisions.shift();
  }

  /** Oldest first. */
  get events(): readonly JournalEvent[] {
    return this.#events;
  }

  /** Oldest first. */
  get decisions(): readonly JournalDecision[] {
    return this.#decisions;
  }
}
