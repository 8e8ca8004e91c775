// The text of a haproxy.cfg as the machine's configuration and the process's, with warnings; or all that is wrong with
// it. What HAProxy does with TCP for Redis is served (proxy.md §1); what is not is named with its line.

import { failure, success, type Result } from '../../../base/result.ts';
import { hint } from '../../../base/suggest.ts';
import * as defaults from '../../defaults.ts';
import type { BackendConf, EndpointsConf, FrontendConf } from '../../endpoint-conf.ts';
import { finishBackend, ladderOf, sentinelBackends } from './backend.ts';
import { readBind } from './bind-line.ts';
import { clientRulesOf } from './client-rules.ts';
import { copySettings, noSettings, type ProxyDraft, type Settings } from './draft.ts';
import { noGlobal, processOf, readGlobal } from './global.ts';
import { serversAskedFor, type Condition } from '../../condition.ts';
import { refuseTracking } from './watched-by.ts';
import { asOnePrimary, hasPages, targetsOf, type Targets } from './targets.ts';
import type { HaproxyFile, HttpFrontend, LogTarget, StatsPage } from './haproxy-conf.ts';
import { judgeForKernel, type KernelPath } from './kernel-path.ts';
import { readStatements } from './proxy.ts';
import { judgeName, Report, show } from './report.ts';
import { readSections, type Section } from './sections.ts';
import { Cursor, type Statement } from './statement.ts';
import { applyTlsDefaults } from './tls-defaults.ts';
import type { Environment } from './words.ts';

export interface HaproxyReading {
  /** How the file is called in what is said about it. */
  readonly path: string;
  /** What we do not serve is left out with a warning, and not refused. */
  readonly isLenient: boolean;
  readonly environment: Environment;
  /** The path that carries its frontends, where it is one of the kernel; absent or null: it is none. */
  readonly kernelPath?: KernelPath | null;
}

/** `text` is a byte string. */
export function readHaproxy(text: string, reading: HaproxyReading): Result<HaproxyFile, readonly string[]> {
  const report = new Report(reading.path, reading.isLenient);
  const sections = readSections(text, reading.environment, report);
  const global = noGlobal();
  for (const section of sections) if (section.kind === 'global') readGlobal(section, global, report);
  const proxies = readProxies(sections, report);
  applyTlsDefaults(proxies, global.tls);
  const { frontends, backends, statsPages, httpFrontends } = finish(
    proxies,
    global.allowsExternalChecks,
    report,
    reading.kernelPath ?? null,
  );
  if (frontends.length === 0 && !report.hasErrors) {
    report.error({ line: 1, column: 1 }, 'nothing to serve: no frontend or listen leads to a server');
  }
  if (report.hasErrors) return failure([...report.errors(), ...report.warnings()]);
  const own = proxies
    .flatMap(({ settings }) => settings.logs)
    .filter((log): log is LogTarget => log !== 'global');
  const logs = unique([...global.logs, ...own]);
  const conf: EndpointsConf = {
    frontends,
    backends,
    leaseMs: defaults.LEASE_MS,
    refreshMs: defaults.REFRESH_MS,
  };
  return success({
    conf,
    process: {
      ...processOf(global),
      logs,
      statsPages,
      httpFrontends,
      sections: proxies.map(({ kind, name }) => ({ kind, name })),
    },
    warnings: report.warnings(),
  });
}

