// Directives of redis-server 7.0 to 8.x and valkey-server up to 9 that mean nothing to a sentinel. They are accepted,
// kept in the file as they stand, and not looked into (sentinel.md §2.4). Anything in neither this table nor
// general.ts is a mistake in the file.

/** Take one value. */
const ONE_VALUE = `
active-defrag-cycle-max active-defrag-cycle-min active-defrag-cycle-us active-defrag-ignore-bytes
active-defrag-max-scan-fields active-defrag-threshold-lower active-defrag-threshold-upper active-expire-effort
activedefrag activerehashing always-show-logo aof-disable-auto-gc aof-load-corrupt-tail-max-size aof-load-truncated
aof-rewrite-cpulist aof-rewrite-incremental-fsync aof-timestamp-enabled aof-use-rdb-preamble aof_rewrite_cpulist
appenddirname appendfilename appendfsync appendonly auto-aof-rewrite-min-size auto-aof-rewrite-percentage
availability-zone bgsave-cpulist bgsave_cpulist bio-cpulist bio_cpulist busy-reply-threshold client-default-resp
client-query-buffer-limit cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down
cluster-allow-replica-migration cluster-announce-bus-port cluster-announce-client-ipv4 cluster-announce-client-ipv6
cluster-announce-client-port cluster-announce-client-tls-port cluster-announce-hostname
cluster-announce-human-nodename cluster-announce-ip cluster-announce-port cluster-announce-tls-port
cluster-blacklist-ttl cluster-compatibility-sample-ratio cluster-config-file cluster-config-save-behavior
cluster-databases cluster-enabled cluster-link-sendbuf-limit cluster-manual-failover-timeout
cluster-message-gossip-perc cluster-migration-barrier cluster-node-timeout cluster-ping-interval cluster-port
cluster-preferred-endpoint-type cluster-replica-no-failover cluster-replica-validity-factor
cluster-require-full-coverage cluster-slave-no-failover cluster-slave-validity-factor
cluster-slot-migration-handoff-max-lag-bytes cluster-slot-migration-log-max-len
cluster-slot-migration-max-archived-tasks cluster-slot-migration-sync-buffer-drain-timeout
cluster-slot-migration-write-pause-timeout cluster-slot-stats-enabled commandlog-execution-slower-than
commandlog-large-reply-max-len commandlog-large-request-max-len commandlog-reply-larger-than
commandlog-request-larger-than commandlog-slow-execution-max-len crash-log-enabled crash-memcheck-enabled databases
dbfilename debug-assert-enabled debug-context disable-thp dual-channel-replication-enabled dynamic-hz
enable-debug-assert enable-debug-command enable-module-command enable-protected-configs events-per-io-thread
hash-max-listpack-entries hash-max-listpack-value hash-max-ziplist-entries hash-max-ziplist-value hash-seed
hide-user-data-from-log hll-sparse-max-bytes hz ignore-warnings import-mode io-threads io-threads-always-active
io-threads-do-reads jemalloc-bg-thread key-load-delay key-memory-histograms latency-monitor-threshold
latency-tracking lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del
lazyfree-lazy-user-flush lfu-decay-time lfu-log-factor list-compress-depth list-max-listpack-size
list-max-ziplist-size loading-process-events-interval-bytes locale-collate lookahead lua-enable-deprecated-api
lua-enable-insecure-api lua-time-limit masterauth masteruser max-new-connections-per-cycle
max-new-tls-connections-per-cycle maxmemory maxmemory-clients maxmemory-eviction-tenacity maxmemory-policy
maxmemory-samples min-io-threads-avoid-copy-reply min-replicas-max-lag min-replicas-to-write min-slaves-max-lag
min-slaves-to-write min-string-size-avoid-copy-reply min-string-size-avoid-copy-reply-threaded mptcp
no-appendfsync-on-rewrite notify-keyspace-events oom-score-adj prefetch-batch-max-size primaryauth primaryuser
proc-title-template propagation-error-behavior proto-max-bulk-len rdb-del-sync-files rdb-key-save-delay
rdb-save-incremental-fsync rdb-version-check rdbchecksum rdbcompression rdma-completion-vector rdma-port rdma-rx-size
repl-backlog-size repl-backlog-ttl repl-disable-tcp-nodelay repl-diskless-load repl-diskless-sync
repl-diskless-sync-delay repl-diskless-sync-max-replicas repl-mptcp repl-ping-replica-period repl-ping-slave-period
repl-rdb-channel repl-timeout replica-announce-ip replica-announce-port replica-announced
replica-full-sync-buffer-limit replica-ignore-disk-write-errors replica-ignore-maxmemory replica-lazy-flush
replica-priority replica-read-only replica-serve-stale-data req-res-logfile sanitize-dump-payload server-cpulist
server_cpulist set-max-intset-entries set-max-listpack-entries set-max-listpack-value set-proc-title
shutdown-timeout slave-announce-ip slave-announce-port slave-ignore-maxmemory slave-lazy-flush slave-priority
slave-read-only slave-serve-stale-data slot-migration-max-failover-repl-bytes slowlog-entry-max-argc
slowlog-entry-max-string-len slowlog-log-slower-than slowlog-max-len socket-mark-id stop-writes-on-bgsave-error
stream-idmp-duration stream-idmp-maxsize stream-node-max-bytes stream-node-max-entries tls-auth-clients-user
tls-auto-reload-interval tls-cluster tracking-table-max-keys unixsocketgroup use-exit-on-panic
vset-force-single-threaded-execution watchdog-period zset-max-listpack-entries zset-max-listpack-value
zset-max-ziplist-entries zset-max-ziplist-value`;

/** Take any number of values. */
const MANY_VALUES = `
latency-tracking-info-percentiles oom-score-adj-values rdma-bind replicaof save shutdown-on-sigint
shutdown-on-sigterm slaveof`;

/** Gone from the servers, but still accepted by them with one value; a rewrite turns them into comments. */
const LEGACY = 'list-max-ziplist-entries list-max-ziplist-value lua-replicate-commands';

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));
const ONE_VALUE_NAMES = words(ONE_VALUE);
const MANY_VALUES_NAMES = words(MANY_VALUES);
const LEGACY_NAMES = words(LEGACY);

/** How many values the ignored directive `name` (lower case) takes; null if there is no such directive. */
export function ignoredDirective(name: string): 'one' | 'many' | 'legacy' | null {
  if (ONE_VALUE_NAMES.has(name)) return 'one';
  if (MANY_VALUES_NAMES.has(name)) return 'many';
  return LEGACY_NAMES.has(name) ? 'legacy' : null;
}
