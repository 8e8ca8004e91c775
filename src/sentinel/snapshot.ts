// What the quorum machine knows, as plain data for `baton status`, the API and the simulator. It can be printed as
// JSON: epochs are decimal text, and there is no point in time in it, only ages. Text is byte strings.

/** One replica of a primary, as this member sees it. */
export interface ReplicaSnapshot {
  /** `ip:port`, as Sentinel names it. */
  readonly name: string;
  readonly address: string;
  /** As SENTINEL REPLICAS lists them, e.g. `slave` or `s_down,slave,disconnected`. */
  readonly flags: string;
  /** Bytes of the replication stream it has. */
  readonly offset: number;
  /** Bytes it is behind its primary, where both offsets are known. */
  readonly lagBytes: number | null;
  /** Its link to its primary. */
  readonly link: 'up' | 'down';
  /** What it says of our credentials if it refuses them. */
  readonly authProblem: string | null;
}

/** Another voter, as this member sees it. */
export interface VoterSnapshot {
  readonly runId: string;
  readonly address: string;
  readonly flags: string;
  readonly authProblem: string | null;
}

/** One group: a primary and what belongs to it. */
export interface MasterSnapshot {
  readonly name: string;
  readonly status: 'ok' | 'sdown' | 'odown';
  readonly address: string;
  readonly configEpoch: string;
  /** sentinel.md §1.4, e.g. `none` or `wait_start`. */
  readonly failoverState: string;
  readonly quorum: number;
  /** What the primary says of our credentials if it refuses them. */
  readonly authProblem: string | null;
  readonly replicas: readonly ReplicaSnapshot[];
  readonly sentinels: readonly VoterSnapshot[];
}

export interface Snapshot {
  /** This member's id among the voters (SENTINEL MYID). */
  readonly myId: string;
  readonly currentEpoch: string;
  readonly tilt: boolean;
  /** The port it announces or listens on. */
  readonly port: number;
  readonly uptimeMs: number;
  readonly masters: readonly MasterSnapshot[];
  /** Things that were counted since the start, e.g. `helloRejected`. */
  readonly counters: Readonly<Record<string, number>>;
  /** `problem` says why the last write failed, null if it did not. */
  readonly persist: {
    readonly version: number;
    readonly persistedVersion: number;
    readonly problem: string | null;
  };
}
