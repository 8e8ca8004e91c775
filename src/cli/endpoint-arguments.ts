// What the options of `baton endpoint` say, as the machine's configuration; or all that is wrong with them.

import { isIP } from 'node:net';
import { parseByteSize } from '../base/byte-size.ts';
import { failure, success, type Result } from '../base/result.ts';
import { strictInteger } from '../base/strict-integer.ts';
import * as defaults from '../endpoint/defaults.ts';
import type {
  BackendConf,
  Bind,
  Credentials,
  EndpointsConf,
  FrontendConf,
  HostPort,
  PathChoice,
  Role,
  ServerConf,
  Source,
} from '../endpoint/endpoint-conf.ts';
import { isUnixSocket, targetText, type Balance } from '../endpoint/route.ts';
import { connectionsOf, type ConnectionFlags, type Connections } from './endpoint-connections.ts';

/** As commander gives them. */
export interface EndpointFlags extends ConnectionFlags {
  readonly sentinels?: string;
  readonly primary?: string;
  readonly servers?: string;
  readonly prefer?: string;
  readonly listen?: readonly string[];
  readonly replicaListen?: readonly string[];
  readonly path?: string;
  readonly transparent?: true;
  readonly balance?: string;
  readonly withoutReplica?: string;
  readonly shareMax?: string;
  readonly replicaLag?: string;
  readonly replicaLagBytes?: string;
  readonly queueTimeout?: string;
  readonly queueMax?: string;
  readonly holdMax?: string;
  readonly maxConnections?: string;
  readonly idleTimeout?: string;
  readonly lease?: string;
  readonly refresh?: string;
}

/** What `run` and `check` are given besides {@link EndpointFlags}. */
export interface EndpointOptions extends EndpointFlags {
  readonly file: string | null;
  readonly useFile?: string;
  readonly http?: string;
  readonly daemon?: true;
  /** haproxy's -db and -Ws: also where the file says `daemon`. */
  readonly foreground?: true;
  readonly check?: true;
  readonly lenient?: true;
  readonly authFile?: string;
  readonly sentinelAuthFile?: string;
  readonly cgroup?: string;
  readonly netns?: string;
  readonly masquerade?: string;
  readonly workers?: string;
  readonly busyPoll?: string;
  readonly name?: string;
  readonly pid?: string;
}

/** Read from files by the caller. */
export interface Secrets {
  readonly servers: Credentials | null;
  readonly sentinels: Credentials | null;
}

/** An option as it is written, of the name that commander gives its value. */
export const flagText = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** What --path may be. */
export const PATHS: readonly PathChoice[] = ['auto', 'socket', 'nat', 'relay'];
const BALANCES: readonly Balance[] = ['roundrobin', 'leastconn', 'first', 'source'];
const SENTINEL_PORT = 26_379;
const REDIS_PORT = 6_379;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Gathers problems while it reads. */
class Reading {
  readonly problems: string[] = [];

