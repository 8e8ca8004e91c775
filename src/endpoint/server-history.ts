// How a server has fared since it was watched, which a reload that changes its backend begins anew, as HAProxy counts it:
// how often and how long it was down.

import type { Health } from './verdict.ts';

export interface HistorySnapshot {
  /** Since its health, or what an operator ordered of it, changed last. */
  readonly sinceMs: number;
  readonly failedChecks: number;
  readonly timesDown: number;
  readonly downMs: number;
}

export class ServerHistory {
  failedChecks = 0;
  #changedAt: number;
  #timesDown = 0;
  #downMs = 0;
  #downSince: number | null = null;

  constructor(now: number) {
    this.#changedAt = now;
  }

  /** An operator has ordered something. */
  changed(now: number): void {
    this.#changedAt = now;
  }

  /** Only when it has changed. */
  became(health: Health, now: number): void {
    this.#changedAt = now;
    if (health === 'down') {
      this.#timesDown += 1;
      this.#downSince ??= now;
    } else if (this.#downSince !== null) {
      this.#downMs += now - this.#downSince;
      this.#downSince = null;
    }
  }

  snapshot(now: number): HistorySnapshot {
    return {
      sinceMs: now - this.#changedAt,
      failedChecks: this.failedChecks,
      timesDown: this.#timesDown,
      downMs: this.#downMs + (this.#downSince === null ? 0 : now - this.#downSince),
    };
  }
}
