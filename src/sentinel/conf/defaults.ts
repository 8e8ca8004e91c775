// What a sentinel is set to where its file says nothing (sentinel.md §2.3, §2.4).

import {
  DEFAULT_DOWN_AFTER_MS,
  DEFAULT_FAILOVER_TIMEOUT_MS,
  DEFAULT_PARALLEL_SYNCS,
  type MasterConf,
  type ServerConf,
} from './conf.ts';

export const DEFAULT_PORT = 26379;
/** Every IPv4 address, and every IPv6 address if there is IPv6. */
export const DEFAULT_BIND: readonly string[] = ['*', '-::*'];

const MEBIBYTE = 1024 ** 2;

/** A master nothing is said about but its `monitor` line. */
export function defaultMaster(name: string, host: string, port: number, quorum: number): MasterConf {
  return {
    name,
    host,
    port,
    quorum,
    downAfterMs: DEFAULT_DOWN_AFTER_MS,
    failoverTimeoutMs: DEFAULT_FAILOVER_TIMEOUT_MS,
    parallelSyncs: DEFAULT_PARALLEL_SYNCS,
    notificationScript: null,
    clientReconfigScript: null,
    authPass: null,
    authUser: null,
    masterRebootDownAfterMs: 0,
    renamedCommands: new Map(),
    configEpoch: 0n,
    leaderEpoch: 0n,
    knownReplicas: [],
    knownSentinels: [],
  };
}

/** `dir`: the absolute path of the working directory at start. */
export function defaultServer(dir: string): ServerConf {
  return {
    port: DEFAULT_PORT,
    bind: DEFAULT_BIND,
    bindSourceAddr: null,
    protectedMode: false,
    tcpBacklog: 511,
    timeoutSeconds: 0,
    tcpKeepaliveSeconds: 300,
    unixSocket: null,
    unixSocketPerm: null,
    maxClients: 10_000,
    logLevel: 'notice',
    logFile: '',
    syslog: { enabled: false, ident: 'redis', facility: 'local0' },
    dir,
    daemonize: false,
    supervised: 'no',
    pidFile: null,
    requirePass: null,
    users: [],
    aclFile: null,
    aclLogMaxLen: 128,
    aclPubsubDefault: 'resetchannels',
    renamedCommands: new Map(),
    tls: {
      port: 0,
      outgoing: false,
      certFile: null,
      keyFile: null,
      keyFilePass: null,
      clientCertFile: null,
      clientKeyFile: null,
      clientKeyFilePass: null,
      caCertFile: null,
      caCertDir: null,
      dhParamsFile: null,
      authClients: 'yes',
      protocols: null,
      ciphers: null,
      ciphersuites: null,
      preferServerCiphers: false,
      sessionCaching: true,
      sessionCacheSize: 20 * 1024,
      sessionCacheTimeoutSeconds: 300,
    },
    pubsubOutputLimit: { hardBytes: 32 * MEBIBYTE, softBytes: 8 * MEBIBYTE, softSeconds: 60 },
    normalOutputLimit: { hardBytes: 0, softBytes: 0, softSeconds: 0 },
    extendedRedisCompatibility: false,
    logFormat: 'legacy',
    logTimestampFormat: 'legacy',
  };
}
