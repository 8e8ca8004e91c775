// What a Redis or Valkey says of itself in INFO, as far as a sentinel listens (sentinel.md §6.11). Text in, data out;
// what the data does is in receive-info.ts.

import { isPort } from './address.ts';

/** No INFO is longer; what is behind is not read. Bytes. */
export const INFO_BYTES_MAX = 1024 * 1024;

/** Replicas a primary may list, and a master may have; more are not a Redis. */
export const REPLICAS_MAX = 4096;

export interface ReplicaLine {
  readonly host: string;
  readonly port: number;
}

export interface Info {
  readonly runId: string | null;
  readonly role: 'master' | 'slave' | null;
  /** Of the history it writes or follows; a node that becomes a primary begins a new one. */
  readonly replicationId: string | null;
  /** Listed by a primary. */
  readonly replicas: readonly ReplicaLine[];
  readonly masterHost: string | null;
  readonly masterPort: number | null;
  readonly masterLinkUp: boolean | null;
  /** Milliseconds; 0 when the line is absent, and not 0 (-1000) when the link never was up. */
  readonly masterLinkDownMs: number;
  readonly priority: number | null;
  readonly offset: bigint | null;
  /** How far a primary has written its replication stream. Bytes. */
  readonly primaryOffset: bigint | null;
  readonly announced: boolean | null;
  /** `no-failover`, `waiting-for-sync`, `failover-in-progress`; null on servers without FAILOVER. */
  readonly failoverState: string | null;
}

function integerOf(text: string): number {
  const value = Number.parseInt(text, 10);
  return Number.isSafeInteger(value) ? value : 0;
}

function offsetOf(text: string): bigint {
  return /^-?\d{1,19}$/.test(text) ? BigInt(text) : 0n;
}

/** `ip=10.0.0.2,port=6379,state=online,…`, or the shape before 2.8: `10.0.0.2,6379,online`. */
function parseReplicaLine(text: string): ReplicaLine | null {
  let host: string | null = null;
  let portText: string | null = null;
  if (text.includes('ip=')) {
    for (const pair of text.split(',')) {
      if (pair.startsWith('ip=')) host = pair.slice(3);
      else if (pair.startsWith('port=')) portText = pair.slice(5);
    }
  } else {
    [host = null, portText = null] = text.split(',');
  }
  if (host === null || host === '' || portText === null || /[\s,]/.test(host)) return null;
  const port = integerOf(portText);
  return isPort(port) && port > 0 ? { host, port } : null;
}

/** Reads an INFO reply; lines that mean nothing here are passed over, whatever they hold. */
export function parseInfo(text: string): Info {
  let runId: string | null = null;
  let role: Info['role'] = null;
  let replicationId: string | null = null;
  const replicas: ReplicaLine[] = [];
  let masterHost: string | null = null;
  let masterPort: number | null = null;
  let masterLinkUp: boolean | null = null;
  let masterLinkDownMs = 0;
  let priority: number | null = null;
  let offset: bigint | null = null;
  let primaryOffset: bigint | null = null;
  let announced: boolean | null = null;
  let failoverState: string | null = null;

  const end = Math.min(text.length, INFO_BYTES_MAX);
  for (let start = 0; start < end;) {
    let stop = text.indexOf('\n', start);
    if (stop < 0 || stop > end) stop = end;
    const colon = text.indexOf(':', start);
    if (colon > start && colon < stop) {
      const key = text.slice(start, colon);
      const value = (): string => text.slice(colon + 1, text[stop - 1] === '\r' ? stop - 1 : stop);
      switch (key) {
        case 'run_id':
          if (value().length === 40) runId = value();
          break;
        case 'role':
          role = value() === 'master' ? 'master' : value() === 'slave' ? 'slave' : null;
          break;
        case 'master_replid':
          if (value().length === 40) replicationId = value();
          break;
        case 'master_host':
          masterHost = value();
          break;
        case 'master_port':
          masterPort = integerOf(value());
          break;
        case 'master_link_status':
          masterLinkUp = value() === 'up';
          break;
        case 'master_link_down_since_seconds':
          masterLinkDownMs = integerOf(value()) * 1000;
          break;
        case 'slave_priority':
          priority = integerOf(value());
          break;
        case 'slave_repl_offset':
          offset = offsetOf(value());
          break;
        case 'master_repl_offset':
          primaryOffset = offsetOf(value());
          break;
        case 'replica_announced':
          announced = integerOf(value()) !== 0;
          break;
        case 'master_failover_state':
          failoverState = value();
          break;
        default:
          if (/^slave\d+$/.test(key) && replicas.length < REPLICAS_MAX) {
            const replica = parseReplicaLine(value());
            if (replica !== null) replicas.push(replica);
          }
      }
    }
    start = stop + 1;
  }
  return {
    runId,
    role,
    replicationId,
    replicas,
    masterHost,
    masterPort,
    masterLinkUp,
    masterLinkDownMs,
    priority,
    offset,
    primaryOffset,
    announced,
    failoverState,
  };
}
