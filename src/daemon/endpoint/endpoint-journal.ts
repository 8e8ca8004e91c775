// What the endpoint daemon tells people: the lines of its log, and the last events and decisions.

import type { LogLevel } from '../../endpoint/io.ts';
import { Recent, type Dated } from '../recent.ts';

/** Takes byte strings; see daemon/log.ts for one. */
export interface EndpointLog {
  write(level: LogLevel, text: string): void;
}

const EVENTS_KEPT = 100;
const DECISIONS_KEPT = 50;

export interface EndpointEventEntry extends Dated {
  readonly level: 'info' | 'alarm';
  readonly name: string;
  readonly backend: string;
  readonly text: string;
}

export interface EndpointDecisionEntry extends Dated {
  readonly backend: string;
  readonly sentence: string;
}

export class EndpointJournal {
  readonly #events = new Recent<EndpointEventEntry>(EVENTS_KEPT);
  readonly #decisions = new Recent<EndpointDecisionEntry>(DECISIONS_KEPT);

  event(level: 'info' | 'alarm', name: string, backend: string, text: string): void {
    this.#events.add({ level, name, backend, text });
  }

  decision(backend: string, sentence: string): void {
    this.#decisions.add({ backend, sentence });
  }

  /** Oldest first. */
  get events(): readonly EndpointEventEntry[] {
    return this.#events.entries;
  }

  /** Oldest first. */
  get decisions(): readonly EndpointDecisionEntry[] {
    return this.#decisions.entries;
  }
}
