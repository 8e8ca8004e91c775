// Where the clients of a frontend are led: its own backend, and those that `use_backend` names for some of them. Several
// backends that each look for the primary, as tutorials of Sentinel have one for each server, are one endpoint that follows
// the primary: apart, two of them could take writes at once.

import { hint } from '../../../base/suggest.ts';
import { serversAskedFor, type Condition } from '../../condition.ts';
import { ladderOf, type SentinelBackends } from './backend.ts';
import type { ProxyDraft, ServerDraft, StatsDraft } from './draft.ts';
import { show, type Place, type Report } from './report.ts';

export interface Targets {
  /** Of those whom no branch takes; null: they are turned away. */
  readonly own: ProxyDraft | null;
  /** The first whose condition holds takes a client. */
  readonly branches: readonly {
    readonly when: Condition;
    readonly target: ProxyDraft;
    readonly at: Place;
  }[];
}

export const hasPages = ({ isEnabled, monitorUri, metricsPath }: StatsDraft): boolean =>
  isEnabled || monitorUri !== null || metricsPath !== null;

/** null after a complaint; `stats`: it only shows how things are. */
export function targetsOf(
  proxy: ProxyDraft,
  all: readonly ProxyDraft[],
  report: Report,
): Targets | 'stats' | null {
  const { settings, place } = proxy;
  const branches: Targets['branches'][number][] = [];
  let isMissing = false;
  const find = (name: string, at: Place): ProxyDraft | null => {
    const target = findTarget(proxy, name, all, at, report);
    isMissing ||= target === null;
    return target;
  };
  for (const { name, when, isForAll, at } of proxy.backendRules) {
    const target = find(name, at);
    if (isForAll) return target === null || isMissing ? null : { own: target, branches };
    if (target !== null) branches.push({ when, target, at });
  }
  const isOwn = proxy.kind === 'listen' && proxy.servers.length > 0;
  const { defaultBackend } = settings;
  const own = isOwn ? proxy : defaultBackend === null ? null : find(defaultBackend, place);
  if (isMissing) return null;
  if (own !== null || branches.length > 0) return { own, branches };
  if (hasPages(settings.stats)) return 'stats';
  report.error(place, `${show(proxy.name)} leads nowhere: it needs default_backend, or servers of its own`);
  return null;
}

function findTarget(
  proxy: ProxyDraft,
  name: string,
  all: readonly ProxyDraft[],
  at: Place,
  report: Report,
): ProxyDraft | null {
  const targets = all.filter(({ kind }) => kind !== 'frontend');
  const target = targets.find((one) => one.name === name);
  if (target === undefined) {
    const near = hint(
      name,
      targets.map((one) => one.name),
    );
    report.error(at, `${show(proxy.name)} leads to ${show(name)}, which is no backend of this file${near}`);
    return null;
  }
  if (target.servers.length === 0) {
    report.error(target.place, `${show(name)} has no servers`);
    return null;
  }
  return target;
}

/** Backends that all look for the primary and are chosen by nothing but how servers fare, as one; null: they are not. */
export function asOnePrimary(
  proxy: ProxyDraft,
  { own, branches }: Targets,
  all: readonly ProxyDraft[],
  sentinels: SentinelBackends,
): ProxyDraft | null {
  const targets = [...new Set([...branches.map(({ target }) => target), ...(own === null ? [] : [own])])];
  const [first] = targets;
  if (first === undefined || branches.length === 0) return null;
  const isAlike = targets.every((one) => {
    const ladder = ladderOf(one);
    const credentials = JSON.stringify(ladder?.credentials);
    return ladder?.asksFor === 'primary' && credentials === JSON.stringify(ladderOf(first)?.credentials);
  });
  const isOnServersOnly = branches.every(({ when }) =>
    when.anyOf
      .flat()
      .every(({ tests }) => tests.every(({ kind }) => kind === 'servers-up' || kind === 'always')),
  );
  if (!isAlike || !isOnServersOnly || targets.length === 1) return null;
  const asked = branches.flatMap(({ when }) => serversAskedFor(when)).map(({ backend }) => backend);
  const asksSentinels = asked.some((name) => sentinels.has(name));
  // Backends of several servers may well be groups with a primary each.
  if (!asksSentinels && targets.some(({ servers }) => servers.length > 1)) return null;
  const taken = new Set(all.filter((one) => one !== proxy).map(({ name }) => name));
  const name = [proxy.name, `${proxy.name}-primary`].find((one) => !taken.has(one));
  return {
    ...first,
    name: name ?? `${proxy.name}/primary`,
    place: proxy.place,
    servers: serversOf(targets),
    serverRules: [],
    countedBackends: new Set(asked.filter((name) => sentinels.has(name))),
    joins: targets.map(({ name }) => name),
  };
}

/** Each once; where two have one name, they are told apart by their backends'. */
function serversOf(targets: readonly ProxyDraft[]): ServerDraft[] {
  const found = targets.flatMap((target) => target.servers.map((server) => ({ target, server })));
  const distinct = found.filter(
    ({ server }, index) =>
      found.findIndex((one) => one.server.host === server.host && one.server.port === server.port) === index,
  );
  return distinct.map(({ target, server }) => {
    const isAmbiguous = distinct.filter((one) => one.server.name === server.name).length > 1;
    return isAmbiguous ? { ...server, name: `${target.name}/${server.name}` } : server;
  });
}
