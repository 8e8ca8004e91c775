// The watching half of a sentinel: takes events about links, answers and time, and keeps everything that is watched
// attended to. The other half, our own port, is server/; sentinel.ts joins them.
//
// There is no tick that visits everyone, as the reference has: each instance and link has one alarm, set to the first
// moment at which something could be due. What an event touches is attended to before the step ends, and its alarm set
// anew.

import { assert } from '../base/assert.ts';
import type { Reply } from '../resp/reply.ts';
import { attendLink } from './attend-link.ts';
import { attendPeer, receiveOpinion } from './asking.ts';
import { watchConfigured } from './conf-state.ts';
import type { SentinelConf } from './conf/conf.ts';
import type { Core } from './core.ts';
import { receiveLogin } from './credentials.ts';
import { downCheckDueAt, judge, judgeObjectively, receivePong } from './detection.ts';
import { failoverDueAt, stepFailover } from './failover.ts';
import { HELLO_CHANNEL } from './hello.ts';
import { masterOf, type Connection, type Instance, type Link } from './instance.ts';
import type { Event } from './io.ts';
import { closeHalf, connectionEnded, connectionEstablished } from './links.ts';
import { PERSIST_COMPLAINT_MS } from './persistence.ts';
import { noteRoom, pollInstance } from './polling.ts';
import { receiveHello } from './receive-hello.ts';
import { receiveInfo } from './receive-info.ts';

/** We look up at least this often, so that a freeze is noticed however little there is to do. Milliseconds. */
const HEARTBEAT_MS = 250;
/** Something that happened this late is not judged by: first what waited in the sockets is read. Milliseconds. */
const LATE_MS = 20;
/** One step attends to no more than this; more would be two things waking each other for ever. */
const ATTENTIONS_MAX = 1_000_000;

/** The events that are not about our own port. */
export type MonitorEvent = Exclude<
  Event,
  { kind: 'client-connected' } | { kind: 'client-closed' } | { kind: 'command' } | { kind: 'terminate' }
>;

function isOurs(core: Core, task: Instance | Link): boolean {
  return task.kind === 'link' ? task.owners.length > 0 : core.isWatched(task);
}

export class Monitor {
  readonly #core: Core;
  #heartbeatAt = Infinity;
  /** The step under way is late, and not the tick that follows the reading of all sockets. */
  #mayJudge = true;

  constructor(core: Core) {
    this.#core = core;
  }

  start(conf: SentinelConf): void {
    const core = this.#core;
    core.log('notice', `Sentinel ID is ${core.myId}`);
    if (core.myIdIsNew) core.persistence.save();
    watchConfigured(core, conf);
    for (const master of core.masters.values()) core.event('+monitor', master, ` quorum ${master.quorum}`);
    this.#heartbeatAt = core.now + HEARTBEAT_MS;
  }

  /** When {@link tick} is due at the latest. */
  deadline(): number {
    const core = this.#core;
    const { persistence } = core;
    return Math.min(
      core.schedule.next(),
      this.#heartbeatAt,
      this.#tiltEndsAt(),
      core.scripts.dueAt(),
      persistence.retryAt,
      persistence.complainAt,
    );
  }

  /** Every step begins with this, before the event is looked at. */
  beginStep(event: Event): void {
    this.#mayJudge = event.kind === 'tick' || this.#core.now <= this.deadline() + LATE_MS;
  }

  handle(event: MonitorEvent): void {
    const core = this.#core;
    switch (event.kind) {
      case 'start':
        break;
      case 'tick':
        this.#tick();
        break;
      case 'connected': {
        const connection = core.connections.get(event.connection);
        if (connection !== undefined) connectionEstablished(core, connection, event.localAddress);
        break;
      }
      case 'disconnected': {
        const connection = core.connections.get(event.connection);
        if (connection !== undefined) connectionEnded(core, connection, event.reason, event.detail);
        break;
      }
      case 'reply': {
        const connection = core.connections.get(event.connection);
        if (connection?.half === 'command') this.#receiveReply(connection, event.reply);
        else if (connection?.half === 'pubsub') this.#receiveFrame(connection, event.reply);
        break;
      }
      case 'resolved':
        core.names.settle(event.host, event.ip);
        break;
      case 'persisted':
        this.#persisted(event.version, event.problem);
        break;
      case 'script-started':
        core.scripts.started(event.run, event.pid);
        break;
      case 'script-ended':
        core.scripts.ended(event.run, event.exitCode, event.signal);
        break;
    }
  }

  /** Every step ends with this: whatever was touched is attended to, and its alarm set. */
  endStep(): void {
    const core = this.#core;
    let attentions = 0;
    for (const task of core.touched) {
      core.touched.delete(task);
      attentions += 1;
      assert(attentions < ATTENTIONS_MAX, 'a step comes to an end');
      if (!isOurs(core, task)) continue;
      const dueAt = task.kind === 'link' ? attendLink(core, task) : this.#attend(task);
      // Attending may have let go of it.
      if (isOurs(core, task)) core.schedule.set(task, dueAt);
    }
    core.scripts.attend();
  }

