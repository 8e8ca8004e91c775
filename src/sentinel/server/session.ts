// One client of our own port, from its connection to its end: who it is, what it speaks, what it asked to hear.
// It holds state only; what changes it is in the commands' files. The line of CLIENT LIST is made here.

import type { Protocol } from '../../resp/reply.ts';
import type { ClientId, Event } from '../io.ts';

/** What CLIENT TRACKING was told. A sentinel has no keys, so nothing ever comes of it. */
export interface Tracking {
  readonly isBroadcast: boolean;
  readonly isOptIn: boolean;
  readonly isOptOut: boolean;
  readonly isNoLoop: boolean;
  /** 0: to this connection itself. */
  readonly redirect: ClientId;
  readonly prefixes: readonly string[];
  /** CLIENT CACHING was said for the next command. */
  readonly caching: 'yes' | 'no' | null;
}

/** `skip`: the next reply is swallowed, then it is `on` again. */
export type ReplyMode = 'on' | 'off' | 'skip';

export class Session {
  readonly id: ClientId;
  readonly address: string;
  readonly localAddress: string;
  readonly fd: number;
  readonly connectedAt: number;
  /** When the last command arrived. */
  lastActiveAt: number;
  protocol: Protocol = 2;
  /** The ACL user it acts as; `default` before AUTH. */
  userName = 'default';
  /** It proved who it is, or needed not to when it came. Stays true when that user is changed (sentinel.md §1.6). */
  isAuthenticated: boolean;
  /** CLIENT SETNAME; empty: none. */
  name = '';
  libraryName = '';
  libraryVersion = '';
  /** The full name of the last command that exists. */
  lastCommand: string | null = null;
  readonly channels = new Set<string>();
  readonly patterns = new Set<string>();
  tracking: Tracking | null = null;
  isEvictable = true;
  replyMode: ReplyMode = 'on';
  /** The reply of the command being served is swallowed. */
  isSilent = false;
  /** Close it when the command being served has been answered. */
  isClosing = false;
  /** Reasons to deliver no command of it: a pause, a deferred answer. */
  holds = 0;

  constructor(event: Extract<Event, { kind: 'client-connected' }>, isAuthenticated: boolean, now: number) {
    this.id = event.client;
    this.address = event.address;
    this.localAddress = event.localAddress;
    this.fd = event.fd;
    this.connectedAt = now;
    this.lastActiveAt = now;
    this.isAuthenticated = isAuthenticated;
  }

  get subscriptionCount(): number {
    return this.channels.size + this.patterns.size;
  }

  /** A RESP2 connection that subscribed to something may only go on with that (sentinel.md §1.1). */
  get isSubscribedOnly(): boolean {
    return this.protocol === 2 && this.subscriptionCount > 0;
  }

  /** CLIENT LIST's TYPE. A sentinel has neither a master nor replicas. */
  get type(): 'normal' | 'pubsub' {
    return this.subscriptionCount > 0 ? 'pubsub' : 'normal';
  }

  /** Takes note of a command about to be served: whether its reply is wanted. */
  beginReply(): void {
    this.isSilent = this.replyMode !== 'on';
    if (this.replyMode === 'skip') this.replyMode = 'on';
  }

  /**
   * The session as a line of CLIENT LIST, without its newline. Fields and order are Redis 7.2's; what a sentinel does
   * not count is 0.
   */
  describe(now: number): string {
    const seconds = (since: number): number => Math.max(0, Math.floor((now - since) / 1000));
    return [
      `id=${this.id}`,
      `addr=${this.address}`,
      `laddr=${this.localAddress}`,
      `fd=${this.fd}`,
      `name=${this.name}`,
      `age=${seconds(this.connectedAt)}`,
      `idle=${seconds(this.lastActiveAt)}`,
      `flags=${this.#flags()}`,
      'db=0',
      `sub=${this.channels.size}`,
      `psub=${this.patterns.size}`,
      'ssub=0',
      'multi=-1',
      'watch=0',
      'qbuf=0',
      'qbuf-free=0',
      'argv-mem=0',
      'multi-mem=0',
      'rbs=0',
      'rbp=0',
      'obl=0',
      'oll=0',
      'omem=0',
      'tot-mem=0',
      'events=r',
      `cmd=${this.lastCommand ?? 'NULL'}`,
      `user=${this.userName}`,
      `redir=${this.tracking === null ? -1 : this.tracking.redirect}`,
      `resp=${this.protocol}`,
      `lib-name=${this.libraryName}`,
      `lib-ver=${this.libraryVersion}`,
    ].join(' ');
  }

  #flags(): string {
    let flags = '';
    if (this.subscriptionCount > 0) flags += 'P';
    if (this.holds > 0) flags += 'b';
    if (this.tracking !== null) flags += this.tracking.isBroadcast ? 'tB' : 't';
    if (this.isClosing) flags += 'c';
    if (this.address.startsWith('/')) flags += 'U';
    if (!this.isEvictable) flags += 'e';
    return flags === '' ? 'N' : flags;
  }
}
