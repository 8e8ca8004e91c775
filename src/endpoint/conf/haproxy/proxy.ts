// The sections `defaults`, `frontend`, `backend` and `listen`, keyword by keyword (proxy.md §1.4).

import { hint } from '../../../base/suggest.ts';
import type { Balance } from '../../route.ts';
import { readBind } from './bind-line.ts';
import { readHttpCheck, readTcpCheck } from './check-lines.ts';
import type { ProxyDraft, Settings } from './draft.ts';
import { readAcl } from './acl.ts';
import { readTcpRequest } from './client-rules.ts';
import { readLog } from './log-line.ts';
import { readOption } from './options.ts';
import { show, type Report } from './report.ts';
import type { Section } from './sections.ts';
import { readServer, readServerOptions, readServerTemplate } from './server-line.ts';
import { Cursor } from './statement.ts';
import { readStats } from './stats-lines.ts';
import { readStick, readStickTable } from './stick-lines.ts';
import { readUseBackend, readUseServer } from './naming-rules.ts';

/** null: in `defaults`. */
type Reader = (settings: Settings, proxy: ProxyDraft | null, cursor: Cursor) => void;

const BALANCES: Readonly<Record<string, Balance>> = {
  roundrobin: 'roundrobin',
  'static-rr': 'roundrobin',
  leastconn: 'leastconn',
  first: 'first',
  source: 'source',
  random: 'leastconn',
};

const within =
  (read: (proxy: ProxyDraft, cursor: Cursor) => void): Reader =>
  (_, proxy, cursor) => {
    if (proxy === null)
      cursor.report.error(
        cursor.placeOf(cursor.first),
        `${show(cursor.first.text)} cannot stand in defaults`,
      );
    else read(proxy, cursor);
  };

/** What stands in backends and listens only. */
const ofServers =
  (read: (proxy: ProxyDraft, cursor: Cursor) => void): Reader =>
  (settings, proxy, cursor) => {
    if (proxy?.kind !== 'frontend') return within(read)(settings, proxy, cursor);
    const text = show(cursor.first.text);
    warnOfPlace(cursor, `${text} does nothing in a frontend: put it into a backend`);
    cursor.rest();
  };

const warnOfPlace = (cursor: Cursor, sentence: string): void =>
  cursor.report.warn(cursor.placeOf(cursor.first), sentence);

const ignored: Reader = (_, __, cursor) => void cursor.rest();

const READERS: Readonly<Record<string, Reader>> = {
  mode: (settings, _, cursor) => void (settings.mode = cursor.choice('mode', ['tcp', 'http'] as const)),
  timeout: readTimeout,
  balance: readBalance,
  option: (settings, _, cursor) => readOption(settings, cursor, false),
  'tcp-check': (settings, _, cursor) => readTcpCheck(settings, cursor),
  'http-check': (settings, _, cursor) => readHttpCheck(settings, cursor),
  'external-check': (settings, _, cursor) => {
    const what = cursor.choice('external-check', ['command', 'path'] as const);
    if (what === 'command') settings.externalCommand = cursor.text('a command');
    else if (what === 'path') settings.externalPath = cursor.text('a path');
  },
  maxconn: (settings, _, cursor) => {
    settings.connectionsMax = cursor.integer('maxconn', 0, 2 ** 31 - 1);
    settings.connectionsMaxAt = cursor.placeOf(cursor.first);
  },
  retries: (_, __, cursor) => void cursor.integer('retries', 0, 2 ** 31 - 1),
  default_backend: (settings, _, cursor) => void (settings.defaultBackend = cursor.text('a backend')),
  'default-server': (settings, _, cursor) => readServerOptions(settings.defaultServer, cursor),
  log: (settings, _, cursor) => {
    const target = readLog(cursor);
    if (target !== null) settings.logs.push(target);
  },
  stats: (settings, _, cursor) => readStats(settings.stats, cursor),
  'monitor-uri': (settings, _, cursor) => void (settings.stats.monitorUri = cursor.text('a path')),
  'http-request': (settings, _, cursor) => {
    const text = cursor
      .rest()
      .map((word) => word.text)
      .join(' ');
    const [, path = '/metrics'] = /^use-service prometheus-exporter(?: if \{ path (\S+) \})?$/.exec(text) ?? [
      '',
    ];
    if (text.startsWith('use-service prometheus-exporter')) settings.stats.metricsPath = path;
    else if (text.startsWith('set-log-level ')) return;
    else cursor.report.unsupported(cursor.placeOf(cursor.first), 'http-request rules are not served');
  },
  bind: within((proxy, cursor) => {
    if (proxy.kind === 'backend')
      warnOfPlace(cursor, "'bind' does nothing in a backend: make it a frontend or listen");
    else {
      const binds = readBind(cursor);
      proxy.binds.push(...binds);
      proxy.bindsAt.push(...binds.map(() => cursor.placeOf(cursor.first)));
    }
    cursor.rest();
  }),
  server: ofServers((proxy, cursor) => {
    const server = readServer(cursor, proxy.settings.defaultServer);
    if (server !== null) proxy.servers.push(server);
  }),
  'server-template': ofServers((proxy, cursor) => {
    proxy.servers.push(...readServerTemplate(cursor, proxy.settings.defaultServer));
  }),
  use_backend: within(readUseBackend),
  'use-server': within(readUseServer),
  acl: within(readAcl),
  'tcp-request': within(readTcpRequest),
  disabled: within((proxy) => void (proxy.isDisabled = true)),
  enabled: within((proxy) => void (proxy.isDisabled = false)),
  'stick-table': within(readStickTable),
  stick: ofServers(readStick),
  fullconn: ignored,
  id: ignored,
  description: ignored,
  'hash-type': (_, __, cursor) => {
    // Only the clients of a server that comes or goes move, whichever is asked for.
    cursor.choice('hash-type', ['consistent', 'map-based'] as const);
    if (cursor.peek() !== null && cursor.peek()?.text !== 'avalanche')
      cursor.choice('hash-type', ['sdbm', 'djb2', 'wt6', 'crc32'] as const);
    cursor.accept('avalanche');
  },
  'hash-balance-factor': (_, __, cursor) => {
    const factor = cursor.integer('hash-balance-factor', 0, 2 ** 31 - 1) ?? 0;
    if (factor > 0)
      warnOfPlace(cursor, 'hash-balance-factor is not kept: an address stays with its server, busy or not');
  },
  errorfile: ignored,
  errorfiles: ignored,
  'log-format': ignored,
  'log-format-sd': ignored,
  'log-tag': ignored,
  'log-steps': ignored,
  'unique-id-format': ignored,
  'load-server-state-from-file': ignored,
  'server-state-file-name': ignored,
  'clitcpka-cnt': ignored,
  'clitcpka-idle': ignored,
  'clitcpka-intvl': ignored,
  'srvtcpka-cnt': ignored,
  'srvtcpka-idle': ignored,
  'srvtcpka-intvl': ignored,
  backlog: ignored,
  'bind-process': ignored,
  'http-reuse': ignored,
  'max-keep-alive-queue': ignored,
  'retry-on': ignored,
};

