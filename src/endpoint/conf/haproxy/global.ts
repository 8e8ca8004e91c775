// The section `global`: what the process is told.

import { hint } from '../../../base/suggest.ts';
import type { HaproxyProcess, LogTarget, StatsSocket } from './haproxy-conf.ts';
import { readLog } from './log-line.ts';
import { show, type Report } from './report.ts';
import type { Section } from './sections.ts';
import { Cursor } from './statement.ts';
import { readDefaultVersions, type TlsDefaults } from './tls-defaults.ts';

export interface GlobalDraft {
  logs: LogTarget[];
  user: string | null;
  group: string | null;
  isDaemon: boolean;
  pidFile: string | null;
  connectionsMax: number | null;
  workers: number | null;
  staysAwake: boolean | null;
  statsSockets: StatsSocket[];
  statsTimeoutMs: number | null;
  allowsExternalChecks: boolean;
  readonly tls: TlsDefaults;
}

export function noGlobal(): GlobalDraft {
  return {
    logs: [],
    user: null,
    group: null,
    isDaemon: false,
    pidFile: null,
    connectionsMax: null,
    workers: null,
    staysAwake: null,
    statsSockets: [],
    statsTimeoutMs: null,
    allowsExternalChecks: false,
    tls: {
      certificateBase: null,
      authorityBase: null,
      verifiesServers: true,
      bindVersions: null,
      serverVersions: null,
    },
  };
}

/** Taken without effect: they tune what is not there, or name what has another way here. */
const IGNORED =
  /^(?:thread-groups|cpu-map|ulimit-n|maxpipes|maxsslconn|tune\..+|ssl-default-.+|ssl-dh-param-file|ssl-mode-async|spread-checks|max-spread-checks|master-worker|hard-stop-after|grace|quiet|debug|zero-warning|node|description|server-state-base|server-state-file|log-tag|log-send-hostname|insecure-fork-wanted|insecure-setuid-wanted|set-dumpable|noepoll|nopoll|nokqueue|nosplice|nogetaddrinfo|noreuseport|numa-cpu-mapping|profiling\..+|localpeer|setenv|presetenv|unsetenv|resetenv|strict-limits|stats-file|expose-experimental-directives|h1-case-adjust|h1-case-adjust-file|unix-bind|wurfl-.+|deviceatlas-.+|51degrees-.+)$/;
/** Of those, what HAProxy lets be undone by `no`. */
const NEGATED = /^(?:strict-limits|set-dumpable|insecure-fork-wanted|insecure-setuid-wanted)$/;
const KNOWN = [
  'daemon',
  'user',
  'group',
  'uid',
  'gid',
  'chroot',
  'pidfile',
  'maxconn',
  'log',
  'stats',
  'nbthread',
  'ulimit-n',
  'external-check',
  'master-worker',
  'busy-polling',
];

export function readGlobal(section: Section, draft: GlobalDraft, report: Report): void {
  for (const statement of section.statements) {
    const cursor = new Cursor(statement, report);
    const { first } = cursor;
    const before = report.count;
    switch (first.text) {
      case 'daemon':
        draft.isDaemon = true;
        break;
      case 'user':
      case 'uid':
        draft.user = cursor.text('a user');
        break;
      case 'group':
      case 'gid':
        draft.group = cursor.text('a group');
        break;
      case 'chroot':
        if (cursor.text('a folder') !== null)
          report.warn(
            cursor.placeOf(first),
            'chroot is not done: user and group are, and systemd can confine',
          );
        break;
      case 'maxconnrate':
      case 'maxsessrate':
      case 'maxsslrate':
        report.warn(
          cursor.placeOf(first),
          `${first.text} is not followed: clients are not counted by the second`,
        );
        cursor.rest();
        break;
      case 'pidfile':
        draft.pidFile = cursor.text('a file');
        break;
      case 'maxconn':
        draft.connectionsMax = cursor.integer('maxconn', 1, 2 ** 31 - 1);
        break;
      case 'nbthread':
      case 'nbproc':
        draft.workers = cursor.integer(first.text, 1, 64);
        break;
      case 'busy-polling':
        draft.staysAwake = true;
        break;
      case 'no':
        readNegated(draft, cursor);
        break;
      case 'crt-base':
        draft.tls.certificateBase = cursor.text('a folder');
        break;
      case 'ca-base':
        draft.tls.authorityBase = cursor.text('a folder');
        break;
      case 'ssl-default-bind-options':
        draft.tls.bindVersions = readDefaultVersions(cursor);
        break;
      case 'ssl-default-server-options':
        draft.tls.serverVersions = readDefaultVersions(cursor);
        break;
      case 'ssl-server-verify':
        draft.tls.verifiesServers =
          cursor.choice('ssl-server-verify', ['none', 'required'] as const) !== 'none';
        break;
      case 'external-check':
        cursor.accept('preserve-env');
        draft.allowsExternalChecks = true;
        break;
      case 'log': {
        const target = readLog(cursor);
        if (target !== null && target !== 'global') draft.logs.push(target);
        break;
      }
      case 'stats':
        readStats(draft, cursor);
        break;
      default:
        if (IGNORED.test(first.text)) cursor.rest();
        else {
          report.unsupported(
            cursor.placeOf(first),
            `global has no keyword ${show(first.text)} that is served${hint(first.text, KNOWN)}`,
          );
          cursor.rest();
        }
    }
    if (report.count === before) cursor.end();
  }
}

