// Health checkers of a real server (vrrp.md §2.3): one table for what all have, one for what each kind has.

import { type Keywords, keywordTable, type Reader, readStatements } from './blocks.ts';
import type { Commands, User } from './commands.ts';
import { type Report, show, whereOf } from './problems.ts';
import type { CheckerConf, CheckerKind, Endpoint, UrlConf } from './servers.ts';
import type { Statement } from './tree.ts';
import { noMore, readAddress, readBoolean, readInteger, readText, readTimer, valueAt } from './values.ts';

/** What checkers inherit from their real server, and that from its virtual server; null: not said. */
export interface Timing {
  alpha: boolean | null;
  connectTimeoutMs: number | null;
  retry: number | null;
  delayBeforeRetryMs: number | null;
  warmupMs: number | null;
  delayLoopMs: number | null;
  virtualHost: string | null;
}

export function noTiming(): Timing {
  return {
    alpha: null,
    connectTimeoutMs: null,
    retry: null,
    delayBeforeRetryMs: null,
    warmupMs: null,
    delayLoopMs: null,
    virtualHost: null,
  };
}

/** `own` where it says something, else `inherited`. */
export function inherit(own: Timing, inherited: Timing): Timing {
  return {
    alpha: own.alpha ?? inherited.alpha,
    connectTimeoutMs: own.connectTimeoutMs ?? inherited.connectTimeoutMs,
    retry: own.retry ?? inherited.retry,
    delayBeforeRetryMs: own.delayBeforeRetryMs ?? inherited.delayBeforeRetryMs,
    warmupMs: own.warmupMs ?? inherited.warmupMs,
    delayLoopMs: own.delayLoopMs ?? inherited.delayLoopMs,
    virtualHost: own.virtualHost ?? inherited.virtualHost,
  };
}

const SECONDS = { min: 0, max: 86_400, decimals: 6 };
const COUNT_MAX = 2 ** 31 - 1;
export const PORT_MAX = 65_535;

/** Keywords of timing, the same at every level. */
export function timingReaders<Draft extends { readonly timing: Timing }>(): Record<string, Reader<Draft>> {
  return {
    alpha: ({ timing }, statement, report) => void (timing.alpha = readBoolean(report, statement)),
    connect_timeout: ({ timing }, statement, report) => {
      timing.connectTimeoutMs = readTimer(report, statement, { ...SECONDS, min: 0.001 });
    },
    retry: ({ timing }, statement, report) =>
      void (timing.retry = readInteger(report, statement, 0, COUNT_MAX)),
    delay_before_retry: ({ timing }, statement, report) => {
      timing.delayBeforeRetryMs = readTimer(report, statement, SECONDS);
    },
    warmup: ({ timing }, statement, report) => void (timing.warmupMs = readTimer(report, statement, SECONDS)),
    delay_loop: ({ timing }, statement, report) => {
      timing.delayLoopMs = readTimer(report, statement, { ...SECONDS, min: 0.001 });
    },
    virtualhost: ({ timing }, statement, report) => {
      timing.virtualHost = readText(report, statement, 'a host name');
    },
  };
}

interface CheckerDraft {
  readonly timing: Timing;
  connectAddress: string | null;
  connectPort: number | null;
  bindAddress: string | null;
  bindPort: number;
  bindInterface: string | null;
  fwmark: number;
  logAllFailures: boolean;
  readonly options: Map<string, readonly string[]>;
  readonly urls: UrlConf[];
  command: {
    readonly statement: Statement;
    readonly argv: readonly string[];
    readonly user: User | null;
  } | null;
  user: User | null;
}

/** Keeps the words of a keyword that has at least `min` of them. */
function option<Draft extends { readonly options: Map<string, readonly string[]> }>(
  min: number,
): Reader<Draft> {
  return (draft, statement, report) => {
    if (min > 0 && valueAt(report, statement, 0, 'a value') === null) return;
    draft.options.set(
      statement.keyword.text,
      statement.values.map((word) => word.text),
    );
  };
}

