// What the options of `baton endpoint` say of the connections to clients, servers and sentinels: TLS and the PROXY
// protocol. Towards servers the words are redis-cli's (--tls, --cacert, --cert, --key, --sni, --insecure).

import type { TlsClientConf, TlsServerConf } from '../endpoint/endpoint-conf.ts';

/** As commander gives them. */
export interface ConnectionFlags {
  readonly tls?: true;
  readonly sentinelTls?: true;
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly sni?: string;
  readonly insecure?: true;
  readonly listenCert?: string;
  readonly listenKey?: string;
  readonly listenCacert?: string;
  readonly listenMode?: string;
  readonly sendProxy?: true;
  readonly sendProxyV2?: true;
  readonly acceptProxy?: true;
}

/** Towards clients, and what stands in front of a Redis; only a relay can do it. */
export const RELAYED_CONNECTION_FLAGS = [
  'listenCert',
  'listenKey',
  'listenCacert',
  'listenMode',
  'sendProxy',
  'sendProxyV2',
  'acceptProxy',
] as const satisfies readonly (keyof ConnectionFlags)[];

/** All of them, by the names that commander gives their values. */
export const CONNECTION_FLAGS: readonly (keyof ConnectionFlags)[] = [
  'tls',
  'sentinelTls',
  'cacert',
  'cert',
  'key',
  'sni',
  'insecure',
  ...RELAYED_CONNECTION_FLAGS,
];

export interface Connections {
  readonly servers: TlsClientConf | null;
  readonly sentinels: TlsClientConf | null;
  readonly clients: TlsServerConf | null;
  /** Of unix sockets' files. */
  readonly mode: number | null;
  readonly sendsProxyProtocol: 1 | 2 | null;
  readonly acceptsProxyProtocol: boolean;
}

const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Adds what is wrong with them to `problems`. Files are looked at later, all at once. */
export function connectionsOf(flags: ConnectionFlags, problems: string[]): Connections {
  const towards = towardsServers(flags, problems);
  if (flags.sendProxy === true && flags.sendProxyV2 === true) {
    problems.push('--send-proxy and --send-proxy-v2 exclude each other: they are versions 1 and 2');
  }
  return {
    servers: flags.tls === true ? towards : null,
    sentinels: flags.sentinelTls === true ? towards : null,
    clients: fromClients(flags, problems),
    mode: modeOf(flags.listenMode, problems),
    sendsProxyProtocol: flags.sendProxyV2 === true ? 2 : flags.sendProxy === true ? 1 : null,
    acceptsProxyProtocol: flags.acceptProxy === true,
  };
}

function towardsServers(flags: ConnectionFlags, problems: string[]): TlsClientConf {
  const { cacert, cert, key, sni, insecure } = flags;
  if (flags.tls !== true && flags.sentinelTls !== true) {
    const idle = (['cacert', 'cert', 'key', 'sni', 'insecure'] as const).filter(
      (flag) => flags[flag] !== undefined,
    );
    if (idle.length > 0) {
      problems.push(
        `${idle.map((flag) => `--${flag}`).join(', ')}: say who speaks TLS: --tls (the servers), --sentinel-tls, or both`,
      );
    }
  }
  if (key !== undefined && cert === undefined) problems.push('--key FILE goes with --cert FILE');
  if (insecure === true && (cacert !== undefined || sni !== undefined)) {
    problems.push('--insecure believes any certificate: leave it out, or --cacert and --sni');
  }
  const certificateFile = cert === undefined ? null : toBytes(cert);
  return {
    caFile: cacert === undefined ? null : toBytes(cacert),
    certificateFile,
    keyFile: key === undefined ? certificateFile : toBytes(key),
    verifies: insecure !== true,
    serverName: sni ?? null,
  };
}

function fromClients(flags: ConnectionFlags, problems: string[]): TlsServerConf | null {
  const { listenCert, listenKey, listenCacert } = flags;
  if (listenCert === undefined) {
    if (listenKey !== undefined || listenCacert !== undefined) {
      problems.push('--listen-key and --listen-cacert go with --listen-cert FILE, the certificate to show');
    }
    return null;
  }
  return {
    certificateFile: toBytes(listenCert),
    keyFile: toBytes(listenKey ?? listenCert),
    clientCaFile: listenCacert === undefined ? null : toBytes(listenCacert),
  };
}

function modeOf(text: string | undefined, problems: string[]): number | null {
  if (text === undefined) return null;
  if (/^[0-7]{3,4}$/.test(text)) return Number.parseInt(text, 8);
  problems.push(`--listen-mode ${text}: an octal mode, for example 660`);
  return null;
}
