// What the simulator asks of the machine under test: nothing but the languages of sentinel/io.ts.

import type { Random } from '../base/random.ts';
import type { SentinelConf } from '../sentinel/conf/conf.ts';
import type { Host } from '../sentinel/host.ts';
import type { Effect, Event } from '../sentinel/io.ts';

/** The quorum machine of one member, for one life of its process. */
export interface Machine {
  step(event: Event, now: number): readonly Effect[];
  /** When to send the next `tick` at the latest, on the clock that `now` is read from. */
  deadline(): number;
  stateToPersist(): SavedState;
}

export interface SavedState {
  readonly version: number;
  /** Must not change after it was handed out. */
  readonly conf: SentinelConf;
}

export interface MachineOptions {
  /** What was on disk when the process started. */
  readonly conf: SentinelConf;
  readonly host: Host;
  readonly random: Random;
  /** Of this start: 40 hexadecimal digits. */
  readonly runId: string;
  readonly fastCrash: boolean;
}

export type MachineFactory = (options: MachineOptions) => Machine;
