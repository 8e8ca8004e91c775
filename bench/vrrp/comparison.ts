// Two standing pairs and a client: each fault is done to one, then to the other, round by round.

import type { ServerFiles } from '../../src/redis/server-files.ts';
import type { Network } from '../../test/harness/namespaces.ts';
import { progress } from '../shared/report.ts';
import { Client, ttlOfMachine } from './client.ts';
import { Pair, runOn, type Contender, type Timing } from './pair.ts';
import type { Rounds } from './report.ts';
import { FAULT_NAMES, playRound, type Fault, type Round } from './round.ts';

/** Of a round that was spoiled. */
const ATTEMPTS_MAX = 3;

/** Who is where in the network; the client is the last machine. */
export const MACHINES = { keepalived: [0, 1], Baton: [2, 3] } as const;
const CLIENT = 4;
export const MACHINE_COUNT = CLIENT + 1;
const ADDRESSES = {
  keepalived: { address: '10.77.0.61', virtualRouterId: 61 },
  Baton: { address: '10.77.0.62', virtualRouterId: 62 },
} as const;

export interface ComparisonOptions {
  readonly network: Network;
  readonly files: ServerFiles;
  readonly timing: Timing;
  readonly contenders: readonly Contender[];
  readonly faults: readonly Fault[];
  readonly rounds: number;
}

/** All faults with one way of sending adverts. */
export async function compare(options: ComparisonOptions): Promise<Rounds> {
  const { network, timing, contenders, faults, rounds } = options;
  const found = new Map<Fault, Map<Contender, Round[]>>(
    faults.map((fault) => [fault, new Map(contenders.map((contender) => [contender, []]))]),
  );
  for (const machine of [...MACHINES.keepalived, ...MACHINES.Baton]) {
    runOn(network, machine, 'sh', '-c', `echo ${ttlOfMachine(machine)} > /proc/sys/net/ipv4/ip_default_ttl`);
  }
  const client = new Client(network.machine(CLIENT).wrapper);
  const pairs = new StandingPairs(options);
  try {
    for (const contender of contenders) await pairs.get(contender);
    for (let round = 1; round <= rounds; round += 1) {
      for (const fault of faults) {
        // Who goes first alternates.
        for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
          const what = `${timing.name}, round ${round} of ${rounds}: ${FAULT_NAMES[fault]}, ${contender}`;
          progress(what);
          const played = await pairs.attempt(what, contender, (pair) => playRound(pair, client, fault));
          found.get(fault)?.get(contender)?.push(played);
        }
      }
    }
  } finally {
    client.close();
    await pairs.dispose();
    progress('');
  }
  return found;
}

/** Pairs that stand from round to round, made anew where a round was spoiled. */
class StandingPairs {
  readonly #options: ComparisonOptions;
  readonly #pairs = new Map<Contender, Pair>();

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  async get(contender: Contender): Promise<Pair> {
    const found = this.#pairs.get(contender);
    if (found !== undefined) return found;
    const { timing, network, files } = this.#options;
    const machines = MACHINES[contender];
    const pair = await Pair.start({ contender, timing, network, machines, files, ...ADDRESSES[contender] });
    this.#pairs.set(contender, pair);
    return pair;
  }

  /** On a busy machine an active router may step down by itself in the middle of a round: that round is played again. */
  async attempt<T>(what: string, contender: Contender, play: (pair: Pair) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const pair = await this.get(contender);
      try {
        return await play(pair);
      } catch (error) {
        this.#pairs.delete(contender);
        await pair.dispose();
        if (attempt === ATTEMPTS_MAX) throw error;
        progress('');
        console.error(`${what}: again, since ${(error as Error).message}`);
      }
    }
  }

  async dispose(): Promise<void> {
    for (const pair of this.#pairs.values()) await pair.dispose();
    this.#pairs.clear();
  }
}
