// Backends: from what their lines say to what the machine is told.

import { assert } from '../../../base/assert.ts';
import type { CheckConf, TcpCheckStep } from '../../checks/check-conf.ts';
import { serversAskedFor } from '../../condition.ts';
import * as defaults from '../../defaults.ts';
import type {
  BackendConf,
  CheckTiming,
  HostPort,
  Role,
  ServerCheckConf,
  ServerConf,
  Source,
  TlsClientConf,
} from '../../endpoint-conf.ts';
import { classify, type Ladder } from './classify.ts';
import { tlsOf, type ProxyDraft, type ServerDraft, type ServerOptions } from './draft.ts';
import { show, type Report } from './report.ts';
import { watchedBy } from './watched-by.ts';
import { stickOf } from './stick-lines.ts';

const INTER_MS = 2_000;
const RISE = 2;
const FALL = 3;
const REDIS_DEFAULT_CONNECT_MS = defaults.CONNECT_MS;

/** The sentinels that backends of this file ask: by the backend's name. */
export type SentinelBackends = ReadonlyMap<
  string,
  { readonly ladder: Ladder; readonly asked: readonly HostPort[]; readonly tls: TlsClientConf | null }
>;

/** What a backend's check asks about; null: nothing we know, so it is run as it stands. */
export function ladderOf({ settings }: ProxyDraft): Ladder | null {
  return settings.checkKind === 'tcp-check' ? classify(settings.steps) : null;
}

export function sentinelBackends(proxies: readonly ProxyDraft[]): SentinelBackends {
  return new Map(
    proxies.flatMap((proxy) => {
      const ladder = ladderOf(proxy);
      if (ladder?.asksFor !== 'sentinel') return [];
      const connect = proxy.settings.steps.find((step) => step.kind === 'connect');
      const asked = proxy.servers.flatMap(({ host, port, options }): HostPort[] => {
        const asks = (connect?.kind === 'connect' ? connect.port : null) ?? options.checkPort ?? port;
        return asks === null ? [] : [{ host: options.checkAddress ?? host, port: asks }];
      });
      const [first] = proxy.servers;
      const tls = first === undefined ? null : checkTlsOf(proxy, first.options);
      return [[proxy.name, { ladder, asked, tls }] as const];
    }),
  );
}

export interface BackendSurroundings {
  readonly sentinels: SentinelBackends;
  readonly report: Report;
  readonly allowsExternalChecks: boolean;
  /** The one port that clients come to, for servers without one; null: there is none, or several. */
  readonly clientPort: number | null;
  /** HAProxy counts proxies from 1. */
  readonly id: number;
  /** Clients may be led to it; false: somebody only asks how its servers fare. */
  readonly isLed: boolean;
}

export function finishBackend(proxy: ProxyDraft, around: BackendSurroundings): BackendConf {
  const { settings, place } = proxy;
  const { report } = around;
  const ladder = ladderOf(proxy);
  if (settings.stepsAt !== null && settings.checkKind !== 'tcp-check') {
    report.warn(settings.stepsAt, "without 'option tcp-check' all tcp-check rules are ignored");
  }
  const isRedis = ladder !== null && ladder.asksFor !== 'sentinel';
  const role = isRedis ? roleOf(proxy, ladder) : ({ kind: 'any' } as const);
  const source = isRedis ? sourceOf(proxy, ladder, around) : ({ kind: 'checks' } as const);
  if (source.kind === 'sentinels') refuseOtherTls(proxy, report);
  const servers =
    source.kind === 'sentinels'
      ? []
      : proxy.servers.flatMap((server, index) => finishServer(proxy, server, index, isRedis, around));
  const [first] = proxy.servers;
  const timing = timingOf(first?.options ?? settings.defaultServer, proxy);
  if (isRedis) {
    if (around.isLed) warnOfLadder(proxy, ladder, source, report);
  } else if (
    around.isLed &&
    /^(?:tcp-check|redis)$/.test(settings.checkKind) &&
    !proxy.servers.some((one) => one.options.endsWhenDown)
  ) {
    report.warn(
      place,
      `${show(proxy.name)}: connections stay on a server that went down, unless its line says on-marked-down shutdown-sessions`,
    );
  }
  const ends = proxy.servers.some(
    ({ options }) => options.endsWhenDown === true || options.endsBackupsWhenUp === true,
  );
  return {
    name: proxy.name,
    role,
    source,
    servers,
    balance: settings.balance,
    timing,
    credentials: isRedis ? ladder.credentials : null,
    tls: isRedis ? sharedTls(proxy) : null,
    ...(isRedis ? sharedProxy(proxy) : {}),
    connectMsMax: settings.connectMs ?? REDIS_DEFAULT_CONNECT_MS,
    endsOthers: isRedis || ends,
    usesAllBackups: settings.usesAllBackups,
    ...serverRulesOf(proxy, role, source, report),
    ...stickOf(proxy, role, report),
  };
}

