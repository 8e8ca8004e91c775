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
      readonly sendsProxyProtocol: boolean;
    }
  /** Bytes. May hold a password. */
  | { readonly kind: 'send'; readonly bytes: string }
  | {
      readonly kind: 'expect';
      readonly what: 'string' | 'rstring' | 'binary' | 'rbinary';
      /** The bytes to find, or a regular expression over them. */
      readonly pattern: string;
      readonly isNegated: boolean;
      /** Do not judge before so many bytes are there. */
      readonly bytesMin: number;
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
  | { readonly kind: 'string'; readonly text: string; readonly isNegated: boolean }
  | { readonly kind: 'regex'; readonly pattern: string; readonly isNegated: boolean }
  /** MD5 of the body, in hexadecimal. */
  | { readonly kind: 'digest'; readonly md5: string };

export type CheckConf =
  /** A connection is enough. */
  | {
      readonly kind: 'tcp';
      readonly host: string | null;
      readonly port: number | null;
      readonly tls: TlsClientConf | null;
    }
  /** PING, answered by PONG. */
  | {
      readonly kind: 'redis-ping';
      readonly credentials: Credentials | null;
      readonly tls: TlsClientConf | null;
    }
  | { readonly kind: 'tcp-check'; readonly steps: readonly TcpCheckStep[] }
  | {
      readonly kind: 'http';
      readonly host: string | null;
      readonly port: number | null;
      readonly tls: TlsClientConf | null;
      readonly method: string;
      readonly path: string;
      readonly version: '1.0' | '1.1';
      readonly headers: readonly (readonly [string, string])[];
      readonly body: string;
      /** All of them; none: a status of 2xx or 3xx. */
      readonly expects: readonly HttpExpect[];
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
  /** Any answer to a question over UDP. */
  | { readonly kind: 'dns'; readonly port: number | null; readonly name: string; readonly type: string }
  /** Exit code 0. */
  | {
      readonly kind: 'command';
      readonly argv: readonly string[];
      readonly user: string | null;
      readonly group: string | null;
      /** Exit codes 2 to 255 are good, too, and say the weight: the code less 2 (keepalived's misc_dynamic). */
      readonly saysWeight: boolean;
      /** HAProxy's external checks get `<address> <port> <server address> <server port>` and HAPROXY_ variables. */
      readonly isHaproxys: boolean;
    };
