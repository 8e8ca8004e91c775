// Requests that a server refused because it is no primary any more, kept to be sent again to its successor. From a
// client's first rejection on, everything behind it is kept, in order: a read that the old server still answered would
// otherwise overtake the write before it. What the old server did carry out and must not do twice keeps its answer.

import { markAnswer } from './client-input.ts';
import type { Client } from './client.ts';
import type { Command, CommandTable } from './command-table.ts';
import type { Owed } from './owed.ts';
import { ERROR } from './reply-scanner.ts';
import { RequestScanner } from './request-scanner.ts';
import { firstLine, type ReplyPlace } from './reply-text.ts';
import type { Transaction } from './transaction.ts';

/** The server proves by these that it did not do what it was asked, and is no primary. */
const REJECTIONS = /^-(?:READONLY|MASTERDOWN|LOADING|REDIRECT|EXECABORT .*: ?-?READONLY) /;

export function isRejection(bytes: Uint8Array, start: number, end: number): boolean {
  return REJECTIONS.test(firstLine(bytes, start, end));
}

/** Whether the request was a script, or a module's own code, which may say anything. */
export function isOfScript(table: CommandTable, owed: Owed): boolean {
  const kind = requestAt(table, owed, owed.answered)?.command.kind;
  return kind === 'script-call' || kind === 'unknown';
}

/** One reply, or the beginning of one. */
export interface SeenReply extends ReplyPlace {
  readonly isWhole: boolean;
}

/**
 * Keeps the request that a reply answers, and for a client that is replaying already also what became of it. False: it
 * was done, and what came before was not; nobody can put that right.
 */
export function keepForReplay(table: CommandTable, client: Client, owed: Owed, reply: SeenReply): boolean {
  const { type, bytes, start, end, isWhole } = reply;
  const request = requestAt(table, owed, owed.answered);
  if (request === null) return false;
  const isDone = type !== ERROR;
  const { kind, effect } = request.command;
  if (owed.transaction !== null) {
    if (kind === 'exec' && isDone) return false;
    openAgain(client, owed.transaction);
  } else if (isDone && effect === 'write') {
    return false;
  } else if (isDone && effect === 'once') {
    if (isWhole) client.replay.push(markAnswer(bytes.slice(start, end)));
    return isWhole;
  }
  client.replay.push(request.bytes);
  return true;
}

/** A transaction of which a part has to be asked again: its client is inside it once more, at another server. */
export function openAgain(client: Client, transaction: Transaction): void {
  const { pinned } = client;
  transaction.cutBack();
  pinned.isWatching = transaction.isWatching;
  pinned.transaction = transaction.answered > 0 ? transaction : null;
  client.isOutdated = true;
}

/** Request number `index` of a run; null if it is not kept. */
function requestAt(
  table: CommandTable,
  { bytes, start, end }: Owed,
  index: number,
): { readonly bytes: Uint8Array; readonly command: Command } | null {
  if (bytes === null) return null;
  const scanner = new RequestScanner();
  let at = start;
  for (let skipped = 0; at < end;) {
    const isWhole = scanner.scan(bytes, at, end) === 'whole';
    if (isWhole && skipped++ === index) {
      const command = table.find(bytes, scanner.nameStart, scanner.nameEnd);
      return { bytes: bytes.subarray(at, scanner.end), command };
    }
    at = scanner.end;
  }
  return null;
}

/** What an answer of our own is for, all of it; one that is for no request is given once more itself. */
export function wholeOf({ bytes, start, end, local }: Owed): Uint8Array | null {
  if (local !== null && start === end) return markAnswer(local);
  return bytes === null ? null : bytes.subarray(start, end);
}
