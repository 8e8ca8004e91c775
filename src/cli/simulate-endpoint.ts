// `baton simulate --endpoint`: endpoints in the simulator, for many seeds or, with its story, for one.

import { endpointCampaign, type EndpointTally } from '../sim/endpoint/campaign.ts';
import type { Sabotage } from '../sim/endpoint/sabotage.ts';
import { simulateSeeds, type SeedOptions } from './simulate-many.ts';

export interface SimulateEndpointOptions extends SeedOptions {
  readonly sabotage: (() => Sabotage) | null;
}

/** The answer is the exit code. */
export function simulateEndpoint(options: SimulateEndpointOptions): number {
  return simulateSeeds(endpointCampaign(options.sabotage), options, describeTally);
}

function describeTally({ faults, routes, switches, switchesDone, settledAfterMsMax }: EndpointTally): string {
  return (
    `${faults} faults; endpoints changed ${routes} times where they lead, ${switchesDone} of ${switches} ordered ` +
    `switches were done; after the last fault all led to the one primary within ${(settledAfterMsMax / 1_000).toFixed(1)} s\n`
  );
}
