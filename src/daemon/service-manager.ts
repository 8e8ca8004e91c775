// What the service manager (systemd) is told of a daemon: that it is ready, reloads, lives, and what it is doing
// (sd_notify(3)). Where no manager listens, nothing is said; one that cannot be reached is a single warning.

import { notifyManager, watchdogMs, type ServiceEnvironment } from '../os/sd-notify.ts';

/** What a service manager sets for its service alone: who inherits it would speak in our name. */
export const SERVICE_VARIABLES: readonly string[] = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];

export class ServiceManager {
  /** How often it wants to hear that we live: within half of this (sd_watchdog_enabled(3)); null: never. */
  readonly watchdogMs: number | null;
  readonly #warn: (sentence: string) => void;
  readonly #environment: ServiceEnvironment;
  #hasWarned = false;
  #isStopping = false;
  #status = '';

  constructor(warn: (sentence: string) => void, environment: ServiceEnvironment = process.env) {
    this.#warn = warn;
    this.#environment = environment;
    this.watchdogMs = environment['NOTIFY_SOCKET'] === undefined ? null : watchdogMs(environment);
  }

  /** Started, or done with a reload. */
  ready(): void {
    if (!this.#isStopping) this.#tell('READY=1');
  }

  /** Until the next `ready`. `Type=notify-reload` compares the time with that of its own signal. */
  reloading(): void {
    const microseconds = process.hrtime.bigint() / 1_000n;
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${microseconds}`);
  }

  /** For good: nothing makes us ready any more. */
  stopping(): void {
    this.#isStopping = true;
    this.#tell('STOPPING=1');
  }

  alive(): void {
    this.#tell('WATCHDOG=1');
  }

  /** One line for `systemctl status`; only what differs from the last one is told. */
  status(line: string): void {
    if (line === this.#status) return;
    this.#status = line;
    this.#tell(`STATUS=${line.replaceAll('\n', ' ')}`);
  }

  #tell(assignments: string): void {
    try {
      notifyManager(assignments, this.#environment);
    } catch (error) {
      if (!this.#hasWarned)
        this.#warn(`the service manager does not hear of us: ${(error as Error).message}`);
      this.#hasWarned = true;
    }
  }
}