function readNegated(draft: GlobalDraft, cursor: Cursor): void {
  const word = cursor.next();
  if (word?.text === 'busy-polling') draft.staysAwake = false;
  else if (word === null || !NEGATED.test(word.text)) {
    const what = word === null ? '' : ` ${show(word.text)}`;
    cursor.report.error(cursor.place, `global has nothing${what} that could be undone by no`);
    cursor.rest();
  }
}

function readStats(draft: GlobalDraft, cursor: Cursor): void {
  const what = cursor.choice('stats', ['socket', 'timeout', 'maxconn', 'bind-process'] as const);
  if (what === 'timeout') draft.statsTimeoutMs = cursor.timeMs('stats timeout', 1);
  if (what !== 'socket') return void cursor.rest();
  const { place } = cursor;
  const address = cursor.text('a path, or ADDRESS:PORT');
  let mode: number | null = null;
  let level: StatsSocket['level'] = 'operator';
  let user: string | null = null;
  let group: string | null = null;
  for (let word = cursor.next(); word !== null; word = cursor.next()) {
    switch (word.text) {
      case 'mode':
        mode = Number.parseInt(cursor.text('an octal mode') ?? '', 8);
        if (!(mode >= 0 && mode <= 0o7777))
          cursor.report.error(cursor.placeOf(word), 'mode is octal, for example 660');
        break;
      case 'level':
        level = cursor.choice('level', ['user', 'operator', 'admin'] as const) ?? level;
        break;
      case 'user':
      case 'uid':
        user = cursor.text('a user');
        break;
      case 'group':
      case 'gid':
        group = cursor.text('a group');
        break;
      case 'process':
      case 'thread':
      case 'expose-fd':
      case 'name':
        cursor.next();
        break;
      default:
        cursor.report.unsupported(cursor.placeOf(word), `stats socket has no option ${show(word.text)}`);
    }
  }
  if (address === null) return;
  const path = /^(?:unix@)?(\/.+)$/.exec(address)?.[1];
  const tcp = /^(?:ipv4@|ipv6@)?(.*):(\d{1,5})$/.exec(address);
  if (path !== undefined) {
    draft.statsSockets.push({ bind: { kind: 'unix', path }, mode, user, group, level, timeoutMs: null });
  } else if (tcp !== null) {
    const host = (tcp[1] ?? '').replace(/^\[(.*)\]$/, '$1');
    const bind = { kind: 'tcp', host: host === '' ? '*' : host, port: Number(tcp[2]) } as const;
    draft.statsSockets.push({ bind, mode, user, group, level, timeoutMs: null });
  } else {
    cursor.report.error(place, `${show(address)} is no socket: a path from /, or ADDRESS:PORT`);
  }
}

export function processOf(
  draft: GlobalDraft,
): Omit<HaproxyProcess, 'statsPages' | 'httpFrontends' | 'sections'> {
  const { statsTimeoutMs, allowsExternalChecks: _, tls: __, ...process } = draft;
  const statsSockets = draft.statsSockets.map((socket) => ({ ...socket, timeoutMs: statsTimeoutMs }));
  return { ...process, statsSockets };
}
