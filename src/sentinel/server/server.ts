// A sentinel's own port without its sockets and without the monitoring: clients come and go, ask, are checked, served
// or held back, and hear what is published (sentinel.md §1). The monitor owns it, forwards it the clients' events and
// provides what SENTINEL, INFO, PUBLISH, ROLE and SHUTDOWN do.
//
//   command ─► POST? QUIT? ─► exists, arity, login, rights, subscriber ─► paused? ─► handler ─► answer
//                                           │ no                             │ yes       └ later ─► held, then answer
//                                           └─► error                        └─► held until the pause ends

import { assert } from '../../base/assert.ts';
import { failure, success, type Problem, type Result } from '../../base/result.ts';
import { error, OK, type Reply } from '../../resp/reply.ts';
import type { ServerConf } from '../conf/conf.ts';
import type { Host } from '../host.ts';
import type { ClientId, Effect, Event, LogLevel } from '../io.ts';
import { AclLog, type Refusal } from './acl-log.ts';
import { loadUsers, type Users } from './acl-users.ts';
import { checkRequest } from './check.ts';
import type { Call } from './command.ts';
import { CommandTable } from './command-table.ts';
import type { Desk, OwnHandler, Product } from './desk.ts';
import { bindHandlers, type Handlers } from './handlers.ts';
import { Pause } from './pause.ts';
import { PubSub } from './pubsub.ts';
import { Session } from './session.ts';

export type ClientConnected = Extract<Event, { kind: 'client-connected' }>;

/** What a configuration says about the port, understood. Made once, before anything listens. */
export interface PortSetup {
  readonly conf: ServerConf;
  readonly product: Product;
  readonly table: CommandTable;
  readonly users: Users;
}

/**
 * Reads users (`requirepass`, `user` lines, the ACL file) and `rename-command` out of the configuration, or returns
 * everything that is wrong with them; a sentinel does not start then (sentinel.md §2.1).
 */
export function preparePort(conf: ServerConf, product: Product, host: Host): Result<PortSetup, Problem[]> {
  const table = CommandTable.make(product.flavour, conf.renamedCommands);
  if (!table.ok) return table;
  const users = loadUsers(conf, host, table.value);
  return users.ok
    ? success({ conf, product, table: table.value, users: users.value })
    : failure(users.problem);
}

export interface ServerOptions {
  readonly setup: PortSetup;
  readonly host: Host;
  readonly handlers: Handlers;
  /** Called in the order things are to happen. */
  readonly emit: (effect: Effect) => void;
}

/** For INFO's Clients and Stats. */
export interface ServerStats {
  readonly connectedClients: number;
  /** Clients whose command waits for a deferred answer or the end of a pause. */
  readonly blockedClients: number;
  readonly pubsubClients: number;
  readonly trackingClients: number;
  readonly pubsubChannels: number;
  readonly pubsubPatterns: number;
  /** Since the start, those refused included. */
  readonly totalConnections: number;
  /** Refused because of maxclients. */
  readonly rejectedConnections: number;
  /** Commands served since the start. */
  readonly totalCommands: number;
  /** Error replies since the start. */
  readonly totalErrors: number;
}

/** Security warnings come at most this often. */
const WARNING_SPACING_MS = 60_000;

export class Server {
  readonly #setup: PortSetup;
  readonly #emit: (effect: Effect) => void;
  readonly #handlers: ReadonlyMap<string, OwnHandler>;
  readonly #desk: Desk;
  readonly #sessions = new Map<ClientId, Session>();
  readonly #pubsub = new PubSub();
  readonly #pause = new Pause();
  /** The session whose command is being served: it may be closed only after its reply. */
  #caller: Session | null = null;
  /** No client reaches its idle timeout before; it is looked at again then. */
  #idleCheckAt = Infinity;
  #lastWarningAt = -Infinity;
  #totalConnections = 0;
  #rejectedConnections = 0;
  #totalCommands = 0;
  #totalErrors = 0;

