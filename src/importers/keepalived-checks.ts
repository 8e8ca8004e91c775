// keepalived's checkers of a real server (vrrp.md §2.3) as the endpoint machine's checks. A server is up while none of them
// is down, as with keepalived.

import type { CheckConf, HttpExpect } from '../endpoint/checks/check-conf.ts';
import type { CheckTiming, ServerCheckConf, TlsClientConf } from '../endpoint/endpoint-conf.ts';
import { targetText } from '../endpoint/route.ts';
import type { KeepalivedConf } from '../vrrp/conf/conf.ts';
import type { CheckerConf, RealServerConf, SslConf, UrlConf } from '../vrrp/conf/servers.ts';
import type { Remarks } from './remarks.ts';

export interface CheckContext {
  readonly keepalived: KeepalivedConf;
  readonly remarks: Remarks;
  /** All of the virtual server: they are spread over their warm-up. */
  readonly checkers: readonly CheckerConf[];
}

/** keepalived hears of a change of a file at once; looking costs little. */
const FILE_INTERVAL_MS = 1_000;
/** `delay_before_retry 0` would ask without a pause. */
const RETRY_MS_MIN = 10;

export function checksOf(real: RealServerConf, context: CheckContext): ServerCheckConf[] {
  return real.checkers.flatMap((checker) => {
    warnOfBinding(checker, context.remarks);
    const timing = timingOf(checker);
    const secondAfterMs = spreadMs(checker, context);
    return confsOf(checker, real, context).map((check) => ({
      check,
      timing,
      ...(secondAfterMs === null ? {} : { secondAfterMs }),
    }));
  });
}

function warnOfBinding({ bind, fwmark, where, kind }: CheckerConf, remarks: Remarks): void {
  const asked = [
    ...(bind.address === null ? [] : ['bindto']),
    ...(bind.port === 0 ? [] : ['bind_port']),
    ...(bind.interface === null ? [] : ['bind_if']),
    ...(fwmark === 0 ? [] : ['fwmark']),
  ];
  if (asked.length > 0)
    remarks.warn(where, `${asked.join(', ')} of ${kind}: not followed, the kernel chooses`);
}

function timingOf({
  kind,
  delayLoopMs,
  delayBeforeRetryMs,
  retry,
  connectTimeoutMs,
  options,
}: CheckerConf): CheckTiming {
  if (kind === 'FILE_CHECK') {
    const intervalMs = FILE_INTERVAL_MS;
    return {
      intervalMs,
      fastIntervalMs: intervalMs,
      downIntervalMs: intervalMs,
      rise: 1,
      fall: 1,
      timeoutMs: intervalMs,
    };
  }
  const miscTimeout = Number(options.get('misc_timeout')?.[0] ?? Number.NaN) * 1_000;
  const ofCommand = miscTimeout > 0 ? miscTimeout : delayLoopMs;
  return {
    intervalMs: delayLoopMs,
    fastIntervalMs: Math.max(RETRY_MS_MIN, delayBeforeRetryMs),
    downIntervalMs: delayLoopMs,
    rise: 1,
    fall: 1 + retry,
    timeoutMs: kind === 'MISC_CHECK' ? ofCommand : connectTimeoutMs,
  };
}

/**
 * When its second run comes: spread evenly over the warm-up.
 *
 * Differs from keepalived: there the first run comes at a random moment of it, and servers get clients unchecked before.
 */
function spreadMs(checker: CheckerConf, { checkers }: CheckContext): number | null {
  if (checker.warmupMs === 0 || checker.kind === 'FILE_CHECK') return null;
  const share = (checkers.indexOf(checker) + 1) / checkers.length;
  return Math.max(1, Math.round(Math.min(checker.warmupMs, checker.delayLoopMs) * share));
}

