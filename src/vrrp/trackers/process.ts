// Whether enough processes of a kind run (keepalived: vrrp_track_process). A change counts after it lasted.

import type { ProcessConf } from '../router-conf.ts';
import type { Hands } from './tracker.ts';

export class ProcessTracker {
  readonly conf: ProcessConf;
  readonly #hands: Hands;
  #count = 0;
  isUp: boolean | null = null;
  #changesAt = Infinity;

  constructor(conf: ProcessConf, hands: Hands) {
    this.conf = conf;
    this.#hands = hands;
  }

  dueAt(): number {
    return this.#changesAt;
  }

  /** The first count decides at once. */
  counted(count: number): void {
    this.#count = count;
    const isUp = count >= this.conf.quorum && count <= this.conf.quorumMax;
    if (this.isUp === null) {
      this.isUp = isUp;
      this.#hands.verdictChanged(this.conf.name, isUp, `${count} processes`);
    } else if (isUp === this.isUp) {
      this.#changesAt = Infinity;
    } else if (this.#changesAt === Infinity) {
      const delayMs = isUp ? this.conf.forkDelayMs : this.conf.terminateDelayMs;
      this.#changesAt = this.#hands.now + delayMs;
    }
    this.attend();
  }

  attend(): void {
    if (this.#hands.now < this.#changesAt) return;
    this.#changesAt = Infinity;
    this.isUp = this.isUp !== true;
    this.#hands.verdictChanged(this.conf.name, this.isUp, `${this.#count} processes`);
  }
}
