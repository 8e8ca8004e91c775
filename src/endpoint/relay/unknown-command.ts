// Commands that the table does not have: a module's, or a newer server's. The server is asked what they are; until it
// has said so, and when its answer leaves doubts, whoever uses one keeps a connection of its own.

import { byteString } from '../../base/byte-string.ts';
import type { Client } from './client.ts';
import type { ServerCommand } from './command-table.ts';
import type { Look } from './owed.ts';
import type { RelayCore } from './relay-core.ts';
import { ARRAY, ERROR } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import { type Request, sendOwn } from './requests.ts';
import { firstLine } from './reply-text.ts';

/** A longer name is no command's. */
const NAME_LENGTH_MAX = 64;
/** So much of a reply to COMMAND INFO holds the flags: they stand at its beginning. */
const HEAD_BYTES = 512;

export function takeUnknown(client: Client, core: RelayCore, request: Request): boolean {
  const connection = client.borrow();
  if (connection === null) return false;
  const name = argumentsOf(request.bytes, request.start)[0] ?? '';
  if (name.length <= NAME_LENGTH_MAX && !client.pinned.isForGood) {
    connection.sendOwn(['COMMAND', 'INFO', name], (type, bytes, start, end) => {
      const found =
        type === ARRAY ? commandIn(byteString(bytes, start, Math.min(end, start + HEAD_BYTES))) : null;
      if (found !== null) core.table.learn([found]);
      return 'swallow';
    });
  }
  const look: Look = (type, bytes, start, end) => {
    const isNone = type === ERROR && firstLine(bytes, start, end).startsWith('-ERR unknown command');
    if (!isNone && core.table.findText(name).kind === 'unknown') client.pinned.isForGood = true;
    return 'deliver';
  };
  return sendOwn(client, request, look, { hasWrite: true }) !== null;
}

/** What the beginning of a reply to COMMAND INFO with one name says; null: nothing, or not all of the flags. */
export function commandIn(text: string): ServerCommand | null {
  const found = /^\*1\r\n\*\d+\r\n\$\d+\r\n([^\r]+)\r\n:-?\d+\r\n[*~](\d+)\r\n((?:\+[^\r]*\r\n)*)/.exec(text);
  if (found === null) return null;
  const [, name = '', count = '', lines = ''] = found;
  const flags = lines.split('\r\n').filter((line) => line !== '');
  return flags.length === Number(count) ? { name, flags: flags.map((flag) => flag.slice(1)) } : null;
}
