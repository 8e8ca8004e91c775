// What a check of a server does, as data. Redis servers of primary and replica endpoints are judged by a standing
// connection besides; these are for all others, and for what a file asks for in so many words.

import type { Credentials, TlsClientConf } from '../endpoint-conf.ts';

/** One step of HAProxy's `tcp-check` (proxy.md §1.3). */
export type TcpCheckStep =
  /** A connection of its own from here on; null: the server's address and port. */
  | {
      readonly kind: 'connect';
      readonly host: string | null;
      readonly port: number | null;
      readonly tls: TlsClientConf | null;
      /** The version of the PROXY header that it begins with; null: none. */
      readonly proxyVersion: 1 | 2 | null;
    }
  /** Bytes. May hold a password. */
  | { readonly kind: 'send'; readonly bytes: string }
  | {
      readonly kind: 'expect';
      readonly what: 'string' | 'rstring' | 'binary' | 'rbinary';
      /** The bytes to find, or the source of a regular expression (PCRE); of `rbinary` over upper-case hexadecimal. */
      readonly pattern: string;
      readonly isNegated: boolean;
      /** Judge as soon as so many bytes are there; null: absence is judged only when no more can come. */
      readonly bytesMin: number | null;
      /** What the log calls the step; null: the step itself. */
      readonly comment: string | null;
    };

/** What makes a HTTP answer good. */
export type HttpExpect =
  | {
      readonly kind: 'status';
      readonly ranges: readonly (readonly [number, number])[];
      readonly isNegated: boolean;
    }
  /** Of the body. */
  | { readonly kind: 'string'; readonly text: string; readonly isNegated: boolean }
  | { readonly kind: 'regex'; readonly pattern: string; readonly isNegated: boolean }
  /** MD5 of the body, in hexadecimal. */
  | { readonly kind: 'digest'; readonly md5: string };

/** What HAProxy tells an external check of its surroundings. */
export interface ExternalCheckCaller {
  /** The backend. */
  readonly proxyName: string;
  readonly proxyId: number;
  /** Of its first listener; null: it has none (`NOT_USED`). */
  readonly proxyAddress: string | null;
  readonly proxyPort: number | null;
  readonly serverName: string;
  readonly serverId: number;
  readonly serverConnectionsMax: number | null;
  /** The command's PATH; null: none is set. */
  readonly path: string | null;
}

export type CheckConf =
  /** A connection is enough. */
  | {
      readonly kind: 'tcp';
      readonly host: string | null;
      readonly port: number | null;
      /** The connection begins with a PROXY header of this version; absent: with none. */
      readonly proxyVersion?: 1 | 2;
      readonly tls: TlsClientConf | null;
    }
  /** PING, answered by PONG. */
  | {
      readonly kind: 'redis-ping';
      readonly host: string | null;
      readonly port: number | null;
      readonly proxyVersion?: 1 | 2;
      readonly credentials: Credentials | null;
      readonly tls: TlsClientConf | null;
    }
  /** Unless its first step connects, a connection to `host` and `port` comes before it. */
  | {
      readonly kind: 'tcp-check';
      readonly host: string | null;
      readonly port: number | null;
      readonly proxyVersion?: 1 | 2;
      readonly tls: TlsClientConf | null;
      readonly steps: readonly TcpCheckStep[];
    }
  | {
      readonly kind: 'http';
      readonly host: string | null;
      readonly port: number | null;
      readonly proxyVersion?: 1 | 2;
      readonly tls: TlsClientConf | null;
      readonly method: string;
      readonly path: string;
      readonly version: '1.0' | '1.1';
      readonly headers: readonly (readonly [string, string])[];
      readonly body: string;
      /** All of them; none: a status of 2xx or 3xx. */
      readonly expects: readonly HttpExpect[];
    }
  /** Always good where it can be asked: the line that it says is the outcome's detail. */
  | {
      readonly kind: 'agent';
      readonly host: string | null;
      readonly port: number;
      readonly send: string;
    }
  /** An echo. */
  | { readonly kind: 'icmp' }
  /** A greeting and a HELO. */
  | {
      readonly kind: 'smtp';
      readonly host: string | null;
      readonly port: number | null;
      readonly heloName: string;
    }
  /** An answer without an error to a question over UDP. `type`: `A`, `SOA`, or a number. */
  | { readonly kind: 'dns'; readonly port: number | null; readonly name: string; readonly type: string }
  /** Exit code 0. */
  | {
      readonly kind: 'command';
      readonly argv: readonly string[];
      readonly user: string | null;
      readonly group: string | null;
      /** Exit codes 2 to 255 are good, too, and say the weight: the code less 2 (keepalived's misc_dynamic). */
      readonly saysWeight: boolean;
      /** An external check of HAProxy's gets addresses as arguments and HAPROXY_ variables; null: keepalived's, nothing. */
      readonly haproxy: ExternalCheckCaller | null;
    }
  /**
   * A file that holds a whole number (keepalived's FILE_CHECK). Weight 0: bad while it is not 0. Else the number times the
   * weight is added to the server's weight, and bad from -254 down.
   */
  | { readonly kind: 'file'; readonly path: string; readonly weight: number };

/** Whether the weight that comes with a result is the server's weight itself, or is added to it. */
export function weightIsAdded(check: CheckConf): boolean {
  return check.kind === 'file';
}
