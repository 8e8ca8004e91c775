// `log ADDRESS [len N] [format F] [sample ...] FACILITY [LEVEL [MINLEVEL]]`, and `log global`.

import type { LogLevelName, LogTarget } from './haproxy-conf.ts';
import { show } from './report.ts';
import type { Cursor } from './statement.ts';

/** RFC 5424 §6.2.1, by number. */
export const LEVELS: readonly LogLevelName[] = [
  'emerg',
  'alert',
  'crit',
  'err',
  'warning',
  'notice',
  'info',
  'debug',
];
/** RFC 5424 §6.2.1, by number, under HAProxy's names. */
export const FACILITIES =
  'kern user mail daemon auth syslog lpr news uucp cron auth2 ftp ntp audit alert cron2 local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  );
const SYSLOG_PORT = 514;

/** null after a complaint. */
export function readLog(cursor: Cursor): LogTarget | 'global' | null {
  const { place } = cursor;
  const address = cursor.text('an address and a facility');
  if (address === null) return null;
  if (address === 'global') return 'global';
  let isRaw = false;
  for (;;) {
    if (cursor.accept('len') || cursor.accept('sample') || cursor.accept('profile')) cursor.text('a value');
    else if (cursor.accept('format')) isRaw = /^(?:raw|short|timed|iso)$/.test(cursor.text('a format') ?? '');
    else break;
  }
  const facility = cursor.choice('a facility', FACILITIES);
  const level = cursor.peek() === null ? 'debug' : cursor.choice('a level', LEVELS);
  if (cursor.peek() !== null) cursor.choice('a level', LEVELS);
  cursor.end();
  if (facility === null || level === null) return null;
  const to = targetOf(address);
  if (to !== null) return { to, isRaw, facility, level };
  cursor.report.unsupported(
    place,
    `a log cannot go to ${show(address)}: ADDRESS[:PORT], /dev/log, stdout or stderr`,
  );
  return null;
}

function targetOf(address: string): LogTarget['to'] | null {
  if (address === 'stdout' || address === 'fd@1') return { kind: 'stdout' };
  if (address === 'stderr' || address === 'fd@2') return { kind: 'stderr' };
  const path = /^(?:unix@)?(\/.+)$/.exec(address)?.[1];
  if (path !== undefined) return { kind: 'unix', path };
  const match =
    /^(?:udp@|udp4@|udp6@|ipv4@|ipv6@)?(?:\[([0-9a-fA-F:.]+)\]|([^\s@:[\]]+))(?::(\d{1,5}))?$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  return host === undefined ? null : { kind: 'udp', host, port: Number(match?.[3] ?? SYSLOG_PORT) };
}
