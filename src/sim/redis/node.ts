// A model Redis server: its life as a process, its role, its clients, and both ends of replication. The commands it
// understands are in commands.ts.
//
// It keeps what matters to whoever watches it: a crash closes connections and loses the last unsynced writes, a restart
// takes time to load, comes back in the role its file says, and begins a history of its own; a frozen one is silent; a
// replica's link is noticed as dead only after `REPLICATION_TIMEOUT_MS`.

import type { Random } from '../../base/random.ts';
import type { EndOfConnection } from '../../sentinel/io.ts';
import type { Network, Socket } from '../network.ts';
import { Process } from '../process.ts';
import type { ReplicationFrame, StreamEntry, Wire } from '../wire.ts';
import { isCommand } from '../wire.ts';
import { answerBatch } from './commands.ts';
import type { ReplicaLine } from './info.ts';
import { infoText } from './info.ts';
import { History } from './replication.ts';

/** repl-timeout. Redis's default is 60 s; shorter here, so that a run's quiet end can be. */
export const REPLICATION_TIMEOUT_MS = 10_000;
/** repl-ping-replica-period. */
const REPLICATION_PING_MS = 5_000;
const CRON_MS = 1_000;

export interface PrimaryAddress {
  readonly host: string;
  readonly port: number;
}

/** A connection to the node. */
export interface Session {
  readonly socket: Socket;
  /** Channels subscribed to. */
  readonly channels: Set<string>;
  /** Commands queued since MULTI; null outside. */
  queued: (readonly string[])[] | null;
  queueBroken: boolean;
  /** Set once the other end is a replica of ours. */
  replica: { port: number; offset: number; lastAckAt: number } | null;
  /** Frames and replies to leave in the next write. */
  outbox: Wire[];
}

export interface NodeOptions {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly priority: number;
  /** Whom its configuration file says it replicates. */
  readonly follows: PrimaryAddress | null;
  /** How long a full resync takes. */
  readonly syncMs: number;
  /** Whether CONFIG REWRITE has a file to write to. */
  readonly hasConfigFile: boolean;
}

/** What the node tells the rest of the simulation. */
export interface NodeListener {
  roleChanged(node: RedisNode, sentence: string): void;
}

type Following = {
  readonly address: PrimaryAddress;
  socket: Socket | null;
  state: 'waiting' | 'connecting' | 'syncing' | 'up';
  /** When the link was lost; null while it is up, or was never up. */
  downSince: number | null;
  lastHeardAt: number;
};

export class RedisNode extends Process {
  readonly port: number;
  readonly priority: number;
  readonly #network: Network;
  readonly #random: Random;
  readonly #options: NodeOptions;
  readonly #listener: NodeListener;
  readonly #sessions = new Set<Session>();
  #history: History;
  #runId = '';
  #startedAt = 0;
  #loadingUntil = 0;
  #writesPausedUntil = 0;
  #lastPingAt = 0;
  #following: Following | null = null;
  /** The role its configuration file says. */
  #configured: PrimaryAddress | null;

  constructor(network: Network, random: Random, options: NodeOptions, listener: NodeListener) {
    super(options.name, options.ip);
    this.port = options.port;
    this.priority = options.priority;
    this.#network = network;
    this.#random = random;
    this.#options = options;
    this.#listener = listener;
    this.#configured = options.follows;
    this.#history = new History(random, []);
  }

  get now(): number {
    return this.#network.timeline.now;
  }

  get isPrimary(): boolean {
    return this.#following === null;
  }

  get follows(): PrimaryAddress | null {
    return this.#following?.address ?? null;
  }

  get linkIsUp(): boolean {
    return this.#following?.state === 'up';
  }

  get isLoading(): boolean {
    return this.now < this.#loadingUntil;
  }

  /** CLIENT PAUSE ... WRITE; 0 ends it. */
  pauseWrites(ms: number): void {
    this.#writesPausedUntil = this.now + ms;
  }

  get writesArePaused(): boolean {
    return this.now < this.#writesPausedUntil;
  }

  /** Somebody edits its configuration file: the role it has after the next start. */
  configure(follows: PrimaryAddress | null): void {
    this.#configured = follows;
  }

  /** A client's write; false: it is refused, or waits. */
  write(id: string): boolean {
    if (!this.awake || !this.isPrimary || this.isLoading || this.writesArePaused) return false;
    this.propagate('write', [id]);
    this.#flush();
    return true;
  }

  get history(): History {
    return this.#history;
  }

  get sessions(): ReadonlySet<Session> {
    return this.#sessions;
  }