  /** `500ms`, `3s`; a bare number is seconds. */
  durationMs(flag: string, text: string | undefined, fallback: number): number {
    if (text === undefined) return fallback;
    const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(text);
    const ms = match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] ?? 's'] ?? 1);
    if (Number.isFinite(ms) && ms > 0 && ms <= 2 ** 31) return ms;
    this.problems.push(`${flag} ${text}: a duration, for example 500ms or 3s`);
    return fallback;
  }

  /** `1MB`, `500kb`, bytes. */
  bytes(flag: string, text: string | undefined, fallback: number): number {
    if (text === undefined) return fallback;
    const value = parseByteSize(text);
    if (value !== null) return value;
    this.problems.push(`${flag} ${text}: a size, for example 1MB or 65536`);
    return fallback;
  }

  count(flag: string, text: string | undefined, fallback: number | null, max: number): number | null {
    if (text === undefined) return fallback;
    const value = strictInteger(text);
    if (value !== null && value >= 1 && value <= max) return value;
    this.problems.push(`${flag} ${text}: a number from 1 to ${max}`);
    return fallback;
  }

  choice<Value extends string>(
    flag: string,
    text: string | undefined,
    known: readonly Value[],
    fallback: Value,
  ): Value {
    if (text === undefined) return fallback;
    const found = known.find((one) => one === text);
    if (found !== undefined) return found;
    this.problems.push(`${flag} ${text}: one of ${known.join(', ')}`);
    return fallback;
  }

  /** `host`, `host:port`, `[v6]:port`, `[fe80::1%eth0]:port`, separated by commas; servers may be paths of unix sockets, too. */
  hosts(flag: '--sentinels' | '--servers', text: string, defaultPort: number): HostPort[] {
    const all = text
      .split(',')
      .filter((part) => part.trim() !== '')
      .flatMap((part) => {
        const path = flag === '--servers' ? unixPath(part.trim()) : null;
        const read = path === null ? parseHostPort(part.trim(), defaultPort) : { host: path, port: 0 };
        if (read !== null) return [read];
        this.problems.push(
          `${flag} ${withoutLogin(part)}: HOST:PORT, or [IPV6]:PORT${loginHint(flag, part)}`,
        );
        return [];
      });
    // One who is named twice would be half of a majority by himself.
    const names = all.map((where) => (isUnixSocket(where) ? where.host : targetText(where).toLowerCase()));
    const twice = new Set(names.filter((name, at) => names.indexOf(name) !== at));
    for (const name of twice) this.problems.push(`${flag} ${name}: it is named twice`);
    return all;
  }

  /** A bare port means this machine's loopback, both families. */
  binds(flag: string, texts: readonly string[], connections: Connections): Bind[] {
    const { clients: tls, acceptsProxyProtocol, mode } = connections;
    return texts.flatMap((text): Bind[] => {
      const plain = (host: string, port: number): Bind => ({
        kind: 'tcp',
        host,
        port,
        tls,
        acceptsProxyProtocol,
      });
      const path = unixPath(text);
      if (path !== null) {
        return [{ kind: 'unix', path, mode, user: null, group: null, tls, acceptsProxyProtocol }];
      }
      const port = strictInteger(text);
      if (port !== null && port > 0 && port < 65_536) return [plain('127.0.0.1', port), plain('::1', port)];
      const read = parseHostPort(text, null);
      if (read?.host.toLowerCase() === 'localhost')
        return [plain('127.0.0.1', read.port), plain('::1', read.port)];
      if (read !== null && (read.host === '*' || isAddress(read.host))) return [plain(read.host, read.port)];
      const what =
        read === null
          ? ''
          : ' (an address of this host; names may change, and link-local addresses are others on each interface)';
      this.problems.push(
        `${flag} ${text}: PORT (on loopback), ADDRESS:PORT${what}, *:PORT, or /path/of/a.sock`,
      );
      return [];
    });
  }
}

/** Of `redis://user:password@host` and the like only what may be shown. */
const withoutLogin = (text: string): string => text.replace(/^.*@/s, '...@');

const loginHint = (flag: '--sentinels' | '--servers', text: string): string => {
  if (!text.includes('@')) return '';
  const option = flag === '--servers' ? '--auth-file' : '--sentinel-auth-file';
  return `; user and password go into the file of ${option}, where no list of processes shows them`;
};

/** The path of a unix socket, `/…`, `unix:/…`, or HAProxy's `unix@/…`, as a byte string; null: it is none. */
export function unixPath(text: string): string | null {
  const path = text.replace(/^unix[:@](?=\/)/, '');
  return path.startsWith('/') ? Buffer.from(path, 'utf8').toString('latin1') : null;
}

export function parseHostPort(text: string, defaultPort: number | null): HostPort | null {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]@/]+))(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || port === null || port < 1 || port > 65_535 ? null : { host, port };
}

/** To listen at: a link-local one is another on each interface. */
const isAddress = (host: string): boolean => isIP(host) !== 0 && !/%|^fe[89ab]/i.test(host);

