// An application in miniature: a stock client in Sentinel mode that writes all the time and keeps count. It knows the
// members' ports and the group's name and nothing else; nobody tells it about faults.

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Ledger } from './ledger.ts';

/** Every write sets one bit of it, so that all of them can be looked for afterwards. */
const KEY = 'baton:demo:writes';

/** Between two writes; about 400 a second show any gap and leave the machine to those who are watched. */
const PAUSE_MS = 2;
/** Between two attempts while they fail. */
const PAUSE_AFTER_ERROR_MS = 10;
const RETRY_MS = 20;
/** A write without an answer for this long has failed for the application. */
const COMMAND_MS_MAX = 1_000;
/** A connection to a frozen server never says goodbye: it is dropped this long after the client gave it up. */
const DISCONNECT_MS_MAX = 50;

/** What the screen shows of it. */
export interface WriterPicture {
  readonly acknowledged: number;
  readonly errors: number;
  /** Longest time between two acknowledged writes, the one that is running included. */
  readonly longestGapMs: number;
  /** Since the last acknowledged write; null before the first. */
  readonly sinceLastMs: number | null;
  /** Acknowledged, and missing on the primary that followed. */
  readonly lost: number;
}

/** Writes began to arrive at another server than before. */
export interface Moved {
  readonly port: number;
  /** How long no write was acknowledged on the way there. */
  readonly gapMs: number;
  /** How many acknowledged writes were not found there; null if it could not be asked. */
  readonly lost: number | null;
}

export interface WriterOptions {
  readonly group: string;
  readonly memberPorts: readonly number[];
  readonly onMoved: (moved: Moved) => void;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #client: Redis;
  readonly #ledger = new Ledger();
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();
  #nextNumber = 0;
  #errors = 0;
  #lastAt: number | null = null;
  #longestGapMs = 0;
  /** Where the last acknowledged write went; null before the first. */
  #port: number | null = null;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#client = new Redis({
      sentinels: options.memberPorts.map((port) => ({ host: '127.0.0.1', port })),
      name: options.group,
      lazyConnect: true,
      // Members publish the new primary; the client leaves a silent old one at once instead of waiting for it.
      failoverDetector: true,
      sentinelRetryStrategy: () => RETRY_MS,
      retryStrategy: () => RETRY_MS,
      disconnectTimeout: DISCONNECT_MS_MAX,
      commandTimeout: COMMAND_MS_MAX,
      // A write fails or succeeds, once: repeating it behind our back would hide the gap that we are here to measure.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    });
    // Each failed write is counted where it fails.
    this.#client.on('error', () => undefined);
    // ioredis 6 gives up for good if the news of the failover reaches it while it is asking who is primary: its failover
    // detector cancels the attempt, and a cancelled attempt is not retried. An application has to connect again itself.
    this.#client.on('end', () => void this.#reconnect());
  }

  start(): void {
    this.#connect();
    this.#running = this.#write();
  }

  /** Ends the connection. Resolves when nothing is written any more. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#client.disconnect();
    await this.#running;
  }

  picture(): WriterPicture {
    const sinceLastMs = this.#lastAt === null ? null : performance.now() - this.#lastAt;
    return {
      acknowledged: this.#ledger.acknowledged,
      errors: this.#errors,
      longestGapMs: Math.max(this.#longestGapMs, sinceLastMs ?? 0),
      sinceLastMs,
      lost: this.#ledger.lost,
    };
  }

  /** Looks for every acknowledged write on the server that is connected; null if that failed. */
  async lookForLosses(): Promise<number | null> {
    const { last } = this.#ledger;
    try {
      const found = await this.#client.getBuffer(KEY);
      return this.#ledger.compare(found ?? new Uint8Array(0), last);
    } catch {
      return null;
    }
  }

  #connect(): void {
    // Its failure is an 'end' too.
    this.#client.connect().catch(() => undefined);
  }

  async #reconnect(): Promise<void> {
    await sleep(RETRY_MS);
    if (!this.#isStopping) this.#connect();
  }

  async #write(): Promise<void> {
    while (!this.#isStopping) {
      const number = this.#nextNumber;
      this.#nextNumber += 1;
      try {
        await this.#client.setbit(KEY, number, 1);
        this.#acknowledged(number);
        await sleep(PAUSE_MS);
      } catch {
        // Before the first write there is nobody to write to yet.
        if (this.#lastAt !== null && !this.#isStopping) this.#errors += 1;
        await sleep(PAUSE_AFTER_ERROR_MS);
      }
    }
  }

  #acknowledged(number: number): void {
    const now = performance.now();
    const gapMs = this.#lastAt === null ? 0 : now - this.#lastAt;
    this.#ledger.acknowledge(number);
    this.#lastAt = now;
    this.#longestGapMs = Math.max(this.#longestGapMs, gapMs);
    const port = this.#client.stream.remotePort ?? null;
    if (port === this.#port || port === null) return;
    if (this.#port !== null) void this.#tellOfMove(port, gapMs);
    this.#port = port;
  }

  async #tellOfMove(port: number, gapMs: number): Promise<void> {
    this.#options.onMoved({ port, gapMs, lost: await this.lookForLosses() });
  }
}
