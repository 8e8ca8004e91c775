// SCAN and its kind: a cursor means something only to the server that gave it, since each hashes by a seed of its own, and
// going on with it elsewhere would leave out a part in silence. So the cursors that clients get have the server in them,
// as a number in their upper bits; no worker has to remember any. A client that comes back with one, over whichever
// connection and whichever worker, is asked for at that server. Once that left the route, the scan begins again at 0: all
// that is there the whole time is still returned, some of it twice, which whoever scans has to expect anyway.
//
// Inside a transaction cursors are those of the server, since EXEC's reply is passed on as it is.

import { bytesOf, byteString } from '../../base/byte-string.ts';
import { fnv1a } from '../../base/fnv.ts';
import { encodeCommand } from '../../resp/encode.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import { type Look, markRetried } from './owed.ts';
import type { RelayCore } from './relay-core.ts';
import { ARRAY } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import type { Request } from './requests.ts';
import type { ServerConnection } from './server-connection.ts';

/** A cursor is less than the buckets of a table. Eight billion of them are more than one Redis can hold. */
const CURSORS = 2 ** 33;
/** So that all stays below 2^53: clients written in JavaScript may make a number of it. */
const TAGS = 2 ** 20;
/** The part of a reply that has the cursor is shorter. */
const HEAD_BYTES = 64;

/** What is sent of a scan inside a transaction. */
export interface QueuedScan {
  /** To the server that has the transaction. */
  readonly here: Uint8Array;
  /** To another, should the transaction move. */
  readonly elsewhere: Uint8Array;
}

/** What a client says is a cursor. */
interface Cursor {
  /** Of the server that gave it; 0: nobody knows. */
  readonly tag: number;
  readonly text: string;
}

/** A number of this server (`host:port`), from 1 on. Two servers of one endpoint hardly ever have the same. */
function tagOf(server: string): number {
  return 1 + (fnv1a(server) % (TAGS - 1));
}

/** What the client gets in place of the server's cursor. */
export function taggedCursor(text: string, server: string): string {
  const value = Number(text);
  return value > 0 && value < CURSORS ? String(tagOf(server) * CURSORS + value) : text;
}

function readCursor(text: string): Cursor {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  if (value < CURSORS || value >= CURSORS * TAGS) return { tag: 0, text };
  return { tag: Math.floor(value / CURSORS), text: String(value % CURSORS) };
}

/** SCAN cursor ..., HSCAN key cursor ... */
export function takeScan(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const { bytes, start, end } = request;
  const args = argumentsOf(bytes, start);
  const at = placeIn(command);
  const cursor = readCursor(args[at] ?? '0');
  const connection = connectionFor(client, core, cursor);
  if (connection === null) return false;
  const server = core.serverOf(connection);
  const isItsOwn = cursor.tag === 0 || cursor.tag === tagOf(server);
  if (!isItsOwn && core.isServer((other) => tagOf(other) === cursor.tag)) {
    // It has a connection of its own, to another server, and can't be led to that one.
    client.answer(
      '-ERR this cursor is of another server: use it where it was given, or begin at 0\r\n',
      request,
    );
    return true;
  }
  const sent = cursor.tag === 0 ? null : withCursor(args, at, isItsOwn ? cursor.text : '0');
  const look: Look = (type, reply, from, to) => {
    if (type === ARRAY) tagReply(client, connection, server, reply, from, to);
    return 'deliver';
  };
  markRetried(look);
  connection.sendWatched(client, bytes, start, end, 1, false, look, null, sent);
  return true;
}

/** A scan inside a transaction, on the client's own connection. */
export function queuedScan(
  core: RelayCore,
  own: ServerConnection,
  command: Command,
  request: Request,
): QueuedScan {
  const args = argumentsOf(request.bytes, request.start);
  const at = placeIn(command);
  const { tag, text } = readCursor(args[at] ?? '0');
  const isItsOwn = tag === 0 || tag === tagOf(core.serverOf(own));
  return { here: withCursor(args, at, isItsOwn ? text : '0'), elsewhere: withCursor(args, at, '0') };
}

/** To the server that gave the cursor, if it is there and the client may be led to it. Null: it has to wait. */
function connectionFor(client: Client, core: RelayCore, { tag }: Cursor): ServerConnection | null {
  const isGiver = (server: string): boolean => tagOf(server) === tag;
  if (tag === 0 || client.own !== null || client.pinned.isNeeded || !core.isServer(isGiver)) {
    return client.share();
  }
  const { shared } = client;
  if (client.owed > 0) {
    if (shared !== null && isGiver(core.serverOf(shared))) return client.share();
    client.wait = 'replies';
    return null;
  }
  client.shared = core.shareWith(client, isGiver);
  return client.shared !== null && client.hasRoom(client.shared) ? client.shared : null;
}

/** Gives the client the reply's beginning with another cursor in it. */
function tagReply(
  client: Client,
  connection: ServerConnection,
  server: string,
  reply: Uint8Array,
  from: number,
  to: number,
): void {
  const head = byteString(reply, from, Math.min(to, from + HEAD_BYTES));
  const found = /^\*2\r\n\$\d+\r\n(\d+)\r\n/.exec(head);
  if (found === null) return;
  const tagged = taggedCursor(found[1] as string, server);
  const text = bytesOf(`*2\r\n$${tagged.length}\r\n${tagged}\r\n`);
  client.deliver(text, 0, text.length);
  connection.replacedBytes = found[0].length;
}

const placeIn = ({ name }: Command): number => (name === 'SCAN' ? 1 : 2);

function withCursor(args: readonly string[], at: number, cursor: string): Uint8Array {
  return bytesOf(encodeCommand(args.map((arg, place) => (place === at ? cursor : arg))));
}