const CONNECTING: Readonly<Record<string, Reader<CheckerDraft>>> = {
  ...timingReaders<CheckerDraft>(),
  connect_ip: (draft, statement, report) => void (draft.connectAddress = readAddress(report, statement)),
  connect_port: (draft, statement, report) =>
    void (draft.connectPort = readInteger(report, statement, 1, PORT_MAX)),
  bindto: (draft, statement, report) => void (draft.bindAddress = readAddress(report, statement)),
  bind_port: (draft, statement, report) =>
    void (draft.bindPort = readInteger(report, statement, 1, PORT_MAX) ?? 0),
  bind_if: (draft, statement, report) =>
    void (draft.bindInterface = readText(report, statement, 'an interface')),
  fwmark: (draft, statement, report) =>
    void (draft.fwmark = readInteger(report, statement, 0, COUNT_MAX) ?? 0),
  log_all_failures: (draft, statement, report) => {
    draft.logAllFailures = readBoolean(report, statement) ?? false;
  },
};

const HTTP: Readonly<Record<string, Reader<CheckerDraft>>> = {
  ...CONNECTING,
  http_protocol: option(1),
  fast_recovery: option(0),
  enable_sni: option(0),
  sni_name: option(1),
  nb_get_retry: (draft, statement, report) => {
    draft.timing.retry = readInteger(report, statement, 0, COUNT_MAX);
  },
};

const HTTP_BLOCKS = {
  url: (draft: CheckerDraft, block: Statement, report: Report) => readUrl(draft, block, report),
};

function checkerKeywords(kind: CheckerKind, commands: Commands): Keywords<CheckerDraft> {
  switch (kind) {
    case 'TCP_CHECK':
    case 'PING_CHECK':
      return keywordTable(CONNECTING);
    case 'HTTP_GET':
    case 'SSL_GET':
      return keywordTable(HTTP, HTTP_BLOCKS);
    case 'SMTP_CHECK':
      // An older form has what is connected to in a block of its own.
      return keywordTable(
        { ...CONNECTING, helo_name: option(1) },
        {
          host: (draft, block, report) =>
            readStatements(report, 'host', block.block ?? [], keywordTable(CONNECTING), draft),
        },
      );
    case 'DNS_CHECK':
      return keywordTable({ ...CONNECTING, type: option(1), name: option(1) });
    case 'UDP_CHECK':
      return keywordTable({
        ...CONNECTING,
        payload: option(1),
        require_reply: option(0),
        min_reply_length: option(1),
        max_reply_length: option(1),
      });
    case 'FILE_CHECK':
      return keywordTable<CheckerDraft>({ track_file: option(1), weight: option(1), dynamic: option(0) });
    case 'MISC_CHECK':
      return keywordTable<CheckerDraft>({
        ...timingReaders<CheckerDraft>(),
        log_all_failures: CONNECTING['log_all_failures'] as Reader<CheckerDraft>,
        misc_path(draft, statement) {
          const line = commands.parseLine(statement);
          if (line !== null) draft.command = { statement, ...line };
        },
        misc_timeout: option(1),
        misc_dynamic: option(0),
        user(draft, statement, report) {
          const user = valueAt(report, statement, 0, 'a user, and may take a group');
          noMore(report, statement, 2);
          if (user === null) return;
          const named = { user: user.text, group: statement.values[1]?.text ?? null };
          if (commands.checkUser(statement, named) !== null) draft.user = named;
        },
      });
  }
}

/** What keepalived takes where nobody says. */
const TIMING_MS = {
  connectTimeout: 5000,
  delayLoop: 60_000,
  delayBeforeRetry: 1000,
  delayBeforeHttpRetry: 3000,
};
const RETRY: Readonly<Partial<Record<CheckerKind, number>>> = { MISC_CHECK: 0, DNS_CHECK: 3 };

