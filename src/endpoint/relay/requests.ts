// Requests that are more than a request and a reply: those that choose how a client is known, those that leave something
// behind on a connection, those that wait, and those that an endpoint must not pass on (proxy.md §5.4).

import { sentCached, waitsBehindCached } from './caching.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import { type Look, type Owed } from './owed.ts';
import type { Pinned } from './pinned.ts';
import type { RelayCore } from './relay-core.ts';
import { blockingRead } from './blocking.ts';
import { takeBlocking } from './blocking-requests.ts';
import { ERROR } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import type { ServerConnection } from './server-connection.ts';
import { FRESH, type SignOn } from './sign-on.ts';
import { takeScan } from './scan.ts';
import { takeScript, takeScriptCall } from './scripts.ts';
import { takeSubscribe, takeUnsubscribe } from './subscribe-requests.ts';
import { takeExec, takeForgetting, takeMulti, takeQueued } from './transaction-requests.ts';
import { takeUnanswered } from './unanswered.ts';
import { takeUnknown } from './unknown-command.ts';
import { takeWait } from './wait.ts';
import { takeClientCommand } from './client-command.ts';

/** Where a whole request, an array, lies. */
export interface Request {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Passes a request on, or answers it. False: the client has to wait, and says for what. */
export function takeSpecial(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const { pinned } = client;
  if (pinned.replies !== 'on') {
    if (command.kind !== 'reset') return takeUnanswered(client, core, command, request);
    // It turns replies on, and is the first that gets one.
    pinned.replies = 'on';
  }
  if (client.own !== null && client.owed > 0 && !pinned.isMulti && CHANGES.has(command.kind)) {
    // If a request before it turns out to be refused and has to be sent elsewhere, this has to come behind it.
    client.wait = 'replies';
    return false;
  }
  if (waitsBehindCached(client)) {
    client.wait = 'replies';
    return false;
  }
  const isTaken = take(client, core, command, request);
  if (isTaken) sentCached(client, command);
  return isTaken;
}

function take(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const { pinned } = client;
  if (pinned.isMulti && !ENDS_MULTI.has(command.kind)) {
    return takeQueued(client, core, command, request);
  }
  switch (command.kind) {
    case 'plain':
      return sendPlain(client, command, request);
    case 'auth':
      return takeAuth(client, core, request);
    case 'hello':
      return takeHello(client, core, request);
    case 'select':
      return takeSelect(client, request);
    case 'client':
      return takeClientCommand(client, request);
    case 'reset':
      return takeReset(client, core, request);
    case 'quit':
      client.answer('+OK\r\n', request);
      client.isClosing = true;
      client.finishIfDone();
      return true;
    case 'multi':
      return takeMulti(client, core, request);
    case 'exec':
      return takeExec(client, core, request);
    case 'discard':
    case 'unwatch':
      return takeForgetting(client, command, request);
    case 'watch':
      return pin(client, request, (its) => {
        its.isWatching = true;
      });
    case 'subscribe':
      return takeSubscribe(client, command, request);
    case 'unsubscribe':
      return takeUnsubscribe(client, command, request);
    case 'monitor':
      return pin(client, request, (its) => {
        its.isMonitoring = true;
      });
    case 'sticky':
      return pin(client, request, (its) => {
        if (command.name === 'READONLY') its.flags.set('READONLY', ['READONLY']);
        else if (command.name === 'READWRITE') its.flags.delete('READONLY');
      });
    case 'blocking':
      return takeBlocking(client, core, command, request);
    case 'stream-read':
      return blockingRead(argumentsOf(request.bytes, request.start)) !== null
        ? takeBlocking(client, core, command, request)
        : sendPlain(client, command, request);
    case 'wait':
      return takeWait(client, core, command, request);
    case 'scan':
      return takeScan(client, core, command, request);
    case 'script':
      return takeScript(client, core, command, request);
    case 'script-call':
      return takeScriptCall(client, core, command, request);
    case 'refused':
      client.answer(
        `-ERR ${command.name} is not passed on by this endpoint: send it to the server itself\r\n`,
        request,
      );
      return true;
    case 'hostile':
      client.reset();
      return true;
    case 'unknown':
      return takeUnknown(client, core, request);
    default:
      return unknownKind(command.kind);
  }
}

/** What a transaction does not queue. */
const ENDS_MULTI: ReadonlySet<Command['kind']> = new Set(['exec', 'discard', 'reset', 'quit']);

/** What makes a client's own connection another than it was. */
export const CHANGES: ReadonlySet<Command['kind']> = new Set([
  'auth',
  'hello',
  'select',
  'client',
  'reset',
  'multi',
  'watch',
  'unwatch',
  'discard',
  'subscribe',
  'unsubscribe',
  'monitor',
  'sticky',
]);

function unknownKind(kind: never): never {
  throw new TypeError(`a command is of a known kind: ${String(kind)}`);
}

export function sendPlain(client: Client, command: Command, { bytes, start, end }: Request): boolean {
  const connection = client.share();
  if (connection === null) return false;
  connection.send(client, bytes, start, end, 1, command.effect !== 'read');
  return true;
}

/** Sends it on the client's own connection, one reply expected that `look` sees. */
export function sendOwn(
  client: Client,
  { bytes, start, end }: Request,
  look: Look,
  options: { readonly wanted?: SignOn; readonly isSignOn?: boolean; readonly hasWrite?: boolean } = {},
): ServerConnection | null {
  const connection = client.borrow(options.wanted, options.isSignOn ?? false);
  connection?.sendWatched(client, bytes, start, end, 1, options.hasWrite ?? false, look);
  return connection;
}

export const deliver: Look = () => 'deliver';

/** Sends it on a connection that the client keeps because of it, once the server has accepted it: then `mark` is told. */
export function pin(client: Client, request: Request, mark: (its: Pinned) => void): boolean {
  const look: Look = (type) => {
    if (type !== ERROR) mark(client.pinned);
    return 'deliver';
  };
  return sendOwn(client, request, look) !== null;
}

/** Of requests that wait for others: an answer may be long in coming. */
const waiting = new WeakSet<Look>();

export function markWaiting(look: Look): void {
  waiting.add(look);
}

/** Whether nobody should wait for what is owed. */
export function takesItsTime({ look }: Owed): boolean {
  return look !== null && waiting.has(look);
}

/** Sends it on a connection of its own, which the client gives back once it is answered. */
export function takeAlone(client: Client, command: Command, request: Request): boolean {
  return sendOwn(client, request, deliver, { hasWrite: command.effect !== 'read' }) !== null;
}

function takeAuth(client: Client, core: RelayCore, request: Request): boolean {
  const args = argumentsOf(request.bytes, request.start);
  const [user, password] = args.length === 2 ? [null, args[1]] : [args[1] ?? '', args[2]];
  if (password === undefined || args.length > 3) return takeAlone(client, READ, request);
  const known = core.logins.find(user, password);
  const wanted: SignOn = known === null ? client.signOn : { ...client.signOn, login: known };
  const look: Look = (type) => {
    if (type === ERROR) return 'deliver';
    signedOn(client, { login: core.logins.accepted(user, password) });
    return 'deliver';
  };
  return sendOwn(client, request, look, { isSignOn: true, wanted }) !== null;
}

/** HELLO [2|3 [AUTH user password] [SETNAME name]] */
function takeHello(client: Client, core: RelayCore, request: Request): boolean {
  const args = argumentsOf(request.bytes, request.start);
  const protocol = args[1] === '2' ? 2 : args[1] === '3' ? 3 : null;
  if (protocol === null) return takeAlone(client, READ, request);
  let credentials: readonly [string, string] | null = null;
  let name: string | null = null;
  for (let at = 2; at < args.length;) {
    const option = (args[at] as string).toUpperCase();
    if (option === 'AUTH' && at + 2 < args.length) {
      credentials = [args[at + 1] as string, args[at + 2] as string];
      at += 3;
    } else if (option === 'SETNAME' && at + 1 < args.length) {
      name = args[at + 1] as string;
      at += 2;
    } else {
      return takeAlone(client, READ, request);
    }
  }
  const known = credentials === null ? client.signOn.login : core.logins.find(...credentials);
  const look: Look = (type) => {
    if (type === ERROR) return 'deliver';
    signedOn(client, {
      protocol,
      ...(credentials === null ? {} : { login: core.logins.accepted(...credentials) }),
      ...(name === null ? {} : { name }),
    });
    return 'deliver';
  };
  const wanted: SignOn = { ...client.signOn, protocol, ...(known === null ? {} : { login: known }) };
  return sendOwn(client, request, look, { isSignOn: true, wanted }) !== null;
}

function takeSelect(client: Client, request: Request): boolean {
  const text = argumentsOf(request.bytes, request.start)[1] ?? '';
  // What Redis would refuse, Redis shall refuse.
  if (!/^(0|[1-9]\d{0,8})$/.test(text)) return takeAlone(client, READ, request);
  const db = Number(text);
  const look: Look = (type) => {
    if (type !== ERROR) signedOn(client, { db });
    return 'deliver';
  };
  return sendOwn(client, request, look, { isSignOn: true, wanted: { ...client.signOn, db } }) !== null;
}

/** The server has accepted a change of what the client and its connection are. */
export function signedOn(client: Client, change: Partial<SignOn>): void {
  client.signOn = { ...client.signOn, ...change };
  const { own, pinned } = client;
  if (own === null) return;
  own.has = { ...own.has, ...change };
  // Of one that it keeps, the server is to know the names, too: they could not be said before it knew whose it is.
  if (pinned.isNeeded) own.signOn(client.signOn, true);
}

/** RESET clears everything but the library's name. */
function takeReset(client: Client, core: RelayCore, request: Request): boolean {
  client.hearsOfSwitches = false;
  const fresh: SignOn = {
    ...FRESH,
    libraryName: client.signOn.libraryName,
    libraryVersion: client.signOn.libraryVersion,
  };
  if (client.own === null) {
    if (client.owed > 0) {
      client.wait = 'replies';
      return false;
    }
    client.signOn = fresh;
    client.answer('+RESET\r\n', request);
    return true;
  }
  client.pinned.transaction = null;
  const look: Look = (type) => {
    if (type === ERROR) return 'deliver';
    client.pinned.clear(core.isTransparent);
    signedOn(client, fresh);
    return 'deliver';
  };
  return sendOwn(client, request, look) !== null;
}

/** For requests that Redis answers with an error, or that change nothing. */
export const READ: Command = { name: '', kind: 'plain', effect: 'read' };
export const WRITE: Command = { name: '', kind: 'plain', effect: 'write' };
