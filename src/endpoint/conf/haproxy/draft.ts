// What the lines of haproxy.cfg say, section by section, before defaults are resolved and backends are understood.

import type { HttpExpect, TcpCheckStep } from '../../checks/check-conf.ts';
import type { ServersTest, Condition, Test } from '../../condition.ts';
import type { ErrorAction } from '../../observed.ts';
import type { Bind, ClientRule, SlotConf, TlsClientConf, TrackedConf } from '../../endpoint-conf.ts';
import type { Balance } from '../../route.ts';
import type { LogTarget, StatsUser } from './haproxy-conf.ts';
import type { Place } from './report.ts';
import type { StickRule, StickTable } from './stick-lines.ts';
import { ANY_VERSION, onlyVersion, type VersionRange } from './tls-versions.ts';

/** Options of a server; null: not said, so default-server's, or HAProxy's default. */
export interface ServerOptions {
  isChecked: boolean | null;
  interMs: number | null;
  fastInterMs: number | null;
  downInterMs: number | null;
  rise: number | null;
  fall: number | null;
  weight: number | null;
  isBackup: boolean | null;
  isDisabled: boolean | null;
  connectionsMax: number | null;
  checkPort: number | null;
  checkAddress: string | null;
  endsWhenDown: boolean | null;
  endsBackupsWhenUp: boolean | null;
  proxyProtocol: 1 | 2 | null;
  checksByProxyProtocol: boolean | null;
  isTls: boolean | null;
  checksByTls: boolean | null;
  verifies: boolean | null;
  caFile: string | null;
  certificateFile: string | null;
  serverName: string | null;
  versions: VersionRange | null;
  family: 4 | 6 | null;
  asksAgent: boolean | null;
  agentPort: number | null;
  agentAddress: string | null;
  agentInterMs: number | null;
  agentSend: string | null;
  tracks: TrackedConf | null;
  observes: boolean | null;
  errorLimit: number | null;
  onError: ErrorAction | null;
  slowStartMs: number | null;
  /** Where `agent-check`, `track`, `observe` and `slowstart` stand. */
  placed: Readonly<Partial<Record<PlacedOption, Place>>>;
}

export type PlacedOption = 'agent-check' | 'track' | 'observe' | 'slowstart';

function noServerOptions(): ServerOptions {
  return {
    isChecked: null,
    interMs: null,
    fastInterMs: null,
    downInterMs: null,
    rise: null,
    fall: null,
    weight: null,
    isBackup: null,
    isDisabled: null,
    connectionsMax: null,
    checkPort: null,
    checkAddress: null,
    endsWhenDown: null,
    endsBackupsWhenUp: null,
    proxyProtocol: null,
    checksByProxyProtocol: null,
    isTls: null,
    checksByTls: null,
    verifies: null,
    caFile: null,
    certificateFile: null,
    serverName: null,
    versions: null,
    family: null,
    asksAgent: null,
    agentPort: null,
    agentAddress: null,
    agentInterMs: null,
    agentSend: null,
    tracks: null,
    observes: null,
    errorLimit: null,
    onError: null,
    slowStartMs: null,
    placed: {},
  };
}

export interface ServerDraft {
  readonly name: string;
  readonly host: string;
  /** null: none is given. */
  readonly port: number | null;
  readonly options: ServerOptions;
  /** One of those that a server-template makes; absent: it stands there by itself. */
  readonly slot?: SlotConf;
  readonly place: Place;
}

/** A step of tcp-check whose TLS is resolved with its server's options. */
export type DraftStep =
  | Exclude<TcpCheckStep, { readonly kind: 'connect' }>
  | {
      readonly kind: 'connect';
      readonly host: string | null;
      readonly port: number | null;
      readonly isTls: boolean;
      readonly serverName: string | null;
      readonly sendsProxyProtocol: boolean;
      /** As the server's own connections (`default`). */
      readonly isDefault: boolean;
    };

export type CheckKind = 'tcp' | 'tcp-check' | 'redis' | 'http' | 'smtp' | 'external';

