// What the port's own commands see of the server they run in: the table, the clients, the users, and ways to speak.

import type { Reply } from '../../resp/reply.ts';
import type { ServerConf } from '../conf/conf.ts';
import type { Host } from '../host.ts';
import type { ClientId, LogLevel } from '../io.ts';
import type { AclLog, Refusal } from './acl-log.ts';
import type { Users } from './acl-users.ts';
import type { Call, Outcome } from './command.ts';
import type { CommandTable } from './command-table.ts';
import type { Pause } from './pause.ts';
import type { PubSub } from './pubsub.ts';
import type { Session } from './session.ts';

/** What we say we are. */
export interface Product {
  readonly flavour: 'redis' | 'valkey';
  /** The version in HELLO, of that product, e.g. `7.2.4`. */
  readonly version: string;
}

export interface Desk {
  readonly conf: ServerConf;
  readonly host: Host;
  readonly product: Product;
  readonly table: CommandTable;
  readonly sessions: ReadonlyMap<ClientId, Session>;
  readonly users: Users;
  readonly aclLog: AclLog;
  readonly pubsub: PubSub;
  readonly pause: Pause;
  /** Sends a frame that is no reply: CLIENT REPLY does not swallow it. */
  push(session: Session, frame: Reply): void;
  /** Ends a client's connection; that of the caller after its reply. */
  close(session: Session): void;
  /** Whether this client needs no AUTH now. */
  isAuthenticated(session: Session): boolean;
  /** Keeps a refusal for ACL LOG. */
  noteRefusal(session: Session, refusal: Omit<Refusal, 'clientInfo'>, now: number): void;
  readonly log: (level: LogLevel, text: string) => void;
}

/** Serves one of the port's own commands. */
export type OwnHandler = (call: Call, desk: Desk) => Outcome;