  constructor(options: ServerOptions) {
    const { setup, host } = options;
    this.#setup = setup;
    this.#emit = options.emit;
    this.#handlers = bindHandlers(setup.table, options.handlers);
    const aclLog = new AclLog(setup.conf.aclLogMaxLen);
    this.#desk = {
      conf: setup.conf,
      host,
      product: setup.product,
      table: setup.table,
      sessions: this.#sessions,
      users: setup.users,
      aclLog,
      pubsub: this.#pubsub,
      pause: this.#pause,
      push: (session, frame) => this.#send(session, frame),
      close: (session) => this.#close(session),
      isAuthenticated: (session) => session.isAuthenticated || this.#letsAnybodyIn(),
      noteRefusal: (session: Session, refusal: Omit<Refusal, 'clientInfo'>, now: number) => {
        const wallMs = Math.floor(host.facts().serverTimeMicros / 1000);
        aclLog.add({ ...refusal, clientInfo: session.describe(now) }, now, wallMs);
      },
      log: (level: LogLevel, text: string) => this.#emit({ kind: 'log', level, text }),
    };
  }

  /** A client is there. It may be turned away at once: `maxclients`, protected mode. */
  clientConnected(event: ClientConnected, now: number): void {
    const { conf } = this.#setup;
    assert(!this.#sessions.has(event.client), `client ${event.client} connected twice`);
    this.#totalConnections += 1;
    if (this.#sessions.size >= conf.maxClients) {
      this.#rejectedConnections += 1;
      this.#turnAway(event.client, 'ERR max number of clients reached');
      return;
    }
    if (conf.protectedMode && this.#setup.users.default.isNoPass && !event.isLocal) {
      this.#turnAway(
        event.client,
        'DENIED This sentinel is in protected mode and has no password, so only clients on the same machine are ' +
          "let in. Set requirepass, or give the user 'default' a password, or say protected-mode no in the " +
          'configuration file if only trusted machines can reach this port.',
      );
      return;
    }
    this.#sessions.set(event.client, new Session(event, this.#letsAnybodyIn(), now));
    if (conf.timeoutSeconds > 0) {
      this.#idleCheckAt = Math.min(this.#idleCheckAt, now + conf.timeoutSeconds * 1000);
    }
  }

  /** A client went away by itself. Also harmless after our own `close-client`. */
  clientClosed(client: ClientId): void {
    const session = this.#sessions.get(client);
    if (session !== undefined) this.#forget(session);
  }

  /** A whole request. What a client sent before it learned that it is being closed is ignored. */
  command(client: ClientId, args: readonly string[], now: number): void {
    const session = this.#sessions.get(client);
    if (session === undefined) return;
    assert(session.holds === 0, `client ${client} is held, and yet a command of it was delivered`);
    assert(args.length > 0, 'a request has at least one word');
    session.lastActiveAt = now;
    this.#resume(now);
    this.#serve({ session, args, now });
  }

  /** To everyone who subscribed to the channel or to a pattern it matches; returns how many frames were sent. */
  publish(channel: string, message: string): number {
    return this.#pubsub.publish(channel, message, (session, frame) => this.#send(session, frame));
  }

  /**
   * Holds the client and returns the function that answers it, to be called once, at any later time; it does nothing if
   * the client has gone meanwhile. For a handler that returns `later`.
   */
  defer(session: Session): (reply: Reply) => void {
    this.#hold(session);
    const { isSilent } = session;
    let isAnswered = false;
    return (reply) => {
      assert(!isAnswered, `client ${session.id} was answered twice`);
      isAnswered = true;
      if (this.#sessions.get(session.id) !== session) return;
      if (!isSilent) this.#answer(session, reply);
      this.#release(session);
    };
  }

  /** When `tick` has something to do; Infinity: not before something else happens. */
  deadline(): number {
    return Math.min(this.#pause.deadline(), this.#idleCheckAt);
  }

  /** Time has passed: a pause may be over, clients may have idled too long. */
  tick(now: number): void {
    this.#resume(now);
    if (now >= this.#idleCheckAt) this.#closeIdle(now);
  }

  /** Whether the client needs no AUTH now; the listener is stricter with those that do. */
  isAuthenticated(client: ClientId): boolean {
    const session = this.#sessions.get(client);
    return session !== undefined && this.#desk.isAuthenticated(session);
  }

  /** Whether the client listens to channels: more may wait for it than for others. */
  isSubscribed(client: ClientId): boolean {
    return this.#sessions.get(client)?.type === 'pubsub';
  }

  /** `<name> <rules>` for the configuration file's `user` lines; none where an ACL file holds the users. */
  users(): string[] {
    return this.#setup.conf.aclFile === null ? this.#setup.users.lines() : [];
  }

  stats(): ServerStats {
    const sessions = [...this.#sessions.values()];
    return {
      connectedClients: sessions.length,
      blockedClients: sessions.filter((session) => session.holds > 0).length,
      pubsubClients: sessions.filter((session) => session.type === 'pubsub').length,
      trackingClients: sessions.filter((session) => session.tracking !== null).length,
      pubsubChannels: this.#pubsub.channelCount,
      pubsubPatterns: this.#pubsub.patternCount,
      totalConnections: this.#totalConnections,
      rejectedConnections: this.#rejectedConnections,
      totalCommands: this.#totalCommands,
      totalErrors: this.#totalErrors,
    };
  }

  #serve(call: Call): void {
    const { session, args, now } = call;
    const word = (args[0] ?? '').toLowerCase();
    if (word === 'post' || word === 'host:') {
      this.#suspectBrowser(call);
      return;
    }
    if (word === 'quit') {
      // Differs from Sentinel: QUIT, which sentinels do not know, gets +OK and its close, because clients say it to
      // leave and would only see an error. It is in no list of commands.
      this.#answer(session, OK);
      this.#close(session);
      return;
    }
    const checked = checkRequest(call, this.#desk);
    if (checked.ok && this.#pause.holds(now)) {
      this.#pause.add(session, args);
      this.#hold(session);
      return;
    }
    session.beginReply();
    if (!checked.ok) {
      if (!session.isSilent) this.#answer(session, checked.problem);
      return;
    }
    const handler = this.#handlers.get(checked.value.name);
    assert(handler !== undefined, `no handler serves ${checked.value.name}`);
    this.#totalCommands += 1;
    this.#caller = session;
    const outcome = handler(call, this.#desk);
    this.#caller = null;
    if (outcome !== 'later' && outcome !== 'none' && !session.isSilent) this.#answer(session, outcome);
    if (session.isClosing) this.#close(session);
  }

  /** A web page can make a browser send us an HTTP request with commands in its body; nothing of it may run. */
  #suspectBrowser({ session, now }: Call): void {
    if (now - this.#lastWarningAt >= WARNING_SPACING_MS) {
      this.#lastWarningAt = now;
      this.#desk.log(
        'warning',
        `Possible attack: ${session.address} sent an HTTP request ('POST' or 'Host:'), as a web page can make a ` +
          'browser do to reach this port. The connection was closed.',
      );
    }
    this.#close(session);
  }

  /** Serves what waited for the end of a pause. */
  #resume(now: number): void {
    if (now < this.#pause.deadline()) return;
    for (const [session, args] of this.#pause.take()) {
      if (this.#sessions.get(session.id) !== session) continue;
      this.#serve({ session, args, now });
      if (this.#sessions.get(session.id) === session) this.#release(session);
    }
  }

  #closeIdle(now: number): void {
    const limit = this.#setup.conf.timeoutSeconds * 1000;
    this.#idleCheckAt = Infinity;
    for (const session of this.#sessions.values()) {
      // Subscribers are silent by nature, and those we hold are silent because of us.
      const since = session.type === 'pubsub' || session.holds > 0 ? now : session.lastActiveAt;
      if (now - since >= limit) {
        this.#desk.log('verbose', `Closing idle client ${session.address}`);
        this.#close(session);
      } else {
        this.#idleCheckAt = Math.min(this.#idleCheckAt, since + limit);
      }
    }
  }

  #letsAnybodyIn(): boolean {
    const { isOn, isNoPass } = this.#setup.users.default;
    return isOn && isNoPass;
  }

  #turnAway(client: ClientId, text: string): void {
    this.#emit({ kind: 'answer', client, reply: error(text), protocol: 2 });
    this.#emit({ kind: 'close-client', client });
  }

  #answer(session: Session, reply: Reply): void {
    if (reply.kind === 'error') this.#totalErrors += 1;
    this.#send(session, reply);
  }

  #send(session: Session, reply: Reply): void {
    this.#emit({ kind: 'answer', client: session.id, reply, protocol: session.protocol });
  }

  #hold(session: Session): void {
    session.holds += 1;
    if (session.holds === 1) this.#emit({ kind: 'hold-client', client: session.id });
  }

  #release(session: Session): void {
    session.holds -= 1;
    if (session.holds === 0) this.#emit({ kind: 'release-client', client: session.id });
  }

  #close(session: Session): void {
    if (session === this.#caller) {
      session.isClosing = true;
      return;
    }
    this.#forget(session);
    this.#emit({ kind: 'close-client', client: session.id });
  }

  #forget(session: Session): void {
    this.#pubsub.removeAll(session);
    this.#pause.forget(session);
    this.#sessions.delete(session.id);
  }
}
