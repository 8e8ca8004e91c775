// What we say in keepalived.conf beyond keepalived: comments it does not see.
//
//     # baton: promote_before_advertise [timeout 5s]
//     # baton: track_redis HOST:PORT|/SOCKET [auth-file FILE] [interval 1s] [rise N] [fall N]
//     # baton: guard on|off
//
// The first stands in a vrrp_instance; the second there, in a vrrp_sync_group, or in the vrrp_script it stands beside;
// the third in global_defs, for all, or in a vrrp_instance.

import { hostPort } from '../../base/host-port.ts';
import { formatAddress, parseAddress } from '../ip-address.ts';
import { type Report, show, whereOf } from './problems.ts';
import type { RedisBlock } from './conf.ts';
import { hint } from '../../base/suggest.ts';
import type { Statement, Word } from './tree.ts';

export const PROMOTE_BEFORE_ADVERTISE = 'promote_before_advertise';
export const TRACK_REDIS = 'track_redis';
export const GUARD = 'guard';

const PROMOTE_TIMEOUT_MS = 5000;
const REDIS_INTERVAL_MS = 1000;
const TIMER_MS_MAX = 3_600_000;
const COUNT_MAX = 1000;

/** Reports a directive that does not belong in `owner`, which has those in `known`. */
export function unknownDirective(
  report: Report,
  owner: string,
  { keyword }: Statement,
  known: readonly string[],
): void {
  const all = [PROMOTE_BEFORE_ADVERTISE, TRACK_REDIS, GUARD];
  const name = show(keyword.text);
  if (all.includes(keyword.text)) {
    return report.error(keyword, 'stray-directive', `baton's directive ${name} does not belong in ${owner}`);
  }
  const sentence = `baton has no directive ${name} in ${owner}${hint(keyword.text, known)}`;
  report.error(keyword, 'unknown-directive', sentence);
}

/** Options of a directive, each a name and a value. null: reported. */
function readOptions(
  report: Report,
  { keyword, values }: Statement,
  from: number,
  names: readonly string[],
): ReadonlyMap<string, Word> | null {
  const options = new Map<string, Word>();
  for (let at = from; at < values.length; at += 2) {
    const name = values[at] as Word;
    const value = values[at + 1];
    const isKnown = names.includes(name.text);
    if (isKnown && value !== undefined && !options.has(name.text)) {
      options.set(name.text, value);
      continue;
    }
    const why = !isKnown
      ? `has no option ${show(name.text)}${hint(name.text, names)}`
      : value === undefined
        ? `lacks the value of ${show(name.text)}`
        : `has ${show(name.text)} twice`;
    report.error(name, 'bad-directive', `baton's directive ${show(keyword.text)} ${why}`);
    return null;
  }
  return options;
}

/** `5s`, `500ms` or bare seconds. */
function durationIn(report: Report, word: Word | undefined, fallbackMs: number): number | null {
  if (word === undefined) return fallbackMs;
  const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|)$/.exec(word.text);
  const milliseconds = match === null ? NaN : Math.round(Number(match[1]) * (match[2] === 'ms' ? 1 : 1000));
  if (milliseconds >= 1 && milliseconds <= TIMER_MS_MAX) return milliseconds;
  report.error(word, 'bad-directive', `a time is like 5s or 500ms, at most 3600s, not ${show(word.text)}`);
  return null;
}

function countIn(report: Report, word: Word | undefined): number | null {
  if (word === undefined) return 1;
  const value = /^\d{1,4}$/.test(word.text) ? Number(word.text) : 0;
  if (value >= 1 && value <= COUNT_MAX) return value;
  report.error(
    word,
    'bad-directive',
    `a count is a whole number of 1 to ${COUNT_MAX}, not ${show(word.text)}`,
  );
  return null;
}

/** `promote_before_advertise [timeout 5s]`. */
export function readPromote(report: Report, statement: Statement): { readonly timeoutMs: number } | null {
  const options = readOptions(report, statement, 0, ['timeout']);
  const timeoutMs = options === null ? null : durationIn(report, options.get('timeout'), PROMOTE_TIMEOUT_MS);
  return timeoutMs === null ? null : { timeoutMs };
}

/** `guard on|off`. null: reported. */
export function readGuard(report: Report, { keyword, values }: Statement): boolean | null {
  const [word, extra] = values;
  if (extra === undefined && (word?.text === 'on' || word?.text === 'off')) return word.text === 'on';
  const given = word === undefined ? '' : `, not ${show(values.map(({ text }) => text).join(' '))}`;
  report.error(word ?? keyword, 'bad-directive', `baton's directive 'guard' takes on or off${given}`);
  return null;
}

/** What a script, if the tracker stands beside one, passes on. */
export interface Beside {
  readonly name: string;
  readonly intervalMs: number;
  readonly rise: number;
  readonly fall: number;
}

/** `track_redis ...`; `beside`: the script it stands in. */
export function readTrackRedis(
  report: Report,
  statement: Statement,
  beside: Beside | null,
): RedisBlock | null {
  const [target] = statement.values;
  if (target === undefined) {
    report.error(statement.keyword, 'bad-directive', 'track_redis takes HOST:PORT or the path of a socket');
    return null;
  }
  const place = splitTarget(target.text);
  if (place === null) {
    report.error(
      target,
      'bad-directive',
      `track_redis takes HOST:PORT or the path of a socket, not ${show(target.text)}`,
    );
    return null;
  }
  const options = readOptions(report, statement, 1, ['auth-file', 'interval', 'rise', 'fall']);
  if (options === null) return null;
  const authFile = options.get('auth-file');
  if (authFile !== undefined && !authFile.text.startsWith('/')) {
    report.error(authFile, 'bad-directive', `auth-file takes an absolute path`);
    return null;
  }
  const intervalMs = durationIn(report, options.get('interval'), beside?.intervalMs ?? REDIS_INTERVAL_MS);
  const rise = options.has('rise') || beside === null ? countIn(report, options.get('rise')) : beside.rise;
  const fall = options.has('fall') || beside === null ? countIn(report, options.get('fall')) : beside.fall;
  if (intervalMs === null || rise === null || fall === null) return null;
  return {
    name: redisName(place.host, place.port, beside?.name),
    ...place,
    authFile: authFile?.text ?? null,
    intervalMs,
    rise,
    fall,
    besideScript: beside?.name ?? null,
    where: whereOf(statement.keyword),
  };
}

/** How a tracker of ours is called: after its server, and after the script it stands beside. */
export function redisName(host: string, port: number, script?: string): string {
  const server = port === 0 ? host : hostPort(host, port);
  return script === undefined ? server : `${server} beside ${script}`;
}

/** `10.0.0.1:6379`, `[::1]:6379`, `redis.local:6379` or `/run/redis.sock`. */
function splitTarget(text: string): { readonly host: string; readonly port: number } | null {
  if (text.startsWith('/')) return { host: text, port: 0 };
  const match = /^(?:\[([^\]]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? 0);
  if (match === null || port < 1 || port > 65_535) return null;
  const host = (match[1] ?? match[2]) as string;
  const bytes = parseAddress(host);
  if (match[1] !== undefined && bytes?.length !== 16) return null;
  return { host: bytes === null ? host : formatAddress(bytes), port };
}
