// Tells when a route's deadline has passed, by the boot clock. Node's timers stand still while the machine sleeps and
// can't run for longer than 24 days, so what they say is checked.

import { bootClockMs } from '../../os/boot-clock.ts';

const TIMER_MS_MAX = 0x7fff_ffff;

/** Doesn't keep the process alive. */
export class DeadlineTimer {
  readonly #onPassed: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(onPassed: () => void) {
    this.#onPassed = onPassed;
  }

  /** Replaces an earlier deadline; boot-clock milliseconds, Infinity for none. */
  set(deadline: number): void {
    clearTimeout(this.#timer);
    if (deadline === Infinity) return;
    const leftMs = Math.min(Math.max(0, deadline - bootClockMs()), TIMER_MS_MAX);
    this.#timer = setTimeout(() => {
      if (bootClockMs() < deadline) this.set(deadline);
      else this.#onPassed();
    }, Math.ceil(leftMs));
    this.#timer.unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
