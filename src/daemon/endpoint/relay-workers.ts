// The processes that carry the relay's bytes: started, asked, watched, and replaced when they die, hang or leak. What is
// said to them is the path's business (relay-path.ts).

import { type ChildProcess, fork } from 'node:child_process';
import { realpathSync } from 'node:fs';
import type { FromWorker, ToWorker } from '../../endpoint/relay/messages.ts';
import type { Traffic } from '../../endpoint/traffic.ts';
import type { RelayCounts } from '../../endpoint/relay/relay.ts';

const START_MS_MAX = 20_000;
/** A worker that dies is replaced after this, doubled with each that lives for less than a minute. */
const RESTART_MS = 100;
const RESTART_MS_MAX = 10_000;
const STABLE_MS = 60_000;
const ANSWER_MS_MAX = 30_000;
/** How often each is asked how it is. */
const BEAT_MS = 1_000;
/** So many questions in a row without an answer: it hangs. Its clients were reset by then, if it could have done that. */
const MISSED_BEATS_MAX = 10;
/** All that the limits allow is less than half of it. */
const MEMORY_BYTES_MAX = 2 * 1024 ** 3;

/** What tests may set. */
export interface WorkerCare {
  readonly beatMs?: number;
  readonly memoryBytesMax?: number;
}

export interface RelayWorkersOptions {
  readonly count: number;
  /** The file that runs a worker when it is given `relay-worker`; null: the program that runs. */
  readonly program: string | null;
  /** Whom they run as; absent: as this process. */
  readonly runAs?: { readonly uid?: number; readonly gid?: number } | undefined;
  readonly care: WorkerCare;
  /** Descriptors that each is given, from the fifth on; null: none at this place. */
  readonly descriptors: () => readonly (number | null)[];
  /** What each is told first. */
  readonly greet: (worker: RelayWorker) => void;
  readonly heard: (worker: RelayWorker, message: FromWorker) => void;
  readonly gone: (worker: RelayWorker) => void;
  /** Each second: what they told last may be looked at. */
  readonly beat: () => void;
  readonly warn: (sentence: string) => void;
}

/** One process. */
export class RelayWorker {
  /** Its place among the workers; whoever replaces it has the same. */
  readonly index: number;
  /** Told from all others that ever were. */
  readonly serial: number;
  readonly startedMs = performance.now();
  /** After how long the next one starts if this one dies. */
  readonly restartMs: number;
  readonly #child: ChildProcess;
  isStarted = false;
  /** It serves those that it has, and nobody replaces it. */
  isRetired = false;
  missedBeats = 0;
  /** As of its last answer, by the endpoint. */
  counts: Readonly<Record<string, RelayCounts>> = {};
  traffic: Traffic = {};
  memoryBytes = 0;

