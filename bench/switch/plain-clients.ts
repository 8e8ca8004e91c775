// Clients with nothing of a library in them: many that write and read as fast as they are answered, and one that
// measures how long nothing was answered. Each is a process of its own.

import { connect, type Socket } from 'node:net';
import { bootClockMs } from '../../src/os/boot-clock.ts';
import type { Target } from '../../src/endpoint/route.ts';
import { answerLines } from '../shared/parts.ts';
import { Counting } from './tally.ts';

const AGAIN_AFTER_MS = 2;

/** INCR, GET, INCR, GET; connects again whenever it must. One question at a time. */
class Counter {
  readonly #target: Target;
  readonly #key: string;
  readonly #counting: Counting;
  readonly #onSuccess: () => void;
  #socket: Socket | null = null;
  #asked: 'INCR' | 'GET' | null = null;
  #text = '';
  #isStopping = false;
  #stopped: (() => void) | null = null;

  constructor(target: Target, key: string, counting: Counting, onSuccess: () => void = () => {}) {
    this.#target = target;
    this.#key = key;
    this.#counting = counting;
    this.#onSuccess = onSuccess;
    this.#connect();
  }

  /** Resolves when nothing is outstanding any more. */
  stop(): Promise<void> {
    this.#isStopping = true;
    return new Promise((resolve) => {
      this.#stopped = resolve;
      if (this.#asked === null) this.#end();
    });
  }

  #end(): void {
    this.#socket?.destroy();
    this.#stopped?.();
  }

  #connect(): void {
    const socket = connect({ ...this.#target, noDelay: true });
    let isConnected = false;
    this.#socket = socket;
    this.#text = '';
    socket.setEncoding('latin1');
    socket.on('connect', () => {
      isConnected = true;
      this.#ask('INCR');
    });
    socket.on('data', (text: string) => this.#receive(text));
    // What follows it says the same.
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#isStopping && this.#asked === null) return;
      this.#counting.failed(isConnected ? 'the connection ended' : 'no connection', this.#asked === 'INCR');
      this.#asked = null;
      if (this.#isStopping) this.#end();
      else setTimeout(() => this.#connect(), AGAIN_AFTER_MS);
    });
  }

  #ask(command: 'INCR' | 'GET'): void {
    this.#asked = command;
    const key = this.#key;
    this.#socket?.write(`*2\r\n$${command.length}\r\n${command}\r\n$${key.length}\r\n${key}\r\n`);
  }

  #receive(text: string): void {
    this.#text += text;
    const reply = /^(?:[:+-](.*)|\$-1|\$\d+\r\n(\d*))\r\n$/.exec(this.#text);
    if (reply === null) return;
    const asked = this.#asked;
    const isError = this.#text.startsWith('-');
    this.#text = '';
    this.#asked = null;
    if (isError) {
      this.#counting.failed(reply[1] ?? '', false);
      setTimeout(() => this.#next('INCR'), AGAIN_AFTER_MS);
      return;
    }
    if (asked === 'INCR') this.#counting.answered(this.#key);
    else this.#counting.read(this.#key, reply[2] ?? null);
    this.#onSuccess();
    this.#next(asked === 'INCR' ? 'GET' : 'INCR');
  }

  #next(command: 'INCR' | 'GET'): void {
    if (this.#isStopping) this.#end();
    else if (this.#asked === null && this.#socket?.destroyed === false) this.#ask(command);
  }
}

export interface Opening {
  readonly target: Target;
  readonly connections: number;
  /** What the keys of this process begin with. */
  readonly prefix: string;
}

/** `open`, then `tally`, which stops it. */
export function runPlainClients(): void {
  const counting = new Counting();
  const counters: Counter[] = [];
  answerLines({
    open({ target, connections, prefix }: Opening) {
      for (let index = 0; index < connections; index += 1)
        counters.push(new Counter(target, `${prefix}:${index}`, counting));
    },
    async tally() {
      await Promise.all(counters.map((counter) => counter.stop()));
      return counting.tally();
    },
  });
}

/** The longest time without an answer. Milliseconds of the boot clock. */
export interface Gap {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** `open`; `mark` begins a measurement; `next` answers after the next success; `gap` ends it; `tally`, as above. */
export function runBareClient(): void {
  const counting = new Counting();
  let counter: Counter | null = null;
  let lastMs = bootClockMs();
  let longest: Gap = { fromMs: lastMs, untilMs: lastMs };
  const waiting: (() => void)[] = [];
  const succeeded = (): void => {
    const nowMs = bootClockMs();
    if (nowMs - lastMs > longest.untilMs - longest.fromMs) longest = { fromMs: lastMs, untilMs: nowMs };
    lastMs = nowMs;
    for (const resolve of waiting.splice(0)) resolve();
  };
  const next = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  answerLines({
    open({ target, prefix }: Opening) {
      counter = new Counter(target, `${prefix}:0`, counting, succeeded);
      return next();
    },
    mark() {
      longest = { fromMs: lastMs, untilMs: lastMs };
    },
    next,
    gap: () => longest,
    async tally() {
      await counter?.stop();
      return counting.tally();
    },
  });
}
