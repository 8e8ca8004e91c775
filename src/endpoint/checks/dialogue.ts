// Checks that talk over a connection (tcp-check, PING, HTTP, SMTP), as machines without sockets: told what happened on
// the connection, they say what to do next. daemon/endpoint/dialogue-runner.ts carries the bytes, and its caller ends
// what takes too long.

import type { TlsClientConf } from '../endpoint-conf.ts';

export interface CheckOutcome {
  readonly isUp: boolean;
  /** What was seen, for people. Nothing that was sent stands in it: that may be a password. */
  readonly detail: string;
  /** What it says of the server's weight, see {@link weightIsAdded}; null: nothing. */
  readonly weight: number | null;
}

/** What to do, in this order. */
export type DialogueStep =
  /** Instead of the connection there is, if any. null: the server's own address or port. */
  | {
      readonly kind: 'connect';
      readonly host: string | null;
      readonly port: number | null;
      readonly tls: TlsClientConf | null;
      /** The version of the PROXY header that it begins with, which names nobody; null: none. */
      readonly proxyVersion: 1 | 2 | null;
    }
  | { readonly kind: 'send'; readonly bytes: string }
  /** Last; the connection is reset. */
  | { readonly kind: 'end'; readonly outcome: CheckOutcome };

export interface Dialogue {
  begin(): readonly DialogueStep[];
  connected(): readonly DialogueStep[];
  received(bytes: string): readonly DialogueStep[];
  /** The server has closed the connection. */
  closed(): readonly DialogueStep[];
  /** What is being waited for: the sentence of a check that took too long. */
  readonly waitsFor: string;
}

/** Whether `pattern` is in `text`; null: it would take too long to say (a pattern that backtracks without end). */
export type Matcher = (pattern: RegExp, text: string) => boolean | null;

/** A step that ends the dialogue. */
export function end(isUp: boolean, detail: string): DialogueStep {
  return { kind: 'end', outcome: { isUp, detail, weight: null } };
}

const SHOWN_MAX = 60;

/** The beginning of an answer, for people: printable, in quotes. */
export function showAnswer(bytes: string): string {
  const line = bytes.split(/\r?\n/, 1)[0] ?? '';
  const short = line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX)}...` : line;
  return `'${short.replaceAll(/[^ -~]/g, '.')}'`;
}
