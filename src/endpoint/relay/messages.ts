// What the control process and its relay workers say to one another. Workers carry the bytes; decisions come from the
// control process, and a worker without it ends when the last of them lapses.

import type { ServerFacts } from '../condition.ts';
import type { FrontendConf, ServerRule, TlsClientConf } from '../endpoint-conf.ts';
import type { Route, Target } from '../route.ts';
import type { SwitchStep } from '../io.ts';
import type { OpenSession, Traffic } from '../traffic.ts';
import type { PersistTable } from './persistence.ts';
import type { RelayCounts } from './relay.ts';
import type { ScriptNews } from './scripts.ts';
import type { SlotAnswers, SlotNews } from './slot-bank.ts';

/** How a worker takes its part of one listener. */
export type Listening =
  /** A listening descriptor that the worker was started with. */
  | { readonly kind: 'descriptor'; readonly fd: number }
  /** It listens itself: where descriptors can't be made, and there is one worker. */
  | { readonly kind: 'address'; readonly host: string; readonly port: number }
  | { readonly kind: 'path'; readonly path: string; readonly mode: number | null };

export interface ServerOptions {
  readonly tls: TlsClientConf | null;
  readonly sendsProxyProtocol: 1 | 2 | null;
}

/** What an endpoint counts in, together with all workers (slot-bank.ts), by the limits' names. */
export interface SharedLimits {
  /** Clients; empty: there is no limit of them. */
  readonly clients: readonly string[];
  /** Clients that wait for a server. */
  readonly waiting: string;
  /** Connections to a server: this and its `host:port`. */
  readonly ofServer: string;
}

/** One endpoint, as a worker needs it. */
export interface RelayConf {
  readonly frontend: FrontendConf;
  /** One for each of the frontend's binds. */
  readonly listening: readonly (readonly Listening[])[];
  readonly connectMsMax: number;
  readonly limits: SharedLimits;
  /** Workers that share what there is of memory. */
  readonly workers: number;
  /**
   * Whether a worker stays awake between a request and its reply (attentive.ts): also where that keeps a core from others;
   * false: never; null: where there is a core to spare.
   */
  readonly staysAwake: boolean | null;
  /** How long a client's address stays with its server (BackendConf); null: it does not. */
  readonly persistMs: number | null;
  /** How many addresses do; absent: as many as are usual. */
  readonly persistTable?: PersistTable;
  /** Whether clients can be connected to its servers is to be told. */
  readonly isObserved?: boolean;
  /** Rules that name the server for some clients; absent: none. */
  readonly serverRules?: readonly ServerRule[];
  /** A refusal to write shows a demoted primary. */
  readonly isPrimary: boolean;
  /** For servers that the configuration does not name. */
  readonly serverDefaults: ServerOptions;
  /** By the name of the server. */
  readonly servers: Readonly<Record<string, ServerOptions>>;
}

export type ToWorker =
  /** Once, first. */
  | {
      readonly kind: 'start';
      readonly endpoints: readonly RelayConf[];
      /** What the files that TLS options name held, by path: the worker may not be allowed to read them. */
      readonly tlsFiles: ReadonlyMap<string, Uint8Array>;
    }
  /** They were read anew: for connections that are made from now on. */
  | { readonly kind: 'renew-tls'; readonly tlsFiles: ReadonlyMap<string, Uint8Array> }
  | { readonly kind: 'route'; readonly route: Route }
  /** How servers fare that conditions ask about. */
  | { readonly kind: 'servers-up'; readonly facts: ServerFacts }
  /** It is no more: its clients are reset, its ports closed. */
  | { readonly kind: 'drop'; readonly endpoint: string }
  /** So many workers share what there is of memory and cores from now on. `staysAwake`: see {@link RelayConf}. */
  | { readonly kind: 'share'; readonly workers: number; readonly staysAwake: boolean | null }
  /** No new clients, and the end with the last one. */
  | { readonly kind: 'retire' }
  /** `step` answers to `id`. */
  | {
      readonly kind: 'step';
      readonly id: number;
      readonly endpoints: readonly string[];
      readonly step: SwitchStep;
    }
  /** Close the clients of `endpoints` that are led to `server`. */
  | { readonly kind: 'end-sessions'; readonly endpoints: readonly string[]; readonly server: Target }
  | { readonly kind: 'ask-counts'; readonly id: number }
  | { readonly kind: 'ask-sessions'; readonly id: number }
  /** Close the client with this number, if it is one of this worker's. */
  | { readonly kind: 'end-session'; readonly id: number; readonly session: number }
  | { readonly kind: 'slots'; readonly answers: SlotAnswers }
  /** What other workers saw, oldest first. */
  | { readonly kind: 'scripts'; readonly endpoint: string; readonly news: readonly ScriptNews[] };

export type FromWorker =
  /** It serves; or can't, for this reason. */
  | { readonly kind: 'started'; readonly problem: string | null }
  /** It has begun to take the step, and then: it has taken it. */
  | { readonly kind: 'step-begun' | 'step-done'; readonly id: number }
  | { readonly kind: 'demoted'; readonly endpoint: string; readonly server: Target; readonly text: string }
  | {
      readonly kind: 'connection-seen';
      readonly endpoint: string;
      readonly server: Target;
      readonly isMade: boolean;
    }
  | { readonly kind: 'warning'; readonly sentence: string }
  | {
      readonly kind: 'counts';
      readonly id: number;
      readonly counts: Readonly<Record<string, RelayCounts>>;
      readonly traffic: Traffic;
      /** Resident memory of the process. */
      readonly memoryBytes: number;
    }
  | { readonly kind: 'slots'; readonly news: SlotNews }
  | { readonly kind: 'scripts'; readonly endpoint: string; readonly news: readonly ScriptNews[] }
  | { readonly kind: 'sessions'; readonly id: number; readonly sessions: readonly OpenSession[] }
  | { readonly kind: 'session-ended'; readonly id: number; readonly isDone: boolean };