  /** Starts the process. After a crash, `data` says what it finds on its disk, and `loadingMs` how long reading takes. */
  start(options: { data: readonly string[]; loadingMs: number }): void {
    this.markStarted();
    this.#history = new History(this.#random, options.data);
    this.#runId = this.#random.hex(40);
    this.#startedAt = this.now;
    this.#loadingUntil = this.now + options.loadingMs;
    this.#writesPausedUntil = 0;
    this.#following = null;
    this.#sessions.clear();
    this.#network.listen(this, this.port, (socket) => this.#accept(socket));
    if (this.#configured !== null) this.#follow(this.#configured);
    this.#scheduleCron();
  }

  /** kill -9, or the whole machine without power (`silently`). */
  crash(silently: boolean): void {
    const how = silently ? 'silently' : this.frozen ? 'reset' : 'closed';
    this.#network.unlisten(this, this.port);
    this.markStopped();
    this.closeSockets(how);
    this.#sessions.clear();
    this.#following = null;
  }

  /** SLAVEOF: `null` for NO ONE. */
  replicate(address: PrimaryAddress | null): void {
    const before = this.#following;
    if (address === null) {
      if (before === null) return;
      before.socket?.close();
      this.#following = null;
      this.#history.branch();
      this.#dropReplicas();
      this.#listener.roleChanged(this, `${this.name} is a primary now, at offset ${this.#history.offset}`);
      return;
    }
    if (before !== null && before.address.host === address.host && before.address.port === address.port)
      return;
    before?.socket?.close();
    this.#dropReplicas();
    this.#follow(address);
    this.#listener.roleChanged(this, `${this.name} replicates ${address.host}:${address.port} now`);
  }

  /** CONFIG REWRITE: the file remembers the present role. False where there is no file. */
  rewriteConfig(): boolean {
    if (!this.#options.hasConfigFile) return false;
    this.#configured = this.#following?.address ?? null;
    return true;
  }

  info(): string {
    const following = this.#following;
    const replicas: ReplicaLine[] = [];
    for (const session of this.#sessions) {
      if (session.replica === null) continue;
      replicas.push({
        ip: session.socket.remoteIp,
        port: session.replica.port,
        state: 'online',
        offset: session.replica.offset,
        lagSeconds: Math.floor((this.now - session.replica.lastAckAt) / 1_000),
      });
    }
    return infoText({
      runId: this.#runId,
      port: this.port,
      uptimeSeconds: Math.floor((this.now - this.#startedAt) / 1_000),
      clients: this.#sessions.size - replicas.length,
      loading: this.isLoading,
      keys: this.#history.data.length,
      history: this.#history,
      priority: this.priority,
      following: following && {
        host: following.address.host,
        port: following.address.port,
        linkUp: following.state === 'up',
        syncing: following.state === 'syncing',
        linkDownSeconds:
          following.downSince === null ? -1 : Math.floor((this.now - following.downSince) / 1_000),
        lastIoSecondsAgo: Math.floor((this.now - following.lastHeardAt) / 1_000),
      },
      replicas,
    });
  }

  /** Adds an entry to the history and sends it to the replicas. */
  propagate(kind: StreamEntry['kind'], args: readonly string[]): void {
    const entry = this.#history.append(kind, args);
    this.#forward({ kind: 'stream', entries: [entry] });
  }

  /** Hands a message to the subscribers here; the answer counts them. */
  publish(channel: string, payload: string): number {
    let count = 0;
    for (const session of this.#sessions) {
      if (!session.channels.has(channel)) continue;
      count += 1;
      this.say(session, {
        kind: 'array',
        items: [
          { kind: 'bulk', value: 'message' },
          { kind: 'bulk', value: channel },
          { kind: 'bulk', value: payload },
        ],
      });
    }
    return count;
  }

  /** Puts something into a session's next write. */
  say(session: Session, item: Wire): void {
    session.outbox.push(item);
    if (session.outbox.length === 1) this.#toFlush.push(session);
  }

  readonly #toFlush: Session[] = [];

  #flush(): void {
    for (const session of this.#toFlush) {
      const items = session.outbox;
      session.outbox = [];
      session.socket.write(items);
    }
    this.#toFlush.length = 0;
  }

  /** CLIENT KILL TYPE: `normal` spares replicas, subscribers and the caller. */
  killSessions(type: 'normal' | 'pubsub', caller: Session): number {
    let count = 0;
    for (const session of this.#sessions) {
      if (session === caller || session.replica !== null) continue;
      if ((session.channels.size > 0 ? 'pubsub' : 'normal') !== type) continue;
      this.#endSession(session);
      count += 1;
    }
    return count;
  }

  /** PSYNC from a replica on `session`. False: it must ask again later. */
  serveReplica(session: Session, port: number, historyId: string, offset: number): boolean {
    if (this.isLoading || (this.#following !== null && this.#following.state !== 'up')) return false;
    const frames = this.#history.resync(historyId, offset);
    session.replica = { port, offset, lastAckAt: this.now };
    for (const frame of frames) this.say(session, frame);
    return true;
  }

  #accept(socket: Socket): { received(items: readonly Wire[]): void; ended(): void } {
    const session: Session = {
      socket,
      channels: new Set(),
      queued: null,
      queueBroken: false,
      replica: null,
      outbox: [],
    };
    this.#sessions.add(session);
    return {
      received: (items) => {
        for (const item of items) {
          if (isCommand(item) && this.#sessions.has(session)) answerBatch(this, session, item);
        }
        this.#flush();
      },
      ended: () => this.#sessions.delete(session),
    };
  }

  #endSession(session: Session): void {
    this.#sessions.delete(session);
    session.socket.write(session.outbox);
    session.outbox = [];
    session.socket.close();
  }

  #dropReplicas(): void {
    for (const session of this.#sessions) if (session.replica !== null) this.#endSession(session);
  }

  #forward(frame: ReplicationFrame): void {
    for (const session of this.#sessions) if (session.replica !== null) this.say(session, frame);
  }

  #follow(address: PrimaryAddress): void {
    this.#following = { address, socket: null, state: 'waiting', downSince: null, lastHeardAt: this.now };
    if (!this.isLoading) this.#dialPrimary(this.#following);
  }

  #dialPrimary(following: Following): void {
    following.state = 'connecting';
    following.lastHeardAt = this.now;
    const lost = (_reason: EndOfConnection): void => {
      if (this.#following !== following) return;
      if (following.state === 'up') following.downSince = this.now;
      following.state = 'waiting';
      following.socket = null;
    };
    const socket = this.#network.connect(this, following.address.host, following.address.port, {
      connected: () => {
        following.lastHeardAt = this.now;
        socket.write([['PSYNC', this.#history.id, String(this.#history.offset), String(this.port)]]);
      },
      received: (items) => {
        if (this.#following !== following) return;
        following.lastHeardAt = this.now;
        for (const item of items) {
          if (isCommand(item)) continue;
          if (item.kind === 'error') {
            socket.close();
            lost('closed');
            return;
          }
          this.#takeFrame(following, socket, item as ReplicationFrame);
        }
        this.#flush();
      },
      ended: lost,
    });
    following.socket = socket;
  }

  #takeFrame(following: Following, socket: Socket, frame: ReplicationFrame): void {
    switch (frame.kind) {
      case 'continue':
        this.#history.adoptId(frame.replicationId);
        this.#linkUp(following, socket);
        break;
      case 'full-resync':
        following.state = 'syncing';
        this.#dropReplicas();
        this.#history.replaceBy(frame);
        this.#network.timeline.after(this.#options.syncMs, () => {
          this.deliver(() => {
            if (following.state === 'syncing' && following.socket === socket) this.#linkUp(following, socket);
          });
        });
        break;
      case 'stream':
        for (const entry of frame.entries) {
          this.#history.apply(entry);
          if (entry.kind === 'publish') this.publish(entry.args[0] as string, entry.args[1] as string);
        }
        this.#forward(frame);
        break;
    }
  }

  #linkUp(following: Following, socket: Socket): void {
    following.state = 'up';
    following.downSince = null;
    following.lastHeardAt = this.now;
    socket.write([['REPLCONF', 'ACK', String(this.#history.offset)]]);
  }

  #scheduleCron(): void {
    const { incarnation } = this;
    this.#network.timeline.after(CRON_MS, () => {
      if (!this.running || this.incarnation !== incarnation) return;
      if (!this.frozen) this.#cron();
      this.#scheduleCron();
    });
  }

  /** Once a second: redial, acknowledge, ping, and give up what has been silent too long. */
  #cron(): void {
    const following = this.#following;
    if (following !== null && !this.isLoading) {
      const silentMs = this.now - following.lastHeardAt;
      if (
        following.state !== 'waiting' &&
        following.state !== 'syncing' &&
        silentMs > REPLICATION_TIMEOUT_MS
      ) {
        following.socket?.close();
        if (following.state === 'up') following.downSince = this.now;
        following.state = 'waiting';
        following.socket = null;
      }
      if (following.state === 'waiting') this.#dialPrimary(following);
      else if (following.state === 'up') {
        following.socket?.write([['REPLCONF', 'ACK', String(this.#history.offset)]]);
      }
    }
    let hasReplicas = false;
    for (const session of this.#sessions) {
      if (session.replica === null) continue;
      if (this.now - session.replica.lastAckAt > REPLICATION_TIMEOUT_MS) this.#endSession(session);
      else hasReplicas = true;
    }
    if (this.isPrimary && hasReplicas && this.now - this.#lastPingAt >= REPLICATION_PING_MS) {
      this.#lastPingAt = this.now;
      this.propagate('ping', []);
    }
    this.#flush();
  }
}
