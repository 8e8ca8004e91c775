// CLIENT, by its second word: names are remembered and answered here, flags pin, the rest is for the server.

import { takeCaching } from './caching.ts';
import type { Client } from './client.ts';
import { ERROR } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import { READ, type Request, pin, sendOwn, sendPlain, signedOn, takeAlone } from './requests.ts';

/** Takes a CLIENT request. False: the client has to wait. */
export function takeClientCommand(client: Client, request: Request): boolean {
  const args = argumentsOf(request.bytes, request.start);
  const [, word = '', third = ''] = args;
  switch (word.toUpperCase()) {
    case 'SETNAME':
      return args.length === 3 ? setName(client, request, third) : takeAlone(client, READ, request);
    case 'GETNAME':
      return args.length === 2 ? getName(client, request) : takeAlone(client, READ, request);
    case 'SETINFO':
      return setInfo(client, request, args);
    case 'MAINT_NOTIFICATIONS':
      return hearOfSwitches(client, request, third);
    case 'TRACKING':
      return setTracking(client, request, args);
    case 'CACHING':
      return takeCaching(client, request, args);
    case 'NO-EVICT':
    case 'NO-TOUCH':
    case 'IMPORT-SOURCE':
      return pin(client, request, (its) => {
        if (third.toUpperCase() === 'ON') its.flags.set(word.toUpperCase(), args);
        else its.flags.delete(word.toUpperCase());
      });
    case 'CAPA':
      return pin(client, request, (its) => its.flags.set(args.join(' ').toUpperCase(), args));
    case 'REPLY':
      return setReplies(client, request, third.toUpperCase());
    case 'ID':
      // Whoever asks means to use it, for redirected tracking or to be unblocked: it must stay the same.
      return pin(client, request, (its) => {
        its.isForGood = true;
      });
    case 'INFO':
    case 'GETREDIR':
    case 'TRACKINGINFO':
    case 'KILL':
      return takeAlone(client, READ, request);
    default:
      return sendPlain(client, ONCE, request);
  }
}

const ONCE = { name: 'CLIENT', kind: 'client', effect: 'once' } as const;

/** What Redis takes as a name: printable ASCII without spaces. */
function isName(text: string): boolean {
  return /^[!-~]*$/.test(text);
}

function setName(client: Client, request: Request, name: string): boolean {
  if (client.own !== null) {
    const connection = sendOwn(client, request, (type) => {
      if (type !== ERROR) signedOn(client, { name });
      return 'deliver';
    });
    return connection !== null;
  }
  if (isName(name)) {
    client.signOn = { ...client.signOn, name };
    client.answer('+OK\r\n', request);
  } else {
    client.answer('-ERR Client names cannot contain spaces, newlines or special characters.\r\n', request);
  }
  return true;
}

function getName(client: Client, request: Request): boolean {
  // Behind a change of the name that is still on its way, only the server can tell.
  if (client.own !== null) return takeAlone(client, READ, request);
  const { name, protocol } = client.signOn;
  const none = protocol === 3 ? '_\r\n' : '$-1\r\n';
  client.answer(name === '' ? none : `$${name.length}\r\n${name}\r\n`, request);
  return true;
}

/** CLIENT SETINFO LIB-NAME|LIB-VER text */
function setInfo(client: Client, request: Request, args: readonly string[]): boolean {
  const [, , attribute = '', text = ''] = args;
  const which = attribute.toUpperCase();
  if (args.length !== 4 || (which !== 'LIB-NAME' && which !== 'LIB-VER') || !isName(text)) {
    return takeAlone(client, READ, request);
  }
  const change = which === 'LIB-NAME' ? { libraryName: text } : { libraryVersion: text };
  if (client.own === null) {
    client.signOn = { ...client.signOn, ...change };
    client.answer('+OK\r\n', request);
    return true;
  }
  const connection = sendOwn(client, request, (type) => {
    if (type !== ERROR) signedOn(client, change);
    return 'deliver';
  });
  return connection !== null;
}

/** Pushes need RESP3. */
function hearOfSwitches(client: Client, request: Request, word: string): boolean {
  const isOn = /^ON$/i.test(word);
  if (!isOn && !/^OFF$/i.test(word)) {
    client.answer('-ERR syntax error\r\n', request);
  } else if (isOn && client.signOn.protocol !== 3) {
    client.answer('-ERR notifications of switches need RESP3: say HELLO 3 before\r\n', request);
  } else {
    client.hearsOfSwitches = isOn;
    client.answer('+OK\r\n', request);
  }
  return true;
}

function setTracking(client: Client, request: Request, args: readonly string[]): boolean {
  const connection = sendOwn(client, request, (type) => {
    const { pinned } = client;
    const adds = args.some((word) => /^PREFIX$/i.test(word));
    if (type === ERROR) return 'deliver';
    if (/^ON$/i.test(args[2] ?? '')) pinned.tracking = adds ? [...(pinned.tracking ?? []), args] : [args];
    else pinned.tracking = pinned.caching = null;
    return 'deliver';
  });
  return connection !== null;
}

function setReplies(client: Client, request: Request, mode: string): boolean {
  if (mode !== 'OFF' && mode !== 'SKIP') return takeAlone(client, READ, request);
  const connection = client.borrow();
  if (connection === null) return false;
  client.pinned.replies = mode === 'OFF' ? 'off' : 'skip';
  client.pinned.isForGood = true;
  connection.sendMore(request.bytes, request.start, request.end);
  return true;
}
