// What a simulated endpoint daemon is told to do, and what a reload may change of it.

import type { BackendConf, EndpointsConf } from '../../endpoint/endpoint-conf.ts';
import { backendConf, endpointsConf, REPLICA, serverConf } from '../../endpoint/test-kit.ts';
import type { Scenario } from './scenario.ts';

export const GROUP = 'mymaster';
export const REDIS_PORT = 6379;
export const SENTINEL_PORT = 26_379;
export const LEASE_MS = 3_000;
export const LAG_BYTES_MAX = 5_000;
export const LAG_MS_MAX = 5_000;

export const nodeIp = (index: number): string => `10.0.0.${index + 1}`;
export const sentinelIp = (index: number): string => `10.0.1.${index + 1}`;
export const hostIp = (index: number): string => `10.0.2.${index + 1}`;
export const nodeAddress = (index: number): string => `${nodeIp(index)}:${REDIS_PORT}`;

/** `variant` is a set of bits, each something that somebody changed in the file. */
export function confOf(scenario: Scenario, variant: number): EndpointsConf {
  const { source, nodes, sentinels, preferred, withoutReplica, shareMax, hasAny } = scenario;
  const hasOtherPace = (variant & 1) !== 0;
  const hasOtherReaders = (variant & 2) !== 0;
  // With a preference readers have a group of their own, whose knowledge would have to be watched apart.
  const lacksReaders = (variant & 4) !== 0 || preferred !== null;
  const common: Partial<BackendConf> = {
    source:
      source === 'checks'
        ? { kind: 'checks' }
        : {
            kind: 'sentinels',
            sentinels: Array.from({ length: sentinels }, (_, index) => ({
              host: sentinelIp(index),
              port: SENTINEL_PORT,
            })),
            group: GROUP,
            credentials: null,
            tls: null,
          },
    servers: source === 'checks' ? serversOf(nodes) : [],
  };
  const { timing } = backendConf();
  const paced = { ...timing, intervalMs: hasOtherPace ? 400 : timing.intervalMs };
  const primary = backendConf({
    ...common,
    name: 'redis',
    role: { kind: 'primary', preferred: preferred === null ? null : `node-${preferred}` },
    timing: paced,
  });
  const readers = backendConf({
    ...common,
    name: 'readers',
    timing: paced,
    balance: hasOtherReaders ? 'leastconn' : 'roundrobin',
    role: { ...REPLICA, lagBytesMax: LAG_BYTES_MAX, lagMsMax: LAG_MS_MAX, withoutReplica, shareMax },
  });
  const any = backendConf({
    name: 'any',
    role: { kind: 'any' },
    servers: serversOf(nodes).map((server) => ({
      ...server,
      checks: [{ check: { kind: 'tcp' as const, host: null, port: null, tls: null }, timing: paced }],
    })),
  });
  const backends = [primary, ...(lacksReaders ? [] : [readers]), ...(hasAny ? [any] : [])];
  return { ...endpointsConf(...backends), leaseMs: LEASE_MS };
}

const serversOf = (nodes: number): BackendConf['servers'] =>
  Array.from({ length: nodes }, (_, index) => serverConf(`node-${index}`, nodeAddress(index)));
