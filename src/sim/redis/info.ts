// INFO's text as the model Redis prints it: the sections and fields of a real server that anybody here reads, in its
// order, lines ended by CRLF.

/** One replica as its primary sees it. */
export interface ReplicaLine {
  readonly ip: string;
  readonly port: number;
  readonly state: 'online' | 'wait_bgsave';
  /** As last acknowledged. */
  readonly offset: number;
  readonly lagSeconds: number;
}

export interface InfoFacts {
  readonly runId: string;
  readonly port: number;
  readonly uptimeSeconds: number;
  readonly clients: number;
  readonly loading: boolean;
  readonly keys: number;
  readonly history: {
    readonly id: string;
    readonly previousId: string;
    readonly offset: number;
    readonly previousUntil: number;
    readonly backlogStart: number;
  };
  readonly priority: number;
  readonly following: {
    readonly host: string;
    readonly port: number;
    readonly linkUp: boolean;
    readonly syncing: boolean;
    /** -1: it was never up. */
    readonly linkDownSeconds: number;
    readonly lastIoSecondsAgo: number;
  } | null;
  readonly replicas: readonly ReplicaLine[];
}

export function infoText(facts: InfoFacts): string {
  const { history, following } = facts;
  const lines = [
    '# Server',
    'redis_version:7.2.4',
    'redis_mode:standalone',
    `run_id:${facts.runId}`,
    `tcp_port:${facts.port}`,
    `uptime_in_seconds:${facts.uptimeSeconds}`,
    '',
    '# Clients',
    `connected_clients:${facts.clients}`,
    '',
    '# Persistence',
    `loading:${facts.loading ? 1 : 0}`,
    '',
    '# Replication',
    `role:${following === null ? 'master' : 'slave'}`,
  ];
  if (following !== null) {
    lines.push(
      `master_host:${following.host}`,
      `master_port:${following.port}`,
      `master_link_status:${following.linkUp ? 'up' : 'down'}`,
      `master_last_io_seconds_ago:${following.linkUp ? following.lastIoSecondsAgo : -1}`,
      `master_sync_in_progress:${following.syncing ? 1 : 0}`,
      `slave_read_repl_offset:${history.offset}`,
      `slave_repl_offset:${history.offset}`,
    );
    if (!following.linkUp) lines.push(`master_link_down_since_seconds:${following.linkDownSeconds}`);
    lines.push(`slave_priority:${facts.priority}`, 'slave_read_only:1', 'replica_announced:1');
  }
  lines.push(`connected_slaves:${facts.replicas.length}`);
  for (const [index, replica] of facts.replicas.entries()) {
    lines.push(
      `slave${index}:ip=${replica.ip},port=${replica.port},state=${replica.state},` +
        `offset=${replica.offset},lag=${replica.lagSeconds}`,
    );
  }
  lines.push(
    'master_failover_state:no-failover',
    `master_replid:${history.id}`,
    `master_replid2:${history.previousId}`,
    `master_repl_offset:${history.offset}`,
    `second_repl_offset:${history.previousUntil}`,
    'repl_backlog_active:1',
    'repl_backlog_size:1048576',
    `repl_backlog_first_byte_offset:${history.backlogStart + 1}`,
    `repl_backlog_histlen:${history.offset - history.backlogStart}`,
    '',
    '# Keyspace',
  );
  if (facts.keys > 0) lines.push(`db0:keys=${facts.keys},expires=0,avg_ttl=0`);
  return `${lines.join('\r\n')}\r\n`;
}