/** Reads a checker of `server`; null: reported. */
export function readChecker(
  report: Report,
  block: Statement,
  kind: CheckerKind,
  server: Endpoint,
  inherited: Timing,
  commands: Commands,
): CheckerConf | null {
  const draft: CheckerDraft = {
    timing: noTiming(),
    connectAddress: null,
    connectPort: null,
    bindAddress: null,
    bindPort: 0,
    bindInterface: null,
    fwmark: 0,
    logAllFailures: false,
    options: new Map(),
    urls: [],
    command: null,
    user: null,
  };
  readStatements(report, kind, block.block ?? [], checkerKeywords(kind, commands), draft);
  let command: CheckerConf['command'] = null;
  if (kind === 'MISC_CHECK') {
    if (draft.command === null)
      return (report.error(block.keyword, 'no-script', 'MISC_CHECK has no misc_path'), null);
    command = commands.finish(draft.command.statement, draft.command.argv, draft.user ?? draft.command.user);
  }
  if ((kind === 'HTTP_GET' || kind === 'SSL_GET') && draft.urls.length === 0) {
    report.error(block.keyword, 'no-url', `${kind} has no url { ... }`);
  }
  const timing = inherit(draft.timing, inherited);
  const delayLoopMs = timing.delayLoopMs ?? TIMING_MS.delayLoop;
  const ownDelay =
    kind === 'DNS_CHECK'
      ? delayLoopMs
      : kind === 'HTTP_GET' || kind === 'SSL_GET'
        ? TIMING_MS.delayBeforeHttpRetry
        : TIMING_MS.delayBeforeRetry;
  return {
    kind,
    where: whereOf(block.keyword),
    connect: { address: draft.connectAddress ?? server.address, port: draft.connectPort ?? server.port },
    bind: { address: draft.bindAddress, port: draft.bindPort, interface: draft.bindInterface },
    fwmark: draft.fwmark,
    connectTimeoutMs: timing.connectTimeoutMs ?? TIMING_MS.connectTimeout,
    retry: timing.retry ?? RETRY[kind] ?? 1,
    delayBeforeRetryMs: timing.delayBeforeRetryMs ?? ownDelay,
    warmupMs: timing.warmupMs ?? delayLoopMs,
    delayLoopMs,
    alpha: timing.alpha ?? false,
    logAllFailures: draft.logAllFailures,
    options: draft.options,
    urls: draft.urls.map((url) => ({ ...url, virtualHost: url.virtualHost ?? timing.virtualHost })),
    command,
  };
}

interface UrlDraft {
  path: string | null;
  virtualHost: string | null;
  statusCodes: (readonly [number, number])[];
  digest: string | null;
  regex: string | null;
  regexMustNotMatch: boolean;
  readonly options: Map<string, readonly string[]>;
}

const URL_KEYWORDS: Keywords<UrlDraft> = keywordTable<UrlDraft>({
  path: (draft, statement, report) => void (draft.path = readText(report, statement, 'a path')),
  virtualhost: (draft, statement, report) =>
    void (draft.virtualHost = readText(report, statement, 'a host name')),
  digest(draft, statement, report) {
    const text = readText(report, statement, '32 hexadecimal digits');
    if (text === null || /^[0-9A-Fa-f]{32}$/.test(text)) draft.digest = text;
    else
      report.error(statement.keyword, 'bad-digest', `a digest is 32 hexadecimal digits, not ${show(text)}`);
  },
  status_code(draft, statement, report) {
    if (valueAt(report, statement, 0, 'status codes, like 200 or 200-299') === null) return;
    for (const word of statement.values) {
      const [from = NaN, to = from] = /^\d{3}(?:-\d{3})?$/.test(word.text)
        ? word.text.split('-').map(Number)
        : [];
      if (from >= 100 && to >= from && to <= 599) draft.statusCodes.push([from, to]);
      else report.error(word, 'bad-number', `a status code is like 200 or 200-299, not ${show(word.text)}`);
    }
  },
  regex: (draft, statement, report) =>
    void (draft.regex = readText(report, statement, 'a regular expression')),
  regex_no_match: (draft) => void (draft.regexMustNotMatch = true),
  regex_options: option(1),
  regex_min_offset: option(1),
  regex_max_offset: option(1),
  regex_stack: option(1),
  tls_compliant: option(0),
});

function readUrl(draft: CheckerDraft, block: Statement, report: Report): void {
  const url: UrlDraft = {
    path: null,
    virtualHost: null,
    statusCodes: [],
    digest: null,
    regex: null,
    regexMustNotMatch: false,
    options: new Map(),
  };
  readStatements(report, 'url', block.block ?? [], URL_KEYWORDS, url);
  if (url.path === null) return report.error(block.keyword, 'no-path', 'url has no path');
  const statusCodes = url.statusCodes.length === 0 ? [[200, 299] as const] : url.statusCodes;
  draft.urls.push({ ...url, path: url.path, statusCodes });
}
