// An ordered switch of primaries that clients of a relay do not notice (proxy.md §5.2): clients are held at a request
// boundary, the old primary takes no more writes, the new one catches up, is promoted, gets the clients, and only then do
// they go on.
//
//     looking ─► preparing ─► holding ─► pausing ─► catching-up ─► promoting ─► routing ─► releasing ─► demoting ─► settling
//         │           │  │       │            │     └► ordering (older sentinels) ─┤
//         │           │  └────── ordering (sentinels that let the primary hand over) ┘
//         └───────────┴── undo ──┴────────────┘
//
// Up to the promotion everything can be undone, and is when the time is up. From then on there is no way but forward.

import type { Reply } from '../resp/reply.ts';
import { AckPrompter } from './ack-prompter.ts';
import { whyNoneCouldFollow } from './can-follow.ts';
import { whyNotAdmitted } from './choose-replicas.ts';
import type { Core } from './core.ts';
import type { Group } from './group.ts';
import { describeServer, type RedisServer } from './redis-server.ts';
import { parseReplicationInfo, type ReplicationInfo } from './replication-info.ts';
import type { SwitchAnswer, SwitchId, SwitchStep } from './io.ts';
import { isSameTarget, targetText, type Target } from './route.ts';
import { WAITS_FOR, type SwitchState } from './switch-states.ts';

const LOOK_MS_MAX = 1_000;
const PREPARE_MS_MAX = 2_000;
/** Part of the hold after which an unfinished switch is undone; the rest is for that. */
const UNDO_AFTER = 0.8;
/** What sentinels are given to choose and promote; there is no way back from an order to them. */
const SENTINELS_MS_MAX = 5_000;
/** How long after the promotion the rest may take. */
const FINISH_MS_MAX = 5_000;
/** A replica further behind than this is not switched to: catching up would take longer than clients are held. */
const LAG_BYTES_MAX = 16 * 1024 * 1024;
const LAG_MS_MAX = 10_000;
const NO_SENTINEL = 'no sentinel answers: "baton endpoint status" says why of each';

export interface SwitchOrder {
  readonly id: SwitchId;
  /** null: whom the sentinels choose. */
  readonly to: Target | null;
  /** The frontends whose clients are held. */
  readonly endpoints: readonly string[];
  readonly holdMsMax: number;
}

export class Switchover {
  readonly group: Group;
  readonly #core: Core;
  readonly #order: SwitchOrder;
  readonly #orderedAt: number;
  #state: SwitchState = 'looking';
  /** When the present state has taken too long. */
  #deadline: number;
  /** Until when the clients are held; Infinity: they are not. */
  #heldUntil = Infinity;
  #from: RedisServer | null = null;
  #to: RedisServer | null = null;
  /** Those whose offsets have yet to reach the old primary's, with its writers held. */
  #behind = new Set<RedisServer>();
  /** And those that have reached it. */
  readonly #caughtUp = new Set<RedisServer>();
  /** Also while its answer is on the way: a pause that comes late is a pause. */
  #isPaused = false;
  #isHeld = false;
  /** While sentinels may have the primary hand over. */
  #prompter: AckPrompter | null = null;

  constructor(core: Core, group: Group, order: SwitchOrder) {
    this.#core = core;
    this.group = group;
    this.#order = order;
    this.#deadline = core.now + LOOK_MS_MAX;
    this.#orderedAt = core.now;
  }

  get id(): SwitchId {
    return this.#order.id;
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** What is under way, as a sentence. */
  describe(): string {
    const to = this.#to === null ? (this.#order.to ?? null) : this.#to.target;
    const whom = to === null ? 'whom the sentinels choose' : targetText(to);
    return `${this.group.name} is being switched to ${whom}: ${WAITS_FOR[this.#state]}`;
  }

  dueAt(): number {
    return this.isEnded ? Infinity : Math.min(this.#deadline, this.#prompter?.dueAt() ?? Infinity);
  }

  /** Has the servers say anew how they are: what was known may be half a second old, which is long for an order. */
  start(): void {
    for (const { link } of this.group.servers) link.hurry();
  }

  /** Begins, or refuses with nothing touched. */
  #begin(): void {
    const problem = this.#choose();
    if (problem !== null) return this.#end(false, problem);
    this.#enter('preparing', this.#core.now + PREPARE_MS_MAX);
    if (this.group.source !== null) this.#prompter = new AckPrompter(this.#core, this.#candidates());
    const to = this.#to;
    this.#step({ kind: 'prepare', to: to === null ? null : { ...to.target, name: to.name } });
  }

  /** Whether everybody who is up has spoken since the order. */
  #hasLooked(): boolean {
    return this.group.servers.every(
      ({ verdict, askedAt }) => verdict.health !== 'up' || askedAt >= this.#orderedAt,
    );
  }

