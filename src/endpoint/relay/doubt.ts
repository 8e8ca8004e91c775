// A script may fail with a text of its own choice, `-READONLY` too: that it was refused by a server which is no primary
// any more is only known once ROLE says so. Until then what the client is answered is kept both ways: its requests, to
// be sent to the new primary, and the replies, to be given out if nothing had happened.

import type { Client } from './client.ts';
import { markAnswer } from './client-input.ts';
import type { SeenReply } from './replay.ts';
import { ARRAY } from './reply-scanner.ts';
import { firstElement } from './reply-text.ts';
import type { ServerConnection } from './server-connection.ts';

export class Doubt {
  /** All replies since, in order. */
  readonly answers: Uint8Array[] = [];
  /** Something behind the refused request was carried out and may not be again. */
  isDone = false;

  /** False: a reply that does not end yet can't be kept. */
  keep({ bytes, start, end, isWhole }: SeenReply, canReplay: boolean): boolean {
    this.answers.push(bytes.slice(start, end));
    if (!canReplay) this.isDone = true;
    return isWhole;
  }
}

/** Asks the server of `connection` what it is, for `client`; `then` once it has said so: whether it is a replica. */
export function beginDoubt(
  client: Client,
  connection: ServerConnection,
  then: (isReplica: boolean, doubt: Doubt) => void,
): void {
  const doubt = new Doubt();
  client.doubt = doubt;
  client.isReplaying = true;
  // The client has its replies only when this is answered, too.
  client.owed++;
  connection.sendOwn(['ROLE'], (type, bytes, start, end) => {
    if (client.isGone) return 'swallow';
    client.doubt = null;
    // A user who may not ask learns what the script said.
    then(type === ARRAY && firstElement(bytes, start, end) === 'slave', doubt);
    client.answered();
    return 'swallow';
  });
}

/** It was nothing: the client gets what it was answered. */
export function dismiss(client: Client, { answers }: Doubt): void {
  client.replay = answers.map(markAnswer);
}
