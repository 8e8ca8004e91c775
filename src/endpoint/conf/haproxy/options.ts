// `option X` and `no option X`.

import { hint } from '../../../base/suggest.ts';
import { readHttpchk } from './check-lines.ts';
import type { CheckKind, Settings } from './draft.ts';
import { show } from './report.ts';
import type { Cursor } from './statement.ts';

const CHECKS: Readonly<Record<string, CheckKind>> = {
  'tcp-check': 'tcp-check',
  'redis-check': 'redis',
  httpchk: 'http',
  smtpchk: 'smtp',
  'external-check': 'external',
};

/** Taken without effect: logging, and how HAProxy moves bytes. A relay of ours tries other servers by itself. */
const IGNORED: readonly string[] = [
  'redispatch',
  'tcplog',
  'httplog',
  'dontlognull',
  'dontlog-normal',
  'logasap',
  'log-health-checks',
  'log-separate-errors',
  'http-server-close',
  'http-keep-alive',
  'httpclose',
  'forceclose',
  'http-pretend-keepalive',
  'http-ignore-probes',
  'http-no-delay',
  'http-buffer-request',
  'http-use-htx',
  'splice-auto',
  'splice-request',
  'splice-response',
  'abortonclose',
  'nolinger',
  'socket-stats',
  'contstats',
  'tcp-smart-accept',
  'tcp-smart-connect',
  'persist',
  'prefer-last-server',
  'independent-streams',
  'clitcpka-cnt',
  'disable-h2-upgrade',
];
const UNSUPPORTED: readonly string[] = [
  'mysql-check',
  'pgsql-check',
  'ldap-check',
  'ssl-hello-chk',
  'spop-check',
  'transparent',
  'originalto',
  'http_proxy',
  'accept-invalid-http-request',
  'accept-invalid-http-response',
];
const KNOWN = [
  ...Object.keys(CHECKS),
  ...IGNORED,
  ...UNSUPPORTED,
  'allbackups',
  'forwardfor',
  'tcpka',
  'clitcpka',
  'srvtcpka',
];

export function readOption(settings: Settings, cursor: Cursor, isNo: boolean): void {
  const { place } = cursor;
  const name = cursor.text('an option');
  if (name === null) return;
  const check = CHECKS[name];
  if (check !== undefined) return readCheckOption(settings, cursor, isNo, name, check);
  switch (name) {
    case 'allbackups':
      settings.usesAllBackups = !isNo;
      break;
    case 'forwardfor':
      settings.forwardsFor = !isNo;
      settings.forwardsForAt = place;
      cursor.rest();
      break;
    case 'tcpka':
    case 'clitcpka':
    case 'srvtcpka':
      settings.keepsAlive = !isNo;
      break;
    default:
      if (!IGNORED.includes(name)) {
        const sentence = UNSUPPORTED.includes(name)
          ? `option ${name} is not served`
          : `there is no option ${show(name)}${hint(name, KNOWN)}`;
        cursor.report.unsupported(place, sentence);
      }
      cursor.rest();
  }
  cursor.end();
}

/** Of several, the later one counts. */
function readCheckOption(
  settings: Settings,
  cursor: Cursor,
  isNo: boolean,
  name: string,
  kind: CheckKind,
): void {
  if (isNo) {
    cursor.error(`option ${name} cannot be taken back: name the check that is wanted instead`);
    cursor.rest();
    return;
  }
  if (name === 'httpchk') readHttpchk(settings, cursor);
  settings.checkKind = kind;
  if (name === 'smtpchk' && cursor.peek() !== null) {
    cursor.choice('smtpchk', ['HELO', 'EHLO'] as const);
    settings.smtpName = cursor.text('a name') ?? settings.smtpName;
  }
  cursor.end();
}
