// The two languages between the VRRP machine and the world: what happened (`Event`) and what to do (`Effect`). Nothing
// else crosses the line. A shell feeds events to `Vrrp.step(event, now)` and carries out the effects it returns, in
// order. The simulator is another such shell.
//
// `now` is milliseconds of a clock that never goes back and runs on while the machine sleeps (CLOCK_BOOTTIME); it may
// have a fraction. Text is byte strings, addresses are in canonical text.

import type { Family } from './ip-address.ts';
import type { Command, VirtualAddress, VrrpConf } from './router-conf.ts';

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

/** One run of one script or hook. Grows; never used again. */
export type RunId = number;
/** One connection attempt of a Redis tracker. Grows; never used again. */
export type ConnectionId = number;

/** Why a connection ended. `refused`: nothing listens. `closed`: FIN. `reset`: RST. `failed`: anything else. */
export type EndOfConnection = 'refused' | 'closed' | 'reset' | 'failed';

/** A network interface as the kernel describes it. */
export interface InterfaceState {
  readonly name: string;
  /** Up and running (IFF_UP and IFF_RUNNING). */
  readonly isUp: boolean;
  /** Six bytes; null where it has none. */
  readonly macAddress: Uint8Array | null;
  /** Neighbours are found by ARP or ND (no IFF_NOARP). */
  readonly resolvesNeighbours: boolean;
  /** IPv6 forwarding is on: neighbour advertisements say "router". */
  readonly forwards: boolean;
}

/** What happened. */
export type Event =
  /** Once, first: every interface there is, and every address in the kernel's order. */
  | {
      readonly kind: 'start';
      readonly interfaces: readonly InterfaceState[];
      readonly addresses: readonly {
        readonly interface: string;
        readonly address: string;
        readonly prefixLength: number;
      }[];
    }
  /** `deadline()` has passed. If the wake-up was late, what the sockets hold has been given as events first. */
  | { readonly kind: 'tick' }
  /** A VRRP message (IP protocol 112), without its IP header. */
  | {
      readonly kind: 'packet';
      readonly interface: string;
      readonly family: Family;
      readonly source: string;
      readonly destination: string;
      /** TTL or hop limit. */
      readonly ttl: number;
      readonly bytes: Uint8Array;
    }
  /** An interface appeared, changed or (null) vanished. */
  | { readonly kind: 'interface'; readonly name: string; readonly state: InterfaceState | null }
  | {
      readonly kind: 'address-added';
      readonly interface: string;
      readonly address: string;
      readonly prefixLength: number;
    }
  /** Whoever did it: we, somebody else, or the kernel because it expired. */
  | {
      readonly kind: 'address-removed';
      readonly interface: string;
      readonly address: string;
      readonly prefixLength: number;
    }
  /** An effect could not be carried out; `detail` is a sentence that says what to do. */
  | {
      readonly kind: 'effect-failed';
      readonly effect: 'send-advert' | 'send-frame' | 'set-address' | 'remove-address';
      readonly router: string;
      readonly detail: string;
    }
  /** What came of the guard's rules: null, they stand; else a sentence why not, and nothing of them is in the way. */
  | { readonly kind: 'guard-reported'; readonly problem: string | null }
  /** A check ended. Also when it could not be started: exit code 127. */
  | { readonly kind: 'script-ended'; readonly run: RunId; readonly exitCode: number; readonly signal: number }
  /** A hook ended; as `script-ended`. */
  | { readonly kind: 'hook-ended'; readonly run: RunId; readonly exitCode: number; readonly signal: number }
  /** How many processes now match a process tracker; told at start and on every change. */
  | { readonly kind: 'process-count'; readonly tracker: string; readonly count: number }
  /** What a tracked file now says; null: no number, or no file. Told at start and on every change. */
  | { readonly kind: 'file-value'; readonly tracker: string; readonly value: number | null }
  /** Connected and authenticated (an answer to AUTH is given as `redis-answer` only when it is an error). */
  | { readonly kind: 'redis-connected'; readonly connection: ConnectionId }
  /** Ended, or could not be made. Not sent after our own `redis-close`. */
  | {
      readonly kind: 'redis-disconnected';
      readonly connection: ConnectionId;
      readonly reason: EndOfConnection;
    }
  | { readonly kind: 'redis-answer'; readonly connection: ConnectionId; readonly answer: RedisAnswer }
  /** A new configuration, already checked. */
  | { readonly kind: 'reload'; readonly conf: VrrpConf }
  /** SIGTERM, SIGINT. */
  | { readonly kind: 'stop' };

