// The two languages between the endpoint machine and the world: what happened (`Event`) and what to do (`Effect`). A
// shell feeds events to `Endpoints.step(event, now)` and carries out the effects it returns, in order. `now` is
// boot-clock milliseconds that the shell owns; text is byte strings.

import type { Reply } from '../resp/reply.ts';
import type { CheckConf } from './checks/check-conf.ts';
import type { ServerFacts } from './condition.ts';
import type { EndpointsConf, TlsClientConf } from './endpoint-conf.ts';
import type { Route, Target } from './route.ts';
import type { HookCommand } from './virtual-conf.ts';

/** One connection attempt; never used again for another. */
export type ConnectionId = number;
/** One run of one check. */
export type CheckRunId = number;
/** One run of one hook. */
export type HookRunId = number;

/** See the same type of sentinel/io.ts. */
export type EndOfConnection = 'refused' | 'closed' | 'reset' | 'failed';

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

/** What an operator may ask of a server (HAProxy's `set server ... state`). */
export type AdminState = 'ready' | 'drain' | 'maint';

/** One ordered switch. */
export type SwitchId = number;

/** What the paths of an endpoint are to do. Paths other than the relay have nothing to do, and are done at once. */
export type SwitchStep =
  /** Connect to `to`, so that the hold is short. null: nobody knows yet who it will be. */
  | { readonly kind: 'prepare'; readonly to: (Target & { readonly name: string }) | null }
  /** Take no new requests; done when the replies in flight are home. Held clients go on by themselves after `msMax`. */
  | { readonly kind: 'hold'; readonly msMax: number }
  /**
   * Go on where the route leads now. `isUndone`: nothing was switched. `hasAll`: what the old primary had done when
   * clients were held, the new one has; absent: nobody knows.
   */
  | { readonly kind: 'release'; readonly isUndone: boolean; readonly hasAll?: boolean };

export type SwitchAnswer = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly sentence: string };

/** What happened. */
export type Event =
  /** Once, first. */
  | { readonly kind: 'start' }
  /** `deadline()` has passed. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'connected'; readonly connection: ConnectionId; readonly localAddress: string }
  /** Ended, or could not be made. Not sent after our own `close`. */
  | {
      readonly kind: 'disconnected';
      readonly connection: ConnectionId;
      readonly reason: EndOfConnection;
      readonly detail: string;
    }
  /** A whole reply (or pub/sub frame) arrived. */
  | { readonly kind: 'reply'; readonly connection: ConnectionId; readonly reply: Reply }
  /** The answer to `resolve`; none: the name has no address. */
  | { readonly kind: 'resolved'; readonly host: string; readonly ips: readonly string[] }
  /** `weight`: what the check says of the server's weight, see {@link CheckConf}; null: nothing. */
  | {
      readonly kind: 'check-ended';
      readonly run: CheckRunId;
      readonly isUp: boolean;
      readonly detail: string;
      readonly weight: number | null;
    }
  /** Also when it could not be started: exit code 127. `signal` 0: it exited. */
  | {
      readonly kind: 'hook-ended';
      readonly run: HookRunId;
      readonly exitCode: number;
      readonly signal: number;
    }
  /** A client's connection to a server that is observed was made, after one that was not; or could not be made. */
  | {
      readonly kind: 'connection-seen';
      readonly endpoint: string;
      readonly server: Target;
      readonly isMade: boolean;
    }
  /** A path saw a server say that it is no primary any more (-READONLY and the like). */
  | { readonly kind: 'demoted'; readonly endpoint: string; readonly server: Target; readonly text: string }
  | {
      readonly kind: 'set-state';
      readonly backend: string;
      readonly server: string;
      readonly state: AdminState;
    }
  | {
      readonly kind: 'set-weight';
      readonly backend: string;
      readonly server: string;
      readonly weight: number;
    }
  /** An operator wants the clients that this server has now to be closed; whether new ones come is another matter. */
  | { readonly kind: 'end-sessions'; readonly backend: string; readonly server: string }
  /** An operator orders a switch of primaries; `to` null: to whomever the sentinels choose. */
  | {
      readonly kind: 'switch';
      readonly id: SwitchId;
      readonly backend: string;
      readonly to: Target | null;
    }
  /** What the paths say to a {@link SwitchStep}. */
  | { readonly kind: 'switch-answer'; readonly id: SwitchId; readonly answer: SwitchAnswer }
  /** A new configuration, already checked. */
  | { readonly kind: 'reload'; readonly conf: EndpointsConf }
  /** SIGTERM, SIGINT. */
  | { readonly kind: 'stop' };