/** The sentinels are asked by us in place of rules that count those who name a server. */
function serverRulesOf(
  { serverRules, name, settings }: ProxyDraft,
  role: Role,
  source: Source,
  report: Report,
): Pick<BackendConf, 'serverRules'> {
  if (serverRules.length === 0 || source.kind === 'sentinels') return {};
  if (settings.mode === 'http') {
    for (const { at } of serverRules) report.unsupported(at, 'use-server is not served in mode http');
    return {};
  }
  if (role.kind !== 'primary')
    return { serverRules: serverRules.map(({ when, name: server }) => ({ when, server })) };
  for (const { at } of serverRules)
    report.warn(at, `use-server does nothing here: clients of ${show(name)} are led to the primary`);
  return {};
}

function roleOf(proxy: ProxyDraft, ladder: Ladder): Role {
  if (ladder.asksFor === 'replica') {
    return {
      kind: 'replica',
      lagBytesMax: defaults.REPLICA_LAG_BYTES,
      lagMsMax: defaults.REPLICA_LAG_MS,
      // As HAProxy: without a server that passes, there is none.
      withoutReplica: 'refuse',
      shareMax: 100,
    };
  }
  // Of two that claim to be the primary at a start, HAProxy takes the one that is no backup.
  const first = proxy.servers.filter(({ options }) => options.isBackup !== true);
  const preferred = first.length === 1 && proxy.servers.length > 1 ? (first[0]?.name ?? null) : null;
  return { kind: 'primary', preferred, ...(ladder.wantsReplicas ? { wantsReplica: true } : {}) };
}

function sourceOf(proxy: ProxyDraft, ladder: Ladder, { sentinels }: BackendSurroundings): Source {
  const asked = proxy.serverRules.flatMap(({ when }) => serversAskedFor(when)).map(({ backend }) => backend);
  const counted = [...new Set([...proxy.countedBackends, ...asked])].flatMap(
    (name) => sentinels.get(name) ?? [],
  );
  const group = counted[0]?.ladder.group;
  if (group === undefined || group === null || ladder.asksFor !== 'primary') return { kind: 'checks' };
  const named = new Map(
    counted.flatMap((one) => one.asked).map((one) => [`${one.host} ${one.port}`, one] as const),
  );
  const credentials = counted[0]?.ladder.credentials ?? null;
  const tls = counted[0]?.tls ?? null;
  return { kind: 'sentinels', sentinels: [...named.values()], group, credentials, tls };
}