/** What a Redis said. */
export type RedisAnswer =
  | { readonly kind: 'pong' }
  /** An error, with its code, without the `-`. */
  | { readonly kind: 'error'; readonly text: string }
  /** The text of INFO. */
  | { readonly kind: 'info'; readonly text: string };

/** What to do, in this order. */
export type Effect =
  | {
      readonly kind: 'send-advert';
      readonly router: string;
      readonly interface: string;
      readonly family: Family;
      /** Must be the packet's source, or its checksum is wrong (vrrp.md §1.3). */
      readonly source: string;
      /** The multicast group or one peer. */
      readonly destination: string;
      readonly ttl: number;
      /** The VRRP message; over IPv6 the kernel may fill the checksum again. */
      readonly bytes: Uint8Array;
    }
  /** A whole Ethernet frame: a gratuitous ARP request or an unsolicited neighbour advertisement. */
  | {
      readonly kind: 'send-frame';
      readonly router: string;
      readonly interface: string;
      readonly address: string;
      readonly frame: Uint8Array;
    }
  /**
   * Add the address or, if it is there with this prefix length, start its lifetime anew, in one message that creates or
   * replaces. null: no end.
   */
  | {
      readonly kind: 'set-address';
      readonly router: string;
      readonly address: VirtualAddress;
      readonly lifetimeSeconds: number | null;
      /** False: it was there a moment ago, this only moves its end. */
      readonly isNew: boolean;
    }
  /** Not being there is no failure. */
  | { readonly kind: 'remove-address'; readonly router: string; readonly address: VirtualAddress }
  /** Remove what an earlier run left of it, at every prefix length, from its interface. */
  | { readonly kind: 'clear-address'; readonly router: string; readonly address: VirtualAddress }
  /**
   * From `aliveUntil` to `heldUntil` (absolute, as `now`) this machine does not answer for these addresses, whatever
   * becomes of us; until the next one of the same `key`, which is a virtual router's over reloads. May be carried out a
   * little later, together with others.
   */
  | {
      readonly kind: 'guard-addresses';
      readonly key: string;
      readonly addresses: readonly string[];
      readonly aliveUntil: number;
      readonly heldUntil: number;
    }
  /** The guard of this key is over. */
  | { readonly kind: 'unguard-addresses'; readonly key: string }
  /** These and no others: TCP clients that send to one while it is not on this machine are reset. Outlives us. */
  | { readonly kind: 'reset-clients'; readonly addresses: readonly VirtualAddress[] }
  /** Run in a process group of its own; `hook-ended` follows. `args` go after the command's own. */
  | {
      readonly kind: 'run-hook';
      readonly run: RunId;
      /** The virtual router or group it speaks of. */
      readonly owner: string;
      readonly command: Command;
      readonly args: readonly string[];
    }
  /** Run in a process group of its own; `script-ended` follows. */
  | { readonly kind: 'run-script'; readonly run: RunId; readonly script: string; readonly command: Command }
  /** Signal the whole process group of a run. Its end is told as usual. */
  | { readonly kind: 'signal-run'; readonly run: RunId; readonly signal: 'SIGTERM' | 'SIGKILL' }
  /** To every FIFO, without waiting; what does not fit is dropped. */
  | { readonly kind: 'write-fifo'; readonly line: string }
  | { readonly kind: 'send-mail'; readonly subject: string; readonly body: string }
  /** Connect (and authenticate) to a tracker's server. */
  | { readonly kind: 'redis-connect'; readonly connection: ConnectionId; readonly tracker: string }
  /** PING, or INFO. */
  | { readonly kind: 'redis-ask'; readonly connection: ConnectionId; readonly question: 'ping' | 'info' }
  | { readonly kind: 'redis-close'; readonly connection: ConnectionId }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string }
  /** Something an operator may want to be told of; `alarm`: somebody must look. */
  | {
      readonly kind: 'event';
      readonly level: 'info' | 'alarm';
      readonly name: EventName;
      readonly router: string;
      readonly text: string;
    }
  /** A sentence that says what was decided about a virtual router and why. */
  | { readonly kind: 'decision'; readonly router: string; readonly sentence: string }
  /** Everything is put away: leave. */
  | { readonly kind: 'exit'; readonly code: number };

export type EventName =
  | 'state'
  | 'second-active'
  | 'stalled'
  | 'address-lost'
  | 'address-list-differs'
  | 'duplicate-source'
  | 'hook-failed'
  | 'promotion-timeout'
  | 'guard'
  | 'tracker';
