// Addresses as `bind` and `server` lines write them (proxy.md §1.4).

import type { Bind, TlsServerConf } from '../../endpoint-conf.ts';
import { show, type Place, type Report } from './report.ts';
import type { Cursor } from './statement.ts';

const PORT_MAX = 65_535;
/** More would be a mistake. */
const RANGE_MAX = 1_024;

export interface ServerAddress {
  readonly host: string;
  readonly port: number | null;
}

const unbracket = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

/** `10.0.0.1:6379`, `[::1]:6379`, `name`, `ipv4@...`, `/path`, `unix@/path`; null after a complaint. */
export function parseServerAddress(text: string, cursor: Cursor): ServerAddress | null {
  const unix = /^(?:unix@)?(\/.+)$/.exec(text);
  if (unix?.[1] !== undefined) return { host: unix[1], port: 0 };
  const plain = text.replace(/^(?:ipv4|ipv6|tcp|tcp4|tcp6)@/, '');
  if (/^(?:unix|abns|fd|sockpair|quic4|quic6|udp|udp4|udp6)@/.test(plain)) {
    cursor.report.unsupported(
      cursor.place,
      `servers are reached by TCP or at the whole path of a unix socket, not by ${show(text)}`,
    );
    return null;
  }
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s[\]:]+|[0-9a-fA-F:.]*::[0-9a-fA-F:.]*?)(?::([+-]?\d{1,5}))?$/.exec(
    plain,
  );
  const host = unbracket(match?.[1] ?? '');
  const port = match?.[2];
  if (host === '' || host === '*' || host === '0.0.0.0') {
    cursor.error(`${show(text)} is no address of a server: ADDRESS:PORT`);
    return null;
  }
  if (port === undefined) return { host, port: null };
  if (/^[+-]/.test(port)) {
    cursor.report.unsupported(cursor.place, `a port relative to the client's (${show(text)}) is not served`);
    return null;
  }
  const number = Number(port);
  if (number >= 1 && number <= PORT_MAX) return { host, port: number };
  cursor.error(`a port is a number from 1 to ${PORT_MAX}, not ${show(port)}`);
  return null;
}

interface BindOptions {
  readonly tls: TlsServerConf | null;
  readonly acceptsProxyProtocol: boolean;
  /** Of a unix socket. */
  readonly mode: number | null;
  readonly user: string | null;
  readonly group: string | null;
}

/** One comma-separated list of a `bind` line; complains of what is none. */
export function parseBinds(list: string, options: BindOptions, at: Place, report: Report): Bind[] {
  const { tls, acceptsProxyProtocol, ...file } = options;
  return list.split(',').flatMap((text): Bind[] => {
    const unix = /^(?:unix@)?(\/.+)$/.exec(text);
    if (unix?.[1] !== undefined) return [{ kind: 'unix', path: unix[1], ...file, tls, acceptsProxyProtocol }];
    const plain = text.replace(/^(?:ipv4|ipv6|tcp|tcp4|tcp6)@/, '');
    if (/^[a-z0-9]+@/.test(plain)) {
      report.unsupported(at, `listeners of the kind ${show(text)} are not served`);
      return [];
    }
    const match = /^(\[[0-9a-fA-F:.]*\]|[^[\]]*):(\d{1,5})(?:-(\d{1,5}))?$/.exec(plain);
    if (match === null) {
      report.error(at, `${show(text)} is no address to listen on: ADDRESS:PORT, *:PORT or /path/of/a.sock`);
      return [];
    }
    const written = unbracket(match[1] ?? '');
    // IPv4 only, as HAProxy has it; `:::port` is IPv6.
    const host =
      written === '' || written === '0.0.0.0' ? '*' : written === 'localhost' ? '127.0.0.1' : written;
    if (!host.includes(':') && !/^(?:\*|\d{1,3}(?:\.\d{1,3}){3})$/.test(host)) {
      report.unsupported(at, `names to listen on are not looked up: write the address of ${show(host)}`);
      return [];
    }
    const first = Number(match[2]);
    const last = Number(match[3] ?? match[2]);
    if (first < 1 || last > PORT_MAX || last < first || last - first >= RANGE_MAX) {
      report.error(at, `${show(text)}: ports are 1 to ${PORT_MAX}, at most ${RANGE_MAX} in a range`);
      return [];
    }
    return Array.from({ length: last - first + 1 }, (_, index): Bind => ({
      kind: 'tcp',
      host,
      port: first + index,
      tls,
      acceptsProxyProtocol,
    }));
  });
}