function warnOfLadder(proxy: ProxyDraft, ladder: Ladder, source: Source, report: Report): void {
  const { place, settings } = proxy;
  const name = show(proxy.name);
  if (proxy.joins.length > 0) {
    const who = source.kind === 'sentinels' ? `the sentinels' ${show(source.group)}` : 'the primary';
    report.warn(
      place,
      `${name}: its backends (${proxy.joins.join(', ')}) are one endpoint here, which follows ${who}: clients wait while nobody is the primary, whatever default_backend says`,
    );
  }
  if (ladder.ignoresAuth) {
    report.warn(
      place,
      `${name}: nobody looks at the answer to AUTH; baton does, and says when it is refused`,
    );
  }
  if (ladder.asksFor === 'primary' && source.kind === 'checks') {
    report.warn(
      place,
      `${name}: only the servers themselves say who is primary; of two the one in use stays in use, and after a restart neither is. Name sentinels to be sure: baton endpoint --sentinels`,
    );
  }
  const idle = Math.min(settings.clientMs ?? Infinity, settings.serverMs ?? Infinity);
  if (settings.tunnelMs === null && idle < 60_000) {
    report.warn(
      place,
      `${name}: idle connections of pools are cut after ${idle} ms (timeout client, timeout server); subscribers and blocked clients are not`,
    );
  }
}

function timingOf(options: ServerOptions, { settings }: ProxyDraft): CheckTiming {
  const intervalMs = options.interMs ?? INTER_MS;
  const { checkMs, connectMs } = settings;
  return {
    intervalMs,
    fastIntervalMs: options.fastInterMs ?? intervalMs,
    downIntervalMs: options.downInterMs ?? intervalMs,
    rise: options.rise ?? RISE,
    fall: options.fall ?? FALL,
    // Without `timeout check`, inter bounds the whole; with it, the connection has its own bound (proxy.md §1.3).
    timeoutMs: checkMs === null ? intervalMs : Math.min(connectMs ?? intervalMs, intervalMs) + checkMs,
  };
}

function sharedTls(proxy: ProxyDraft): TlsClientConf | null {
  const first = proxy.servers.find(({ options }) => options.isTls === true);
  return first === undefined ? null : tlsOf(first.options);
}

function sharedProxy(proxy: ProxyDraft): Pick<BackendConf, 'sendsProxyProtocol'> {
  const version = proxy.servers.find(({ options }) => options.proxyProtocol !== null)?.options.proxyProtocol;
  return version === undefined ? {} : { sendsProxyProtocol: version };
}

/** How a Redis is asked: as its clients are served, unless its line or the check's first step says otherwise. */
function checkTlsOf({ settings }: ProxyDraft, options: ServerOptions): TlsClientConf | null {
  const [first] = settings.steps;
  const connects = first?.kind === 'connect' ? first : null;
  const isTls = connects?.isTls === true || (options.checksByTls ?? options.isTls === true);
  return isTls ? { ...tlsOf(options), serverName: connects?.serverName ?? options.serverName } : null;
}

/** Who is named by sentinels has no line of its own, so it is asked in the way in which its clients are served. */
function refuseOtherTls(proxy: ProxyDraft, report: Report): void {
  for (const { name, place, options } of proxy.servers) {
    if (options.isTls === true || checkTlsOf(proxy, options) === null) continue;
    report.error(
      place,
      `server ${show(name)}: sentinels name the servers of this backend, which cannot be asked by TLS and served without: add ssl to its line, or leave TLS out of its check`,
    );
  }
}

function finishServer(
  proxy: ProxyDraft,
  server: ServerDraft,
  index: number,
  isRedis: boolean,
  around: BackendSurroundings,
): ServerConf[] {
  const { options } = server;
  const { report } = around;
  const port = server.port ?? around.clientPort;
  if (port === null) {
    report.error(server.place, `server ${show(server.name)} needs a port: ${server.host}:PORT`);
    return [];
  }
  const tls = options.isTls === true ? tlsOf(options) : null;
  const linkTls = checkTlsOf(proxy, options);
  return [
    {
      name: server.name,
      host: server.host,
      port,
      weight: options.weight ?? 1,
      isBackup: options.isBackup === true,
      connectionsMax: options.connectionsMax === 0 ? null : options.connectionsMax,
      isDisabled: options.isDisabled === true,
      tls,
      ...(isRedis && JSON.stringify(linkTls) !== JSON.stringify(tls) ? { linkTls } : {}),
      sendsProxyProtocol: options.proxyProtocol,
      checks: isRedis ? [] : checksOf(proxy, server, index, around),
      ...watchedBy(proxy, server, isRedis, report),
      ...(server.slot === undefined ? {} : { slot: server.slot }),
      ...(options.family === null ? {} : { family: options.family }),
      // Where the primary is known, clients follow it anyway.
      ...(isRedis
        ? {}
        : {
            sessions: {
              endWhenDown: options.endsWhenDown === true,
              endBackupsWhenUp: options.endsBackupsWhenUp === true,
            },
          }),
    },
  ];
}

