// Many seeds of routers, one after the other.

import { SeedCampaign, type SeedTally } from '../seed-campaign.ts';
import { playVrrp, type VrrpOutcome } from './run.ts';
import type { Sabotage } from './sabotage.ts';
import { type Scenario, scenarioOf } from './scenario.ts';

/** Totals over the runs so far. */
export interface VrrpTally extends SeedTally {
  routers: number;
  advertsSent: number;
  /** How often a router took the address. */
  timesTaken: number;
  /** The longest that two held it on a good network. */
  longestOverlapMs: number;
}

type VrrpCampaign = SeedCampaign<Scenario['faults'][number], VrrpOutcome, VrrpTally>;

/** `makeSabotage` makes a deliberate defect anew for each run: some remember. */
export function vrrpCampaign(makeSabotage: (() => Sabotage) | null): VrrpCampaign {
  return new SeedCampaign({
    play: (seed, faults, told) => {
      const scenario = scenarioOf(seed);
      const sabotage = makeSabotage?.() ?? null;
      return playVrrp({ ...scenario, faults: faults ?? scenario.faults }, { sabotage, told });
    },
    tally: {
      runs: 0,
      failed: 0,
      simulatedMs: 0,
      faults: 0,
      routers: 0,
      advertsSent: 0,
      timesTaken: 0,
      longestOverlapMs: 0,
    },
    count: (tally, { scenario, advertsSent, timesTaken, longestOverlapMs }) => {
      tally.routers += scenario.routers.length;
      tally.advertsSent += advertsSent;
      tally.timesTaken += timesTaken;
      tally.longestOverlapMs = Math.max(tally.longestOverlapMs, longestOverlapMs);
    },
  });
}