export type EventName =
  /** A server came up, went down, changed its role. */
  | 'server'
  /** Where an endpoint leads has changed. */
  | 'route'
  /** Several servers say that they are the primary. */
  | 'two-primaries'
  /** No majority of the sentinels answers, or again. */
  | 'sentinels'
  /** A virtual server gained or lost its quorum. */
  | 'quorum'
  /** An ordered switch. */
  | 'switch';

/** What to do, in this order. */
export type Effect =
  | {
      readonly kind: 'connect';
      readonly connection: ConnectionId;
      readonly ip: string;
      readonly port: number;
      readonly tls: TlsClientConf | null;
      /** The version of the PROXY header that it begins with, which names nobody; null: none. */
      readonly proxyVersion: 1 | 2 | null;
    }
  /** Drop a connection without a word back. */
  | { readonly kind: 'close'; readonly connection: ConnectionId }
  /** Queue one command; may be called before `connected`. */
  | { readonly kind: 'send'; readonly connection: ConnectionId; readonly args: readonly string[] }
  /** Numeric addresses too: they are answered as they are. */
  | { readonly kind: 'resolve'; readonly host: string }
  /** `check-ended` follows, at latest when its timeout is over. */
  | {
      readonly kind: 'run-check';
      readonly run: CheckRunId;
      readonly check: CheckConf;
      readonly server: Target;
      readonly timeoutMs: number;
    }
  /** Its result is wanted no more. */
  | { readonly kind: 'stop-check'; readonly run: CheckRunId }
  /** Run in a process group of its own; `hook-ended` follows. `owner`: of whom it tells. */
  | {
      readonly kind: 'run-hook';
      readonly run: HookRunId;
      readonly owner: string;
      readonly command: HookCommand;
    }
  /** Signal the whole process group of a run. Its end is told as usual. */
  | { readonly kind: 'signal-hook'; readonly run: HookRunId; readonly signal: 'SIGTERM' | 'SIGKILL' }
  /** To every FIFO, without waiting; what does not fit is dropped. */
  | { readonly kind: 'write-fifo'; readonly line: string }
  | { readonly kind: 'send-mail'; readonly subject: string; readonly body: string }
  /** Carry it out on the paths of its endpoint. */
  | { readonly kind: 'route'; readonly route: Route }
  /**
   * All servers that a backend has now, whether or not it leads to them: clients of these endpoints who ask for one of them
   * mean it. Told at the start and whenever one is found or forgotten.
   */
  | {
      readonly kind: 'servers-known';
      readonly endpoints: readonly string[];
      readonly servers: readonly Target[];
    }
  /** How servers fare that conditions ask about, for whoever decides those; all of them, whenever it has changed. */
  | { readonly kind: 'servers-up'; readonly facts: ServerFacts }
  /** Close the clients of `endpoints` that are led to `server` now; others, and those that come later, are not touched. */
  | { readonly kind: 'end-sessions'; readonly endpoints: readonly string[]; readonly server: Target }
  /** A step of an ordered switch that the paths of `endpoints` have to take; `switch-answer` follows. */
  | {
      readonly kind: 'switch-step';
      readonly id: SwitchId;
      readonly endpoints: readonly string[];
      readonly step: SwitchStep;
    }
  /** How an ordered switch ended, for whom ordered it. */
  | {
      readonly kind: 'switch-ended';
      readonly id: SwitchId;
      readonly isDone: boolean;
      readonly sentence: string;
    }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string }
  /** Something an operator may want to be told of; `alarm`: somebody must look. */
  | {
      readonly kind: 'event';
      readonly level: 'info' | 'alarm';
      readonly name: EventName;
      /** The backend it is about. */
      readonly backend: string;
      readonly text: string;
    }
  /** A sentence that says what was decided about a backend and why. */
  | { readonly kind: 'decision'; readonly backend: string; readonly sentence: string }
  /** Everything is put away: leave. */
  | { readonly kind: 'exit'; readonly code: number };
