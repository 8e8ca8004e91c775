// `baton simulate --vrrp`: floating addresses in the simulator, for many seeds or, with its story, for one.

import { VrrpCampaign, type VrrpTally } from '../sim/vrrp/campaign.ts';
import type { Sabotage } from '../sim/vrrp/sabotage.ts';
import { simulateMany, tellRun } from './simulate-many.ts';

export interface SimulateVrrpOptions {
  readonly seeds: number;
  readonly first: number;
  /** Null: many. */
  readonly seed: number | null;
  readonly isShrunk: boolean;
  readonly sabotage: (() => Sabotage) | null;
  readonly json: boolean;
}

/** The answer is the exit code. */
export function simulateVrrp(options: SimulateVrrpOptions): number {
  const campaign = new VrrpCampaign(options.sabotage);
  const { seed, json } = options;
  if (seed === null) return simulateMany(campaign, { ...options, describe: describeTally });
  const outcome = campaign.tell(seed);
  const isShrunk = options.isShrunk && outcome.violation !== null;
  return tellRun(seed, isShrunk ? campaign.shrink(outcome) : outcome, json);
}

function describeTally({ routers, faults, advertsSent, timesTaken, longestOverlapMs }: VrrpTally): string {
  return (
    `${routers} routers, ${faults} faults, ${advertsSent} adverts; the address was taken ${timesTaken} times, ` +
    `two held it for at most ${Math.round(longestOverlapMs)} ms while the network was good\n`
  );
}
