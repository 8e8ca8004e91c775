// `server NAME ADDRESS [options]`, `server-template PREFIX COUNT ADDRESS [options]`, `default-server [options]`.

import { isHostName } from '../../route.ts';
import { hint } from '../../../base/suggest.ts';
import { parseServerAddress } from './addresses.ts';
import type { ErrorAction } from '../../observed.ts';
import type { PlacedOption, ServerDraft, ServerOptions } from './draft.ts';
import { judgeName, show, type Place } from './report.ts';
import type { Cursor } from './statement.ts';
import { ANY_VERSION, onlyVersion, readVersion } from './tls-versions.ts';

const COUNT_MAX = 2 ** 31 - 1;
const WEIGHT_MAX = 256;
const TEMPLATE_MAX = 1_024;

/** What a word sets. */
type Setter = (options: ServerOptions, cursor: Cursor, at: Place) => void;

const flag =
  <Key extends keyof ServerOptions>(key: Key, value: ServerOptions[Key]): Setter =>
  (options) => {
    options[key] = value;
  };

/** One whose place is wanted when more is known of its backend. */
const placed =
  (option: PlacedOption, set: Setter): Setter =>
  (options, cursor, at) => {
    options.placed = { ...options.placed, [option]: at };
    set(options, cursor, at);
  };

const ERROR_ACTIONS: readonly ErrorAction[] = ['fastinter', 'fail-check', 'sudden-death', 'mark-down'];

/** `track BACKEND/SERVER`, or a server of its own backend. */
function readTrack(options: ServerOptions, cursor: Cursor): void {
  const text = cursor.text('BACKEND/SERVER');
  if (text === null) return;
  const slash = text.indexOf('/');
  options.tracks = { backend: slash === -1 ? '' : text.slice(0, slash), server: text.slice(slash + 1) };
}

const SETTERS: Readonly<Record<string, Setter>> = {
  check: flag('isChecked', true),
  'no-check': flag('isChecked', false),
  backup: flag('isBackup', true),
  'no-backup': flag('isBackup', false),
  disabled: flag('isDisabled', true),
  enabled: flag('isDisabled', false),
  ssl: flag('isTls', true),
  'no-ssl': flag('isTls', false),
  'check-ssl': flag('checksByTls', true),
  'no-check-ssl': flag('checksByTls', false),
  inter: (options, cursor) => void (options.interMs = cursor.timeMs('inter', 1)),
  fastinter: (options, cursor) => void (options.fastInterMs = cursor.timeMs('fastinter', 1)),
  downinter: (options, cursor) => void (options.downInterMs = cursor.timeMs('downinter', 1)),
  rise: (options, cursor) => void (options.rise = cursor.integer('rise', 1, COUNT_MAX)),
  fall: (options, cursor) => void (options.fall = cursor.integer('fall', 1, COUNT_MAX)),
  weight: (options, cursor) => void (options.weight = cursor.integer('weight', 0, WEIGHT_MAX)),
  maxconn: (options, cursor) => void (options.connectionsMax = cursor.integer('maxconn', 0, COUNT_MAX)),
  port: (options, cursor) => void (options.checkPort = cursor.integer('port', 1, 65_535)),
  addr: (options, cursor) =>
    void (options.checkAddress = cursor.text('an address')?.replace(/^ipv[46]@/, '') ?? null),
  verify: (options, cursor) => {
    const value = cursor.choice('verify', ['none', 'required'] as const);
    options.verifies = value === null ? null : value === 'required';
  },
  'ca-file': (options, cursor) => void (options.caFile = readAuthorities(cursor)),
  crt: (options, cursor) => void (options.certificateFile = cursor.text('a PEM file')),
  sni: (options, cursor) => void (options.serverName = literalOf(cursor, 'sni')),
  'check-sni': (options, cursor) => void (options.serverName ??= cursor.text('a name')),
  verifyhost: (options, cursor) => void (options.serverName = cursor.text('a name')),
  'send-proxy': flag('proxyProtocol', 1),
  'send-proxy-v2': flag('proxyProtocol', 2),
  'no-send-proxy': flag('proxyProtocol', null),
  'no-send-proxy-v2': flag('proxyProtocol', null),
  'check-send-proxy': flag('checksByProxyProtocol', true),
  'no-check-send-proxy': flag('checksByProxyProtocol', false),
  'on-marked-down': (options, cursor) => {
    options.endsWhenDown = cursor.choice('on-marked-down', ['shutdown-sessions'] as const) !== null;
  },
  'agent-check': placed('agent-check', (options) => void (options.asksAgent = true)),
  'no-agent-check': flag('asksAgent', false),
  'agent-port': (options, cursor) => void (options.agentPort = cursor.integer('agent-port', 1, 65_535)),
  'agent-addr': (options, cursor) =>
    void (options.agentAddress = cursor.text('an address')?.replace(/^ipv[46]@/, '') ?? null),
  'agent-inter': (options, cursor) => void (options.agentInterMs = cursor.timeMs('agent-inter', 1)),
  'agent-send': (options, cursor) => void (options.agentSend = cursor.text('a text')),
  track: placed('track', readTrack),
  observe: placed('observe', (options, cursor) => {
    const { place } = cursor;
    const layer = cursor.choice('observe', ['layer4', 'layer7'] as const);
    if (layer === 'layer7')
      cursor.report.unsupported(place, 'observe layer7 is not served: layer4 looks at connections');
    options.observes = layer === 'layer4';
  }),
  'error-limit': (options, cursor) => void (options.errorLimit = cursor.integer('error-limit', 1, COUNT_MAX)),
  'on-error': (options, cursor) => void (options.onError = cursor.choice('on-error', ERROR_ACTIONS)),
  slowstart: placed('slowstart', (options, cursor) => {
    options.slowStartMs = cursor.timeMs('slowstart');
  }),
  'resolve-prefer': (options, cursor) => {
    const family = cursor.choice('resolve-prefer', ['ipv4', 'ipv6'] as const);
    options.family = family === null ? null : family === 'ipv4' ? 4 : 6;
  },
  'on-marked-up': (options, cursor) => {
    options.endsBackupsWhenUp = cursor.choice('on-marked-up', ['shutdown-backup-sessions'] as const) !== null;
  },
};

