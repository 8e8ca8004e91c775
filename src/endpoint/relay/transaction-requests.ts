// Transactions of a client on a connection of its own: what MULTI begins, and EXEC or DISCARD ends.

import { byteString } from '../../base/byte-string.ts';
import { sayAgain } from './caching.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import type { Look } from './owed.ts';
import type { RelayCore } from './relay-core.ts';
import { ERROR, ReplyScanner } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import { READ, type Request, WRITE, deliver, sendOwn, sendPlain, signedOn } from './requests.ts';
import { type QueuedScan, queuedScan } from './scan.ts';
import { firstLine } from './reply-text.ts';
import { rememberCalled } from './scripts.ts';
import type { ServerConnection } from './server-connection.ts';
import { Transaction } from './transaction.ts';
import { askBehindExec } from './unknown-command.ts';

export function takeMulti(client: Client, core: RelayCore, request: Request): boolean {
  const connection = client.borrow();
  if (connection === null) return false;
  const server = core.serverOf(connection);
  if (core.loadedScripts.loadNamed(core.scripts, server, connection)) sayAgain(client, connection);
  const { pinned } = client;
  const transaction = new Transaction(pinned.isWatching || pinned.hasLostWatch);
  pinned.transaction = transaction;
  const look: Look = (type) => {
    transaction.answered++;
    if (type === ERROR && pinned.transaction === transaction) pinned.transaction = null;
    return 'deliver';
  };
  sendPart(client, connection, transaction, request, look);
  return true;
}

/** Sends a part of a transaction that is only queued there. */
function sendPart(
  client: Client,
  connection: ServerConnection,
  transaction: Transaction,
  { bytes, start, end }: Request,
  look: Look,
  scan: QueuedScan | null = null,
): void {
  transaction.add(scan?.elsewhere ?? bytes.subarray(start, end));
  connection.sendWatched(client, bytes, start, end, 1, false, look, transaction, scan?.here ?? null);
}

/** A request inside a transaction. */
export function takeQueued(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const { own, pinned } = client;
  const { transaction } = pinned;
  if (own === null || transaction === null || !client.hasRoom(own)) return false;
  if (command.kind === 'refused') {
    client.answer(`-ERR ${command.name} is not passed on by this endpoint\r\n`, request);
    return true;
  }
  if (command.kind === 'script-call') {
    rememberCalled(core, argumentsOf(request.bytes, request.start, 2));
  } else if (command.kind === 'select') {
    transaction.queuedDb = Number(argumentsOf(request.bytes, request.start, 2)[1] ?? '');
  } else if (command.kind === 'unknown' && transaction.unknown.size < UNKNOWN_MAX) {
    transaction.unknown.add(argumentsOf(request.bytes, request.start, 1)[0] ?? '');
  } else if (LASTING.has(command.kind)) {
    // What it does to the connection is only known once EXEC has done it.
    pinned.isForGood = pinned.hasUnseen = true;
  }
  const look: Look = () => {
    transaction.answered++;
    return 'deliver';
  };
  const scan = command.kind === 'scan' ? queuedScan(core, own, command, request) : null;
  sendPart(client, own, transaction, request, look, scan);
  return true;
}

/** Unknown commands of one transaction that the server is asked about. */
const UNKNOWN_MAX = 16;

const LASTING: ReadonlySet<Command['kind']> = new Set([
  'auth',
  'hello',
  'client',
  'subscribe',
  'unsubscribe',
  'monitor',
  'sticky',
  'unknown',
]);

export function takeExec(client: Client, core: RelayCore, request: Request): boolean {
  const { pinned, own } = client;
  const { transaction, hasLostWatch } = pinned;
  if (own === null) return sendPlain(client, WRITE, request);
  // An error, and what is watched stays so.
  if (transaction === null) return sendOwn(client, request, deliver) !== null;
  pinned.transaction = null;
  pinned.isWatching = false;
  pinned.hasLostWatch = false;
  if (hasLostWatch) {
    own.sendOwn(['DISCARD'], () => 'swallow');
    client.answer(nothingDone(client), request);
    return true;
  }
  const { queuedDb } = transaction;
  const look: Look = (type, reply, from, to) => {
    if (type === ERROR || queuedDb === null || !isArray(reply, from, to)) return 'deliver';
    if (hasNoError(reply, from, to)) signedOn(client, { db: queuedDb });
    else pinned.isForGood = pinned.hasUnseen = true;
    return 'deliver';
  };
  const { bytes, start, end } = request;
  own.sendWatched(client, bytes, start, end, 1, true, look, transaction);
  askBehindExec(client, core, own, transaction);
  return true;
}

/** Not what EXEC answers if a watched key has changed. */
function isArray(reply: Uint8Array, from: number, to: number): boolean {
  return /^\*\d/.test(firstLine(reply, from, to));
}

/** Whether all of the reply is there and, as far as can be seen from outside, each part of it succeeded. */
function hasNoError(reply: Uint8Array, from: number, to: number): boolean {
  return new ReplyScanner().next(reply, from, to) === to && !byteString(reply, from, to).includes('\r\n-');
}

/** What EXEC answers if a watched key has changed. */
function nothingDone({ signOn }: Client): string {
  return signOn.protocol === 3 ? '_\r\n' : '*-1\r\n';
}

/** DISCARD and UNWATCH. */
export function takeForgetting(client: Client, command: Command, { bytes, start, end }: Request): boolean {
  const { pinned, own } = client;
  if (own === null) return sendPlain(client, READ, { bytes, start, end });
  if (command.kind === 'discard' && pinned.transaction === null) {
    return sendOwn(client, { bytes, start, end }, deliver) !== null;
  }
  const transaction = command.kind === 'discard' ? pinned.transaction : null;
  pinned.transaction = null;
  pinned.isWatching = false;
  pinned.hasLostWatch = false;
  own.sendWatched(client, bytes, start, end, 1, false, deliver, transaction);
  return true;
}
