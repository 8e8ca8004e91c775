// Finds endpoints that would lead to themselves: a Redis on this host that listens where clients are to come. One of the
// two could not listen there; and where it could, clients and checks would be led back here for ever.

import type { Bind, EndpointsConf, HostPort } from './endpoint-conf.ts';
import { targetText } from './route.ts';

/** `ownAddresses`: of this host, as its kernel writes them. A sentence for each frontend and server; none: all is well. */
export function endpointsOnServers(conf: EndpointsConf, ownAddresses: readonly string[]): string[] {
  return conf.frontends.flatMap(({ name, backend, binds }) =>
    binds.flatMap((bind) => {
      if (bind.kind === 'unix') return [];
      const servers = conf.backends.find((one) => one.name === backend)?.servers ?? [];
      return servers
        .filter((server) => isListenedOn(bind, server, ownAddresses))
        .map(
          (server) =>
            `${name}: ${targetText(bind)} is where its own server ${server.name} (${targetText(server)}) listens: clients would be led in a circle; choose another port, or name the addresses of this host that clients use`,
        );
    }),
  );
}

function isListenedOn(
  bind: Extract<Bind, { readonly kind: 'tcp' }>,
  server: HostPort,
  ownAddresses: readonly string[],
): boolean {
  if (bind.port !== server.port) return false;
  const host = server.host.toLowerCase();
  const isOwn =
    host === 'localhost' || host.startsWith('127.') || host === '::1' || ownAddresses.includes(host);
  // `*` is every IPv4 address, `::` every address; a name may be of either family.
  if (bind.host === '*') return isOwn && !host.includes(':');
  if (bind.host === '::') return isOwn;
  return (
    host === bind.host.toLowerCase() || (host === 'localhost' && /^(?:127\.0\.0\.1|::1)$/.test(bind.host))
  );
}