/** Taken without effect, with the number of values. Names of servers are resolved by the system, again and again. */
const IGNORED: Readonly<Record<string, number>> = {
  id: 1,
  cookie: 1,
  'init-addr': 1,
  'init-state': 1,
  resolvers: 1,
  'resolve-opts': 1,
  'resolve-net': 1,
  maxqueue: 1,
  minconn: 1,
  'pool-max-conn': 1,
  'pool-purge-delay': 1,
  'non-stick': 0,
  'log-proto': 1,
  tfo: 0,
  'tcp-ut': 1,
  alpn: 1,
  ciphers: 1,
  ciphersuites: 1,
  'no-ssl-reuse': 0,
  'no-tls-tickets': 0,
};
const UNSUPPORTED: Readonly<Record<string, number>> = {
  source: 1,
  interface: 1,
  redir: 1,
  proto: 1,
  'check-proto': 1,
  'send-proxy-v2-ssl': 0,
  'send-proxy-v2-ssl-cn': 0,
  'crl-file': 1,
  socks4: 1,
  'check-via-socks4': 0,
  namespace: 1,
  ws: 1,
};

/** What to do about some of them. */
const INSTEAD: Readonly<Record<string, string>> = {
  source: 'the system chooses the address that it is connected from',
};

/** The words up to the end of the line; later ones win, as in HAProxy. */
export function readServerOptions(options: ServerOptions, cursor: Cursor): void {
  for (let word = cursor.next(); word !== null; word = cursor.next()) {
    const at = cursor.placeOf(word);
    const range = readVersion(word, cursor, options.versions ?? ANY_VERSION);
    if (range !== null) {
      options.versions = range;
      onlyVersion(range, (sentence) => cursor.report.error(at, sentence));
      continue;
    }
    const setter = SETTERS[word.text];
    const passedOver = IGNORED[word.text] ?? UNSUPPORTED[word.text];
    if (setter !== undefined) {
      setter(options, cursor, at);
    } else if (passedOver === undefined) {
      const known = [...Object.keys(SETTERS), ...Object.keys(IGNORED), ...Object.keys(UNSUPPORTED)];
      cursor.report.unsupported(at, `a server has no option ${show(word.text)}${hint(word.text, known)}`);
    } else {
      for (let count = 0; count < passedOver; count++) cursor.next();
      if (word.text in UNSUPPORTED) {
        const instead = INSTEAD[word.text];
        const sentence = `server ... ${word.text} is not served`;
        cursor.report.unsupported(at, instead === undefined ? sentence : `${sentence}: ${instead}`);
      }
    }
  }
}

/** `@system-ca`: the authorities that everybody believes. */
function readAuthorities(cursor: Cursor): string | null {
  const file = cursor.text('a PEM file');
  return file === '@system-ca' ? null : file;
}

/** `str(name)`: the only expression whose value is known beforehand. */
function literalOf(cursor: Cursor, what: string): string | null {
  const { place } = cursor;
  const text = cursor.text(`str(NAME)`);
  const literal = text === null ? null : /^str\(([^)]*)\)$/.exec(text)?.[1];
  if (literal === undefined) cursor.report.unsupported(place, `${what} is served as str(NAME) only`);
  return literal ?? null;
}

export function readServer(cursor: Cursor, defaults: ServerOptions): ServerDraft | null {
  const place = cursor.placeOf(cursor.first);
  const name = readName(cursor, 'a name and an address');
  const address = name === null ? null : readAddress(cursor);
  const options = { ...defaults };
  readServerOptions(options, cursor);
  return name === null || address === null ? null : { name, ...address, options, place };
}

/** `server-template PREFIX 3` or `2-5`: numbered servers, all with the one address. */
export function readServerTemplate(cursor: Cursor, defaults: ServerOptions): ServerDraft[] {
  const place = cursor.placeOf(cursor.first);
  const prefix = readName(cursor, 'a prefix, a number and an address');
  const range = cursor.text('a number or a range of servers');
  const address = readAddress(cursor);
  const options = { ...defaults };
  readServerOptions(options, cursor);
  const match = /^(?:(\d{1,5})-)?(\d{1,5})$/.exec(range ?? '');
  const first = Number(match?.[1] ?? 1);
  const last = Number(match?.[2] ?? 0);
  if (prefix === null || address === null) return [];
  if (last < first || last - first >= TEMPLATE_MAX) {
    cursor.report.error(place, `server-template takes a number of servers or a range, up to ${TEMPLATE_MAX}`);
    return [];
  }
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    name: `${prefix}${first + index}`,
    ...address,
    options,
    ...(isHostName(address.host) ? { slot: { group: `${prefix} ${address.host}`, index } } : {}),
    place,
  }));
}

function readName(cursor: Cursor, what: string): string | null {
  const { place } = cursor;
  const name = cursor.text(what);
  if (name !== null) judgeName(name, 'server', place, cursor.report);
  return name;
}

function readAddress(cursor: Cursor): ReturnType<typeof parseServerAddress> {
  const word = cursor.peek();
  if (word === null) {
    cursor.text('an address');
    return null;
  }
  const address = parseServerAddress(word.text, cursor);
  cursor.next();
  return address;
}
