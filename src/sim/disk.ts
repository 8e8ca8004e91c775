// The disk of one member: one file, replaced as a whole (temporary file, fsync, rename). A crash in the middle of that
// leaves the old content or the new one, never half of each; a torn temporary file is the first case. What was not
// reported as written may nevertheless be there, and what was reported is.

import type { Random } from '../base/random.ts';
import type { SentinelConf } from '../sentinel/conf/conf.ts';
import { throughFile } from './conf.ts';
import type { SavedState } from './machine.ts';
import type { Timeline, Timer } from './timeline.ts';

const WRITE_MS_MIN = 1;
const WRITE_MS_MAX = 20;

export class Disk {
  /** The last state that was saved. */
  durable: SentinelConf;
  /** The file's text as of the last start. */
  #text: string | null = null;
  /** Nothing can be written. */
  isFull = false;
  /** Added to each write. */
  slownessMs = 0;
  readonly #timeline: Timeline;
  readonly #random: Random;
  #writing: { readonly state: SavedState; readonly end: Timer } | null = null;

  constructor(timeline: Timeline, random: Random, first: SentinelConf) {
    this.#timeline = timeline;
    this.#random = random;
    this.durable = first;
  }

  /** What a process that starts now reads. */
  read(): SentinelConf {
    const { text, conf } = throughFile(this.#text, this.durable);
    this.#text = text;
    this.durable = conf;
    return conf;
  }

  /** Begins to write. `done` is told the problem, or null once the state is on disk. */
  write(state: SavedState, done: (problem: string | null) => void): void {
    const tookMs =
      WRITE_MS_MIN +
      this.#random.float() * (WRITE_MS_MAX - WRITE_MS_MIN) +
      this.#random.float() * this.slownessMs;
    const end = this.#timeline.after(tookMs, () => {
      this.#writing = null;
      if (this.isFull) {
        done('No space left on device');
        return;
      }
      this.durable = state.conf;
      done(null);
    });
    this.#writing = { state, end };
  }

  /** The writer died. The answer is a sentence if that hit a write. */
  crash(): string | null {
    const writing = this.#writing;
    if (writing === null) return null;
    this.#writing = null;
    writing.end.run = null;
    if (this.isFull || this.#random.chance(0.5))
      return 'the write in progress is lost, its temporary file torn';
    this.durable = writing.state.conf;
    return 'the write in progress had just reached the disk';
  }
}
