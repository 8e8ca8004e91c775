// What a keepalived.conf says about load balancing, as data, every default resolved (vrrp.md §2.3). Times are milliseconds,
// addresses are canonical text.

import type { Command } from '../router-conf.ts';

export interface BalancerConf {
  readonly virtualServers: readonly VirtualServerConf[];
  readonly groups: readonly ServerGroupConf[];
  readonly ssl: SslConf | null;
}

export interface Endpoint {
  readonly address: string;
  /** 0: any. */
  readonly port: number;
}

/** What clients connect to. */
export type ServerTarget =
  | ({ readonly kind: 'address' } & Endpoint)
  | { readonly kind: 'fwmark'; readonly mark: number }
  | { readonly kind: 'group'; readonly name: string };

export type Forwarding = 'NAT' | 'DR' | 'TUN';

export interface VirtualServerConf {
  readonly target: ServerTarget;
  readonly where: string;
  readonly scheduler: string;
  /** Flags of the scheduler and `ops`, `hashed`. */
  readonly flags: readonly string[];
  readonly forwarding: Forwarding;
  /** As written after TUN. */
  readonly tunnel: readonly string[];
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** 0: no persistence. */
  readonly persistenceTimeoutMs: number;
  readonly persistenceEngine: string | null;
  readonly persistenceGranularity: string | null;
  readonly ipFamily: 'inet' | 'inet6' | null;
  /** Weight of living servers it takes to be up, and how much more (less) it takes to change. */
  readonly quorum: number;
  readonly hysteresis: number;
  readonly quorumUp: Command | null;
  readonly quorumDown: Command | null;
  readonly sorryServer: (Endpoint & { readonly inhibit: boolean; readonly forwarding: Forwarding }) | null;
  readonly omega: boolean;
  readonly haSuspend: boolean;
  readonly sendsMail: boolean;
  readonly snmpName: string | null;
  readonly realServers: readonly RealServerConf[];
}

export interface RealServerConf extends Endpoint {
  readonly where: string;
  /** 0: no new connections. */
  readonly weight: number;
  readonly forwarding: Forwarding;
  /** A failed one gets weight 0 instead of being removed. */
  readonly inhibitOnFailure: boolean;
  /** Connections at which no more are given, and at which they are again; 0: no limit. */
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  readonly notifyUp: Command | null;
  readonly notifyDown: Command | null;
  readonly sendsMail: boolean;
  readonly snmpName: string | null;
  /** Alive while none of them is down. */
  readonly checkers: readonly CheckerConf[];
}

export type CheckerKind =
  | 'TCP_CHECK'
  | 'HTTP_GET'
  | 'SSL_GET'
  | 'SMTP_CHECK'
  | 'DNS_CHECK'
  | 'MISC_CHECK'
  | 'UDP_CHECK'
  | 'PING_CHECK'
  | 'FILE_CHECK';

export interface CheckerConf {
  readonly kind: CheckerKind;
  readonly where: string;
  readonly connect: Endpoint;
  readonly bind: {
    readonly address: string | null;
    readonly port: number;
    readonly interface: string | null;
  };
  /** 0: none. */
  readonly fwmark: number;
  readonly connectTimeoutMs: number;
  /** Failures after the first before it counts as down. */
  readonly retry: number;
  readonly delayBeforeRetryMs: number;
  /** The first check comes at a random moment within this. */
  readonly warmupMs: number;
  readonly delayLoopMs: number;
  /** Down until the first success. */
  readonly alpha: boolean;
  readonly logAllFailures: boolean;
  /** What only this kind has, as written: `http_protocol`, `helo_name`, `type`, ... to its words. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** Of HTTP_GET and SSL_GET. */
  readonly urls: readonly UrlConf[];
  /** Of MISC_CHECK. */
  readonly command: Command | null;
}

export interface UrlConf {
  readonly path: string;
  readonly virtualHost: string | null;
  /** `[from, to]`, both included. */
  readonly statusCodes: readonly (readonly [number, number])[];
  /** 32 hexadecimal digits: MD5. */
  readonly digest: string | null;
  readonly regex: string | null;
  readonly regexMustNotMatch: boolean;
  readonly options: ReadonlyMap<string, readonly string[]>;
}

export interface ServerGroupConf {
  readonly name: string;
  readonly entries: readonly (
    | { readonly kind: 'addresses'; readonly from: string; readonly to: string; readonly port: number }
    | { readonly kind: 'fwmark'; readonly mark: number }
  )[];
}

export interface SslConf {
  /** Secret. */
  readonly password: string | null;
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
}
