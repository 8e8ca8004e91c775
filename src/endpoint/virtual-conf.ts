// What keepalived's virtual servers have that HAProxy's backends have not (vrrp.md §2.3): a quorum, a server that says
// sorry, and commands, FIFO lines and mails that tell of changes. Plain data; text is byte strings.

import type { ServerConf } from './endpoint-conf.ts';

/** An argument vector, never a shell line. */
export interface HookCommand {
  readonly argv: readonly string[];
  /** Whom to run it as; null: as the daemon. */
  readonly user: string | null;
  /** null: that user's own group. */
  readonly group: string | null;
}

/** How a change from up to down, or back, is told. */
export interface TellingConf {
  /** As FIFO lines and mails name it, e.g. `[10.0.0.100]:tcp:6379`. */
  readonly label: string;
  readonly up: HookCommand | null;
  readonly down: HookCommand | null;
  readonly sendsMail: boolean;
}

/** Of a backend. */
export interface VirtualConf extends TellingConf {
  /** keepalived's router_id: what a mail's subject begins with. */
  readonly routerId: string;
  /** It is up once its living servers weigh `quorum + hysteresis`, and down once they weigh less than their difference. */
  readonly quorum: number;
  readonly hysteresis: number;
  /** Serves alone while the quorum is not reached; null: the servers that are left go on. */
  readonly sorry: ServerConf | null;
  /** What is up when the daemon stops is told as down first (keepalived's omega). */
  readonly tellsStop: boolean;
  /** Somebody reads FIFO lines. */
  readonly hasFifo: boolean;
}

/** Of a server. */
export interface RealConf extends TellingConf {
  /** Taken for alive until its checks have failed often enough; false: dead until the first success (alpha). */
  readonly startsAlive: boolean;
  /** When it leaves, its clients stay until they go by themselves (inhibit_on_failure, sorry_server_inhibit). */
  readonly keepsClients: boolean;
  /** Its weight counts for the quorum, and 0 drains it, but it gets as many clients as any other (rr, lc). */
  readonly hasEqualShare: boolean;
}
