// A request that may block goes over a connection of its own. A server that is demoted sends it back, one that dies loses
// it: then the next server is asked for the same (blocking.ts).

import { Blocked, headOf } from './blocking.ts';
import { sayAgain } from './caching.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import { type Look, markRetried } from './owed.ts';
import type { RelayCore } from './relay-core.ts';
import { ERROR } from './reply-scanner.ts';
import { firstLine } from './reply-text.ts';
import { argumentsOf } from './request-scanner.ts';
import { type Request, markWaiting } from './requests.ts';

/** What Redis says to those who are blocked at a server that is demoted, as far as it can be told from here. */
const UNBLOCKED =
  '-UNBLOCKED force unblock from blocking operation, the server was replaced before it told where $ was\r\n';

export function takeBlocking(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const before = client.blocked;
  if (before !== null && client.owed > 0) {
    // One at a time, so that it is known which was sent before.
    client.wait = 'replies';
    return false;
  }
  const connection = client.borrow();
  if (connection === null) return false;
  if (before?.isMovable === false) {
    client.blocked = null;
    client.answer(UNBLOCKED, request);
    return true;
  }
  const { bytes, start, end } = request;
  const blocked = before ?? new Blocked(command.name, argumentsOf(bytes, start), core.nowMs);
  client.blocked = blocked;
  if (before === null) {
    const questions = blocked.questions();
    for (const { args, answered } of questions) {
      connection.sendOwn(args, (_type, reply, from, to) => {
        answered(headOf(reply, from, to));
        return 'swallow';
      });
    }
    if (questions.length > 0) sayAgain(client, connection);
  }
  const look: Look = (type, reply, from, to) => {
    const text = type === ERROR ? firstLine(reply, from, to) : '';
    if (!text.startsWith('-UNBLOCKED force') || !core.isRetried(text, connection)) {
      client.blocked = null;
      return 'deliver';
    }
    client.isReplaying = true;
    client.replay.push(bytes.subarray(start, end));
    return 'swallow';
  };
  markWaiting(look);
  markRetried(look);
  const hasWrite = command.effect !== 'read';
  const sent = before === null ? null : blocked.again(core.nowMs);
  connection.sendWatched(client, bytes, start, end, 1, hasWrite, look, null, sent);
  return true;
}

/** It did not reach the server: the next is the first to be asked. */
export function wasNotSent(client: Client): void {
  if (client.blocked?.isMovable === false) client.blocked = null;
}