  #tick(): void {
    const core = this.#core;
    const lateMs = core.now - this.deadline();
    if (lateMs > core.tunables.tiltTrigger) {
      core.tiltSince = core.now;
      core.announce('+tilt', '#tilt mode entered');
    } else if (core.now >= this.#tiltEndsAt()) {
      core.tiltSince = null;
      core.announce('-tilt', '#tilt mode exited');
      for (const master of core.masters.values()) {
        for (const instance of core.instancesOf(master)) core.touch(instance);
      }
    }
    this.#heartbeatAt = core.now + HEARTBEAT_MS;
    const { persistence } = core;
    if (core.now >= persistence.complainAt) {
      persistence.complainAt = core.now + PERSIST_COMPLAINT_MS;
      core.log('warning', this.#persistComplaint());
    }
    if (core.now >= persistence.retryAt) persistence.retry();
    for (let task = core.schedule.takeDue(core.now); task !== null; task = core.schedule.takeDue(core.now)) {
      core.touch(task);
    }
  }

  #tiltEndsAt(): number {
    const { tiltSince, tunables } = this.#core;
    return tiltSince === null ? Infinity : tiltSince + tunables.tiltPeriod + 1;
  }

  #persistComplaint(): string {
    return (
      `The configuration file can't be saved: ${this.#core.persistence.problem}. ` +
      'Until it can, this sentinel gives no votes and starts no failover'
    );
  }

  #persisted(version: number, problem: string | null): void {
    const core = this.#core;
    const { persistence } = core;
    const before = persistence.problem;
    persistence.settle(version, problem, core.now);
    if (problem !== null && before === null) {
      persistence.complainAt = core.now + PERSIST_COMPLAINT_MS;
      core.log('warning', this.#persistComplaint());
    }
    if (problem === null) core.log('notice', 'Sentinel new configuration saved on disk');
  }

  #attend(instance: Instance): number {
    const core = this.#core;
    let dueAt = pollInstance(core, instance);
    if (core.tilted) return dueAt;
    if (this.#mayJudge || instance.sdown) judge(core, instance);
    dueAt = Math.min(dueAt, downCheckDueAt(core, instance));
    if (instance.kind === 'master') {
      judgeObjectively(core, instance);
      stepFailover(core, instance);
      dueAt = Math.min(dueAt, failoverDueAt(core, instance));
    } else if (instance.kind === 'sentinel') {
      dueAt = Math.min(dueAt, attendPeer(core, instance));
    }
    return dueAt;
  }

  #receiveReply(connection: Connection, reply: Reply): void {
    const core = this.#core;
    const pending = connection.pending.shift();
    if (pending === undefined) {
      core.counters.repliesUnexpected += 1;
      return;
    }
    noteRoom(core, connection);
    const { purpose, instance } = pending;
    switch (purpose) {
      case 'ping':
        receivePong(core, connection.link, reply);
        break;
      case 'info':
        if (instance !== null && instance.kind !== 'sentinel') receiveInfo(core, instance, reply);
        break;
      case 'hello':
        if (instance !== null) instance.helloInFlight = false;
        break;
      case 'ask':
        if (instance?.kind === 'sentinel') receiveOpinion(core, instance, reply);
        break;
      case 'auth':
        receiveLogin(core, connection.link, reply);
        break;
      case 'reconfigure':
        if (instance !== null) this.#noteReconfiguration(instance, reply);
        break;
      case 'subscribe':
      case 'ignore':
        break;
    }
  }

  /** A node that can't or may not do as it is told: said in its own words, since INFO will only show no change. */
  #noteReconfiguration(instance: Instance, reply: Reply): void {
    const answers = reply.kind === 'array' ? reply.items : [reply];
    for (const answer of answers) {
      // EXECABORT only repeats what was said of a command before; a node without a configuration file is no trouble.
      if (answer.kind !== 'error' || /^EXECABORT|config file/.test(answer.text)) continue;
      const { name } = masterOf(instance);
      this.#core.log('warning', `${instance.name} of ${name} refuses to be reconfigured: ${answer.text}`);
    }
  }

  #receiveFrame(connection: Connection, reply: Reply): void {
    const core = this.#core;
    const { link } = connection;
    link.pubsubLastActivityAt = core.now;
    if (reply.kind === 'array' || reply.kind === 'push') {
      const [kind, channel, payload] = reply.items;
      if (kind?.kind === 'bulk' && kind.value === 'message' && reply.items.length === 3) {
        const isHello =
          channel?.kind === 'bulk' && channel.value === HELLO_CHANNEL && payload?.kind === 'bulk';
        if (isHello && !payload.value.includes(core.myId)) receiveHello(core, payload.value);
        return;
      }
    }
    const pending = connection.pending.shift();
    if (pending?.purpose === 'auth') receiveLogin(core, link, reply);
    if (reply.kind !== 'error') return;
    // A refused SUBSCRIBE ends this half, and makes the link show as disconnected (sentinel.md §4.3).
    if (pending?.purpose === 'subscribe') closeHalf(core, link, 'pubsub');
  }
}
