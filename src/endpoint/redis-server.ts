// One Redis or Valkey server of a primary or replica endpoint, watched by a standing connection: does it answer, is it
// loading, which role does it have, how far is it behind?

import type { Reply } from '../resp/reply.ts';
import type { Core, Naming } from './core.ts';
import type { CheckTiming, Credentials, HostPort, TlsClientConf } from './endpoint-conf.ts';
import type { AdminState, ConnectionId } from './io.ts';
import { parseReplicationInfo, type ReplicationInfo } from './replication-info.ts';
import { StandingLink, type LinkFailure, type LinkUser } from './standing-link.ts';
import { targetText, type Target } from './route.ts';
import { ServerHistory } from './server-history.ts';
import { Verdict } from './verdict.ts';

export interface RedisServerConf {
  readonly name: string;
  readonly where: HostPort;
  /** Which of its name's addresses; absent: the first. */
  readonly naming?: Naming;
  readonly weight: number;
  readonly isBackup: boolean;
  readonly connectionsMax: number | null;
  readonly credentials: Credentials | null;
  readonly tls: TlsClientConf | null;
  readonly proxyVersion: 1 | 2 | null;
  readonly timing: CheckTiming;
  /** As a primary it is none while nobody replicates it. */
  readonly wantsReplica: boolean;
}

const QUESTIONS = [['PING'], ['INFO', 'replication']] as const;

/** What its owner wants to know. */
export interface RedisServerOwner {
  /** Its health, role or offset may have changed. */
  serverChanged(server: RedisServer): void;
  /** An operator may want to know: it came up, went down, or is down for a reason of another kind. */
  serverSays(sentence: string, isUp: boolean): void;
}

export class RedisServer implements LinkUser {
  readonly conf: RedisServerConf;
  readonly link: StandingLink;
  readonly verdict = new Verdict();
  readonly history: ServerHistory;
  adminState: AdminState = 'ready';
  weight: number;
  /** The last it said of itself; null: it is not up. */
  info: ReplicationInfo | null = null;
  /** When that was asked. */
  askedAt = -Infinity;
  /** And over which connection. */
  askedOver: ConnectionId | null = null;
  /** The address that answered last; null: none ever did. */
  #ip: string | null = null;
  /** Since when it says that it is a primary which nobody replicates. */
  #aloneSince = Infinity;
  /** Of the reason that was told last; null: it is not down. */
  #toldKind: string | null = null;
  readonly #owner: RedisServerOwner;
  readonly #core: Core;

  constructor(core: Core, conf: RedisServerConf, owner: RedisServerOwner) {
    this.conf = conf;
    this.weight = conf.weight;
    this.#owner = owner;
    this.#core = core;
    this.history = new ServerHistory(core.now);
    const { where, naming = {}, credentials, tls, proxyVersion, timing } = conf;
    const link = { where, naming, credentials, tls, proxyVersion, timing, greeting: [] };
    this.link = new StandingLink(core, link, this);
  }

  get name(): string {
    return this.conf.name;
  }

  /**
   * With its name resolved, as far as it ever was. A name may mean another machine from one moment to the next: nobody is
   * led there before that one has answered.
   */
  get target(): Target {
    return { host: this.#ip ?? this.link.ip ?? this.conf.where.host, port: this.conf.where.port };
  }

  /** May get clients, its role aside. */
  get isUsable(): boolean {
    return this.verdict.health === 'up' && this.adminState === 'ready' && this.weight > 0;
  }

  /** A primary that lacks the replica that it has to have. One that was just promoted has some time to get one. */
  get isAlone(): boolean {
    const { fall, intervalMs } = this.conf.timing;
    return this.#core.now - this.#aloneSince >= fall * intervalMs;
  }

  questions(): readonly (readonly string[])[] {
    return QUESTIONS;
  }

  isMessage(): boolean {
    return false;
  }

  heard(): void {
    // It is subscribed to nothing.
  }

  answered(replies: readonly Reply[], askedAt: number): void {
    const [ping, text] = replies;
    const problem = pingProblem(ping) ?? (text?.kind === 'error' ? text.text : null);
    const info = text?.kind === 'bulk' ? parseReplicationInfo(text.value) : null;
    if (problem !== null) {
      // LOADING and the like are known states, not doubts: nothing is gained by counting them.
      this.#failed(this.#explain(problem), /^(LOADING|NOAUTH|WRONGPASS|NOPERM)/.test(problem));
    } else if (info === null) {
      this.#failed('INFO says nothing about replication', false);
    } else {
      this.#lookForReplicas(info);
      this.info = info;
      this.#ip = this.link.ip;
      this.askedAt = askedAt;
      this.askedOver = this.link.connection;
      if (this.verdict.succeeded(this.conf.timing)) {
        this.history.became('up', this.#core.now);
        this.#toldKind = null;
        this.#owner.serverSays(`${describeServer(this)} is up`, true);
      }
      this.#owner.serverChanged(this);
    }
  }

  failed(failure: LinkFailure, detail: string): void {
    // A connection that ended may have been closed by anybody; it is made again at once, and that shows.
    if (failure !== 'closed' && failure !== 'reset') this.#failed(detail, failure === 'refused');
    else this.#owner.serverChanged(this);
  }

  close(): void {
    this.link.close();
  }

  #lookForReplicas(info: ReplicationInfo): void {
    const isFine = !this.conf.wantsReplica || info.role === 'slave' || info.replicas.length > 0;
    if (isFine) this.#aloneSince = Infinity;
    // What was not seen before may have been alone for long.
    else if (this.#aloneSince === Infinity)
      this.#aloneSince = this.info === null ? -Infinity : this.#core.now;
  }

  #failed(reason: string, isProof: boolean): void {
    this.history.failedChecks += 1;
    if (this.verdict.failed(this.conf.timing, reason, isProof)) this.history.became('down', this.#core.now);
    if (this.verdict.health === 'down') {
      this.info = null;
      this.#tellDown(reason);
    }
    this.#owner.serverChanged(this);
  }

  /** What it says of the password says more than that it wants one. */
  #explain(problem: string): string {
    const { authProblem } = this.link;
    if (!problem.startsWith('NOAUTH')) return problem;
    return authProblem ?? `${problem} Name its password: --auth-file FILE, or tcp-check send AUTH`;
  }

  /** That it is down; again only when it is another error that it answers, since silences differ in their length, too. */
  #tellDown(reason: string): void {
    const kind = /^[A-Z]+(?= )/.exec(reason)?.[0] ?? '';
    if (kind === this.#toldKind) return;
    this.#toldKind = kind;
    this.#owner.serverSays(`${describeServer(this)} is down: ${reason}`, false);
  }
}

/** What is wrong with an answer to PING; null: nothing. */
function pingProblem(reply: Reply | undefined): string | null {
  if (reply?.kind === 'simple' && reply.text === 'PONG') return null;
  // A replica that may not serve stale data; INFO tells of its link.
  if (reply?.kind === 'error') return reply.text.startsWith('MASTERDOWN') ? null : reply.text;
  return 'PING was not answered by PONG';
}

export const describeServer = (server: RedisServer): string => {
  const where = targetText(server.conf.where);
  return server.name === where ? where : `${server.name} (${where})`;
};
