// What a command that checks a server is called with, and what its end means.

import type { Target } from '../route.ts';
import type { CheckConf } from './check-conf.ts';
import type { CheckOutcome } from './dialogue.ts';

type CommandConf = Extract<CheckConf, { readonly kind: 'command' }>;

const NOT_USED = 'NOT_USED';

export interface CommandCall {
  /** After the command's own arguments. */
  readonly args: readonly string[];
  /** Added to the daemon's. */
  readonly environment: Readonly<Record<string, string>>;
}

/** HAProxy's external checks are told whom to check; keepalived's know it (HAProxy's manual, `external-check command`). */
export function externalCheckCall({ haproxy }: CommandConf, server: Target): CommandCall {
  if (haproxy === null) return { args: [], environment: {} };
  const proxyAddress = haproxy.proxyAddress ?? NOT_USED;
  const proxyPort = String(haproxy.proxyPort ?? NOT_USED);
  const port = String(server.port);
  return {
    args: [proxyAddress, proxyPort, server.host, port],
    environment: {
      HAPROXY_PROXY_ADDR: proxyAddress,
      HAPROXY_PROXY_PORT: proxyPort,
      HAPROXY_PROXY_NAME: haproxy.proxyName,
      HAPROXY_PROXY_ID: String(haproxy.proxyId),
      HAPROXY_SERVER_ADDR: server.host,
      HAPROXY_SERVER_PORT: port,
      HAPROXY_SERVER_NAME: haproxy.serverName,
      HAPROXY_SERVER_ID: String(haproxy.serverId),
      HAPROXY_SERVER_MAXCONN: String(haproxy.serverConnectionsMax ?? 0),
      ...(haproxy.path === null ? {} : { PATH: haproxy.path }),
    },
  };
}

/** `signal` is a number, 0 if it exited. */
export function commandOutcome(
  { saysWeight }: Pick<CommandConf, 'saysWeight'>,
  exitCode: number,
  signal: number,
): CheckOutcome {
  if (signal !== 0) return { isUp: false, detail: `it was ended by signal ${signal}`, weight: null };
  if (exitCode === 0) return { isUp: true, detail: '', weight: null };
  // keepalived.conf(5), misc_dynamic: 2 to 255 set the weight to the code less 2.
  if (saysWeight && exitCode >= 2) return { isUp: true, detail: '', weight: exitCode - 2 };
  return { isUp: false, detail: `exit code ${exitCode}`, weight: null };
}
