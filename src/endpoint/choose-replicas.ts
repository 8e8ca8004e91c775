// Which replicas clients are led to: those that are near enough to the primary, by bytes and by age of their data.

import type { Role } from './endpoint-conf.ts';
import { describeServer, type RedisServer } from './redis-server.ts';
import type { ReplicationInfo } from './replication-info.ts';

type ReplicaRole = Extract<Role, { readonly kind: 'replica' }>;

/** Of the last minute at a refresh of half a second. */
const SAMPLES_MAX = 128;

/** Where the primary was when: turns a replica's offset into an age. */
export class OffsetHistory {
  #history = '';
  #samples: { readonly at: number; readonly offset: number }[] = [];

  /** The offset of the primary, as asked for at `at`. */
  add(history: string, at: number, offset: number): void {
    if (history !== this.#history) {
      this.#history = history;
      this.#samples = [];
    }
    const last = this.#samples.at(-1);
    if (last !== undefined && last.at >= at) return;
    this.#samples.push({ at, offset });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  get latest(): { readonly history: string; readonly offset: number } | null {
    const last = this.#samples.at(-1);
    return last === undefined ? null : { history: this.#history, offset: last.offset };
  }

  /** How old the data of somebody at `offset` is at `now`, milliseconds; at least as old, where the memory ends. */
  ageMs(offset: number, now: number): number {
    const { latest } = this;
    if (latest !== null && offset >= latest.offset) return 0;
    // The oldest moment at which the primary had more than that.
    const passed = this.#samples.find((sample) => sample.offset > offset);
    return passed === undefined ? Infinity : now - passed.at;
  }
}

export interface Lag {
  readonly bytes: number;
  readonly ms: number;
}

/** How far a replica is behind; null: that can't be told. */
export function lagOf(server: RedisServer, primary: OffsetHistory, now: number): Lag | null {
  const { info } = server;
  const { latest } = primary;
  if (info?.role !== 'slave' || latest === null || info.history !== latest.history) return null;
  return { bytes: Math.max(0, latest.offset - info.offset), ms: primary.ageMs(info.offset, now) };
}

/** What keeps a replica from getting its primary's writes; null: nothing. */
export function whyNotFollowing(info: ReplicationInfo): string | null {
  if (info.role !== 'slave') return null;
  if (info.isSyncing) return 'it is loading a copy from its primary';
  return info.isLinkUp ? null : 'its link to its primary is down';
}

/** Why a server gets no clients of a replica endpoint; null: it gets them. */
export function whyNotAdmitted(
  server: RedisServer,
  role: ReplicaRole,
  primary: OffsetHistory,
  now: number,
): string | null {
  const { info, verdict, adminState } = server;
  if (adminState !== 'ready') return `in ${adminState} by order`;
  if (server.weight === 0) return 'weight 0';
  if (verdict.health !== 'up' || info === null) return verdict.reason;
  if (info.role === 'master') return 'it is a primary';
  const broken = whyNotFollowing(info);
  if (broken !== null) return broken;
  const lag = lagOf(server, primary, now);
  if (lag === null) return 'how far it is behind cannot be told';
  if (lag.bytes > role.lagBytesMax) return `${lag.bytes} bytes behind, more than ${role.lagBytesMax}`;
  if (lag.ms > role.lagMsMax)
    return `${Math.round(lag.ms / 1000)} s behind, more than ${role.lagMsMax / 1000} s`;
  return null;
}

export interface ReplicaChoice {
  readonly servers: readonly RedisServer[];
  readonly because: string;
}

/** Those that are admitted; without any, the primary or nobody, as the setting says. */
export function chooseReplicas(
  servers: readonly RedisServer[],
  role: ReplicaRole,
  primary: { readonly server: RedisServer | null; readonly offsets: OffsetHistory },
  now: number,
): ReplicaChoice {
  const verdicts = servers
    .filter((server) => server !== primary.server)
    .map((server) => ({ server, why: whyNotAdmitted(server, role, primary.offsets, now) }));
  const good = verdicts.filter(({ why }) => why === null).map(({ server }) => server);
  const refused = verdicts.flatMap(({ server, why }) =>
    why === null ? [] : [`${describeServer(server)}: ${why}`],
  );
  const but = refused.length === 0 ? '' : ` (not ${refused.join('; not ')})`;
  if (good.length > 0) return { servers: good, because: `${good.map(describeServer).join(', ')}${but}` };
  const none = `no replica is near enough${but}`;
  if (role.withoutReplica === 'primary' && primary.server !== null) {
    return {
      servers: [primary.server],
      because: `${none}: to the primary, ${describeServer(primary.server)}`,
    };
  }
  return { servers: [], because: none };
}

/**
 * Weights such that none has more than `shareMax` percent of their sum, where there are enough servers for that: the heaviest
 * are lowered to the largest share, as water finds its level.
 */
export function capShares(weights: readonly number[], shareMax: number): number[] {
  const share = shareMax / 100;
  if (share >= 1 || weights.length < 2) return [...weights];
  if (share * weights.length <= 1) return weights.map(() => 1);
  const capped = [...weights];
  for (let round = 0; round < weights.length; round += 1) {
    const sum = capped.reduce((total, weight) => total + weight, 0);
    const at = capped.findIndex((weight) => weight > share * sum * 1.000_001);
    if (at === -1) break;
    const tops = capped.map((weight, index) => ({ weight, index })).sort((a, b) => b.weight - a.weight);
    // The heaviest ones share what they may have; the others keep theirs.
    const heavy = tops.filter(({ weight }) => weight > share * sum * 1.000_001);
    const rest = sum - heavy.reduce((total, { weight }) => total + weight, 0);
    const allowed = (share * rest) / (1 - share * heavy.length);
    for (const { index } of heavy) capped[index] = allowed;
  }
  const least = Math.min(...capped);
  // Whole numbers again, in a scale fine enough for a percent.
  const scale = Math.min(256 / Math.max(...capped), 100 / least);
  return capped.map((weight) => Math.max(1, Math.floor(weight * scale)));
}
