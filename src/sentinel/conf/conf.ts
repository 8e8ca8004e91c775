// What a sentinel.conf says, as data (sentinel.md §2). The loader makes it from text; the machine keeps it up to date
// in memory; the rewriter puts it back into the text. All text is byte strings.

import type { LogLevel } from '../io.ts';

/** An address in the file: a host text as written (numeric, or a name) and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface KnownSentinel extends HostPort {
  /** 40 characters. */
  readonly runId: string;
}

/** One `sentinel monitor` with everything else the file says about that name (sentinel.md §2.3). */
export interface MasterConf {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly quorum: number;
  /** Silence for this long makes an instance subjectively down. Milliseconds, > 0. */
  readonly downAfterMs: number;
  /** Limits a failover's phases; twice this separates attempts. Milliseconds, > 0. */
  readonly failoverTimeoutMs: number;
  /** Replicas re-pointed at the same time after a failover. */
  readonly parallelSyncs: number;
  readonly notificationScript: string | null;
  readonly clientReconfigScript: string | null;
  readonly authPass: string | null;
  readonly authUser: string | null;
  /** 0 turns it off. Milliseconds. */
  readonly masterRebootDownAfterMs: number;
  /** Command, in the case it was given in, to what it is called on this master's nodes. No two differ by case only. */
  readonly renamedCommands: ReadonlyMap<string, string>;
  /** Unsigned 64 bits. */
  readonly configEpoch: bigint;
  /** Unsigned 64 bits. The epoch of the last vote given for this master. */
  readonly leaderEpoch: bigint;
  readonly knownReplicas: readonly HostPort[];
  readonly knownSentinels: readonly KnownSentinel[];
}

export interface TlsConf {
  /** 0: no TLS listener. */
  readonly port: number;
  /** `tls-replication`: all outgoing links are TLS. */
  readonly outgoing: boolean;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly keyFilePass: string | null;
  readonly clientCertFile: string | null;
  readonly clientKeyFile: string | null;
  readonly clientKeyFilePass: string | null;
  readonly caCertFile: string | null;
  readonly caCertDir: string | null;
  readonly dhParamsFile: string | null;
  readonly authClients: 'yes' | 'no' | 'optional';
  /** e.g. `TLSv1.2 TLSv1.3`; null: the library's default. */
  readonly protocols: string | null;
  readonly ciphers: string | null;
  readonly ciphersuites: string | null;
  readonly preferServerCiphers: boolean;
  readonly sessionCaching: boolean;
  readonly sessionCacheSize: number;
  readonly sessionCacheTimeoutSeconds: number;
}

/** Limits on what may wait for a client that does not read. 0: no limit. */
export interface OutputBufferLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

/** The general directives that matter to a sentinel (sentinel.md §2.4). */
export interface ServerConf {
  /** 0: no TCP listener. */
  readonly port: number;
  /** As written; a leading `-` marks an address that may be missing. Default `* -::*`. */
  readonly bind: readonly string[];
  /** Source address of outgoing links. */
  readonly bindSourceAddr: string | null;
  readonly protectedMode: boolean;
  readonly tcpBacklog: number;
  /** Idle clients are closed after this long; 0: never. */
  readonly timeoutSeconds: number;
  readonly tcpKeepaliveSeconds: number;
  readonly unixSocket: string | null;
  /** Octal permission bits, e.g. 0o700; null: as umask leaves them. */
  readonly unixSocketPerm: number | null;
  readonly maxClients: number;
  readonly logLevel: LogLevel;
  /** Empty: standard output. Relative to the working directory at the time of each line. */
  readonly logFile: string;
  readonly syslog: { readonly enabled: boolean; readonly ident: string; readonly facility: string };
  /** Absolute. The working directory the file asked for, or the one at start. */
  readonly dir: string;
  readonly daemonize: boolean;
  readonly supervised: 'no' | 'upstart' | 'systemd' | 'auto';
  /** null: not set (with daemonize the default is /var/run/redis.pid). */
  readonly pidFile: string | null;
  /** Password of the user `default`, and the outgoing one to other sentinels when sentinel-pass is unset. */
  readonly requirePass: string | null;
  /** `user` lines: name and rules, e.g. `default on nopass ~* &* +@all`. The machine writes its ACL users back here. */
  readonly users: readonly string[];
  readonly aclFile: string | null;
  readonly aclLogMaxLen: number;
  readonly aclPubsubDefault: 'allchannels' | 'resetchannels';
  /** This sentinel's own commands: lower-case name to the new name, or to '' where it was taken away. */
  readonly renamedCommands: ReadonlyMap<string, string>;
  readonly tls: TlsConf;
  readonly pubsubOutputLimit: OutputBufferLimit;
  readonly normalOutputLimit: OutputBufferLimit;
  /** Valkey's `extended-redis-compatibility`. */
  readonly extendedRedisCompatibility: boolean;
  /** Valkey's `log-format` and `log-timestamp-format`. */
  readonly logFormat: 'legacy' | 'logfmt';
  readonly logTimestampFormat: 'legacy' | 'iso8601' | 'milliseconds';
}

/** A whole sentinel.conf. What is loaded and what is written back have the same type. */
export interface SentinelConf {
  /** 40 characters; null until the first start has made one. */
  readonly myId: string | null;
  /** Unsigned 64 bits. */
  readonly currentEpoch: bigint;
  readonly announceIp: string | null;
  /** 0: not set. */
  readonly announcePort: number;
  readonly denyScriptsReconfig: boolean;
  readonly resolveHostnames: boolean;
  readonly announceHostnames: boolean;
  readonly sentinelUser: string | null;
  readonly sentinelPass: string | null;
  readonly masters: readonly MasterConf[];
  readonly server: ServerConf;
}

export const DEFAULT_DOWN_AFTER_MS = 30_000;
export const DEFAULT_FAILOVER_TIMEOUT_MS = 180_000;
export const DEFAULT_PARALLEL_SYNCS = 1;