  answered(answer: SwitchAnswer): void {
    switch (this.#state) {
      case 'preparing':
        if (answer.kind === 'failed') return this.#end(false, `nothing was changed: ${answer.sentence}`);
        return this.#hold();
      case 'holding':
        if (answer.kind === 'failed') return this.#undo(answer.sentence);
        return this.group.source === null ? this.#pause(this.#deadline) : this.#orderFailover(true);
      case 'releasing':
        return this.#demote();
      default:
      // A late word on what was given up meanwhile.
    }
  }

  /** Looks at what the group and the clock say. `leadsTo`: where the endpoints lead now. */
  attend(leadsTo: RedisServer | null): void {
    this.#prompter?.attend();
    if (this.#state === 'looking' && this.#hasLooked()) this.#begin();
    if (this.#state === 'ordering' && leadsTo !== null && leadsTo !== this.#from) {
      this.#to = leadsTo;
      this.#state = 'routing';
    }
    if (this.#state === 'promoting' && this.#to?.info?.role === 'master') this.#promoted();
    // Before it has said so itself, two would seem to be primaries.
    if (this.#state === 'settling' && this.#from?.info?.role !== 'master') return this.#finish();
    if (this.#state === 'routing' && leadsTo !== null && leadsTo === this.#to) return this.#release();
    if (!this.isEnded && this.#core.now >= this.#deadline) this.#late();
  }

  /** The conditions, in this order. */
  #choose(): string | null {
    const { group } = this;
    const from = group.primary.server;
    if (from === null) return `there is no primary now, so nothing to switch: ${group.primary.because}`;
    this.#from = from;
    const { to } = this.#order;
    if (group.source !== null) {
      if (to !== null)
        return `the sentinels choose the primary of ${group.name}: leave out --to, or give the others replica-priority 0`;
      if (group.source.spokesman === null) return NO_SENTINEL;
      return this.#candidates().length > 0
        ? null
        : `no replica of ${describeServer(from)} could take over${this.#whyNone()}`;
    }
    if (to === null) return `say whom to switch to: ${this.#choices()}`;
    const server = group.serverAt(to);
    if (server === null)
      return `${targetText(to)} is none of the servers of ${group.name}: ${this.#choices()}`;
    if (server === from) return `${describeServer(server)} is the primary already`;
    const others = group.servers.filter((one) => one !== server);
    const why = this.#whyNot(server) ?? whyNoneCouldFollow(server, others);
    if (why !== null) return `not switching to ${describeServer(server)}: ${why}`;
    this.#to = server;
    return null;
  }

  /** What `--to` could be. */
  #choices(): string {
    const could = this.#candidates().map(({ target }) => `--to ${targetText(target)}`);
    return could.join(' or ') || `no replica could take over now${this.#whyNone()}`;
  }

  /** Why nobody could, of each. */
  #whyNone(): string {
    const others = this.group.servers.filter((server) => server !== this.#from);
    const why = others.map((server) => `not ${describeServer(server)}: ${this.#whyNot(server) ?? ''}`);
    return why.length === 0 ? ': there is none' : ` (${why.join('; ')})`;
  }

  #whyNot(server: RedisServer): string | null {
    const limits = {
      kind: 'replica',
      lagBytesMax: LAG_BYTES_MAX,
      lagMsMax: LAG_MS_MAX,
      withoutReplica: 'refuse',
      shareMax: 100,
    } as const;
    return whyNotAdmitted(server, limits, this.group.offsets, this.#core.now);
  }

  #candidates(): RedisServer[] {
    return this.group.servers.filter((server) => server !== this.#from && this.#whyNot(server) === null);
  }

  #hold(): void {
    const msMax =
      this.group.source === null ? this.#order.holdMsMax : Math.max(this.#order.holdMsMax, SENTINELS_MS_MAX);
    this.#heldUntil = this.#core.now + msMax;
    this.#enter('holding', this.#core.now + this.#order.holdMsMax * UNDO_AFTER);
    this.group.isSwitching = true;
    this.#isHeld = true;
    this.#step({ kind: 'hold', msMax });
  }

  /** Clients that do not come through us must not write either. */
  #pause(deadline: number): void {
    this.#enter('pausing', deadline);
    const from = this.#from as RedisServer;
    const ms = Math.ceil(this.#heldUntil - this.#core.now + FINISH_MS_MAX);
    this.#isPaused = true;
    this.#ask(from, ['CLIENT', 'PAUSE', String(ms), 'WRITE'], (reply) => {
      // Before Redis 6.2 a pause stops everybody, us included: then those who write past us are on their own.
      this.#isPaused = reply.kind !== 'error';
      if (!this.#isPaused)
        this.#core.log('warning', `${describeServer(from)} cannot pause writes: ${textOf(reply)}`);
      this.#enter('catching-up', this.#deadline);
      this.#askInfo(from, (info) => this.#catchUp(info));
    });
  }

  #catchUp(info: ReplicationInfo): void {
    if (info.role !== 'master')
      return this.#undo(`${describeServer(this.#from as RedisServer)} is no primary any more`);
    this.#behind = new Set(this.#to === null ? this.#candidates() : [this.#to]);
    for (const server of this.#behind) this.#awaitOffset(server, info);
  }

  #awaitOffset(server: RedisServer, goal: ReplicationInfo): void {
    this.#askInfo(server, (info) => {
      if (this.#state !== 'catching-up') return;
      if (info.role !== 'slave' || info.history !== goal.history) {
        return this.#undo(
          `${describeServer(server)} does not follow ${describeServer(this.#from as RedisServer)}`,
        );
      }
      if (info.offset < goal.offset) return this.#awaitOffset(server, goal);
      this.#behind.delete(server);
      this.#caughtUp.add(server);
      if (this.#behind.size === 0) this.#promote();
    });
  }

  #promote(): void {
    // After a standstill of ours the pause may be over.
    if (this.#core.now >= this.#deadline) return this.#late();
    if (this.#to === null) return this.#orderFailover(false);
    this.#enter('promoting', this.#core.now + FINISH_MS_MAX);
    const to = this.#to;
    this.#ask(to, ['REPLICAOF', 'NO', 'ONE'], (reply) => {
      if (reply.kind === 'error')
        return this.#undo(`${describeServer(to)} refuses to be promoted: ${reply.text}`);
      to.link.hurry();
    });
  }

  /**
   * `isCoordinated`: with a word that only newer sentinels know. It comes first, and without a pause of ours: the primary
   * hands over by itself, with its writers paused. A pause holds back the hellos that sentinels publish there, and behind
   * a hello the very order to hand over. Only where the word is not known we pause and wait for equal offsets ourselves.
   */
  #orderFailover(isCoordinated: boolean): void {
    const spokesman = this.group.source?.spokesman ?? null;
    if (spokesman === null) return this.#undo(NO_SENTINEL);
    this.#enter('ordering', this.#core.now + SENTINELS_MS_MAX);
    const args = ['SENTINEL', 'FAILOVER', this.group.name, ...(isCoordinated ? ['COORDINATED'] : [])];
    spokesman.ask(args, (reply) => {
      if (this.#state !== 'ordering') return;
      if (reply.kind !== 'error') {
        if (isCoordinated) this.#prompter?.begin();
        return this.group.source?.hurry();
      }
      if (isCoordinated && /^ERR (wrong number|unknown|syntax|invalid)/i.test(reply.text))
        return this.#pause(this.#core.now + this.#order.holdMsMax * UNDO_AFTER);
      this.#undo(`the sentinel refuses: ${reply.text}`);
    });
  }

  #promoted(): void {
    this.#enter('routing', this.#core.now + FINISH_MS_MAX);
    if (this.#to !== null) this.group.prefer(this.#to);
  }

  #release(): void {
    const hasAll = this.#state === 'routing' && this.#hasAll();
    this.#enter('releasing', this.#core.now + FINISH_MS_MAX);
    this.#letGo(false, hasAll);
  }

  /** Whether the new primary lacks nothing. One that handed over by itself is there to be asked; a lost one may not have. */
  #hasAll(): boolean {
    const [from, to] = [this.#from as RedisServer, this.#to as RedisServer];
    return this.#caughtUp.has(to) || (this.#prompter?.hasBegun === true && from.verdict.health === 'up');
  }

  /** With sentinels that is their business; only the pause is ours to end. */
  #demote(): void {
    this.#enter('demoting', this.#core.now + FINISH_MS_MAX);
    const { group } = this;
    const [from, to] = [this.#from as RedisServer, this.#to as RedisServer];
    if (group.source !== null) return this.#finish();
    const { host, port } = to.target;
    for (const server of group.servers) {
      if (server === to || server === from || server.info?.role !== 'slave') continue;
      const follows = { host: server.info.masterHost, port: server.info.masterPort };
      if (isSameTarget(follows, from.target))
        server.link.ask(['REPLICAOF', host, String(port)], () => server.link.hurry());
    }
    this.#ask(from, ['REPLICAOF', host, String(port)], (reply) => {
      if (reply.kind === 'error') {
        return this.#end(
          true,
          `${this.#sentence()}, but ${describeServer(from)} does not follow: ${reply.text}`,
        );
      }
      this.#enter('settling', this.#deadline);
      from.link.hurry();
    });
  }

  #finish(): void {
    const from = this.#from as RedisServer;
    // Sentinels may leave the old primary as it is for a while: then it stays paused, until the pause lapses.
    if (this.#isPaused && from.info?.role !== 'master') from.link.ask(['CLIENT', 'UNPAUSE'], () => undefined);
    this.#end(true, this.#sentence());
  }

  #sentence(): string {
    return `${describeServer(this.#to as RedisServer)} is the primary of ${this.group.name}, in place of ${describeServer(this.#from as RedisServer)}`;
  }

  #late(): void {
    switch (this.#state) {
      case 'looking':
        return this.#begin();
      case 'preparing':
        return this.#end(false, 'nothing was changed: connecting to the new primary took too long');
      case 'holding':
        return this.#undo('replies in flight did not come home in time');
      case 'pausing':
      case 'catching-up': {
        const behind = [...this.#behind].map(describeServer).join(', ');
        return this.#undo(
          behind === '' ? 'the old primary did not answer in time' : `${behind} did not catch up in time`,
        );
      }
      case 'promoting':
        // Whether it was promoted is not known: what it says next decides, and nobody is led astray meanwhile.
        return this.#end(
          false,
          `whether ${describeServer(this.#to as RedisServer)} was promoted is not known: "baton endpoint status" shows its role; order the switch again if it is a replica`,
        );
      case 'ordering':
        this.#release();
        return this.#end(
          false,
          `the sentinels accepted the order but named no new primary in time: SENTINEL MASTER ${this.group.name} at one of them tells how far they are`,
        );
      case 'routing':
      case 'releasing':
      case 'demoting':
      case 'settling':
        return this.#end(false, `${this.#sentence()}, but the rest of the switch took too long`);
      case 'ended':
    }
  }

  #undo(why: string): void {
    const from = this.#from as RedisServer;
    if (this.#isPaused) from.link.ask(['CLIENT', 'UNPAUSE'], () => undefined);
    this.group.isSwitching = false;
    this.#letGo(true);
    this.#end(false, `nothing was changed: ${why}`);
  }

  /** The daemon is stopping: what is begun is undone, or made whole as far as words that nobody waits for can do it. */
  stop(): void {
    const why = 'the daemon is stopping';
    switch (this.#state) {
      case 'looking':
      case 'preparing':
        return this.#end(false, `nothing was changed: ${why}`);
      case 'holding':
      case 'pausing':
      case 'catching-up':
        return this.#undo(why);
      case 'routing':
      case 'releasing':
        // Two would go on as primaries, once the pause is over.
        if (this.group.source === null) this.#demote();
        return this.#end(false, `${this.#sentence()}, but ${why}`);
      case 'promoting':
      case 'ordering':
      case 'demoting':
      case 'settling':
        return this.#end(false, `how the switch ends is not known: ${why}`);
      case 'ended':
    }
  }

  #letGo(isUndone: boolean, hasAll = false): void {
    this.#isHeld = false;
    this.#step({ kind: 'release', isUndone, hasAll });
  }

  #end(isDone: boolean, sentence: string): void {
    this.#state = 'ended';
    this.#prompter?.close();
    // Whatever became of it, nobody is held any longer.
    if (this.#isHeld) this.#letGo(false);
    this.group.isSwitching = false;
    this.group.changed();
    this.#core.decide(this.group.name, `${isDone ? 'switched' : 'not switched'}: ${sentence}`);
    this.#core.tell(isDone ? 'info' : 'alarm', 'switch', this.group.name, sentence);
    this.#core.emit({ kind: 'switch-ended', id: this.id, isDone, sentence });
  }

  #enter(state: SwitchState, deadline: number): void {
    this.#state = state;
    this.#deadline = deadline;
  }

  #step(step: SwitchStep): void {
    this.#core.emit({ kind: 'switch-step', id: this.id, endpoints: this.#order.endpoints, step });
  }

  /** An answer that comes after the state has passed is not heard. No connection: the deadline will tell. */
  #ask(server: RedisServer, args: readonly string[], answer: (reply: Reply) => void): void {
    const state = this.#state;
    server.link.ask(args, (reply) => {
      if (this.#state === state) answer(reply);
    });
  }

  #askInfo(server: RedisServer, answer: (info: ReplicationInfo) => void): void {
    this.#ask(server, ['INFO', 'replication'], (reply) => {
      const info = reply.kind === 'bulk' ? parseReplicationInfo(reply.value) : null;
      if (info !== null) answer(info);
    });
  }
}

const textOf = (reply: Reply): string =>
  reply.kind === 'error' || reply.kind === 'simple' ? reply.text : reply.kind;
