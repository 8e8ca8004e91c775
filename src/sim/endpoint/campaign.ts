// Many seeds of endpoints, one after the other.

import { SeedCampaign, type SeedTally } from '../seed-campaign.ts';
import { playEndpoint, type EndpointOutcome } from './run.ts';
import type { Sabotage } from './sabotage.ts';
import { type Scenario, scenarioOf } from './scenario.ts';

/** Totals over the runs so far. */
export interface EndpointTally extends SeedTally {
  /** How often an endpoint changed where it leads. */
  routes: number;
  switches: number;
  switchesDone: number;
  /** The longest it took until every endpoint led to the one primary. */
  settledAfterMsMax: number;
}

type EndpointCampaign = SeedCampaign<Scenario['faults'][number], EndpointOutcome, EndpointTally>;

/** `makeSabotage` makes a deliberate defect anew for each run: some remember. */
export function endpointCampaign(makeSabotage: (() => Sabotage) | null): EndpointCampaign {
  return new SeedCampaign({
    play: (seed, faults, told) => {
      const scenario = scenarioOf(seed);
      const sabotage = makeSabotage?.() ?? null;
      return playEndpoint({ ...scenario, faults: faults ?? scenario.faults }, { sabotage, told });
    },
    tally: {
      runs: 0,
      failed: 0,
      simulatedMs: 0,
      faults: 0,
      routes: 0,
      switches: 0,
      switchesDone: 0,
      settledAfterMsMax: 0,
    },
    count: (tally, { routes, switches, switchesDone, settledAfterMs }) => {
      tally.routes += routes;
      tally.switches += switches;
      tally.switchesDone += switchesDone;
      tally.settledAfterMsMax = Math.max(tally.settledAfterMsMax, settledAfterMs);
    },
  });
}
