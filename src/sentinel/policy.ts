// What may differ between rules of quorum while the machine stays the same. Sentinel's own rules (sentinel-policy.ts)
// are the default; a stricter policy (a lease on being primary) can be laid over the same core.

import type { Master, Replica } from './instance.ts';
import type { Hello } from './hello.ts';

/** Yes, or a sentence that says why not. */
export type Verdict = { readonly allowed: true } | { readonly allowed: false; readonly because: string };

export const ALLOWED: Verdict = { allowed: true };

/** What a policy may look at besides the master itself. */
export interface PolicyView {
  readonly now: number;
  readonly myId: string;
  readonly pingPeriodMs: number;
  readonly infoPeriodMs: number;
}

/** The replica to promote, and for each that was passed over the reason, as a sentence's end. */
export interface Selection {
  readonly replica: Replica | null;
  readonly passedOver: readonly { readonly replica: Replica; readonly because: string }[];
}

export interface Policy {
  /** Run ids that count as voters, ourselves included; also those that are down. */
  voters(master: Master, view: PolicyView): readonly string[];
  /** Whether we may vote for `candidate` in `epoch`; the rule of one vote an epoch is not the policy's to bend. */
  mayVote(master: Master, candidate: string, epoch: bigint, view: PolicyView): Verdict;
  /** Whether a failover that is due may start now. */
  mayStart(master: Master, view: PolicyView): Verdict;
  /** Which replica to promote, and what was said of the others. */
  chooseReplica(master: Master, view: PolicyView): Selection;
  /** Whether to believe what a hello says about this master. */
  acceptHello(master: Master, hello: Hello, view: PolicyView): Verdict;
  /** Whether an operator's SENTINEL FAILOVER is carried out. */
  onManualFailover(master: Master, view: PolicyView): Verdict;
  readonly name: string;
}
