// Refusals of a server that is no primary any more: whether clients are spared them and held until the endpoint leads
// elsewhere, and what is kept of their requests meanwhile.

import type { RouteServer } from '../route.ts';
import type { Client } from './client.ts';
import type { CommandTable } from './command-table.ts';
import { beginDoubt, dismiss } from './doubt.ts';
import type { Hold } from './hold.ts';
import { type Owed, type Verdict, isRetriable } from './owed.ts';
import { type SeenReply, isOfScript, isRejection, keepForReplay } from './replay.ts';
import { firstLine } from './reply-text.ts';
import type { ServerConnection } from './server-connection.ts';
import type { Servers } from './servers.ts';

export interface RejectionConf {
  /** How long clients are held at most until the endpoint leads elsewhere. */
  readonly holdMsMax: number;
  /** A server has shown that it is no primary. */
  readonly demoted: (server: RouteServer, text: string) => void;
}

/** What {@link Rejections} needs of the relay. */
export interface RejectionHost {
  readonly table: CommandTable;
  readonly hold: Hold;
  readonly nowMs: number;
  /** A hold has begun. */
  holdBegan(): void;
  /** Nobody knows whether the client's last writes were done: it is closed. */
  giveUp(client: Client): void;
}

export class Rejections {
  readonly #conf: RejectionConf | null;
  readonly #host: RejectionHost;
  readonly #servers: Servers;
  /** Those who wait until ROLE tells what a refusal meant. */
  readonly #doubting = new Set<Client>();

  /** `conf` null: refusals are for the client (replicas, any server). */
  constructor(conf: RejectionConf | null, host: RejectionHost, servers: Servers) {
    this.#conf = conf;
    this.#host = host;
    this.#servers = servers;
  }

  /** Whether replies in flight are waited for when a server leaves. */
  get areHeldFor(): boolean {
    return this.#conf !== null;
  }

  /** A client's request got an error, or the client is replaying: `deliver`, unless the client is to be spared it. */
  judge(owed: Owed, reply: SeenReply, connection: ServerConnection): Verdict {
    const client = owed.client as Client;
    const { table } = this.#host;
    if (!client.isReplaying) {
      const { bytes, start, end } = reply;
      if (owed.bytes === null || !isRejection(bytes, start, end) || !isRetriable(owed)) return 'deliver';
      const text = firstLine(bytes, start, end);
      if (isOfScript(table, owed) && this.#wouldBegin(connection)) this.#doubt(client, text, connection);
      else if (!this.isRetried(text, connection)) return 'deliver';
      client.isReplaying = true;
    }
    const canReplay = keepForReplay(table, client, owed, reply);
    if (!(client.doubt?.keep(reply, canReplay) ?? canReplay)) this.#host.giveUp(client);
    return 'swallow';
  }

  /** A server has refused; whether the request is sent again to another. Begins a hold if there is none. */
  isRetried(text: string, connection: ServerConnection): boolean {
    const { hold, nowMs } = this.#host;
    const backend = this.#servers.with(connection);
    if (this.#conf === null || backend === null) return false;
    // If it left the route already, there is somebody to ask instead.
    if (backend.isLeaving) return true;
    if (!hold.mayBegin(nowMs)) return false;
    if (!hold.isOn) {
      hold.begin(nowMs + this.#conf.holdMsMax, true, null);
      this.#host.holdBegan();
    }
    if (!backend.wasDemoted) {
      backend.wasDemoted = true;
      this.#conf.demoted(backend.server, text.slice(1));
    }
    return true;
  }

  /** The connection is over: what was asked there about a refusal is answered by nobody, unless its server `hasLeft`. */
  lost(connection: ServerConnection, hasLeft: boolean): void {
    for (const client of Array.from(this.#doubting)) {
      if ((client.own ?? client.shared) !== connection) continue;
      if (!hasLeft || client.doubt?.isDone !== false) {
        this.#host.giveUp(client);
      } else {
        this.#doubting.delete(client);
        client.doubt = null;
        client.answered();
      }
    }
  }

  /** It is gone. */
  forget(client: Client): void {
    this.#doubting.delete(client);
  }

  /** Whether a refusal would begin a hold, or say what is not known yet. */
  #wouldBegin(connection: ServerConnection): boolean {
    const backend = this.#servers.with(connection);
    if (this.#conf === null || backend === null || backend.isLeaving || backend.wasDemoted) return false;
    return this.#host.hold.mayBegin(this.#host.nowMs);
  }

  #doubt(client: Client, text: string, connection: ServerConnection): void {
    this.#doubting.add(client);
    beginDoubt(client, connection, (isReplica, doubt) => {
      this.#doubting.delete(client);
      if (!isReplica || !this.isRetried(text, connection)) dismiss(client, doubt);
      else if (doubt.isDone) this.#host.giveUp(client);
    });
  }
}
