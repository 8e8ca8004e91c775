// `baton simulate --endpoint`: endpoints in the simulator, for many seeds or, with its story, for one.

import { EndpointCampaign, type EndpointTally } from '../sim/endpoint/campaign.ts';
import type { Sabotage } from '../sim/endpoint/sabotage.ts';
import { simulateMany, tellRun } from './simulate-many.ts';

export interface SimulateEndpointOptions {
  readonly seeds: number;
  readonly first: number;
  /** Null: many. */
  readonly seed: number | null;
  readonly isShrunk: boolean;
  readonly sabotage: (() => Sabotage) | null;
  readonly json: boolean;
}

/** The answer is the exit code. */
export function simulateEndpoint(options: SimulateEndpointOptions): number {
  const campaign = new EndpointCampaign(options.sabotage);
  const { seed, json } = options;
  if (seed === null) return simulateMany(campaign, { ...options, describe: describeTally });
  const outcome = campaign.tell(seed);
  const isShrunk = options.isShrunk && outcome.violation !== null;
  return tellRun(seed, isShrunk ? campaign.shrink(outcome) : outcome, json);
}

function describeTally({ faults, routes, switches, switchesDone, settledAfterMsMax }: EndpointTally): string {
  return (
    `${faults} faults; endpoints changed ${routes} times where they lead, ${switchesDone} of ${switches} ordered ` +
    `switches were done; after the last fault all led to the one primary within ${(settledAfterMsMax / 1_000).toFixed(1)} s\n`
  );
}
