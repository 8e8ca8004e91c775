// What a haproxy.cfg asks for that no path of the kernel does: there, nobody is in the way who could unpack bytes, count
// clients, or end idle ones.

import { ladderOf } from './backend.ts';
import type { ProxyDraft } from './draft.ts';
import type { Report } from './report.ts';
import { hasPages } from './targets.ts';
import { show } from './report.ts';

export type KernelPath = 'socket' | 'nat';

/** Reports what stands in the way of leading clients of `frontend` to `backend` by this path, all of it. */
export function judgeForKernel(
  path: KernelPath,
  frontend: ProxyDraft,
  backend: ProxyDraft,
  report: Report,
): void {
  const remedy = `--path ${path} carries no bytes: leave it out, or use --path relay`;
  for (const [index, bind] of frontend.binds.entries()) {
    const at = frontend.bindsAt[index] ?? frontend.place;
    if (bind.kind === 'unix') report.error(at, `a unix socket is served by the relay only; ${remedy}`);
    if (bind.tls !== null) report.error(at, `TLS from clients (ssl) is served by the relay only; ${remedy}`);
    if (bind.acceptsProxyProtocol)
      report.error(at, `the PROXY protocol (accept-proxy) is served by the relay only; ${remedy}`);
  }
  for (const at of [...frontend.clientRulesAt, ...(backend === frontend ? [] : backend.clientRulesAt)])
    report.error(at, `who may come (tcp-request) is decided by the relay only; ${remedy}`);
  // Those of backends that are one endpoint here decide nothing.
  if (backend.joins.length === 0)
    for (const { at, isForAll } of frontend.backendRules)
      if (!isForAll)
        report.error(at, `where clients are led (use_backend) is decided by the relay only; ${remedy}`);
  for (const { at } of backend.serverRules)
    if (ladderOf(backend)?.asksFor !== 'primary')
      report.error(at, `which server is used (use-server) is decided by the relay only; ${remedy}`);
  for (const { options, place, host } of backend.servers) {
    if (host.startsWith('/')) report.error(place, `a unix socket is served by the relay only; ${remedy}`);
    if (options.isTls === true)
      report.error(place, `TLS to servers (ssl) is served by the relay only; ${remedy}`);
    if (options.proxyProtocol !== null)
      report.error(place, `the PROXY protocol (send-proxy) is served by the relay only; ${remedy}`);
    if (options.observes === true)
      report.unsupported(
        options.placed.observe ?? place,
        `what clients meet (observe) is seen by the relay only; ${remedy}`,
      );
    if ((options.connectionsMax ?? 0) > 0)
      report.warn(place, `maxconn of a server is not kept by --path ${path}, which counts no clients`);
  }
  const sticks = backend.stickRules.find(({ key }) => key === 'source');
  if (sticks !== undefined && ladderOf(backend)?.asksFor !== 'primary')
    report.unsupported(
      sticks.at,
      `stick on src is served by the relay only: balance source is like it; ${remedy}`,
    );
  judgeHttp(path, frontend, backend, report);
  const { connectionsMax, connectionsMaxAt, clientMs, tunnelMs } = frontend.settings;
  if ((connectionsMax ?? 0) > 0)
    report.unsupported(connectionsMaxAt ?? frontend.place, `maxconn is served by the relay only; ${remedy}`);
  const { balance, balanceAt, serverMs, tunnelMs: backendTunnelMs } = backend.settings;
  if (balance === 'leastconn')
    report.warn(
      balanceAt ?? backend.place,
      `balance leastconn is not to be had by --path ${path}, which counts no clients: they are dealt out by weight`,
    );
  if (balance === 'source' && path === 'socket')
    report.warn(
      balanceAt ?? backend.place,
      'balance source gives all clients one server by --path socket: all of them have the address of this machine',
    );
  if ([clientMs, tunnelMs, serverMs, backendTunnelMs].some((ms) => ms !== null))
    report.warn(
      frontend.place,
      `${show(frontend.name)}: --path ${path} ends no idle connections (timeout client, server and tunnel)`,
    );
}

/** HTTP passes as any bytes do: nobody reads or writes a header. */
function judgeHttp(path: KernelPath, frontend: ProxyDraft, backend: ProxyDraft, report: Report): void {
  if (frontend.settings.mode !== 'http') return;
  const remedy = `--path ${path} carries no bytes: leave it out, or use --path relay`;
  const forwards = [frontend, backend].find(({ settings }) => settings.forwardsFor)?.settings;
  if (forwards !== undefined)
    report.unsupported(
      forwards.forwardsForAt ?? frontend.place,
      `option forwardfor: no header is added here, since ${remedy}`,
    );
  if (hasPages(frontend.settings.stats))
    report.unsupported(
      frontend.place,
      `pages among the paths of ${show(frontend.name)} (stats, monitor-uri) are served by the relay only; ${remedy}`,
    );
}