function unique<Value>(values: readonly Value[]): readonly Value[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

/** A `defaults` holds for all that follows, until the next; `from` names another. */
function readProxies(sections: readonly Section[], report: Report): ProxyDraft[] {
  const proxies: ProxyDraft[] = [];
  const named = new Map<string, Settings>();
  let current = noSettings();
  for (const section of sections) {
    const { kind, head } = section;
    if (kind === 'global') continue;
    const [first, ...words] = head.words;
    const place = { line: head.line, column: first?.column ?? 1 };
    const fromAt = words.findIndex(({ text }) => text === 'from');
    const base = fromAt === -1 ? null : words[fromAt + 1];
    const own = fromAt === -1 ? words : words.slice(0, fromAt);
    const found = base === undefined || base === null ? undefined : named.get(base.text);
    if (fromAt !== -1 && found === undefined) {
      const text = base?.text ?? '';
      report.error(place, `there is no 'defaults ${text}' above${hint(text, named.keys())}`);
    }
    const [name, ...more] = own;
    if (kind === 'defaults') {
      const settings = found === undefined ? noSettings() : copySettings(found);
      readStatements(section, settings, null, report);
      if (name !== undefined) named.set(name.text, settings);
      current = settings;
      continue;
    }
    if (name === undefined) {
      report.error(place, `${kind} needs a name`);
      continue;
    }
    judgeName(name.text, kind, { line: head.line, column: name.column }, report);
    const proxy: ProxyDraft = {
      kind,
      name: name.text,
      place,
      settings: copySettings(found ?? current),
      binds: [],
      bindsAt: [],
      servers: [],
      acls: new Map(),
      serversAsked: [],
      clientRules: [],
      clientRulesAt: [],
      backendRules: [],
      serverRules: [],
      stickTable: null,
      stickRules: [],
      countedBackends: new Set(),
      joins: [],
      isDisabled: false,
    };
    // Rules of its own replace those of the defaults, as a whole.
    if (section.statements.some(({ words: [word] }) => word?.text === 'tcp-check')) proxy.settings.steps = [];
    if (more.length > 0) readHead(proxy, { line: head.line, words: [name, ...more] }, report);
    readStatements(section, proxy.settings, proxy, report);
    const same = proxies.find(
      (one) => one.name === proxy.name && (one.kind === kind || one.kind === 'listen' || kind === 'listen'),
    );
    if (same === undefined) proxies.push(proxy);
    else
      report.error(
        place,
        `${show(proxy.name)} is already the name of the ${same.kind} in line ${same.place.line}`,
      );
  }
  return proxies;
}

/** `listen NAME ADDRESS:PORT`, as files for HAProxy before 1.9 have it; the words are those behind `listen`. */
function readHead(proxy: ProxyDraft, statement: Statement, report: Report): void {
  const cursor = new Cursor(statement, report);
  const { place } = cursor;
  const address = cursor.peek()?.text ?? '';
  if (proxy.kind === 'backend') {
    report.error(place, `a backend has no address: ${show(address)} is one word too many`);
    return;
  }
  const binds = readBind(cursor);
  if (binds.length > 0)
    report.warn(place, `HAProxy of today reads no address here: write 'bind ${address}' below`);
  proxy.binds.push(...binds);
  proxy.bindsAt.push(...binds.map(() => place));
}

interface Finished {
  readonly frontends: readonly FrontendConf[];
  readonly backends: readonly BackendConf[];
  readonly statsPages: readonly StatsPage[];
  readonly httpFrontends: readonly HttpFrontend[];
}

function finish(
  drafts: readonly ProxyDraft[],
  allowsExternalChecks: boolean,
  report: Report,
  kernelPath: KernelPath | null,
): Finished {
  const proxies = drafts.filter(({ isDisabled }) => !isDisabled);
  const sentinels = sentinelBackends(proxies);
  const frontends: FrontendConf[] = [];
  const backends = new Map<string, BackendConf>();
  const statsPages: StatsPage[] = [];
  const httpFrontends: HttpFrontend[] = [];
  const backendOf = (target: ProxyDraft, clientPort: number | null, isLed: boolean): BackendConf => {
    const id = drafts.indexOf(target) + 1;
    const around = { sentinels, report, allowsExternalChecks, clientPort, id, isLed };
    const backend = backends.get(target.name) ?? finishBackend(target, around);
    backends.set(target.name, backend);
    return backend;
  };
  for (const proxy of proxies) refuseRepeated(proxy, report);
  refuseUnknown(drafts, report);
  refuseTracking(drafts, report);
  for (const proxy of proxies) {
    if (proxy.kind === 'backend') continue;
    const targets = targetsOf(proxy, proxies, report);
    if (targets === 'stats') statsPages.push(statsPage(proxy));
    if (targets === null || targets === 'stats') continue;
    if (proxy.binds.length === 0) {
      if (!report.hasErrors) {
        report.warn(proxy.place, `${show(proxy.name)} has no bind: nobody can come, so it is left out`);
      }
      continue;
    }
    const one = asOnePrimary(proxy, targets, proxies, sentinels);
    const led = ledBy(proxy, one === null ? targets : { own: one, branches: [] }, report);
    for (const { target } of led) {
      if ((proxy.settings.mode ?? 'tcp') !== (target.settings.mode ?? 'tcp')) {
        report.error(proxy.place, `${show(proxy.name)} and ${show(target.name)} must have the same mode`);
      }
    }
    const ports = new Set(proxy.binds.map((bind) => (bind.kind === 'tcp' ? bind.port : null)));
    const clientPort = ports.size === 1 ? ([...ports][0] ?? null) : null;
    for (const { target, ...named } of led) {
      frontends.push(finishFrontend(proxy, target, backendOf(target, clientPort, true), named));
      if (kernelPath !== null) judgeForKernel(kernelPath, proxy, target, report);
    }
    const [main] = led;
    if (proxy.settings.mode === 'http' && main !== undefined) {
      const { stats, forwardsFor } = proxy.settings;
      httpFrontends.push({
        frontend: proxy.name,
        forwardsFor: forwardsFor || main.target.settings.forwardsFor,
        stats: hasPages(stats) ? statsPage(proxy) : null,
      });
    }
  }
  // Those that nobody is led to, but that somebody asks about.
  const asked = new Set(
    conditionsOf(frontends, backends)
      .flatMap(serversAskedFor)
      .map(({ backend }) => backend),
  );
  for (const { servers } of backends.values())
    for (const { tracks } of servers) if (tracks !== undefined) asked.add(tracks.backend);
  // What is watched may itself track others, which are added behind it.
  for (const name of asked) {
    const draft = proxies.find((proxy) => proxy.name === name && proxy.kind !== 'frontend');
    if (draft === undefined) continue;
    for (const { tracks } of backendOf(draft, null, false).servers)
      if (tracks !== undefined) asked.add(tracks.backend);
  }
  refuseNamesOfSentinels(proxies, { frontends, backends }, report);
  return { frontends, backends: [...backends.values()], statsPages, httpFrontends };
}

/** Where sentinels name the servers, they have no names of the file that could be asked about. */
function refuseNamesOfSentinels(
  drafts: readonly ProxyDraft[],
  { frontends, backends }: { frontends: readonly FrontendConf[]; backends: ReadonlyMap<string, BackendConf> },
  report: Report,
): void {
  const isNamed = (backend: string): boolean => backends.get(backend)?.source.kind === 'sentinels';
  const asked = new Set(conditionsOf(frontends, backends).flatMap(serversAskedFor));
  for (const { serversAsked } of drafts) {
    for (const { test, at } of serversAsked)
      if (test.server !== null && asked.has(test) && isNamed(test.backend))
        report.unsupported(
          at,
          `srv_is_up(${test.backend}/${test.server}) is not served, since sentinels name the servers of ${show(test.backend)}: nbsrv(${test.backend}) says whether it leads to one`,
        );
  }
  for (const { name, servers } of drafts) {
    for (const { options, place } of servers) {
      const backend = options.tracks?.backend || name;
      if (options.tracks !== null && isNamed(backend))
        report.unsupported(
          options.placed.track ?? place,
          `sentinels name the servers of ${show(backend)}, so that none of them can be tracked by its name here: give this one a check`,
        );
    }
  }
}

/** Of all rules that are in force. */
const conditionsOf = (
  frontends: readonly FrontendConf[],
  backends: ReadonlyMap<string, BackendConf>,
): readonly Condition[] =>
  [
    ...frontends.flatMap(({ clientRules = [], backendRules = [], branches = [] }) => [
      ...clientRules,
      ...backendRules,
      ...branches.filter((branch) => branch !== null),
    ]),
    ...[...backends.values()].flatMap(({ serverRules = [] }) => serverRules),
  ].map(({ when }) => when);

function refuseRepeated({ servers }: ProxyDraft, report: Report): void {
  for (const [index, { name, place }] of servers.entries()) {
    if (servers.findIndex((one) => one.name === name) < index) {
      report.error(place, `there is already a server ${show(name)} in this backend`);
    }
  }
}

/** Conditions and rules that name what is not there. */
function refuseUnknown(drafts: readonly ProxyDraft[], report: Report): void {
  const targets = drafts.filter(({ kind }) => kind !== 'frontend');
  for (const { serversAsked, serverRules, servers } of drafts) {
    for (const { test, at } of serversAsked) {
      const backend = targets.find(({ name }) => name === test.backend);
      const names = backend?.servers.map(({ name }) => name) ?? [];
      if (backend === undefined) {
        const near = hint(
          test.backend,
          targets.map(({ name }) => name),
        );
        report.error(at, `there is no backend ${show(test.backend)}${near}`);
      } else if (test.server !== null && !names.includes(test.server)) {
        report.error(
          at,
          `${show(test.backend)} has no server ${show(test.server)}${hint(test.server, names)}`,
        );
      }
    }
    for (const { name, at } of serverRules) {
      const names = servers.map((one) => one.name);
      if (!names.includes(name))
        report.error(at, `there is no server ${show(name)} in this backend${hint(name, names)}`);
    }
  }
}

/** What a frontend leads to: what it serves itself comes first, and the others as frontends without listeners. */
interface Led {
  readonly target: ProxyDraft;
  readonly name: string;
  readonly branches: FrontendConf['branches'];
}

function ledBy(proxy: ProxyDraft, { own, branches }: Targets, report: Report): readonly Led[] {
  const isHttp = proxy.settings.mode === 'http';
  if (isHttp)
    for (const { at } of branches)
      report.unsupported(at, 'use_backend with a condition is not served in mode http');
  const main = own ?? branches[0]?.target;
  if (main === undefined) return [];
  const targets = [...new Set([main, ...(isHttp ? [] : branches.map(({ target }) => target))])];
  const nameOf = (target: ProxyDraft): string =>
    target === main ? proxy.name : `${proxy.name}/${target.name}`;
  const rules = branches.map(({ when, target }) => ({ when, frontend: nameOf(target) }));
  return targets.map((target) => ({
    target,
    name: nameOf(target),
    branches:
      target !== main || rules.length === 0 || isHttp ? undefined : own === null ? [...rules, null] : rules,
  }));
}

function statsPage({ name, binds, settings: { stats, mode } }: ProxyDraft): StatsPage {
  const { isEnabled, uri, refreshMs, realm, users, monitorUri, metricsPath } = stats;
  return {
    name,
    binds,
    uri: uri ?? (isEnabled && mode === 'http' ? '/haproxy?stats' : null),
    refreshMs,
    realm,
    users,
    monitorUri,
    metricsPath,
  };
}

function finishFrontend(
  proxy: ProxyDraft,
  target: ProxyDraft,
  backend: BackendConf,
  { name, branches }: Omit<Led, 'target'>,
): FrontendConf {
  const { settings } = proxy;
  const idle = Math.min(settings.clientMs ?? Infinity, target.settings.serverMs ?? Infinity);
  const idleMsMax = target.settings.tunnelMs ?? settings.tunnelMs ?? (idle === Infinity ? null : idle);
  const isHttp = settings.mode === 'http';
  // TLS to the server's end: the bytes are the client's and the server's secret.
  const isPassedOn = backend.servers.some(({ tls, linkTls = tls }) => tls === null && linkTls !== null);
  const isRedis = ladderOf(target) !== null && backend.role.kind !== 'any' && !isPassedOn;
  return {
    name,
    binds: name === proxy.name ? proxy.binds : [],
    backend: backend.name,
    mode: isHttp ? 'http' : isRedis ? 'redis' : 'tcp',
    path: 'auto',
    isTransparent: false,
    connectionsMax: settings.connectionsMax === 0 ? null : settings.connectionsMax,
    idleMsMax,
    keepAliveMs: defaults.KEEP_ALIVE_MS,
    ...clientRulesOf(proxy, target),
    ...(branches === undefined ? {} : { branches }),
    ...(name === proxy.name ? {} : { branchOf: proxy.name }),
    queue: {
      ...defaults.QUEUE,
      timeoutMs: target.settings.queueMs ?? target.settings.connectMs ?? defaults.QUEUE.timeoutMs,
    },
    hold: defaults.HOLD,
  };
}
