// The directives of a Redis server that mean something to a sentinel (sentinel.md §2.4), one row each. `dir`, `user`,
// `include`, `rename-command` and `loadmodule` are not plain values and are read by load.ts.

import { strictInteger } from '../../base/strict-integer.ts';
import type { OutputBufferLimit } from './conf.ts';
import {
  fault,
  flag,
  type GeneralDirective,
  integer,
  oneOf,
  optional,
  type Read,
  row,
  string,
  valueRow,
  word,
} from './directive-kinds.ts';
import { formatMemory, parseMemory } from './numbers.ts';
import { show } from './problems.ts';

const INT_MAX = 2 ** 31 - 1;
const BIND_MAX = 16;

const bind: GeneralDirective = {
  ...row(
    'bind',
    (server, values) => {
      if (values.length > BIND_MAX) {
        return fault('too-many-addresses', BIND_MAX + 1, `bind takes at most ${BIND_MAX} addresses`);
      }
      server.bind = values.length === 1 && values[0] === '' ? [] : values;
      return null;
    },
    (server) => (server.bind.length === 0 ? '""' : server.bind.map(word).join(' ')),
  ),
  takesMany: true,
};

const CLIENT_CLASSES: readonly string[] = ['normal', 'replica', 'slave', 'pubsub'];

/** `<class> <hard> <soft> <seconds>`, several times. */
const readOutputLimits: Read = (server, values) => {
  if (values.length % 4 !== 0) {
    return fault(
      'bad-arguments',
      0,
      'client-output-buffer-limit takes: class hard-limit soft-limit soft-seconds',
    );
  }
  const limits = new Map<string, OutputBufferLimit>();
  for (let at = 0; at < values.length; at += 4) {
    const [kind = '', hard = '', soft = '', seconds = ''] = values.slice(at, at + 4);
    const client = kind.toLowerCase();
    if (!CLIENT_CLASSES.includes(client)) {
      return fault('bad-value', at + 1, `a class of clients is normal, replica or pubsub, not ${show(kind)}`);
    }
    const hardBytes = parseMemory(hard);
    const softBytes = parseMemory(soft);
    const softSeconds = strictInteger(seconds);
    if (hardBytes === null)
      return fault('bad-value', at + 2, `a limit is a size such as 32mb, not ${show(hard)}`);
    if (softBytes === null)
      return fault('bad-value', at + 3, `a limit is a size such as 8mb, not ${show(soft)}`);
    if (softSeconds === null || softSeconds < 0) {
      return fault('bad-value', at + 4, `soft-seconds is a whole number from 0, not ${show(seconds)}`);
    }
    limits.set(client, { hardBytes, softBytes, softSeconds });
  }
  server.normalOutputLimit = limits.get('normal') ?? server.normalOutputLimit;
  server.pubsubOutputLimit = limits.get('pubsub') ?? server.pubsubOutputLimit;
  return null;
};

export function outputLimitText(limit: OutputBufferLimit): string {
  return `${formatMemory(limit.hardBytes)} ${formatMemory(limit.softBytes)} ${limit.softSeconds}`;
}

const parseOctal = (text: string): number | null =>
  /^[0-7]{1,5}$/.test(text) && Number.parseInt(text, 8) <= 0o777 ? Number.parseInt(text, 8) : null;

export const OUTPUT_LIMIT_DIRECTIVE = 'client-output-buffer-limit';

