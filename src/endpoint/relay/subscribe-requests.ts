// SUBSCRIBE, UNSUBSCRIBE and their kin. Each is answered once for every channel, so that a connection may be lost with a
// part of the answers on it: then the next server is asked for the rest.

import { byteString, bytesOf } from '../../base/byte-string.ts';
import { encodeCommand } from '../../resp/encode.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import { type Look, keepRest } from './owed.ts';
import type { SubscriptionKind } from './pinned.ts';
import { ERROR } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import type { Request } from './requests.ts';

export function takeSubscribe(client: Client, command: Command, request: Request): boolean {
  const connection = client.borrow();
  if (connection === null) return false;
  const names = argumentsOf(request.bytes, request.start).slice(1);
  const { pinned } = client;
  const subscribed = pinned.subscriptions[command.name as SubscriptionKind];
  pinned.subscribing++;
  const look: Look = (type, _bytes, _start, _end, owed) => {
    // One error stands for all of them.
    if (type === ERROR) dropRest(client, owed);
    else subscribed.add(names[owed.answered] as string);
    if (owed.count === 1) pinned.subscribing--;
    return 'deliver';
  };
  keepRest(look, (answered) => again(command, names.slice(answered)));
  const { bytes, start, end } = request;
  connection.sendWatched(client, bytes, start, end, Math.max(names.length, 1), false, look);
  return true;
}

export function takeUnsubscribe(client: Client, command: Command, request: Request): boolean {
  const connection = client.borrow();
  if (connection === null) return false;
  const names = argumentsOf(request.bytes, request.start).slice(1);
  const { pinned } = client;
  const subscribed = pinned.subscriptions[command.name.replace('UN', '') as SubscriptionKind];
  /** Without names: those of which nothing was said yet. */
  const left = new Set<string>();
  pinned.subscribing++;
  const look: Look = (type, reply, from, to, owed) => {
    if (type === ERROR) {
      dropRest(client, owed);
    } else if (names.length > 0) {
      subscribed.delete(names[owed.answered] as string);
    } else {
      if (owed.answered === 0) {
        // One reply for each there is, or one that says that there is none.
        for (const name of subscribed) left.add(name);
        const more = Math.max(left.size, 1) - 1;
        owed.count += more;
        client.owed += more;
        subscribed.clear();
      }
      left.delete(channelIn(reply, from, to));
    }
    if (owed.count === 1) pinned.subscribing--;
    return 'deliver';
  };
  keepRest(look, (answered) => again(command, names.length > 0 ? names.slice(answered) : [...left]));
  const { bytes, start, end } = request;
  connection.sendWatched(client, bytes, start, end, Math.max(names.length, 1), false, look);
  return true;
}

function again({ name }: Command, names: readonly string[]): Uint8Array {
  return bytesOf(encodeCommand([name, ...names]));
}

/** The second element of a confirmation. */
function channelIn(reply: Uint8Array, from: number, to: number): string {
  const text = byteString(reply, from, to);
  const found = /^[*>]3\r\n\$\d+\r\n[a-z]+\r\n\$(\d+)\r\n/.exec(text);
  return found === null ? '' : text.slice(found[0].length, found[0].length + Number(found[1]));
}

function dropRest(client: Client, owed: { count: number }): void {
  client.owed -= owed.count - 1;
  owed.count = 1;
}