function checksOf(
  proxy: ProxyDraft,
  server: ServerDraft,
  index: number,
  around: BackendSurroundings,
): readonly ServerCheckConf[] {
  if (server.options.isChecked !== true) return [];
  const check = checkOf(proxy, server, index, around);
  return check === null ? [] : [{ check, timing: timingOf(server.options, proxy) }];
}

function checkOf(
  proxy: ProxyDraft,
  server: ServerDraft,
  index: number,
  around: BackendSurroundings,
): CheckConf | null {
  const { settings } = proxy;
  const { options } = server;
  const host = options.checkAddress;
  const port = options.checkPort;
  // Checks of another port speak plainly unless they are told not to, and name nobody.
  const isOwn = port === null && host === null;
  const isTls = options.checksByTls ?? (options.isTls === true && isOwn);
  const tls = isTls ? tlsOf(options) : null;
  const greets = options.checksByProxyProtocol ?? (options.proxyProtocol !== null && isOwn);
  const greeting = greets ? { proxyVersion: options.proxyProtocol ?? 1 } : {};
  switch (settings.checkKind) {
    case 'tcp':
      return { kind: 'tcp', host, port, tls, ...greeting };
    case 'redis':
      return { kind: 'redis-ping', host, port, credentials: null, tls, ...greeting };
    case 'smtp':
      return { kind: 'smtp', host, port: port ?? server.port, heloName: settings.smtpName };
    case 'http':
      return { kind: 'http', host, port, tls, ...greeting, ...settings.http, expects: settings.httpExpects };
    case 'tcp-check': {
      const steps = settings.steps.map((step): TcpCheckStep => {
        if (step.kind !== 'connect') return step;
        const byTls = step.isTls || (step.isDefault && isTls);
        return {
          kind: 'connect',
          host: step.host ?? host,
          port: step.port ?? port,
          tls: byTls ? { ...tlsOf(options), serverName: step.serverName ?? options.serverName } : null,
          proxyVersion:
            step.sendsProxyProtocol || (step.isDefault && greets) ? (options.proxyProtocol ?? 1) : null,
        };
      });
      return { kind: 'tcp-check', host, port, tls, ...greeting, steps };
    }
    case 'external':
      return externalCheck(proxy, server, index, around);
  }
}

function externalCheck(
  { settings, place, name, binds }: ProxyDraft,
  server: ServerDraft,
  index: number,
  { report, allowsExternalChecks, id }: BackendSurroundings,
): CheckConf | null {
  if (!allowsExternalChecks) report.error(place, "option external-check needs 'external-check' in global");
  if (settings.externalCommand === null) {
    report.error(place, "option external-check needs 'external-check command'");
    return null;
  }
  const bind = binds.find((one) => one.kind === 'tcp');
  assert(bind === undefined || bind.kind === 'tcp', 'only listeners by TCP were looked for');
  return {
    kind: 'command',
    argv: [settings.externalCommand],
    user: null,
    group: null,
    saysWeight: false,
    haproxy: {
      proxyName: name,
      proxyId: id,
      proxyAddress: bind?.host ?? null,
      proxyPort: bind?.port ?? null,
      serverName: server.name,
      serverId: index + 1,
      serverConnectionsMax: server.options.connectionsMax,
      path: settings.externalPath,
    },
  };
}