/** What `defaults` passes on. */
export interface Settings {
  mode: 'tcp' | 'http' | null;
  balance: Balance;
  connectMs: number | null;
  clientMs: number | null;
  serverMs: number | null;
  tunnelMs: number | null;
  checkMs: number | null;
  queueMs: number | null;
  connectionsMax: number | null;
  /** Where `maxconn` and `balance` stand; null: nowhere. */
  connectionsMaxAt: Place | null;
  balanceAt: Place | null;
  checkKind: CheckKind;
  steps: DraftStep[];
  /** Where the first tcp-check rule stands, for the warning that it is ignored. */
  stepsAt: Place | null;
  http: {
    method: string;
    path: string;
    version: '1.0' | '1.1';
    headers: (readonly [string, string])[];
    body: string;
  };
  httpExpects: HttpExpect[];
  smtpName: string;
  externalCommand: string | null;
  externalPath: string | null;
  usesAllBackups: boolean;
  forwardsFor: boolean;
  /** Where it is said; null: nowhere. */
  forwardsForAt: Place | null;
  keepsAlive: boolean;
  defaultServer: ServerOptions;
  defaultBackend: string | null;
  logs: (LogTarget | 'global')[];
  stats: StatsDraft;
}

export interface StatsDraft {
  isEnabled: boolean;
  uri: string | null;
  refreshMs: number | null;
  realm: string | null;
  users: StatsUser[];
  monitorUri: string | null;
  metricsPath: string | null;
}

export function noSettings(): Settings {
  return {
    mode: null,
    balance: 'roundrobin',
    connectMs: null,
    clientMs: null,
    serverMs: null,
    tunnelMs: null,
    checkMs: null,
    queueMs: null,
    connectionsMax: null,
    connectionsMaxAt: null,
    balanceAt: null,
    checkKind: 'tcp',
    steps: [],
    stepsAt: null,
    http: { method: 'OPTIONS', path: '/', version: '1.0', headers: [], body: '' },
    httpExpects: [],
    smtpName: 'localhost',
    externalCommand: null,
    externalPath: null,
    usesAllBackups: false,
    forwardsFor: false,
    forwardsForAt: null,
    keepsAlive: false,
    defaultServer: noServerOptions(),
    defaultBackend: null,
    logs: [],
    stats: {
      isEnabled: false,
      uri: null,
      refreshMs: null,
      realm: null,
      users: [],
      monitorUri: null,
      metricsPath: null,
    },
  };
}

/** A copy that a section may change. */
export function copySettings(from: Settings): Settings {
  return {
    ...from,
    steps: [...from.steps],
    http: { ...from.http, headers: [...from.http.headers] },
    httpExpects: [...from.httpExpects],
    defaultServer: { ...from.defaultServer },
    logs: [...from.logs],
    stats: { ...from.stats, users: [...from.stats.users] },
  };
}

/** A rule that names a backend, or a server, for those clients for whom its condition holds. */
export interface NamingRule {
  readonly name: string;
  readonly when: Condition;
  /** It has no condition. */
  readonly isForAll: boolean;
  /** Where the name stands. */
  readonly at: Place;
}

export interface ProxyDraft {
  readonly kind: 'frontend' | 'backend' | 'listen';
  readonly name: string;
  readonly place: Place;
  readonly settings: Settings;
  readonly binds: Bind[];
  /** Where each of them stands. */
  readonly bindsAt: Place[];
  readonly servers: ServerDraft[];
  /** Named conditions: one of the tests holds. */
  readonly acls: Map<string, readonly Test[]>;
  /** Servers that its conditions ask about. */
  readonly serversAsked: { readonly test: ServersTest; readonly at: Place }[];
  readonly clientRules: ClientRule[];
  /** Where each of them stands. */
  readonly clientRulesAt: Place[];
  /** `use_backend`, in the order of the file. */
  readonly backendRules: NamingRule[];
  /** `use-server`. */
  readonly serverRules: NamingRule[];
  stickTable: StickTable | null;
  readonly stickRules: StickRule[];
  /**
   * Backends whose number of servers decides which server is used (`nbsrv(X)`): the Sentinel trick of Kubernetes charts, and
   * of tutorials.
   */
  readonly countedBackends: ReadonlySet<string>;
  /** Backends that it is made of; none: it stands in the file as it is. */
  readonly joins: readonly string[];
  isDisabled: boolean;
}

/** What a server's TLS options come to; null: it speaks plainly. */
export function tlsOf(options: ServerOptions): TlsClientConf {
  const version = onlyVersion(options.versions ?? ANY_VERSION);
  return {
    caFile: options.caFile,
    certificateFile: options.certificateFile,
    // HAProxy's `crt` holds both.
    keyFile: options.certificateFile,
    verifies: options.verifies ?? true,
    serverName: options.serverName,
    ...(version === null ? {} : { version }),
  };
}