  constructor(index: number, serial: number, restartMs: number, child: ChildProcess) {
    this.index = index;
    this.serial = serial;
    this.restartMs = restartMs;
    this.#child = child;
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  tell(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** null: the worker died; undefined: it does not answer. */
type Answer = FromWorker | null | undefined;

export class RelayWorkers {
  readonly #options: RelayWorkersOptions;
  readonly #workers: (RelayWorker | null)[] = [];
  readonly #asked = new Map<string, (answer: FromWorker | null) => void>();
  readonly #beat: NodeJS.Timeout;
  #lastId = 0;
  #lastSerial = 0;
  #isClosing = false;
  /** How many are to take clients. */
  #wanted: number;
  #whenGone: (() => void)[] = [];

  constructor(options: RelayWorkersOptions) {
    this.#options = options;
    this.#wanted = options.count;
    this.#beat = setInterval(() => this.#look(), options.care.beatMs ?? BEAT_MS);
  }

  /** Starts them all; resolves to what keeps some from serving. */
  start(): Promise<string[]> {
    return this.#startMore(this.#wanted);
  }

  /** So many take clients from now on; more than more than that keep those they have. */
  async resize(count: number): Promise<void> {
    this.#wanted = count;
    const { active } = this;
    for (const worker of active.slice(count)) {
      worker.isRetired = true;
      worker.tell({ kind: 'retire' });
    }
    for (const problem of await this.#startMore(count - active.length)) this.#options.warn(problem);
  }

  async #startMore(count: number): Promise<string[]> {
    const started: Promise<string | null>[] = [];
    // Each takes its place at once.
    while (started.length < count) {
      const free = this.#workers.indexOf(null);
      started.push(this.#start(free === -1 ? this.#workers.length : free, RESTART_MS));
    }
    const problems = (await Promise.all(started)).filter((problem) => problem !== null);
    return [...new Set(problems)];
  }

  /** Those that take clients. */
  get active(): RelayWorker[] {
    return this.living.filter(({ isRetired }) => !isRetired);
  }

  get living(): RelayWorker[] {
    return this.#workers.filter((worker) => worker !== null);
  }

  /**
   * Asks every worker. One that has said nothing within `firstMsMax`, not even that it has begun, is waited for no longer;
   * null: the usual time.
   */
  askAll(question: (id: number) => ToWorker, firstMsMax: number | null = null): Promise<Answer[]> {
    const id = ++this.#lastId;
    return Promise.all(this.living.map((worker) => this.#ask(worker, id, question(id), firstMsMax)));
  }

  ask(worker: RelayWorker, question: (id: number) => ToWorker, msMax: number): Promise<Answer> {
    const id = ++this.#lastId;
    return this.#ask(worker, id, question(id), msMax);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#beat);
    // They reset their clients: the kernel does that with what a dead process leaves unread, too.
    for (const worker of this.living) worker.kill();
    if (this.living.length > 0) await new Promise<void>((resolve) => this.#whenGone.push(resolve));
  }

  #ask(worker: RelayWorker, id: number, message: ToWorker, firstMsMax: number | null): Promise<Answer> {
    return new Promise((resolve) => {
      const key = `${id} ${worker.serial}`;
      const answer = (given: Answer): void => {
        clearTimeout(patience);
        this.#asked.delete(key);
        resolve(given);
      };
      let patience = setTimeout(() => answer(undefined), firstMsMax ?? ANSWER_MS_MAX);
      this.#asked.set(key, (given) => {
        if (given?.kind !== 'step-begun') return answer(given);
        clearTimeout(patience);
        patience = setTimeout(() => answer(undefined), ANSWER_MS_MAX);
      });
      worker.tell(message);
    });
  }

  /** Resolves to what keeps it from serving, or null. */
  #start(index: number, restartMs: number): Promise<string | null> {
    const { runAs, descriptors, program, warn, greet } = this.#options;
    // Where the program really is: a link to it may lie where another user may not look.
    const child = fork(program ?? realpathSync(process.argv[1] ?? ''), ['relay-worker'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...descriptors().map((fd) => fd ?? 'ignore')],
      // Deadlines may be Infinity, which JSON has no word for.
      serialization: 'advanced',
      execArgv: [],
      ...runAs,
    });
    const worker = new RelayWorker(index, ++this.#lastSerial, restartMs, child);
    this.#workers[index] = worker;
    greet(worker);
    return new Promise((resolve) => {
      const patience = setTimeout(() => {
        resolve(`relay worker ${index} did not start within ${START_MS_MAX / 1000} s`);
        worker.kill();
      }, START_MS_MAX);
      child.on('message', (message: FromWorker) => {
        if (this.#workers[index] !== worker) return;
        worker.missedBeats = 0;
        if (message.kind === 'started') {
          clearTimeout(patience);
          worker.isStarted = true;
          resolve(message.problem);
        } else {
          this.#heard(worker, message);
        }
      });
      child.on('error', (error) => warn(`relay worker ${index}: ${error.message}`));
      child.once('exit', (code, signal) => {
        clearTimeout(patience);
        const how = signal ?? `exit code ${code ?? '?'}`;
        resolve(`relay worker ${index} ended (${how})`);
        this.#ended(worker, how);
      });
    });
  }

  #heard(worker: RelayWorker, message: FromWorker): void {
    if (message.kind === 'counts') {
      worker.counts = message.counts;
      worker.traffic = message.traffic;
      worker.memoryBytes = message.memoryBytes;
    }
    if ('id' in message) this.#asked.get(`${message.id} ${worker.serial}`)?.(message);
    else this.#options.heard(worker, message);
  }

  /** Each second: who does not answer, or has too much, is replaced. */
  #look(): void {
    const { warn, care, beat } = this.#options;
    beat();
    const beatMs = care.beatMs ?? BEAT_MS;
    const memoryBytesMax = care.memoryBytesMax ?? MEMORY_BYTES_MAX;
    for (const worker of this.living) {
      if (!worker.isStarted) continue;
      const name = `relay worker ${worker.index} (process ${worker.pid ?? '?'})`;
      if (worker.missedBeats >= MISSED_BEATS_MAX) {
        warn(`${name} has not answered for ${(MISSED_BEATS_MAX * beatMs) / 1000} s, and is killed`);
        worker.kill();
      } else if (worker.memoryBytes > memoryBytesMax) {
        warn(`${name} has ${Math.round(worker.memoryBytes / 1024 ** 2)} MiB of memory, and is killed`);
        worker.kill();
      } else {
        worker.missedBeats++;
        worker.tell({ kind: 'ask-counts', id: ++this.#lastId });
      }
    }
  }

  /** A worker is gone, and its clients with it. */
  #ended(worker: RelayWorker, how: string): void {
    if (this.#workers[worker.index] === worker) this.#workers[worker.index] = null;
    for (const [key, answer] of Array.from(this.#asked)) {
      if (key.endsWith(` ${worker.serial}`)) answer(null);
    }
    this.#options.gone(worker);
    if (this.#isClosing) {
      if (this.living.length === 0) for (const tell of this.#whenGone.splice(0)) tell();
      return;
    }
    if (worker.isRetired) return;
    const isStable = performance.now() - worker.startedMs > STABLE_MS;
    const restartMs = isStable ? RESTART_MS : Math.min(worker.restartMs * 2, RESTART_MS_MAX);
    this.#options.warn(
      `relay worker ${worker.index} ended (${how}); another one starts in ${worker.restartMs} ms`,
    );
    setTimeout(() => void this.#restart(worker.index, restartMs), worker.restartMs);
  }

  async #restart(index: number, restartMs: number): Promise<void> {
    // A change of their number may have filled its place, or needs none there any more.
    const isNeeded = this.#workers[index] === null && this.active.length < this.#wanted;
    if (this.#isClosing || !isNeeded) return;
    const problem = await this.#start(index, restartMs);
    if (problem !== null) this.#options.warn(problem);
  }
}
