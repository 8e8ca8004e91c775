// What the ways of carrying a route out have in common: socket, nat, relay, and http.

import type { ServerFacts } from '../../endpoint/condition.ts';
import type { Route, Target } from '../../endpoint/route.ts';
import type { OpenSession, Traffic } from '../../endpoint/traffic.ts';
import type { EndpointsConf } from '../../endpoint/endpoint-conf.ts';
import type { SwitchAnswer, SwitchStep } from '../../endpoint/io.ts';
import type { TlsFiles } from '../../net/tls-files.ts';

export interface RoutePath {
  /** Carries out a route, or only moves its deadline (same generation). Never waits; trouble is told to its `warn`. */
  apply(route: Route): void;
  /** Its part of an ordered switch, for these endpoints. Paths that can't hold clients have none. */
  takeStep?(endpoints: readonly string[], step: SwitchStep): Promise<SwitchAnswer>;
  /**
   * So many processes carry its bytes from now on; null: as many as fit the machine. Nobody's connection ends.
   * `staysAwake`: see {@link RelayConf}.
   */
  resize?(workers: number | null, staysAwake: boolean | null): void;
  /**
   * All servers of an endpoint that are known, whether or not it leads to them. Where no port is taken by listening, one
   * of them may be at the very address that clients are led from; whoever asks for it must get it.
   */
  avoid?(endpoint: string, servers: readonly Target[]): void;
  /** How servers fare that conditions of its endpoints ask about. */
  know?(facts: ServerFacts): void;
  /** Closes the clients of these endpoints that are led to `server`. Never waits; trouble is told to its `warn`. */
  endSessions(endpoints: readonly string[], server: Target): void;
  /** These endpoints are no more: takes back what was opened for them. The others do not notice. */
  drop?(endpoints: readonly string[]): void | Promise<void>;
  /** The files of TLS options were read anew. Connections that stand stay as they are. */
  renewTls?(files: TlsFiles): void;
  /** What it has carried; paths that don't see it have none. */
  traffic?(): Promise<Traffic>;
  /** Clients that are there now. */
  sessions?(): Promise<readonly OpenSession[]>;
  /** Closes one of these; false: it is none of its. */
  endSession?(id: number): Promise<boolean>;
  /** How servers are spoken to may have changed: credentials, TLS and its files. What it leads to stays as it is. */
  renewAccess?(conf: EndpointsConf, files: TlsFiles): void;
  /** For `baton endpoint status`; plain data. */
  status(): unknown;
  /** Takes everything back, in the safe order. */
  close(): Promise<void>;
}

/** What a path tells the machine without being asked. */
export interface PathEvents {
  /** Trouble, in a sentence. */
  warn(sentence: string): void;
  /** A server said that it is no primary any more. */
  demoted(endpoint: string, server: Target, text: string): void;
  /** A client's connection to a server that is observed was made, after one that was not; or could not be made. */
  connectionSeen(endpoint: string, server: Target, isMade: boolean): void;
}