/** Makes the configuration, or says all that is wrong. */
export function endpointsFromFlags(
  flags: EndpointFlags,
  secrets: Secrets,
): Result<EndpointsConf, readonly string[]> {
  const reading = new Reading();
  const connections = connectionsOf(flags, reading.problems);
  const { sendsProxyProtocol } = connections;
  const source = sourceOf(flags, secrets, connections, reading);
  const servers =
    flags.servers === undefined
      ? []
      : reading.hosts('--servers', flags.servers, REDIS_PORT).map((where) => serverOf(where, connections));
  if (flags.prefer !== undefined && !servers.some(({ name }) => name === flags.prefer)) {
    reading.problems.push(`--prefer ${flags.prefer}: one of the --servers, as written there`);
  }
  const path = reading.choice('--path', flags.path, PATHS, 'auto');
  const leaseMs = reading.durationMs('--lease', flags.lease, defaults.LEASE_MS);
  const refreshMs = reading.durationMs('--refresh', flags.refresh, defaults.REFRESH_MS);
  if (refreshMs * 2 > leaseMs)
    reading.problems.push('--refresh must be at most half of --lease, or one late renewal ends the route');
  const frontend = (name: string, backend: string, binds: readonly Bind[]): FrontendConf => ({
    name,
    binds,
    backend,
    mode: 'redis',
    path,
    isTransparent: flags.transparent === true,
    connectionsMax: reading.count('--max-connections', flags.maxConnections, null, 1_000_000),
    idleMsMax:
      flags.idleTimeout === undefined ? null : reading.durationMs('--idle-timeout', flags.idleTimeout, 0),
    keepAliveMs: defaults.KEEP_ALIVE_MS,
    queue: {
      timeoutMs: reading.durationMs('--queue-timeout', flags.queueTimeout, defaults.QUEUE.timeoutMs),
      clientsMax:
        reading.count('--queue-max', flags.queueMax, defaults.QUEUE.clientsMax, 1_000_000) ??
        defaults.QUEUE.clientsMax,
    },
    hold: {
      ...defaults.HOLD,
      holdMsMax: reading.durationMs('--hold-max', flags.holdMax, defaults.HOLD.holdMsMax),
    },
  });
  const backend = (name: string, role: Role): BackendConf => ({
    name,
    role,
    source,
    servers,
    balance: reading.choice('--balance', flags.balance, BALANCES, 'roundrobin'),
    timing: { ...defaults.TIMING, intervalMs: refreshMs },
    credentials: secrets.servers,
    tls: connections.servers,
    ...(sendsProxyProtocol === null ? {} : { sendsProxyProtocol }),
    connectMsMax: defaults.CONNECT_MS,
    endsOthers: true,
    usesAllBackups: true,
  });
  const readers = replicaRole(flags, reading);
  const ofReaders = (
    ['withoutReplica', 'shareMax', 'replicaLag', 'replicaLagBytes', 'balance'] as const
  ).filter((flag) => flags[flag] !== undefined);
  if (ofReaders.length > 0 && (flags.replicaListen ?? []).length === 0)
    reading.problems.push(
      `${ofReaders.map(flagText).join(', ')}: say where readers come, --replica-listen 6380`,
    );
  const frontends: FrontendConf[] = [];
  const backends: BackendConf[] = [];
  if ((flags.listen ?? []).length === 0 && (flags.replicaListen ?? []).length === 0) {
    reading.problems.push('say where to listen: --listen 6379, or --replica-listen 6380');
  }
  if ((flags.listen ?? []).length > 0) {
    frontends.push(
      frontend('primary', 'primary', reading.binds('--listen', flags.listen ?? [], connections)),
    );
    backends.push(backend('primary', { kind: 'primary', preferred: flags.prefer ?? null }));
  }
  if ((flags.replicaListen ?? []).length > 0) {
    frontends.push(
      frontend(
        'replica',
        'replica',
        reading.binds('--replica-listen', flags.replicaListen ?? [], connections),
      ),
    );
    backends.push(backend('replica', readers));
  }
  const problems = [...new Set(reading.problems)];
  return problems.length > 0 ? failure(problems) : success({ frontends, backends, leaseMs, refreshMs });
}

function sourceOf(
  flags: EndpointFlags,
  secrets: Secrets,
  connections: Connections,
  reading: Reading,
): Source {
  const { sentinels, primary, servers } = flags;
  if (sentinels === undefined) {
    if (flags.sentinelTls === true) reading.problems.push('--sentinel-tls goes with --sentinels');
    if (servers === undefined) {
      reading.problems.push(
        'say who knows the primary: --sentinels HOST:PORT,... --primary NAME, or --servers HOST:PORT,...',
      );
    } else if (primary !== undefined) {
      reading.problems.push('--primary is a name that sentinels know: it goes with --sentinels');
    }
    return { kind: 'checks' };
  }
  if (servers !== undefined)
    reading.problems.push('--servers and --sentinels exclude each other: the sentinels know the servers');
  if (primary === undefined)
    reading.problems.push(
      '--sentinels needs --primary NAME, the name the sentinels give the group (often mymaster)',
    );
  return {
    kind: 'sentinels',
    sentinels: reading.hosts('--sentinels', sentinels, SENTINEL_PORT),
    group: primary ?? '',
    credentials: secrets.sentinels,
    tls: connections.sentinels,
  };
}

function replicaRole(flags: EndpointFlags, reading: Reading): Role {
  return {
    kind: 'replica',
    lagBytesMax: reading.bytes('--replica-lag-bytes', flags.replicaLagBytes, defaults.REPLICA_LAG_BYTES),
    lagMsMax: reading.durationMs('--replica-lag', flags.replicaLag, defaults.REPLICA_LAG_MS),
    withoutReplica: reading.choice(
      '--without-replica',
      flags.withoutReplica,
      ['primary', 'refuse'],
      'primary',
    ),
    shareMax: reading.count('--share-max', flags.shareMax, 100, 100) ?? 100,
  };
}

const serverOf = (where: HostPort, { servers, sendsProxyProtocol }: Connections): ServerConf => ({
  ...where,
  name: targetText(where),
  weight: 1,
  isBackup: false,
  connectionsMax: null,
  isDisabled: false,
  tls: servers,
  sendsProxyProtocol,
  checks: [],
});
