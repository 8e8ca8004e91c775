// A connection to a server is over: what becomes of those who had something there. Requests that the server surely did
// not carry out, or may carry out again, are sent anew; a client that had a connection of its own gets another, brought
// to what the old one was; who can't be served as he expects is closed, and counted.

import { targetText } from '../route.ts';
import { wasNotSent } from './blocking-requests.ts';
import type { Client } from './client.ts';
import type { LoadedScripts } from './loaded-scripts.ts';
import { restore, whyUnmovable } from './move.ts';
import { type Owed, restOf } from './owed.ts';
import type { Placement } from './placement.ts';
import type { Rejections } from './rejections.ts';
import { openAgain, wholeOf } from './replay.ts';
import { takesItsTime } from './requests.ts';
import type { Scripts } from './scripts.ts';
import type { ServerConnection } from './server-connection.ts';
import type { Servers } from './servers.ts';
import type { SignOn } from './sign-on.ts';

/** What {@link Losses} needs of the relay. */
export interface LossHost {
  readonly scripts: Scripts;
  readonly loadedScripts: LoadedScripts;
  readonly nowMs: number;
  readonly isTransparent: boolean;
  readonly counts: { outcomeUnknown: number; unmovable: number };
  serverOf(connection: ServerConnection): string;
  lend(client: Client, wanted: SignOn): ServerConnection | null;
  /** All who had subscriptions have them again. */
  resubscribed(): void;
}

export class Losses {
  readonly #host: LossHost;
  readonly #servers: Servers;
  readonly #placement: Placement;
  readonly #rejections: Rejections;
  /** Those whose subscriptions were asked for at another server. */
  readonly #resubscribing = new Set<Client>();

  constructor(host: LossHost, servers: Servers, placement: Placement, rejections: Rejections) {
    this.#host = host;
    this.#servers = servers;
    this.#placement = placement;
    this.#rejections = rejections;
  }

  get isResubscribing(): boolean {
    return this.#resubscribing.size > 0;
  }

  /** It is gone, or has its subscriptions. */
  forget(client: Client): void {
    if (this.#resubscribing.delete(client) && !this.isResubscribing) this.#host.resubscribed();
  }

  /** `connection` is over; `owed` is what was not answered, and the last `unsent` of that were not even sent. */
  take(connection: ServerConnection, owed: readonly Owed[], unsent: number): void {
    const backend = this.#servers.with(connection);
    backend?.remove(connection);
    if (backend !== null) this.#host.loadedScripts.forgetServer(targetText(backend.server), connection);
    // Also one that hangs up on everybody: it would be called again and again.
    const { hasSpoken, wasTurnedAway, refusal } = connection;
    if (refusal === null && (!hasSpoken || wasTurnedAway)) backend?.backOff(this.#host.nowMs);
    this.#rejections.lost(connection, backend?.isLeaving === true);
    if (refusal !== null) return this.#refused(connection, owed, refusal);
    if (connection.cutOff?.isGone === false) {
      this.#host.counts.unmovable++;
      connection.cutOff.reset();
    }
    const pieces = new Map<Client, Uint8Array[]>();
    owed.forEach((each, index) => {
      const { client } = each;
      if (client === null || client.isGone) return;
      client.owed -= each.count;
      const isSent = connection.isConnected && !wasTurnedAway && index < owed.length - unsent;
      if (!isSent && takesItsTime(each)) wasNotSent(client);
      if (each.transaction !== null) openAgain(client, each.transaction);
      const rest = each.local !== null ? wholeOf(each) : isSent && each.hasWrite ? null : restOf(each);
      if (rest === null) {
        this.giveUp(client);
        return;
      }
      const list = pieces.get(client);
      if (list === undefined) pieces.set(client, [...client.replay, rest]);
      else list.push(rest);
    });
    const { client: owner } = connection;
    connection.client = null;
    if (owner !== null && !owner.isGone) {
      owner.own = null;
      // Those that were not answered are sent again.
      owner.pinned.subscribing = 0;
      this.#resubscribing.delete(owner);
      this.#placement.unassignIfLeaving(owner);
      if (owner.pinned.unanswered.isOpen) this.giveUp(owner);
      else this.#replaceOwn(owner, pieces.has(owner));
    }
    for (const [client, list] of pieces) {
      if (client.isGone) continue;
      client.shared = null;
      client.isReplaying = false;
      client.replay = [];
      client.takeBack(list);
      this.#placement.unassignIfLeaving(client);
      if (client.wait !== 'hold') client.goOn();
    }
    // Not before all are where they belong: those who are held may go on now.
    if (!this.isResubscribing) this.#host.resubscribed();
  }

  /** The server does not take those of `connection` for what they are elsewhere: each hears it and may sign on anew. */
  #refused(connection: ServerConnection, owed: readonly Owed[], why: string): void {
    const { client: owner } = connection;
    connection.client = null;
    const clients = new Set(owner === null ? [] : [owner]);
    for (const { client } of owed) if (client !== null) clients.add(client);
    for (const client of clients) {
      if (client.own === connection) client.own = null;
      this.#unmovable(client, why);
    }
  }

  /** Nobody knows whether its last writes were done. */
  giveUp(client: Client): void {
    this.#host.counts.outcomeUnknown++;
    client.reset();
  }

  /**
   * Gives a client that lost its own connection another, as that was; one that can't be moved is closed. `isAsking`: a
   * request of it has to be sent again.
   */
  #replaceOwn(client: Client, isAsking: boolean): void {
    if (!client.pinned.isNeeded) {
      client.loseOwn();
      return;
    }
    const why = whyUnmovable(client);
    const connection = why === null ? this.#host.lend(client, client.signOn) : null;
    if (connection === null && why === null && this.#host.isTransparent && !client.pinned.hasState) {
      // It waits for a server as others do: once it wants something.
      client.loseOwn();
      if (!isAsking && client.heldBytes === 0) this.#placement.stopWaiting(client);
      return;
    }
    if (connection === null) {
      const because = why ?? 'there is no other at this moment';
      this.#unmovable(
        client,
        `-ERR the server was replaced, but not for this connection: ${because}`,
        isAsking,
      );
      return;
    }
    client.own = connection;
    client.isOutdated = false;
    connection.client = client;
    connection.signOn(client.signOn, true);
    // These can't be asked for again.
    if (client.pinned.isMulti || client.pinned.replies !== 'on') {
      this.#host.loadedScripts.loadNamed(this.#host.scripts, this.#host.serverOf(connection), connection);
    }
    if (client.pinned.isSubscribed) this.#resubscribing.add(client);
    restore(client, connection, {
      refused: (error) => {
        // What was sent behind it may have been done.
        if (client.owed > 0) this.giveUp(client);
        else this.#unmovable(client, error);
      },
      resubscribed: () => this.forget(client),
    });
  }

  #unmovable(client: Client, error: string, isAsking = false): void {
    this.#host.counts.unmovable++;
    client.end(error, isAsking);
  }
}
