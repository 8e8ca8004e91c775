// Commands that the table does not have: a module's, or a newer server's. The server is asked what they are; until it
// has said so, and when its answer leaves doubts, whoever uses one keeps a connection of its own. What such a command
// leaves there nobody knows, so that its client can't be moved.

import { byteString } from '../../base/byte-string.ts';
import { sayAgain } from './caching.ts';
import type { Client } from './client.ts';
import type { ServerCommand } from './command-table.ts';
import { type Look, markRetried } from './owed.ts';
import type { RelayCore } from './relay-core.ts';
import { ARRAY, ERROR } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import { type Request, sendOwn } from './requests.ts';
import { firstLine } from './reply-text.ts';
import type { ServerConnection } from './server-connection.ts';
import type { Transaction } from './transaction.ts';

/** A longer name is no command's. */
const NAME_LENGTH_MAX = 64;
/** So much of a reply to COMMAND INFO holds the flags: they stand at its beginning. */
const HEAD_BYTES = 512;
/** No command of this name. */
const NONE = /^\*1\r\n(?:[*$]-1|_)\r\n/;

export function takeUnknown(client: Client, core: RelayCore, request: Request): boolean {
  const connection = client.borrow();
  if (connection === null) return false;
  const [name = ''] = argumentsOf(request.bytes, request.start, 1);
  if (!client.pinned.hasUnseen) {
    ask(core, connection, name, () => undefined);
    sayAgain(client, connection);
  }
  const look: Look = (type, bytes, start, end) => {
    const isNone = type === ERROR && firstLine(bytes, start, end).startsWith('-ERR unknown command');
    if (!isNone && core.table.findText(name).kind === 'unknown') {
      client.pinned.isForGood = client.pinned.hasUnseen = true;
    }
    return 'deliver';
  };
  markRetried(look);
  return sendOwn(client, request, look, { hasWrite: true }) !== null;
}

/** EXEC was sent: what was queued and is not known is asked for now, since in a transaction nothing can be. */
export function askBehindExec(
  client: Client,
  core: RelayCore,
  connection: ServerConnection,
  { unknown }: Transaction,
): void {
  const { pinned } = client;
  for (const name of unknown) {
    if (pinned.hasUnseen) return;
    if (core.table.findText(name).kind !== 'unknown') continue;
    pinned.asking++;
    ask(core, connection, name, (isNone) => {
      pinned.asking--;
      if (!isNone && core.table.findText(name).kind === 'unknown') pinned.isForGood = pinned.hasUnseen = true;
      // It may have had all else before.
      if (client.owed === 0) core.hasAllReplies(client);
    });
  }
}

/** Learns of the server what the command is; `then`: whether there is no such command. */
function ask(
  core: RelayCore,
  connection: ServerConnection,
  name: string,
  then: (isNone: boolean) => void,
): void {
  if (name.length > NAME_LENGTH_MAX) return then(true);
  connection.sendOwn(['COMMAND', 'INFO', name], (type, bytes, start, end) => {
    const text = type === ARRAY ? byteString(bytes, start, Math.min(end, start + HEAD_BYTES)) : '';
    const found = commandIn(text);
    if (found !== null) core.table.learn([found]);
    then(NONE.test(text));
    return 'swallow';
  });
}

/** What the beginning of a reply to COMMAND INFO with one name says; null: nothing, or not all of the flags. */
export function commandIn(text: string): ServerCommand | null {
  const found = /^\*1\r\n\*\d+\r\n\$\d+\r\n([^\r]+)\r\n:-?\d+\r\n[*~](\d+)\r\n((?:\+[^\r]*\r\n)*)/.exec(text);
  if (found === null) return null;
  const [, name = '', count = '', lines = ''] = found;
  const flags = lines.split('\r\n').filter((line) => line !== '');
  return flags.length === Number(count) ? { name, flags: flags.map((flag) => flag.slice(1)) } : null;
}
