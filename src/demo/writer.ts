// An application in miniature: a stock client that writes all the time and keeps count. It knows one plain port, the
// endpoint's, and nothing of members or of Sentinel; nobody tells it about faults.

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
/** A write without an answer for this long has failed for the application: longer than an endpoint holds its clients. */
const COMMAND_MS_MAX = 5_000;

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
  /** The endpoint's. */
  readonly port: number;
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
      host: '127.0.0.1',
      port: options.port,
      lazyConnect: true,
      retryStrategy: () => RETRY_MS,
      commandTimeout: COMMAND_MS_MAX,
      // A write fails or succeeds, once: repeating it behind our back would hide the gap that we are here to measure.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    });
    // Each failed write is counted where it fails.
    this.#client.on('error', () => undefined);
  }

  start(): void {
    // If that fails, it tries again, and each failed write is counted where it fails.
    this.#client.connect().catch(() => undefined);
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

  /** Looks for every acknowledged write on the server that the endpoint leads to; null if that failed. */
  async lookForLosses(): Promise<number | null> {
    const { last } = this.#ledger;
    try {
      const found = await this.#client.getBuffer(KEY);
      return this.#ledger.compare(found ?? new Uint8Array(0), last);
    } catch {
      return null;
    }
  }

  async #write(): Promise<void> {
    while (!this.#isStopping) {
      const number = this.#nextNumber;
      this.#nextNumber += 1;
      // Behind one port nobody sees who took a write: so it asks along with each.
      const [write, who] = await Promise.allSettled([
        this.#client.setbit(KEY, number, 1),
        this.#client.info('server'),
      ]);
      if (write.status === 'fulfilled') {
        this.#acknowledged(number, who.status === 'fulfilled' ? portIn(who.value) : null);
        await sleep(PAUSE_MS);
      } else {
        // Before the first write there is nobody to write to yet.
        if (this.#lastAt !== null && !this.#isStopping) this.#errors += 1;
        await sleep(PAUSE_AFTER_ERROR_MS);
      }
    }
  }

  /** `port`: of the server that answered; null if it is not known. */
  #acknowledged(number: number, port: number | null): void {
    const now = performance.now();
    const gapMs = this.#lastAt === null ? 0 : now - this.#lastAt;
    this.#ledger.acknowledge(number);
    this.#lastAt = now;
    this.#longestGapMs = Math.max(this.#longestGapMs, gapMs);
    if (port === this.#port || port === null) return;
    if (this.#port !== null) void this.#tellOfMove(port, gapMs);
    this.#port = port;
  }

  async #tellOfMove(port: number, gapMs: number): Promise<void> {
    this.#options.onMoved({ port, gapMs, lost: await this.lookForLosses() });
  }
}

/** The port a server names in INFO. */
function portIn(info: string): number | null {
  const port = /^tcp_port:(\d+)/m.exec(info)?.[1];
  return port === undefined ? null : Number(port);
}
