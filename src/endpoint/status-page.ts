// The page of status that `stats uri` asks for: one table a backend, without scripts, for people.

import { tallyOfFrontend, tallyOfServer, type RuntimeView } from './runtime-view.ts';
import type { ServerSnapshot } from './snapshot.ts';
import type { Tally } from './traffic.ts';

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** `refreshMs` null: the page stays as it is. */
export function statusPage(view: RuntimeView, refreshMs: number | null): string {
  const { snapshot } = view;
  const refresh =
    refreshMs === null
      ? ''
      : `<meta http-equiv="refresh" content="${Math.max(1, Math.round(refreshMs / 1_000))}">`;
  const backends = snapshot.backends.map((backend) => {
    const own = snapshot.frontends.filter((one) => one.backend === backend.name);
    const from = [...new Set(own.map(({ name, branchOf }) => branchOf ?? name))];
    const alarm = [backend.switching, backend.alarm]
      .filter((sentence) => sentence !== null)
      .map((sentence) => `<p class="alarm">${escape(sentence)}</p>`)
      .join('');
    const rows = backend.servers
      .map((server) => row(server, tallyOfServer(view, backend.name, server)))
      .join('');
    const clients = from.map((name) => clientsOf(view, name)).join('');
    return `<h2>${escape(backend.name)}</h2><p>${escape(from.join(', ') || 'nobody is led here: a rule asks about it, which')} leads to ${escape(backend.leadsTo.join(', ') || 'nowhere')}: ${escape(backend.because)}</p>${clients}${alarm}
<table><tr><th>server<th>address<th>state<th>health<th>role<th>weight<th>lag<th>sessions<th>most<th>in all<th>bytes in<th>bytes out<th>reason</tr>${rows}</table>`;
  });
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">${refresh}<title>Baton endpoint</title>
<style>body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}td,th{padding:.2em .8em;border:1px solid #ccc;text-align:left}.up{background:#dfd}.down{background:#fdd}.unknown{background:#eee}.alarm{color:#b00}</style></head>
<body><h1>Baton endpoint</h1>${backends.join('\n')}</body></html>
`;
}

/** null: nobody counts them. */
const figures = (tally: Tally | null): string[] =>
  tally === null
    ? ['', '', '', '', '']
    : [tally.sessions, tally.sessionsMost, tally.sessionsTotal, tally.bytesIn, tally.bytesOut].map(String);

function clientsOf(view: RuntimeView, frontend: string): string {
  const tally = tallyOfFrontend(view, frontend);
  if (tally === null) return '';
  const { sessions, sessionsMost, sessionsTotal, rate, bytesIn, bytesOut } = tally;
  return `<p>${escape(frontend)}: ${sessions} clients (at most ${sessionsMost}, in all ${sessionsTotal}, ${rate} in the last second), ${bytesIn} bytes in, ${bytesOut} bytes out</p>`;
}

function row(server: ServerSnapshot, tally: Tally | null): string {
  const lag = server.lagBytes === null ? '' : `${server.lagBytes} bytes`;
  const cells = [
    server.isServing ? `${server.name} (serving)` : server.name,
    server.address,
    server.adminState,
    server.health,
    server.role ?? '',
    String(server.weight),
    lag,
    ...figures(tally),
    server.reason,
  ];
  return `<tr class="${server.health}">${cells.map((cell) => `<td>${escape(cell)}`).join('')}</tr>`;
}
