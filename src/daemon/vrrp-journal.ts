// What the VRRP daemon tells people: the lines of its log, and the last events and decisions for who asks afterwards.

import type { LogLevel } from '../vrrp/io.ts';

/** Takes byte strings; see daemon/log.ts for one. */
export interface VrrpLog {
  write(level: LogLevel, text: string): void;
}

const EVENTS_KEPT = 100;
const DECISIONS_KEPT = 50;

export interface VrrpEventEntry {
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly level: 'info' | 'alarm';
  readonly name: string;
  /** '' for what concerns all. */
  readonly router: string;
  readonly text: string;
}

export interface VrrpDecisionEntry {
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly router: string;
  readonly sentence: string;
}

export class VrrpJournal {
  /** Oldest first. */
  readonly events: VrrpEventEntry[] = [];
  /** Oldest first. */
  readonly decisions: VrrpDecisionEntry[] = [];

  event(level: 'info' | 'alarm', name: string, router: string, text: string): void {
    this.events.push({ at: Date.now(), level, name, router, text });
    if (this.events.length > EVENTS_KEPT) this.events.shift();
  }

  decision(router: string, sentence: string): void {
    this.decisions.push({ at: Date.now(), router, sentence });
    if (this.decisions.length > DECISIONS_KEPT) this.decisions.shift();
  }
}
