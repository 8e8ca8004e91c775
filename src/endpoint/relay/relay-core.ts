// What a client needs from the relay it belongs to.

import type { Client } from './client.ts';
import type { CommandTable } from './command-table.ts';
import type { RelayLimits } from './limits.ts';
import type { LoadedScripts } from './loaded-scripts.ts';
import type { Scripts } from './scripts.ts';
import type { ServerConnection } from './server-connection.ts';
import type { Logins, SignOn } from './sign-on.ts';

export interface RelayCore {
  readonly table: CommandTable;
  readonly logins: Logins;
  readonly scripts: Scripts;
  readonly loadedScripts: LoadedScripts;
  /** The server behind a connection, in text. */
  serverOf(connection: ServerConnection): string;
  readonly limits: RelayLimits;
  /** One connection to the server for each client. */
  readonly isTransparent: boolean;
  /** Requests stay with us for the moment. */
  readonly isHolding: boolean;
  /** Bytes of one client that may wait now. */
  readonly waitingBytesMax: number;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** A connection for the client's stateless requests; null: its `wait` is set. */
  share(client: Client): ServerConnection | null;
  /** Whether the route has a server that `is` (`host:port`) says yes to. */
  isServer(is: (server: string) => boolean): boolean;
  /** The same as {@link share} to a server that the route has; the client's later requests go where they went before. */
  shareWith(client: Client, is: (server: string) => boolean): ServerConnection | null;
  /** A connection of its own, signed on as `wanted` or fresh; null: its `wait` is set. */
  lend(client: Client, wanted: SignOn): ServerConnection | null;
  /** Told again by `goOn` once the server takes more. */
  waitsForRoom(client: Client): void;
  /** A blocked request was sent back because the server is no primary any more; whether it is to be sent again. */
  isRetried(text: string, connection: ServerConnection): boolean;
  /** Nobody knows whether the client's last writes were done: it is closed. */
  giveUp(client: Client): void;
  giveBack(connection: ServerConnection, client: Client): void;
  /** Its client is gone, and whatever that left there must not reach the next. */
  drop(connection: ServerConnection): void;
  /** It has output. */
  wantsOutput(client: Client): void;
  /** Its output was written. */
  wrote(client: Client): void;
  hasAllReplies(client: Client): void;
  /** It does not wait for a server any more. */
  waitsNoMore(client: Client): void;
  /** It is gone. */
  left(client: Client): void;
  /** Everything that one read brought was passed on. */
  settle(): void;
}
