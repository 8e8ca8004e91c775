// What tells of a server besides its check: an agent, another server that it tracks, its clients' connections; and how it
// comes back. A Redis that is asked for its role is told of by its standing connection.

import type { ServerConf } from '../../endpoint-conf.ts';
import type { PlacedOption, ProxyDraft, ServerDraft, ServerOptions } from './draft.ts';
import { show, type Report } from './report.ts';

/** HAProxy's. */
const AGENT_INTER_MS = 2_000;
const ERROR_LIMIT = 10;

export function watchedBy(
  { name, settings }: ProxyDraft,
  { options, place }: ServerDraft,
  isRedis: boolean,
  report: Report,
): Pick<ServerConf, 'agent' | 'tracks' | 'observe' | 'slowStartMs'> {
  const at = (option: PlacedOption): typeof place => options.placed[option] ?? place;
  const { tracks, asksAgent, observes, slowStartMs } = options;
  if (isRedis) {
    if (asksAgent === true)
      report.unsupported(
        at('agent-check'),
        'agent-check is not served of a Redis that is asked for its role: let the agent say "set server" to the stats socket',
      );
    if (tracks !== null)
      report.unsupported(
        at('track'),
        'track is not served of a Redis that is asked for its role: its standing connection is the check',
      );
    if (observes === true)
      report.warn(at('observe'), 'observe is not needed: the standing connection to a Redis breaks at once');
    return {};
  }
  if (tracks !== null && options.isChecked === true)
    report.error(at('track'), 'a server that tracks another has no check of its own: take one of them out');
  const isHttp = settings.mode === 'http';
  if (observes === true && isHttp)
    report.unsupported(at('observe'), 'observe is not served in mode http: its check is the judge');
  return {
    ...agentOf(options, settings.checkMs, at('agent-check'), report),
    ...(tracks === null
      ? {}
      : { tracks: { ...tracks, backend: tracks.backend === '' ? name : tracks.backend } }),
    // Without a check nothing could bring it back.
    ...(observes === true && !isHttp && options.isChecked === true
      ? {
          observe: {
            errorLimit: options.errorLimit ?? ERROR_LIMIT,
            onError: options.onError ?? 'fail-check',
          },
        }
      : {}),
    ...(slowStartMs === null || slowStartMs === 0 ? {} : { slowStartMs }),
  };
}

function agentOf(
  { asksAgent, agentPort, agentAddress, agentInterMs, agentSend }: ServerOptions,
  checkMs: number | null,
  at: ServerDraft['place'],
  report: Report,
): Pick<ServerConf, 'agent'> {
  if (asksAgent !== true) return {};
  if (agentPort === null) {
    report.error(at, 'agent-check needs agent-port');
    return {};
  }
  const intervalMs = agentInterMs ?? AGENT_INTER_MS;
  const timing = {
    intervalMs,
    fastIntervalMs: intervalMs,
    downIntervalMs: intervalMs,
    rise: 1,
    fall: 1,
    timeoutMs: checkMs ?? intervalMs,
  };
  return { agent: { host: agentAddress, port: agentPort, send: agentSend ?? '', timing } };
}

/** Servers that are tracked have to be there, to be watched, and not to track in a circle. */
export function refuseTracking(drafts: readonly ProxyDraft[], report: Report): void {
  const find = (
    proxy: ProxyDraft,
    { options: { tracks } }: ServerDraft,
  ): [ProxyDraft, ServerDraft] | null => {
    if (tracks === null) return null;
    const backend = drafts.find(
      (one) => one.kind !== 'frontend' && one.name === (tracks.backend || proxy.name),
    );
    const server = backend?.servers.find((one) => one.name === tracks.server);
    return backend === undefined || server === undefined ? null : [backend, server];
  };
  for (const proxy of drafts) {
    for (const server of proxy.servers) {
      const { tracks, placed } = server.options;
      if (tracks === null) continue;
      const at = placed.track ?? server.place;
      const text = show(`${tracks.backend || proxy.name}/${tracks.server}`);
      let next = find(proxy, server);
      if (next === null) {
        report.error(at, `there is no server ${text} to track`);
        continue;
      }
      const seen = new Set([server]);
      while (next !== null && next[1].options.tracks !== null && !seen.has(next[1])) {
        seen.add(next[1]);
        next = find(...next);
      }
      if (next !== null && seen.has(next[1])) report.error(at, `it tracks itself, by way of ${text}`);
      else if (next !== null && next[1].options.isChecked !== true && next[1].options.asksAgent !== true)
        report.error(at, `nothing tells how ${text} fares: give it a check`);
    }
  }
}
