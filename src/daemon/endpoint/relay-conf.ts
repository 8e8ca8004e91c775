// What a relay worker has to know of an endpoint, out of the daemon's configuration.

import {
  namesClients,
  type BackendConf,
  type EndpointsConf,
  type FrontendConf,
} from '../../endpoint/endpoint-conf.ts';
import type { Listening, RelayConf, ServerOptions } from '../../endpoint/relay/messages.ts';

/** The limit that the clients of all endpoints count in. */
export const ALL_CLIENTS = 'clients';

/** And that of one: those of a branch count with all that come to the same listeners. */
export const limitOfClients = ({ name, branchOf }: FrontendConf): string =>
  `${ALL_CLIENTS} ${branchOf ?? name}`;

/** What all endpoints of a relay have in common. */
export interface RelayLimits {
  /** Clients of all of them together; absent or null: no limit. */
  readonly clientsMax?: number | null;
  /** See {@link RelayConf}. */
  readonly staysAwake?: boolean | null;
}

export function relayConf(
  conf: EndpointsConf,
  frontend: FrontendConf,
  listening: readonly (readonly Listening[])[],
  workers: number,
  { clientsMax = null, staysAwake = null }: RelayLimits = {},
): RelayConf {
  const backend = conf.backends.find(({ name }) => name === frontend.backend) as BackendConf;
  const servers: Record<string, ServerOptions> = {};
  for (const { name, tls, sendsProxyProtocol } of backend.servers)
    servers[name] = { tls, sendsProxyProtocol };
  const clients = frontend.connectionsMax === null ? [] : [limitOfClients(frontend)];
  // The PROXY protocol names one client for a whole connection.
  const isTransparent = frontend.isTransparent || namesClients(backend);
  return {
    frontend: { ...frontend, isTransparent },
    listening,
    connectMsMax: backend.connectMsMax,
    limits: {
      clients: clientsMax === null ? clients : [ALL_CLIENTS, ...clients],
      waiting: `waiting ${frontend.name}`,
      ofServer: `server ${backend.name} `,
    },
    workers,
    staysAwake,
    persistMs: backend.persistMs ?? null,
    ...(backend.persistTable === undefined ? {} : { persistTable: backend.persistTable }),
    ...(backend.servers.some(({ observe }) => observe !== undefined) ? { isObserved: true } : {}),
    ...(backend.serverRules === undefined ? {} : { serverRules: backend.serverRules }),
    isPrimary: backend.role.kind === 'primary',
    serverDefaults: { tls: backend.tls, sendsProxyProtocol: backend.sendsProxyProtocol ?? null },
    servers,
  };
}
