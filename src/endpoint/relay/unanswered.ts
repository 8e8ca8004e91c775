// Requests under CLIENT REPLY OFF or SKIP, of which the server says nothing. Writes among them must not be lost in silence:
// behind them the server is asked for an answer (CLIENT REPLY ON, ROLE, and the mode anew), one such question at a time.
// So a hold waits for them as for any other, a server that turns out to be no primary shows that it refused some, and a
// connection that ends before the answer ends its client.

import { bytesOf } from '../../base/byte-string.ts';
import { encodeCommand } from '../../resp/encode.ts';
import { blockingRead } from './blocking.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import type { Look } from './owed.ts';
import type { Pinned } from './pinned.ts';
import type { RelayCore } from './relay-core.ts';
import { ARRAY } from './reply-scanner.ts';
import { firstElement } from './reply-text.ts';
import { argumentsOf } from './request-scanner.ts';
import { CHANGES, type Request, deliver, markWaiting } from './requests.ts';
import { rememberCalled } from './scripts.ts';
import { Transaction } from './transaction.ts';

/** What somebody who has subscribed may say in RESP2. */
const OF_SUBSCRIBERS: ReadonlySet<Command['kind']> = new Set(['subscribe', 'unsubscribe', 'quit']);

/** Whether its server refuses all but that, our questions, too, and without a word. */
function isDeaf({ pinned, signOn }: Client): boolean {
  return pinned.subscribesUnseen && signOn.protocol === 2;
}

/** CLIENT REPLY OFF or SKIP was said: nothing is answered. False: it has to wait. */
export function takeUnanswered(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const { own, pinned } = client;
  if (own === null || !client.hasRoom(own)) return false;
  const { bytes, start, end } = request;
  if (isDeaf(client) && !OF_SUBSCRIBERS.has(command.kind)) {
    own.sendMore(bytes, start, end);
    return true;
  }
  switch (command.kind) {
    case 'subscribe':
    case 'unsubscribe':
      pinned.hasUnseen = pinned.subscribesUnseen = true;
      break;
    case 'refused':
      if (pinned.replies === 'skip') skipNone(client, core);
      return true;
    case 'hostile':
      client.reset();
      return true;
    case 'quit':
      client.isClosing = true;
      client.finishIfDone();
      return true;
    case 'client': {
      const [, second = '', third = ''] = argumentsOf(bytes, start);
      if (!/^REPLY$/i.test(second)) break;
      if (/^ON$/i.test(third)) {
        pinned.replies = 'on';
        own.sendWatched(client, bytes, start, end, 1, false, deliver);
        return true;
      }
      if (/^OFF$/i.test(third)) pinned.replies = 'off';
      own.sendMore(bytes, start, end);
      return true;
    }
    case 'script':
    case 'script-call':
      rememberCalled(core, argumentsOf(bytes, start));
      break;
    case 'multi':
      beginUnseen(pinned);
      break;
    case 'exec':
    case 'discard':
    case 'unwatch':
      if (endUnseen(client, core, command)) return true;
      break;
    default:
      if (CHANGES.has(command.kind) || command.kind === 'unknown') pinned.hasUnseen = true;
      if (mayBlock(command, request)) pinned.hasUnseen = pinned.unanswered.mayBlock = true;
  }
  sendUnanswered(client, core, request, command.effect !== 'read' && command.kind !== 'client');
  return true;
}

/** `isWrite`: it must not be lost. */
export function sendUnanswered(client: Client, core: RelayCore, request: Request, isWrite: boolean): void {
  const { own, pinned } = client;
  if (pinned.replies === 'skip') pinned.replies = 'on';
  // Flags and subscriptions set without an answer are not remembered: the client keeps its connection.
  pinned.isForGood = true;
  own?.sendMore(request.bytes, request.start, request.end);
  if (!isWrite) return;
  pinned.unanswered.sent++;
  askWhetherDone(client, core);
}

/** The beginning of a request that is passed on in parts, answered or not. */
export function beginLong(client: Client, core: RelayCore, part: Request): void {
  const { own, pinned } = client;
  pinned.transaction?.forget();
  if (pinned.caching !== null) pinned.caching.isUsed = true;
  if (pinned.replies === 'on') own?.sendLong(client, part.bytes, part.start, part.end);
  else sendUnanswered(client, core, part, true);
}

/** Asks behind the writes that are open, unless that would be in the midst of something: then it is called again. */
export function askWhetherDone(client: Client, core: RelayCore): void {
  const { own, pinned } = client;
  const { unanswered } = pinned;
  if (own === null || !unanswered.isOpen || unanswered.isAsking) return;
  if (pinned.isMulti || client.isMidRequest || isDeaf(client)) return;
  const { sent } = unanswered;
  unanswered.isAsking = true;
  // It is not finished before this is answered, either.
  client.owed++;
  const look: Look = (type, reply, from, to) => {
    if (client.isGone) return 'swallow';
    unanswered.isAsking = false;
    // A user who may not ask learns as little as from a server without a relay.
    const isReplica = type === ARRAY && firstElement(reply, from, to) === 'slave';
    if (isReplica && core.isRetried('-READONLY it says that it is a replica', own)) {
      core.giveUp(client);
      return 'swallow';
    }
    unanswered.done = sent;
    client.writes.noted(own.fate);
    askWhetherDone(client, core);
    client.answered();
    return 'swallow';
  };
  const swallow: Look = () => 'swallow';
  if (unanswered.mayBlock) for (const each of [swallow, look]) markWaiting(each);
  own.sendOwn(['CLIENT', 'REPLY', 'ON'], swallow);
  own.sendOwn(['ROLE'], look);
  if (pinned.replies !== 'on') own.sendQuietly(['CLIENT', 'REPLY', pinned.replies.toUpperCase()]);
}

/** What SKIP was said of is not passed on, so the next must not be skipped in its place. */
function skipNone(client: Client, core: RelayCore): void {
  client.pinned.replies = 'on';
  client.pinned.unanswered.sent++;
  askWhetherDone(client, core);
}

/** What is queued without an answer can't be begun again at another server. */
function beginUnseen(pinned: Pinned): void {
  if (pinned.isMulti) return;
  pinned.transaction = new Transaction(pinned.isWatching || pinned.hasLostWatch);
  pinned.transaction.forget();
  pinned.transaction.answered = 1;
}

/** EXEC, DISCARD, UNWATCH. True: it was replaced by another word. */
function endUnseen(client: Client, core: RelayCore, { kind }: Command): boolean {
  const { own, pinned } = client;
  const { hasLostWatch, isMulti } = pinned;
  if (isMulti && kind === 'unwatch') return false;
  if (!isMulti && kind !== 'unwatch') return false;
  pinned.transaction = null;
  pinned.isWatching = false;
  pinned.hasLostWatch = false;
  if (kind !== 'exec' || !hasLostWatch || own === null) return false;
  // As if a key had changed.
  const bytes = bytesOf(encodeCommand(['DISCARD']));
  sendUnanswered(client, core, { bytes, start: 0, end: bytes.length }, true);
  return true;
}

function mayBlock({ kind }: Command, { bytes, start }: Request): boolean {
  if (kind === 'blocking' || kind === 'wait') return true;
  return kind === 'stream-read' && blockingRead(argumentsOf(bytes, start)) !== null;
}
