// Adverts on time: ten virtual routers in one daemon, an advert each every 100 ms, while every core is kept busy. The
// lateness of one is how much more than the interval lies between it and the one before, as its peers see it. In the
// same minute an idle process does nothing but set itself as many timers of the same length, to show what the machine
// itself lets through.

import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Network } from '../../test/harness/namespaces.ts';
import { pause } from '../../test/harness/wait.ts';
import { AdvertCapture } from './capture.ts';
import { Daemon, keepalivedConf, linkIndexOf, type Contender } from './pair.ts';
import { startPart } from '../shared/parts.ts';

export const INTERVAL_MS = 100;
export const ROUTERS = 10;
const FIRST_ID = 101;
/** The slowest start, until all are active. */
const ACTIVE_WITHIN_MS = 20_000;

/** The idle process: tells on its output how late each timer was, a line at the end of its input. */
export function runTimers(): void {
  const lateMs: number[] = [];
  const again = (setAt: number): void => {
    setTimeout(() => {
      const now = performance.now();
      lateMs.push(now - setAt - INTERVAL_MS);
      again(now);
    }, INTERVAL_MS);
  };
  for (let index = 0; index < ROUTERS; index += 1) {
    setTimeout(() => again(performance.now()), (index * INTERVAL_MS) / ROUTERS);
  }
  process.stdin.on('end', () => {
    process.stdout.write(`${JSON.stringify(lateMs)}\n`, () => process.exit(0));
  });
  process.stdin.resume();
}

export interface PunctualityOptions {
  readonly network: Network;
  /** One machine for each daemon, all at the same time. */
  readonly machines: ReadonlyMap<Contender, number>;
  readonly seconds: number;
  readonly environment: NodeJS.ProcessEnv;
}

export interface Punctuality {
  readonly lateMs: ReadonlyMap<Contender, readonly number[]>;
  readonly timersLateMs: readonly number[];
}

export async function measurePunctuality(options: PunctualityOptions): Promise<Punctuality> {
  const { network, machines, environment } = options;
  const timing = { name: '', version: 3, advertIntervalMs: INTERVAL_MS } as const;
  const watched: { contender: Contender; daemon: Daemon; capture: AdvertCapture }[] = [];
  const load: ChildProcess[] = [];
  try {
    for (const [contender, machine] of machines) {
      // Virtual routers of their own for each, so that they do not meet.
      const routers = Array.from({ length: ROUTERS }, (_, index) => {
        const id = FIRST_ID + watched.length * ROUTERS + index;
        return { id, address: `10.77.0.${id}` };
      });
      const { wrapper } = network.machine(machine);
      const conf = keepalivedConf(timing, 100, routers, null);
      const daemon = new Daemon({ contender, wrapper, environment, conf });
      watched.push({ contender, daemon, capture: new AdvertCapture(linkIndexOf(machine)) });
      await daemon.restart();
    }
    for (const { capture, contender } of watched) await allActive(capture, contender);
    for (let core = availableParallelism(); core > 0; core -= 1) {
      load.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
    }
    const timers = new Timers();
    load.push(timers.child);
    // Whatever starting all this disturbs is not what is measured.
    await pause(1_000);
    const marks = watched.map(({ capture }) => capture.adverts.length);
    await pause(options.seconds * 1_000);
    const lateMs = watched.map(({ contender, capture }, index) => {
      capture.readWaiting();
      return [contender, latenesses(capture, marks[index] ?? 0)] as const;
    });
    return { lateMs: new Map(lateMs), timersLateMs: await timers.finish() };
  } finally {
    for (const child of load) child.kill('SIGKILL');
    for (const { daemon, capture } of watched) {
      await daemon.killWhole();
      await daemon.dispose();
      capture.close();
    }
  }
}

class Timers {
  readonly child: ChildProcess;
  readonly #result: Promise<readonly number[]>;

  constructor() {
    let heard: (line: string) => void = () => undefined;
    const child = startPart('timers', [], (line) => heard(line));
    this.child = child;
    this.#result = new Promise((resolve, reject) => {
      heard = (line) => resolve(JSON.parse(line) as number[]);
      child.once('exit', () => reject(new Error('the timers ended')));
    });
    this.#result.catch(() => undefined);
  }

  finish(): Promise<readonly number[]> {
    this.child.stdin?.end();
    return this.#result;
  }
}

async function allActive(capture: AdvertCapture, contender: Contender): Promise<void> {
  const deadline = performance.now() + ACTIVE_WITHIN_MS;
  while (new Set(capture.adverts.map(({ virtualRouterId }) => virtualRouterId)).size < ROUTERS) {
    if (performance.now() > deadline) throw new Error(`${contender}: not all virtual routers became active`);
    await pause(50);
  }
}

/** Of the adverts from the `mark`-th on, each against the one before of its virtual router. */
function latenesses({ adverts }: AdvertCapture, mark: number): number[] {
  const before = new Map<number, number>();
  const lateMs: number[] = [];
  for (const { virtualRouterId, atMs } of adverts.slice(mark)) {
    const last = before.get(virtualRouterId);
    if (last !== undefined) lateMs.push(atMs - last - INTERVAL_MS);
    before.set(virtualRouterId, atMs);
  }
  return lateMs;
}
