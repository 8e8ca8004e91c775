// What a reply says, as far as a relay has to know: its text if it is one line, and whether it answers anything at all.

import { byteString } from '../../base/byte-string.ts';
import type { Client } from './client.ts';
import type { Owed } from './owed.ts';
import { ARRAY, PUSH, SIMPLE } from './reply-scanner.ts';

/** What answers no command: its first element. */
const CONFIRMATION = /^[ps]?(?:un)?subscribe$/;
const MESSAGE = /^[ps]?message$/;

/** Where a reply, or its beginning, lies, and its first byte. */
export interface ReplyPlace {
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * Whether it is a message: pushed by the server, or told to `client`, whose own the connection is (null: it is shared), as
 * a subscriber or by MONITOR. `owed` is what would be answered next.
 */
export function answersNothing(
  client: Client | null,
  owed: Owed | undefined,
  { type, bytes, start, end }: ReplyPlace,
): boolean {
  if (type === PUSH) {
    const kind = firstElement(bytes, start, end);
    return !(CONFIRMATION.test(kind) && client?.pinned.awaitsConfirmation(owed) === true);
  }
  if (client === null) return false;
  const { pinned } = client;
  if (type === ARRAY && pinned.hearsMessages) {
    const kind = firstElement(bytes, start, end);
    // Servers confirm these also where they answer nothing else.
    const isUnasked = pinned.subscribesUnseen && !pinned.awaitsConfirmation(owed);
    return MESSAGE.test(kind) || (isUnasked && CONFIRMATION.test(kind));
  }
  // A line of MONITOR: `+1732690000.123456 [0 127.0.0.1:1234] "get" "key"`.
  return type === SIMPLE && pinned.isMonitoring && isDigit(bytes[start + 1] as number);
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

/** The text of a one-line reply, as far as it is there. */
export function firstLine(bytes: Uint8Array, start: number, end: number): string {
  const feed = bytes.indexOf(10, start);
  const last = feed === -1 || feed > end ? end : feed;
  return byteString(bytes, start, Math.min(last, start + 200)).replace(/\r$/, '');
}

/** The first element of an array or push, if it is a short bulk string; else nothing. */
export function firstElement(bytes: Uint8Array, start: number, end: number): string {
  const head = byteString(bytes, start, Math.min(end, start + 64));
  return /^[*>]\d+\r\n\$\d+\r\n([^\r]*)\r\n/.exec(head)?.[1] ?? '';
}
