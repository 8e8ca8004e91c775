// SCAN and its kind: a cursor means something only to the server that gave it, since each hashes by a seed of its own.
// After a switch a scan begins again at 0, at the new server: all that is there the whole time is still returned, some
// of it twice, which whoever scans has to expect anyway. (Going on with the cursor would leave out a part in silence.)

import { bytesOf } from '../../base/byte-string.ts';
import { encodeCommand } from '../../resp/encode.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import { type Look, markRetried } from './owed.ts';
import type { RelayCore } from './relay-core.ts';
import { ARRAY } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import type { Request } from './requests.ts';
import { firstElement } from './server-connection.ts';

/** Which server gave which cursor, of the last ones. */
export class Cursors {
  readonly #servers = new Map<string, string>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  remember(cursor: string, server: string): void {
    this.#servers.delete(cursor);
    this.#servers.set(cursor, server);
    for (const oldest of this.#servers.keys()) {
      if (this.#servers.size <= this.#max) break;
      this.#servers.delete(oldest);
    }
  }

  serverOf(cursor: string): string | undefined {
    return this.#servers.get(cursor);
  }
}

/** Cursors of one client that are remembered. */
const CURSORS_MAX = 16;

/** SCAN cursor ..., HSCAN key cursor ... */
export function takeScan(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const connection = client.share();
  if (connection === null) return false;
  const args = argumentsOf(request.bytes, request.start);
  const at = command.name === 'SCAN' ? 1 : 2;
  const cursor = args[at] ?? '0';
  const server = core.serverOf(connection);
  const giver = client.cursors?.serverOf(cursor) ?? core.cursors.serverOf(cursor) ?? server;
  let { bytes, start, end } = request;
  if (cursor !== '0' && giver !== server) {
    args[at] = '0';
    bytes = bytesOf(encodeCommand(args));
    start = 0;
    end = bytes.length;
  }
  const look: Look = (type, reply, from, to) => {
    const next = type === ARRAY ? firstElement(reply, from, to) : '0';
    if (next !== '0' && next !== '') {
      client.cursors ??= new Cursors(CURSORS_MAX);
      client.cursors.remember(next, server);
      core.cursors.remember(next, server);
    }
    return 'deliver';
  };
  markRetried(look);
  connection.sendWatched(client, bytes, start, end, 1, false, look);
  return true;
}
