// What the control process and its relay workers say to one another. Workers carry the bytes; decisions come from the
// control process, and a worker without it ends.

import type { FrontendConf, TlsClientConf } from '../endpoint-conf.ts';
import type { Route, Target } from '../route.ts';
import type { SwitchStep } from '../io.ts';
import type { RelayCounts } from './relay.ts';

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

/** One endpoint, as a worker needs it. */
export interface RelayConf {
  readonly frontend: FrontendConf;
  /** One for each of the frontend's binds. */
  readonly listening: readonly (readonly Listening[])[];
  readonly connectMsMax: number;
  /** Clients of this worker at most; null: no limit. */
  readonly connectionsMax: number | null;
  /** A refusal to write shows a demoted primary. */
  readonly isPrimary: boolean;
  /** For servers that the configuration does not name. */
  readonly serverDefaults: ServerOptions;
  /** By the name of the server. */
  readonly servers: Readonly<Record<string, ServerOptions>>;
}

export type ToWorker =
  /** Once, first. */
  | { readonly kind: 'start'; readonly endpoints: readonly RelayConf[] }
  | { readonly kind: 'route'; readonly route: Route }
  /** It is no more: its clients are reset, its ports closed. */
  | { readonly kind: 'drop'; readonly endpoint: string }
  /** `step` answers to `id`. */
  | {
      readonly kind: 'step';
      readonly id: number;
      readonly endpoints: readonly string[];
      readonly step: SwitchStep;
    }
  | { readonly kind: 'ask-counts'; readonly id: number };

export type FromWorker =
  /** It serves; or can't, for this reason. */
  | { readonly kind: 'started'; readonly problem: string | null }
  | { readonly kind: 'step-done'; readonly id: number }
  | { readonly kind: 'demoted'; readonly endpoint: string; readonly server: Target; readonly text: string }
  | { readonly kind: 'warning'; readonly sentence: string }
  | {
      readonly kind: 'counts';
      readonly id: number;
      readonly counts: Readonly<Record<string, RelayCounts>>;
    };