/** In the order in which a fresh file gets them. */
export const GENERAL_DIRECTIVES: readonly GeneralDirective[] = [
  integer(
    'port',
    0,
    65535,
    (s, v) => (s.port = v),
    (s) => s.port,
    true,
  ),
  flag(
    'protected-mode',
    (s, v) => (s.protectedMode = v),
    (s) => s.protectedMode,
    true,
  ),
  bind,
  optional(
    'bind-source-addr',
    (s, v) => (s.bindSourceAddr = v),
    (s) => s.bindSourceAddr,
  ),
  integer(
    'tcp-backlog',
    0,
    INT_MAX,
    (s, v) => (s.tcpBacklog = v),
    (s) => s.tcpBacklog,
  ),
  integer(
    'timeout',
    0,
    INT_MAX,
    (s, v) => (s.timeoutSeconds = v),
    (s) => s.timeoutSeconds,
  ),
  integer(
    'tcp-keepalive',
    0,
    INT_MAX,
    (s, v) => (s.tcpKeepaliveSeconds = v),
    (s) => s.tcpKeepaliveSeconds,
  ),
  optional(
    'unixsocket',
    (s, v) => (s.unixSocket = v),
    (s) => s.unixSocket,
  ),
  valueRow(
    'unixsocketperm',
    'octal permission bits from 0 to 777',
    parseOctal,
    (s, v) => (s.unixSocketPerm = v === 0 ? null : v),
    (s) => (s.unixSocketPerm ?? 0).toString(8),
  ),
  integer(
    'maxclients',
    1,
    2 ** 32 - 1,
    (s, v) => (s.maxClients = v),
    (s) => s.maxClients,
  ),
  oneOf(
    'loglevel',
    ['debug', 'verbose', 'notice', 'warning', 'nothing'],
    (s, v) => (s.logLevel = v),
    (s) => s.logLevel,
  ),
  string(
    'logfile',
    (s, v) => (s.logFile = v),
    (s) => s.logFile,
  ),
  oneOf(
    'log-format',
    ['legacy', 'logfmt'],
    (s, v) => (s.logFormat = v),
    (s) => s.logFormat,
  ),
  oneOf(
    'log-timestamp-format',
    ['legacy', 'iso8601', 'milliseconds'],
    (s, v) => (s.logTimestampFormat = v),
    (s) => s.logTimestampFormat,
  ),
  flag(
    'syslog-enabled',
    (s, v) => (s.syslog.enabled = v),
    (s) => s.syslog.enabled,
  ),
  string(
    'syslog-ident',
    (s, v) => (s.syslog.ident = v),
    (s) => s.syslog.ident,
  ),
  oneOf<string>(
    'syslog-facility',
    ['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
    (s, v) => (s.syslog.facility = v),
    (s) => s.syslog.facility,
  ),
  flag(
    'daemonize',
    (s, v) => (s.daemonize = v),
    (s) => s.daemonize,
  ),
  oneOf(
    'supervised',
    ['no', 'upstart', 'systemd', 'auto'],
    (s, v) => (s.supervised = v),
    (s) => s.supervised,
  ),
  optional(
    'pidfile',
    (s, v) => (s.pidFile = v),
    (s) => s.pidFile,
  ),
  optional(
    'requirepass',
    (s, v) => (s.requirePass = v),
    (s) => s.requirePass,
  ),
  optional(
    'aclfile',
    (s, v) => (s.aclFile = v),
    (s) => s.aclFile,
  ),
  integer(
    'acllog-max-len',
    0,
    Number.MAX_SAFE_INTEGER,
    (s, v) => (s.aclLogMaxLen = v),
    (s) => s.aclLogMaxLen,
  ),
  oneOf(
    'acl-pubsub-default',
    ['allchannels', 'resetchannels'],
    (s, v) => (s.aclPubsubDefault = v),
    (s) => s.aclPubsubDefault,
  ),
  flag(
    'extended-redis-compatibility',
    (s, v) => (s.extendedRedisCompatibility = v),
    (s) => s.extendedRedisCompatibility,
  ),
  // Written by rewrite.ts, a line for each class.
  { ...row(OUTPUT_LIMIT_DIRECTIVE, readOutputLimits, () => null), takesMany: true },
  integer(
    'tls-port',
    0,
    65535,
    (s, v) => (s.tls.port = v),
    (s) => s.tls.port,
  ),
  flag(
    'tls-replication',
    (s, v) => (s.tls.outgoing = v),
    (s) => s.tls.outgoing,
  ),
  optional(
    'tls-cert-file',
    (s, v) => (s.tls.certFile = v),
    (s) => s.tls.certFile,
  ),
  optional(
    'tls-key-file',
    (s, v) => (s.tls.keyFile = v),
    (s) => s.tls.keyFile,
  ),
  optional(
    'tls-key-file-pass',
    (s, v) => (s.tls.keyFilePass = v),
    (s) => s.tls.keyFilePass,
  ),
  optional(
    'tls-client-cert-file',
    (s, v) => (s.tls.clientCertFile = v),
    (s) => s.tls.clientCertFile,
  ),
  optional(
    'tls-client-key-file',
    (s, v) => (s.tls.clientKeyFile = v),
    (s) => s.tls.clientKeyFile,
  ),
  optional(
    'tls-client-key-file-pass',
    (s, v) => (s.tls.clientKeyFilePass = v),
    (s) => s.tls.clientKeyFilePass,
  ),
  optional(
    'tls-ca-cert-file',
    (s, v) => (s.tls.caCertFile = v),
    (s) => s.tls.caCertFile,
  ),
  optional(
    'tls-ca-cert-dir',
    (s, v) => (s.tls.caCertDir = v),
    (s) => s.tls.caCertDir,
  ),
  optional(
    'tls-dh-params-file',
    (s, v) => (s.tls.dhParamsFile = v),
    (s) => s.tls.dhParamsFile,
  ),
  oneOf(
    'tls-auth-clients',
    ['yes', 'no', 'optional'],
    (s, v) => (s.tls.authClients = v),
    (s) => s.tls.authClients,
  ),
  optional(
    'tls-protocols',
    (s, v) => (s.tls.protocols = v),
    (s) => s.tls.protocols,
  ),
  optional(
    'tls-ciphers',
    (s, v) => (s.tls.ciphers = v),
    (s) => s.tls.ciphers,
  ),
  optional(
    'tls-ciphersuites',
    (s, v) => (s.tls.ciphersuites = v),
    (s) => s.tls.ciphersuites,
  ),
  flag(
    'tls-prefer-server-ciphers',
    (s, v) => (s.tls.preferServerCiphers = v),
    (s) => s.tls.preferServerCiphers,
  ),
  flag(
    'tls-session-caching',
    (s, v) => (s.tls.sessionCaching = v),
    (s) => s.tls.sessionCaching,
  ),
  integer(
    'tls-session-cache-size',
    0,
    INT_MAX,
    (s, v) => (s.tls.sessionCacheSize = v),
    (s) => s.tls.sessionCacheSize,
  ),
  integer(
    'tls-session-cache-timeout',
    0,
    INT_MAX,
    (s, v) => (s.tls.sessionCacheTimeoutSeconds = v),
    (s) => s.tls.sessionCacheTimeoutSeconds,
  ),
];

const BY_NAME: ReadonlyMap<string, GeneralDirective> = new Map(
  GENERAL_DIRECTIVES.map((one) => [one.name, one]),
);

/** The directive called `name` (lower case). */
export function generalDirective(name: string): GeneralDirective | null {
  return BY_NAME.get(name) ?? null;
}
