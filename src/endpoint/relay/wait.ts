// WAIT and WAITAOF: how many replicas have what a client wrote. The writes may have gone over another connection than
// the question does, and to a server that is lost.

import { byteString, bytesOf } from '../../base/byte-string.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import { type Look, type Owed, markRetried } from './owed.ts';
import type { RelayCore } from './relay-core.ts';
import { ERROR } from './reply-scanner.ts';
import { firstLine } from './reply-text.ts';
import { argumentsOf } from './request-scanner.ts';
import { type Request, markWaiting, sendOwn } from './requests.ts';

/** Nobody is meant to hear anything there; `*` does. */
const WAIT_CHANNEL = '__baton__:wait';

/** Of requests that are not sent a second time, and write nothing. */
const waits = new WeakSet<Look>();

/** Whether a reply to it acknowledges a write. */
export function acknowledgesWrite({ hasWrite, look }: Owed): boolean {
  return hasWrite && (look === null || !waits.has(look));
}

/**
 * WAIT and WAITAOF count from the last command of their own connection that went to the replicas, but the client's writes
 * went over a shared one, or over one to the server before. So something that changes nothing goes to the replicas first,
 * behind all that was done so far: a publication. (Until Redis 7.0 a PING would do; newer servers and Valkey count only
 * what is replicated.)
 *
 * Of writes to a server that was left without a word that the next one has them, nobody is known to have any: 0, as
 * often as it is asked, until the client writes again.
 */
export function takeWait(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const connection = client.borrow();
  if (connection === null) return false;
  const { bytes, start, end } = request;
  const { writes } = client;
  const wanted = replicasWanted(command, argumentsOf(bytes, start));
  const nobody = command.name === 'WAIT' ? ':0\r\n' : '*2\r\n:0\r\n:0\r\n';
  if (wanted !== null && writes.areLostAt(connection.fate)) {
    if (client.owed > 0) {
      // A write may be among them that the question is about.
      client.wait = 'replies';
      return false;
    }
    writes.isTold = true;
    connection.answerLater(client, bytesOf(nobody), bytes, start, end);
    return true;
  }
  let refusal: string | null = null;
  const say = (text: string): void => client.deliver(bytesOf(text), 0, text.length);
  if (!core.isTransparent || (writes.at !== null && writes.at !== connection.fate))
    connection.sendOwn(['PUBLISH', WAIT_CHANNEL, ''], (type, reply, from, to) => {
      if (type === ERROR) refusal = firstLine(reply, from, to).slice(1);
      return 'swallow';
    });
  const look: Look = (type, reply, from, to) => {
    if (type === ERROR && firstLine(reply, from, to).startsWith('-UNBLOCKED force')) {
      // It is no primary any more: of its replicas that have the write, none is known to be the next one's.
      writes.isTold = true;
      say(nobody);
      return 'swallow';
    }
    if (type === ERROR) return 'deliver';
    if (refusal === null) {
      if (wanted !== null && wanted > 0 && replicasIn(byteString(reply, from, to)) >= wanted)
        writes.confirmed();
      return 'deliver';
    }
    say(`-ERR ${command.name} through this endpoint has to publish to ${WAIT_CHANNEL}: ${refusal}\r\n`);
    return 'swallow';
  };
  waits.add(look);
  markWaiting(look);
  markRetried(look);
  // Never asked of another server: what was written to this one may not be there.
  return sendOwn(client, request, look, { hasWrite: true }) !== null;
}

/** WAIT replicas ms, WAITAOF local replicas ms; null: the server shall say what is wrong with it. */
function replicasWanted({ name }: Command, args: readonly string[]): number | null {
  const count = name === 'WAIT' ? 3 : 4;
  if (args.length !== count || args.slice(1).some((arg) => !/^\d{1,15}$/.test(arg))) return null;
  return Number(args[count - 2]);
}

/** The last number of the reply is that of replicas. */
function replicasIn(reply: string): number {
  return Number(/:(\d+)\r\n$/.exec(reply)?.[1] ?? 0);
}
