// What holds where nobody says otherwise, for endpoints that the command line describes.

import type { CheckTiming, HoldConf, QueueConf } from './endpoint-conf.ts';

/** A decision stands so long without being confirmed. Longer: fewer interruptions; an isolated primary serves longer. */
export const LEASE_MS = 3_000;
/** Between two confirmations: six of them may be lost within a lease. */
export const REFRESH_MS = 500;
export const QUEUE: QueueConf = { timeoutMs: 5_000, clientsMax: 10_000 };
export const HOLD: HoldConf = {
  holdMsMax: 1_000,
  clientBytesMax: 1024 * 1024,
  bytesMax: 256 * 1024 * 1024,
};
export const REPLICA_LAG_BYTES = 1024 * 1024;
export const REPLICA_LAG_MS = 10_000;
export const CONNECT_MS = 2_000;
export const KEEP_ALIVE_MS = 60_000;
/** Of the standing connections. A reset is known at once; only silence has to be counted. */
export const TIMING: CheckTiming = {
  intervalMs: REFRESH_MS,
  fastIntervalMs: 100,
  downIntervalMs: REFRESH_MS,
  rise: 1,
  fall: 2,
  timeoutMs: 1_000,
};
