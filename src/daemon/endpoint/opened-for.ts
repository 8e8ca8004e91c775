// What the path of an endpoint was opened with. A reload leaves an endpoint alone, and its clients, while that stays the same;
// so all has to be in it that a path is told once and for all (relay-conf.ts, http-path.ts).

import type { EndpointsConf, FrontendConf } from '../../endpoint/endpoint-conf.ts';

/** The frontend that listens for its clients. */
export const rootOf = ({ name, branchOf }: FrontendConf): string => branchOf ?? name;

/** As text; with it those are opened that take clients from the same listeners. Empty: there is no such endpoint. */
export function openedFor(conf: EndpointsConf, name: string): string {
  const frontend = conf.frontends.find((one) => one.name === name);
  if (frontend === undefined) return '';
  const family = conf.frontends.filter((one) => rootOf(one) === rootOf(frontend));
  return family.map((one) => openedForOne(conf, one)).join('\n');
}

function openedForOne({ backends }: EndpointsConf, frontend: FrontendConf): string {
  const backend = backends.find((one) => one.name === frontend.backend);
  // Plain servers come and go by routes.
  const special = backend?.servers.filter(({ tls, sendsProxyProtocol }) => tls ?? sendsProxyProtocol);
  const ofServers = special?.map((server) => [server.name, server.tls, server.sendsProxyProtocol]);
  return JSON.stringify([
    frontend,
    backend?.role.kind,
    backend?.tls,
    backend?.sendsProxyProtocol ?? null,
    backend?.connectMsMax,
    backend?.persistMs,
    backend?.persistTable,
    backend?.servers.some(({ observe }) => observe !== undefined),
    backend?.serverRules,
    ofServers,
  ]);
}
