// Ordered switches under load: what clients noticed, and how long.

import { setTimeout as pause } from 'node:timers/promises';
import type { ServerFiles } from '../../src/redis/server-files.ts';
import { SYSTEM_PYTHON } from '../../test/harness/requirements.ts';
import { AskedPart } from '../shared/parts.ts';
import { progress } from '../shared/report.ts';
import { Front, type FrontName } from './fronts.ts';
import type { Gap } from './plain-clients.ts';
import { judgeTally, type Judged, type Tally } from './tally.ts';

/** After an answer to the order, and between switches. */
const AFTERWARDS_MS = 50;
const BETWEEN_MS = 300;
const RAMP_UP_MS = 1_000;

export type ClientKind = 'plain' | 'ioredis' | 'node-redis' | 'redis-py';

export interface SwitchesOptions {
  readonly front: FrontName;
  readonly files: ServerFiles;
  readonly clients: ClientKind;
  readonly connections: number;
  readonly switches: number;
}

export interface Switches {
  readonly options: Omit<SwitchesOptions, 'files'>;
  readonly judged: Judged;
  readonly errors: Tally['errors'];
  /** The bare client's longest time without an answer, over each switch. */
  readonly pausesMs: readonly number[];
  /** The same over {@link BETWEEN_MS} without a switch: what this machine does to a client anyway. */
  readonly undisturbedMs: readonly number[];
  /** From the order to its answer. */
  readonly ordersMs: readonly number[];
  readonly refused: readonly string[];
}

const lengthOf = ({ fromMs, untilMs }: Gap): number => untilMs - fromMs;

export async function runSwitches(options: SwitchesOptions): Promise<Switches> {
  const { files, clients, connections, switches } = options;
  const what = `${connections} ${clients} through ${options.front}`;
  progress(what);
  const front = await Front.start(options.front, files);
  const bare = new AskedPart('bare');
  const many = new AskedPart(clients === 'redis-py' ? [SYSTEM_PYTHON, 'bench/switch/redis_py.py'] : clients);
  const pausesMs: number[] = [];
  const undisturbedMs: number[] = [];
  const ordersMs: number[] = [];
  try {
    await bare.ask('open', { target: front.target, connections: 1, prefix: 'bare' });
    await many.ask('open', { target: front.target, connections, prefix: 'many' });
    await pause(RAMP_UP_MS);
    for (let number = 1; number <= switches; number += 1) {
      progress(`${what}, switch ${number} of ${switches}`);
      await front.settled();
      await bare.ask('mark');
      await pause(BETWEEN_MS);
      undisturbedMs.push(lengthOf(await bare.ask<Gap>('gap')));
      await bare.ask('mark');
      ordersMs.push(await front.switch());
      await bare.ask('next');
      await pause(AFTERWARDS_MS);
      pausesMs.push(lengthOf(await bare.ask<Gap>('gap')));
    }
    await pause(BETWEEN_MS);
    const tallies = await Promise.all([bare.ask<Tally>('tally'), many.ask<Tally>('tally')]);
    return {
      options: { front: options.front, clients, connections, switches },
      ...(await judgeAll(tallies, front)),
      pausesMs,
      undisturbedMs,
      ordersMs,
      refused: front.refused,
    };
  } finally {
    await bare.end();
    await many.end();
    await front.dispose();
  }
}

async function judgeAll(
  tallies: readonly Tally[],
  front: Front,
): Promise<Pick<Switches, 'judged' | 'errors'>> {
  const sum = { acknowledged: 0, errors: 0, lost: 0, doubled: 0, stale: 0 };
  const errors: Record<string, number> = {};
  for (const tally of tallies) {
    const stored = new Map<string, number>();
    for (const key of Object.keys(tally.acknowledged))
      stored.set(key, Number((await front.primary.ask('GET', key)) ?? 0));
    const judged = judgeTally(tally, stored);
    for (const field of Object.keys(sum) as (keyof Judged)[]) sum[field] += judged[field];
    for (const [text, count] of Object.entries(tally.errors)) errors[text] = (errors[text] ?? 0) + count;
  }
  return { judged: sum, errors };
}
