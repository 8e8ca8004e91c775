// What a haproxy.cfg says of the process rather than of endpoints, as plain data; the command carries it out.

import type { Bind, EndpointsConf } from '../../endpoint-conf.ts';
import type { FileSection, RuntimeLevel } from '../../runtime-view.ts';

export type LogLevelName = 'emerg' | 'alert' | 'crit' | 'err' | 'warning' | 'notice' | 'info' | 'debug';

/** `log`: where lines go, RFC 3164 unless `isRaw`. */
export interface LogTarget {
  readonly to:
    | { readonly kind: 'stdout' | 'stderr' }
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'udp'; readonly host: string; readonly port: number };
  readonly isRaw: boolean;
  /** `local0`, `daemon`, ... */
  readonly facility: string;
  /** Nothing less severe. */
  readonly level: LogLevelName;
}

export interface StatsSocket {
  readonly bind:
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'tcp'; readonly host: string; readonly port: number };
  readonly mode: number | null;
  readonly user: string | null;
  readonly group: string | null;
  readonly level: RuntimeLevel;
  /** Who says nothing for so long is sent away; null: after 10 s. */
  readonly timeoutMs: number | null;
}

/** Secrets. */
export interface StatsUser {
  readonly user: string;
  readonly password: string;
}

/** A page of status over HTTP. */
export interface StatsPage {
  readonly name: string;
  readonly binds: readonly Bind[];
  /** Of the page; null: none, only what else is named here. */
  readonly uri: string | null;
  readonly refreshMs: number | null;
  readonly realm: string | null;
  readonly users: readonly StatsUser[];
  /** Answers 200 as long as the process lives. */
  readonly monitorUri: string | null;
  /** Prometheus. */
  readonly metricsPath: string | null;
}

/** What only frontends of `mode http` have. */
export interface HttpFrontend {
  /** Its name. */
  readonly frontend: string;
  /** `X-Forwarded-For` says who the client is. */
  readonly forwardsFor: boolean;
  /** The page of status among its paths; null: none. */
  readonly stats: StatsPage | null;
}

export interface HaproxyProcess {
  readonly logs: readonly LogTarget[];
  /** Name or number; null: as started. */
  readonly user: string | null;
  readonly group: string | null;
  readonly isDaemon: boolean;
  readonly pidFile: string | null;
  /** Of all frontends together. */
  readonly connectionsMax: number | null;
  /** `nbthread`: processes that carry bytes; null: not said. */
  readonly workers: number | null;
  /** `busy-polling`: see {@link RelayConf.staysAwake}; null: not said. */
  readonly staysAwake: boolean | null;
  readonly statsSockets: readonly StatsSocket[];
  readonly statsPages: readonly StatsPage[];
  readonly httpFrontends: readonly HttpFrontend[];
  /** In the order of the file. */
  readonly sections: readonly FileSection[];
}

export interface HaproxyFile {
  readonly conf: EndpointsConf;
  readonly process: HaproxyProcess;
  /** `path:line:column: sentence`. */
  readonly warnings: readonly string[];
}
