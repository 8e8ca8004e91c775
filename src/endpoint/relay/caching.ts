// CLIENT CACHING speaks of the next command only, on its own connection. If that is replaced before the next command is
// answered, the new one has to be told again.

import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import type { Caching } from './pinned.ts';
import { ERROR } from './reply-scanner.ts';
import { type Request, sendOwn } from './requests.ts';
import type { ServerConnection } from './server-connection.ts';

/** CLIENT CACHING YES|NO */
export function takeCaching(client: Client, request: Request, args: readonly string[]): boolean {
  const caching: Caching = { args, isUsed: false };
  const connection = sendOwn(client, request, (type) => {
    const { pinned } = client;
    if (type === ERROR) {
      if (pinned.caching === caching) pinned.caching = null;
    } else {
      // Tracking, without which it is refused, keeps the connection, if anybody saw it turned on.
      pinned.isForGood ||= pinned.tracking === null;
    }
    return 'deliver';
  });
  // Requests may follow before it is answered.
  if (connection !== null) client.pinned.caching = caching;
  return connection !== null;
}

/** The relay has said something of its own on the client's connection, in front of a request: that is to be the next command. */
export function sayAgain({ pinned: { caching } }: Client, connection: ServerConnection): void {
  if (caching !== null && !caching.isUsed) connection.sendOwn(caching.args, () => 'swallow');
}

/** Whether a request has to wait: it is not the next one any more, and that is not answered yet. */
export function waitsBehindCached({ pinned, owed }: Client): boolean {
  return pinned.caching?.isUsed === true && !pinned.isMulti && owed > 0;
}

/** A request was sent: the next one, or another of CLIENT, or a part of a transaction, which counts as one. */
export function sentCached({ pinned }: Client, { kind }: Command): void {
  if (pinned.caching !== null && kind !== 'client' && !pinned.isMulti) pinned.caching.isUsed = true;
}
