// `stats enable|uri|refresh|realm|auth|...` of a proxy: the page of status.

import type { StatsDraft } from './draft.ts';
import type { Cursor } from './statement.ts';

const KNOWN = [
  'enable',
  'uri',
  'refresh',
  'realm',
  'auth',
  'admin',
  'hide-version',
  'show-legends',
  'show-node',
  'show-desc',
  'show-modules',
  'scope',
  'http-request',
] as const;

export function readStats(stats: StatsDraft, cursor: Cursor): void {
  const what = cursor.choice('stats', KNOWN);
  if (what === null) return void cursor.rest();
  stats.isEnabled = true;
  switch (what) {
    case 'uri':
      stats.uri = cursor.text('a path');
      break;
    case 'refresh':
      // Bare numbers are seconds here, unlike everywhere else.
      stats.refreshMs = readRefresh(cursor);
      break;
    case 'realm':
      stats.realm = cursor.text('a realm');
      break;
    case 'auth': {
      const text = cursor.text('USER:PASSWORD');
      const colon = text?.indexOf(':') ?? -1;
      if (text === null) return;
      // What it is stays unsaid: it may be a part of the password.
      if (cursor.rest().length > 0) cursor.error('stats auth takes one word: write blanks in it as "\\ "');
      else if (colon < 1) cursor.error('stats auth takes USER:PASSWORD');
      else stats.users.push({ user: text.slice(0, colon), password: text.slice(colon + 1) });
      break;
    }
    case 'admin':
    case 'http-request':
      cursor.report.warn(
        cursor.placeOf(cursor.first),
        `stats ${what}: the page only shows; give orders by "baton endpoint" or the stats socket`,
      );
      cursor.rest();
      break;
    default:
      cursor.rest();
  }
}

function readRefresh(cursor: Cursor): number | null {
  const word = cursor.peek()?.text ?? '';
  if (/^\d{1,6}$/.test(word)) {
    cursor.next();
    return Number(word) * 1_000;
  }
  return cursor.timeMs('stats refresh');
}