const UNSUPPORTED: readonly string[] = [
  'tcp-response',
  'http-response',
  'http-after-response',
  'http-error',
  'redirect',
  'cookie',
  'compression',
  'capture',
  'dispatch',
  'source',
  'filter',
  'monitor',
  'monitor-net',
  'rate-limit',
  'declare',
  'email-alert',
  'force-persist',
  'ignore-persist',
  'use-fcgi-app',
  'dynamic-cookie-key',
  'reqrep',
  'rspadd',
];

export function readStatements(
  section: Section,
  settings: Settings,
  proxy: ProxyDraft | null,
  report: Report,
): void {
  for (const statement of section.statements) {
    const cursor = new Cursor(statement, report);
    const { first } = cursor;
    const reader = READERS[first.text];
    if (first.text === 'no' || first.text === 'default') readNegated(settings, cursor);
    else if (reader !== undefined) {
      const before = report.count;
      reader(settings, proxy, cursor);
      // One complaint a line is enough.
      if (report.count === before) cursor.end();
    } else {
      const known = [...Object.keys(READERS), ...UNSUPPORTED];
      const sentence = UNSUPPORTED.includes(first.text)
        ? `${first.text} is not served`
        : `there is no keyword ${show(first.text)}${hint(first.text, known)}`;
      report.unsupported(cursor.placeOf(first), sentence);
    }
  }
}

function readNegated(settings: Settings, cursor: Cursor): void {
  if (cursor.accept('option')) readOption(settings, cursor, true);
  else if (cursor.accept('log')) settings.logs = [];
  else cursor.error("only 'no option X' and 'no log' are known");
}

function readTimeout(settings: Settings, _: ProxyDraft | null, cursor: Cursor): void {
  const what = cursor.choice('timeout', [
    'connect',
    'client',
    'server',
    'tunnel',
    'check',
    'queue',
    'client-fin',
    'server-fin',
    'http-request',
    'http-keep-alive',
    'tarpit',
    'client-hs',
  ] as const);
  if (what === null) return void cursor.rest();
  const ms = cursor.timeMs(`timeout ${what}`);
  // 0 means none, as if it were not there.
  const value = ms === 0 ? null : ms;
  switch (what) {
    case 'connect':
      settings.connectMs = value;
      break;
    case 'client':
      settings.clientMs = value;
      break;
    case 'server':
      settings.serverMs = value;
      break;
    case 'tunnel':
      settings.tunnelMs = value;
      break;
    case 'check':
      settings.checkMs = value;
      break;
    case 'queue':
      settings.queueMs = value;
      break;
    default:
  }
}

function readBalance(settings: Settings, _: ProxyDraft | null, cursor: Cursor): void {
  const { place } = cursor;
  const text = cursor.text('an algorithm');
  if (text === null) return;
  const name = text.replace(/\(.*\)$/, '');
  const isOfSource = name === 'hash' && cursor.accept('src');
  const balance = isOfSource ? 'source' : BALANCES[name];
  if (balance === undefined) {
    const isKnown = /^(?:hash|uri|url_param|hdr|rdp-cookie|log-hash|log-sticky|sticky)$/.test(name);
    const known = Object.keys(BALANCES);
    const instead = name === 'hash' ? ` but for "src": balance source is the same` : '';
    cursor.report.unsupported(
      place,
      isKnown
        ? `balance ${name} is not served${instead}`
        : `there is no balance ${show(name)}${hint(name, known)}`,
    );
    cursor.rest();
    return;
  }
  if (name === 'random') {
    if (/\((?!0*[1-9]\d{0,8}\))/.test(text))
      return cursor.report.error(place, `random takes a number of servers to draw, from 1: random(2)`);
    cursor.report.warn(place, 'balance random is served as leastconn');
  }
  settings.balance = balance;
  settings.balanceAt = place;
}
