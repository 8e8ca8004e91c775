// What a client has at its own connection to a server, and nowhere else: an open transaction, subscriptions, flags. As
// long as there is any of it, the client keeps that connection; what can be made again elsewhere is remembered so that a
// move leaves it as it was (proxy.md §5.4).

import type { Owed } from './owed.ts';
import type { Transaction } from './transaction.ts';

/** The three kinds of subscription, by the command that makes one. */
export type SubscriptionKind = 'SUBSCRIBE' | 'PSUBSCRIBE' | 'SSUBSCRIBE';

export interface Caching {
  readonly args: readonly string[];
  /** The next command was sent. */
  isUsed: boolean;
}

/** Writes of one client on its connection that nobody answers. */
export class Unanswered {
  sent = 0;
  /** So many of them are done. */
  done = 0;
  /** The server was asked, and has not answered. */
  isAsking = false;
  /** One of them may wait for others. */
  mayBlock = false;

  /** Whether some may not have been carried out. */
  get isOpen(): boolean {
    return this.sent > this.done;
  }
}

export class Pinned {
  /** MULTI was sent, and neither EXEC nor DISCARD behind it. */
  transaction: Transaction | null = null;
  isWatching = false;
  /** A watched connection was lost in a move: the next EXEC must fail as if a key had changed. */
  hasLostWatch = false;
  isMonitoring = false;
  readonly subscriptions: Readonly<Record<SubscriptionKind, Set<string>>> = {
    SUBSCRIBE: new Set(),
    PSUBSCRIBE: new Set(),
    SSUBSCRIBE: new Set(),
  };
  /** It may have subscribed where nothing is answered but that: which names is not known. */
  subscribesUnseen = false;
  /** Requests to (un)subscribe that are not answered. */
  subscribing = 0;
  /** CLIENT TRACKING with its options, while it is on; each more of them added prefixes. */
  tracking: readonly (readonly string[])[] | null = null;
  /** CLIENT CACHING, which speaks of the next command, until that is answered. */
  caching: Caching | null = null;
  /** Flags that were set, by the command's first words; each value is the command that makes it so again. */
  readonly flags = new Map<string, readonly string[]>();
  /** CLIENT REPLY: which of the next requests are answered. */
  replies: 'on' | 'off' | 'skip' = 'on';
  readonly unanswered = new Unanswered();
  /** It may have changed its connection in ways that nobody has seen: in a transaction, unanswered, by an unknown command. */
  hasUnseen = false;
  /** The server is being asked whether it has. */
  asking = 0;
  /** For a reason that never ends. */
  isForGood: boolean;

  constructor(isForGood: boolean) {
    this.isForGood = isForGood;
  }

  get isMulti(): boolean {
    return this.transaction !== null;
  }

  /** Whether the client must keep its connection. */
  get isNeeded(): boolean {
    return this.isForGood || this.hasState;
  }

  /** Whether anything of it is at the server: a new connection would have to be told, or can't be. */
  get hasState(): boolean {
    return (
      this.hasUnseen ||
      this.isMulti ||
      this.isWatching ||
      this.hasLostWatch ||
      this.isMonitoring ||
      this.isSubscribed ||
      this.tracking !== null ||
      this.flags.size > 0 ||
      this.replies !== 'on' ||
      this.asking > 0
    );
  }

  get isSubscribed(): boolean {
    const { SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE } = this.subscriptions;
    return SUBSCRIBE.size + PSUBSCRIBE.size + SSUBSCRIBE.size > 0;
  }

  /** Whether arrays may be messages and not replies. (In RESP3 messages are pushes.) */
  get hearsMessages(): boolean {
    return this.subscribing > 0 || this.isSubscribed || this.subscribesUnseen;
  }

  /** Whether what is neither an error nor a push may be something that it did not ask for. */
  get hearsUnasked(): boolean {
    return this.isMonitoring || this.hearsMessages;
  }

  /** Whether a push that confirms a subscription belongs to `owed`, the first that is owed. */
  awaitsConfirmation(owed: Owed | undefined): boolean {
    return this.subscribing > 0 && owed !== undefined && owed.look !== null;
  }

  /** RESET, or as after it. */
  clear(isForGood: boolean): void {
    this.transaction = null;
    this.isWatching = false;
    this.hasLostWatch = false;
    this.isMonitoring = false;
    for (const names of Object.values(this.subscriptions)) names.clear();
    this.tracking = null;
    this.caching = null;
    this.flags.clear();
    this.replies = 'on';
    this.hasUnseen = false;
    this.subscribesUnseen = false;
    this.isForGood = isForGood;
  }

  /** Commands that make a new connection what this one is, as far as that can be. */
  commands(): string[][] {
    const commands: string[][] = [...this.flags.values()].map((args) => [...args]);
    for (const args of this.tracking ?? []) commands.push([...args]);
    for (const [kind, names] of Object.entries(this.subscriptions)) {
      if (names.size > 0) commands.push([kind, ...names]);
    }
    return commands;
  }
}

/** Of clients that have nothing of the kind. Never changed. */
export const UNPINNED = new Pinned(false);