function confsOf(checker: CheckerConf, real: RealServerConf, context: CheckContext): CheckConf[] {
  const { kind, where, options, connect } = checker;
  const { remarks, keepalived } = context;
  const host = connect.address === real.address ? null : connect.address;
  const port = connect.port === 0 || connect.port === real.port ? null : connect.port;
  switch (kind) {
    case 'TCP_CHECK':
      return [{ kind: 'tcp', host, port, tls: null }];
    case 'HTTP_GET':
    case 'SSL_GET':
      if (kind === 'SSL_GET' && (keepalived.balancer.ssl?.password ?? null) !== null) {
        remarks.error(
          where,
          'a key with a password is not read: write it to a file without, and take SSL password away',
        );
      }
      return checker.urls.map((url) => httpOf(checker, url, { host, port }, context));
    case 'SMTP_CHECK':
      return [
        {
          kind: 'smtp',
          host,
          port,
          heloName: options.get('helo_name')?.[0] ?? keepalived.global.mail.helloName,
        },
      ];
    case 'DNS_CHECK':
      if (host !== null) remarks.error(where, 'connect_ip of DNS_CHECK is not followed: take it away');
      return [
        {
          kind: 'dns',
          port: connect.port === 0 ? null : connect.port,
          name: options.get('name')?.[0] ?? '.',
          type: options.get('type')?.[0] ?? 'SOA',
        },
      ];
    case 'PING_CHECK':
      if (host !== null) remarks.error(where, 'connect_ip of PING_CHECK is not followed: take it away');
      return [{ kind: 'icmp' }];
    case 'MISC_CHECK': {
      if (checker.command === null) return [];
      const saysWeight = options.has('misc_dynamic');
      return [{ kind: 'command', ...checker.command, saysWeight, haproxy: null }];
    }
    case 'FILE_CHECK':
      return fileOf(checker, context);
    case 'UDP_CHECK':
      remarks.error(where, 'UDP_CHECK is not done: virtual servers are TCP only');
      return [];
  }
}

function httpOf(
  { kind, where, options, connect }: CheckerConf,
  url: UrlConf,
  at: { readonly host: string | null; readonly port: number | null },
  { remarks, keepalived }: CheckContext,
): CheckConf {
  const refused = [...url.options.keys()].filter(
    (name) => name.startsWith('regex_') && name !== 'regex_stack',
  );
  if (refused.length > 0) {
    remarks.error(where, `${refused.join(', ')}: not done; options can be written into the regex, like (?i)`);
  }
  if (options.has('fast_recovery'))
    remarks.warn(where, 'fast_recovery: nothing to do, one success is always enough');
  const version = options.get('http_protocol')?.[0]?.startsWith('1.1') === true ? '1.1' : '1.0';
  const { virtualHost } = url;
  const ranges: HttpExpect = { kind: 'status', ranges: url.statusCodes, isNegated: false };
  const authority = targetText({ host: connect.address, port: connect.port });
  return {
    kind: 'http',
    ...at,
    tls: kind === 'SSL_GET' ? tlsOf(keepalived.balancer.ssl, options, virtualHost) : null,
    method: 'GET',
    path: url.path,
    version,
    headers: [
      ['Host', virtualHost ?? authority],
      ['User-Agent', 'KeepAliveClient'],
      ['Connection', 'close'],
    ],
    body: '',
    expects: [
      ranges,
      ...(url.digest === null ? [] : [{ kind: 'digest', md5: url.digest.toLowerCase() } as const]),
      ...(url.regex === null
        ? []
        : [{ kind: 'regex', pattern: url.regex, isNegated: url.regexMustNotMatch } as const]),
    ],
  };
}

/** As keepalived, any certificate will do: it is the answer that is checked. */
function tlsOf(
  ssl: SslConf | null,
  options: CheckerConf['options'],
  virtualHost: string | null,
): TlsClientConf {
  const sni = options.get('sni_name')?.[0] ?? (options.has('enable_sni') ? virtualHost : null);
  return {
    caFile: ssl?.ca ?? null,
    certificateFile: ssl?.certificate ?? null,
    keyFile: ssl?.key ?? null,
    verifies: false,
    serverName: sni,
  };
}

function fileOf({ where, options }: CheckerConf, { keepalived, remarks }: CheckContext): CheckConf[] {
  const name = options.get('track_file')?.[0];
  const file = keepalived.files.find((one) => one.name === name);
  if (file === undefined) {
    const names = keepalived.files.map((one) => one.name).join(', ');
    const which = name === undefined ? 'FILE_CHECK names no track_file' : `there is no track_file ${name}`;
    remarks.error(where, `${which}${names === '' ? '' : `: there are ${names}`}`);
    return [];
  }
  const [text, reverse] = options.get('weight') ?? [];
  const own = text === undefined ? file.weight : Number(text);
  if (!Number.isInteger(own)) {
    remarks.error(where, `weight of FILE_CHECK is a whole number, not ${text ?? ''}`);
    return [];
  }
  const isReversed = text === undefined ? file.reverse : reverse === 'reverse';
  return [{ kind: 'file', path: file.path, weight: isReversed ? -own : own }];
}
