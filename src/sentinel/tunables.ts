// The periods of the quorum machine, as `SENTINEL DEBUG` lists and changes them (sentinel.md §4.1). All milliseconds.

import { DEFAULT_DOWN_AFTER_MS, DEFAULT_FAILOVER_TIMEOUT_MS } from './conf/conf.ts';

/** Changed at run time only, never saved. */
export interface Tunables {
  /** Between INFO requests to a data node in calm times. */
  infoPeriod: number;
  /** At most this between PINGs; also how often a lost link may be redialled. */
  pingPeriod: number;
  /** At most this between questions to a peer; five times this a peer's opinion lives. */
  askPeriod: number;
  /** Between hellos. */
  publishPeriod: number;
  defaultDownAfter: number;
  defaultFailoverTimeout: number;
  /** A wake-up later than this is not trusted: TILT. */
  tiltTrigger: number;
  tiltPeriod: number;
  /** A replica told to follow the new primary that does not show it in this time counts as done. */
  slaveReconfTimeout: number;
  /** A link younger than this is never torn down for silence. */
  minLinkReconnectPeriod: number;
  /** With failover-timeout, the longest an election may last. */
  electionTimeout: number;
  scriptMaxRuntime: number;
  /** Before the first repetition of a failed script; doubles. */
  scriptRetryDelay: number;
}

export function defaultTunables(): Tunables {
  return {
    infoPeriod: 10_000,
    pingPeriod: 1_000,
    askPeriod: 1_000,
    publishPeriod: 2_000,
    defaultDownAfter: DEFAULT_DOWN_AFTER_MS,
    defaultFailoverTimeout: DEFAULT_FAILOVER_TIMEOUT_MS,
    tiltTrigger: 2_000,
    tiltPeriod: 30_000,
    slaveReconfTimeout: 10_000,
    minLinkReconnectPeriod: 15_000,
    electionTimeout: 10_000,
    scriptMaxRuntime: 60_000,
    scriptRetryDelay: 30_000,
  };
}

/** `SENTINEL DEBUG`'s names, in the order it lists them. */
export const TUNABLE_NAMES: readonly (readonly [name: string, key: keyof Tunables])[] = [
  ['INFO-PERIOD', 'infoPeriod'],
  ['PING-PERIOD', 'pingPeriod'],
  ['ASK-PERIOD', 'askPeriod'],
  ['PUBLISH-PERIOD', 'publishPeriod'],
  ['DEFAULT-DOWN-AFTER', 'defaultDownAfter'],
  ['DEFAULT-FAILOVER-TIMEOUT', 'defaultFailoverTimeout'],
  ['TILT-TRIGGER', 'tiltTrigger'],
  ['TILT-PERIOD', 'tiltPeriod'],
  ['SLAVE-RECONF-TIMEOUT', 'slaveReconfTimeout'],
  ['MIN-LINK-RECONNECT-PERIOD', 'minLinkReconnectPeriod'],
  ['ELECTION-TIMEOUT', 'electionTimeout'],
  ['SCRIPT-MAX-RUNTIME', 'scriptMaxRuntime'],
  ['SCRIPT-RETRY-DELAY', 'scriptRetryDelay'],
];

/** INFO period for replicas while their primary is down or being replaced (sentinel.md §4.3). */
export const INFO_PERIOD_URGENT_MS = 1_000;

/**
 * Everything periodic may be this early, so that what is due to one peer leaves in one write and one wake-up serves
 * many instances.
 */
export const PERIODIC_SLACK_MS = 50;
