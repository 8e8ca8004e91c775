// `baton simulate --vrrp`: floating addresses in the simulator, for many seeds or, with its story, for one.

import { vrrpCampaign, type VrrpTally } from '../sim/vrrp/campaign.ts';
import type { Sabotage } from '../sim/vrrp/sabotage.ts';
import { simulateSeeds, type SeedOptions } from './simulate-many.ts';

export interface SimulateVrrpOptions extends SeedOptions {
  readonly sabotage: (() => Sabotage) | null;
}

/** The answer is the exit code. */
export function simulateVrrp(options: SimulateVrrpOptions): number {
  return simulateSeeds(vrrpCampaign(options.sabotage), options, describeTally);
}

function describeTally({ routers, faults, advertsSent, timesTaken, longestOverlapMs }: VrrpTally): string {
  return (
    `${routers} routers, ${faults} faults, ${advertsSent} adverts; the address was taken ${timesTaken} times, ` +
    `two held it for at most ${Math.round(longestOverlapMs)} ms while the network was good\n`
  );
}
