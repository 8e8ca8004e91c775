// INFO as a sentinel answers it: Server, Clients, Stats, CPU, Sentinel (sentinel.md §1.5).

import type { Core } from './core.ts';
import type { ServerStats } from './server/server.ts';

/** What INFO says of the process as a whole. */
export interface Identity {
  /** `redis`, or `valkey` where the executable is called so. */
  readonly flavour: 'redis' | 'valkey';
  /** The Redis or Valkey version whose protocol we speak. */
  readonly compatibleVersion: string;
  /** Baton's own. */
  readonly version: string;
  /** Random for each start; not SENTINEL MYID. */
  readonly runId: string;
  readonly startedAt: number;
}

/** What a Valkey calls itself to clients that ask for Redis's version (sentinel.md §10.1). */
const REDIS_VERSION_OF_VALKEY = '7.2.4';

const SECTIONS = ['server', 'clients', 'stats', 'cpu', 'sentinel'] as const;
type Section = (typeof SECTIONS)[number];

/** Which sections the arguments of INFO name. */
function wanted(args: readonly string[]): Set<Section> {
  const names = args.map((name) => name.toLowerCase());
  if (
    names.length === 0 ||
    names.some((name) => name === 'default' || name === 'all' || name === 'everything')
  ) {
    return new Set(SECTIONS);
  }
  return new Set(SECTIONS.filter((section) => names.includes(section)));
}

function serverSection(core: Core, identity: Identity): string[] {
  const facts = core.host.facts();
  const seconds = Math.floor((core.now - identity.startedAt) / 1000);
  const { server } = core;
  const plain = identity.flavour === 'redis' || server.extendedRedisCompatibility;
  return [
    '# Server',
    `redis_version:${identity.flavour === 'redis' ? identity.compatibleVersion : REDIS_VERSION_OF_VALKEY}`,
    ...(identity.flavour === 'redis'
      ? []
      : ['server_name:valkey', `valkey_version:${identity.compatibleVersion}`]),
    `baton_version:${identity.version}`,
    `${plain ? 'redis_mode' : 'server_mode'}:sentinel`,
    `os:${facts.os}`,
    `arch_bits:${facts.arch.includes('64') ? 64 : 32}`,
    `process_id:${facts.pid}`,
    'process_supervised:no',
    `run_id:${identity.runId}`,
    `tcp_port:${server.port === 0 ? server.tls.port : server.port}`,
    `server_time_usec:${facts.serverTimeMicros}`,
    `uptime_in_seconds:${seconds}`,
    `uptime_in_days:${Math.floor(seconds / 86_400)}`,
    'hz:10',
    'configured_hz:10',
    `executable:${facts.executable}`,
    `config_file:${facts.configFile}`,
    ...(server.port === 0
      ? []
      : [`listener0:name=tcp,bind=${server.bind.join(',bind=')},port=${server.port}`]),
  ];
}

function sentinelSection(core: Core): string[] {
  const { simulate } = core;
  const tiltedFor = core.tiltSince === null ? -1 : Math.floor((core.now - core.tiltSince) / 1000);
  const lines = [
    '# Sentinel',
    `sentinel_masters:${core.masters.size}`,
    `sentinel_tilt:${core.tilted ? 1 : 0}`,
    `sentinel_tilt_since_seconds:${tiltedFor}`,
    `sentinel_running_scripts:${core.scripts.running}`,
    `sentinel_scripts_queue_length:${core.scripts.jobs.length}`,
    `sentinel_simulate_failure_flags:${(simulate.afterElection ? 1 : 0) + (simulate.afterPromotion ? 2 : 0)}`,
  ];
  let index = 0;
  for (const master of core.masters.values()) {
    const status = master.odown ? 'odown' : master.sdown ? 'sdown' : 'ok';
    lines.push(
      `master${index}:name=${master.name},status=${status},` +
        `address=${core.shown(master.address)}:${master.address.port},` +
        `slaves=${master.replicas.size},sentinels=${master.peers.size + 1}`,
    );
    index += 1;
  }
  return lines;
}

export function infoText(
  core: Core,
  identity: Identity,
  traffic: ServerStats,
  args: readonly string[],
): string {
  const facts = core.host.facts();
  const sections: Record<Section, () => string[]> = {
    server: () => serverSection(core, identity),
    clients: () => [
      '# Clients',
      `connected_clients:${traffic.connectedClients}`,
      'cluster_connections:0',
      `maxclients:${core.server.maxClients}`,
      'client_recent_max_input_buffer:0',
      'client_recent_max_output_buffer:0',
      `blocked_clients:${traffic.blockedClients}`,
      `tracking_clients:${traffic.trackingClients}`,
      `pubsub_clients:${traffic.pubsubClients}`,
      'clients_in_timeout_table:0',
    ],
    stats: () => [
      '# Stats',
      `total_connections_received:${traffic.totalConnections}`,
      `total_commands_processed:${traffic.totalCommands}`,
      `rejected_connections:${traffic.rejectedConnections}`,
      `pubsub_channels:${traffic.pubsubChannels}`,
      `pubsub_patterns:${traffic.pubsubPatterns}`,
      `total_error_replies:${traffic.totalErrors}`,
    ],
    cpu: () => [
      '# CPU',
      `used_cpu_sys:${facts.cpuSystemSeconds.toFixed(6)}`,
      `used_cpu_user:${facts.cpuUserSeconds.toFixed(6)}`,
    ],
    sentinel: () => sentinelSection(core),
  };
  const chosen = wanted(args);
  return SECTIONS.filter((section) => chosen.has(section))
    .map((section) => `${sections[section]().join('\r\n')}\r\n`)
    .join('\r\n');
}
