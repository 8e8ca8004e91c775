// Replication as the model Redis does it: histories with an id, offsets in bytes, a backlog for partial resyncs, and full
// resyncs that take their time. A history changes its id at each promotion and remembers the old one up to the offset
// where it branched off, which is what lets the other replicas continue without copying everything.

import type { Random } from '../../base/random.ts';
import type { DataSet, ReplicationFrame, StreamEntry } from '../wire.ts';

const BACKLOG_ENTRIES_MAX = 4_096;
const NO_HISTORY = '0'.repeat(40);

/** What a node holds: its data, and the history that led to it. */
export class History {
  readonly #random: Random;
  #id: string;
  #previousId = NO_HISTORY;
  /** The previous id is valid up to here; -1: there is none. */
  #previousUntil = -1;
  #offset = 0;
  #data: string[];
  #backlog: StreamEntry[] = [];
  #backlogStart = 0;

  constructor(random: Random, data: DataSet) {
    this.#random = random;
    this.#data = [...data];
    this.#id = random.hex(40);
  }

  get id(): string {
    return this.#id;
  }

  get previousId(): string {
    return this.#previousId;
  }

  get previousUntil(): number {
    return this.#previousUntil;
  }

  get offset(): number {
    return this.#offset;
  }

  get data(): DataSet {
    return this.#data;
  }

  get backlogStart(): number {
    return this.#backlogStart;
  }

  /** As primary: makes the next entry of the stream. */
  append(kind: StreamEntry['kind'], args: readonly string[]): StreamEntry {
    let bytes = kind === 'ping' ? 14 : 20;
    for (const text of args) bytes += text.length + 5;
    const entry: StreamEntry = { kind, bytes, endOffset: this.#offset + bytes, args };
    this.apply(entry);
    return entry;
  }

  /** As replica: takes an entry from the primary. */
  apply(entry: StreamEntry): void {
    this.#offset = entry.endOffset;
    if (entry.kind === 'write') this.#data.push(entry.args[0] as string);
    this.#backlog.push(entry);
    if (this.#backlog.length > BACKLOG_ENTRIES_MAX) {
      const dropped = this.#backlog.splice(0, BACKLOG_ENTRIES_MAX / 2).at(-1) as StreamEntry;
      this.#backlogStart = dropped.endOffset;
    }
  }

  /** Promotion: a new id from here on; replicas of the old one may continue. */
  branch(): void {
    this.#previousId = this.#id;
    this.#previousUntil = this.#offset + 1;
    this.#id = this.#random.hex(40);
  }

  /** The primary changed its id without changing the past. */
  adoptId(id: string): void {
    if (id === this.#id) return;
    this.#previousId = this.#id;
    this.#previousUntil = this.#offset + 1;
    this.#id = id;
  }

  /** Answers a replica that holds history `id` up to `offset`. */
  resync(id: string, offset: number): readonly ReplicationFrame[] {
    const known = id === this.#id || (id === this.#previousId && offset + 1 <= this.#previousUntil);
    if (known && offset >= this.#backlogStart && offset <= this.#offset) {
      const missing = this.#backlog.filter((entry) => entry.endOffset > offset);
      const frames: ReplicationFrame[] = [{ kind: 'continue', replicationId: this.#id }];
      if (missing.length > 0) frames.push({ kind: 'stream', entries: missing });
      return frames;
    }
    return [{ kind: 'full-resync', replicationId: this.#id, offset: this.#offset, data: [...this.#data] }];
  }

  /** Everything held so far is gone; this came instead. */
  replaceBy(frame: Extract<ReplicationFrame, { kind: 'full-resync' }>): void {
    this.#id = frame.replicationId;
    this.#previousId = NO_HISTORY;
    this.#previousUntil = -1;
    this.#offset = frame.offset;
    this.#data = [...frame.data];
    this.#backlog = [];
    this.#backlogStart = frame.offset;
  }

  /** Drops the last `count` writes: a crash loses what was not yet synced to disk. */
  dataWithoutLast(count: number): DataSet {
    return count === 0 ? this.#data : this.#data.slice(0, -count);
  }
}
