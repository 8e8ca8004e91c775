// `baton endpoint status`: where the endpoints lead and why, for people or (`--json`) for programs.

import { renderTable, type Column } from '../base/text-table.ts';
import type { EndpointStatus } from '../daemon/endpoint/endpoint-daemon.ts';
import type { BackendSnapshot, ServerSnapshot } from '../endpoint/snapshot.ts';
import { clean, showStatusOf, timeOfDay, type StatusOptions } from './show-status.ts';

const DECISIONS_SHOWN = 8;

/** Prints the status and returns the exit code: 0, 2 (several daemons), 3 (none). */
export const showEndpointStatus = (options: StatusOptions): Promise<number> =>
  showStatusOf('endpoint', options, describeEndpointStatus);

/** Lines for people. */
export function describeEndpointStatus(status: EndpointStatus): string[] {
  const { snapshot, chosen, pid, decisions } = status;
  const rows = snapshot.frontends.map(({ name, backend, branchOf }) => {
    const found = snapshot.backends.find((one) => one.name === backend);
    const way = chosen.find(({ endpoint }) => endpoint === name);
    const clients = countsOf(status.paths, name)['clients'];
    return [
      clean(name),
      branchOf === null ? (way?.listens ?? []).map(clean).join(' ') : `(some of ${clean(branchOf)})`,
      way?.path ?? 'closed',
      clients === undefined ? '' : String(clients),
      leadsTo(found),
    ];
  });
  const columns: Column[] = [
    { heading: 'ENDPOINT' },
    { heading: 'LISTENS ON' },
    { heading: 'PATH' },
    { heading: 'CLIENTS', align: 'right' },
    { heading: 'LEADS TO' },
  ];
  const lines = [`endpoint  pid ${pid}`, '', ...renderTable(columns, rows)];
  for (const { endpoint, path, because } of chosen)
    lines.push(`  ${clean(endpoint)}: ${path}, ${clean(because)}`);
  for (const { name } of snapshot.frontends) {
    const counts = countsOf(status.paths, name);
    const told = Object.entries(COUNTED).flatMap(([count, what]) =>
      (counts[count] ?? 0) > 0 ? [`${counts[count]} ${what}`] : [],
    );
    if (told.length > 0) lines.push(`  ${clean(name)}, clients so far: ${told.join(', ')}`);
  }
  for (const sentence of sentencesOf(status.paths)) lines.push(`  ${clean(sentence)}`);
  for (const backend of snapshot.backends) lines.push('', ...describeBackend(backend));
  const told = decisions
    .slice(-DECISIONS_SHOWN)
    .map(({ at, backend, sentence }) => [timeOfDay(at), clean(backend), clean(sentence)]);
  if (told.length > 0) {
    lines.push(
      '',
      ...renderTable([{ heading: 'WHEN' }, { heading: 'BACKEND' }, { heading: 'DECISION' }], told),
    );
  }
  return lines;
}

/** What became of clients, by the names of a relay's counts. */
const COUNTED: Readonly<Record<string, string>> = {
  unserved: 'found no server in time',
  outcomeUnknown: 'closed as nobody knows what became of their writes',
  unmovable: 'closed as what they had could not be moved',
  tooSlow: 'closed as they did not take their replies',
};

/** Of one endpoint, where its path counts. */
const countsOf = (paths: readonly unknown[], endpoint: string): Readonly<Record<string, number>> =>
  Object.assign(
    {},
    ...paths.map(
      (path) =>
        (path as { readonly counts?: Readonly<Record<string, Readonly<Record<string, number>>>> } | null)
          ?.counts?.[endpoint],
    ),
  );

/** What the paths of the kernel say of themselves. */
const sentencesOf = (paths: readonly unknown[]): readonly string[] =>
  paths.flatMap((path) => (path as { readonly sentences?: readonly string[] } | null)?.sentences ?? []);

function leadsTo(backend: BackendSnapshot | undefined): string {
  if (backend === undefined) return '?';
  return backend.leadsTo.length === 0 ? 'nowhere' : backend.leadsTo.map(clean).join(' ');
}

function describeBackend(backend: BackendSnapshot): string[] {
  const quorum = { true: ', quorum reached', false: ', quorum not reached', null: '' }[
    `${backend.hasQuorum}`
  ];
  const lines = [`${clean(backend.name)} (${backend.role}${quorum}): ${clean(backend.because)}`];
  if (backend.switching !== null) lines.push(`  SWITCH: ${clean(backend.switching)}`);
  if (backend.alarm !== null) lines.push(`  ALARM: ${clean(backend.alarm)}`);
  if (backend.servers.length > 0) {
    const columns: Column[] = [
      { heading: 'SERVER' },
      { heading: 'ADDRESS' },
      { heading: 'HEALTH' },
      { heading: 'ROLE' },
      { heading: 'BEHIND', align: 'right' },
      { heading: 'SERVES' },
      { heading: 'REMARK' },
    ];
    lines.push(...renderTable(columns, backend.servers.map(serverRow)).map((line) => `  ${line}`));
  }
  if (backend.sentinels.length > 0) {
    const columns: Column[] = [
      { heading: 'SENTINEL' },
      { heading: 'NAMES' },
      { heading: 'EPOCH', align: 'right' },
      { heading: 'REMARK' },
    ];
    const rows = backend.sentinels.map(({ address, primary, configEpoch, problem }) => [
      clean(address),
      clean(primary ?? '?'),
      String(configEpoch ?? '?'),
      clean(problem ?? ''),
    ]);
    lines.push(...renderTable(columns, rows).map((line) => `  ${line}`));
  }
  return lines;
}

function serverRow(server: ServerSnapshot): string[] {
  const state = server.adminState === 'ready' ? server.health : `${server.health}, ${server.adminState}`;
  const behind = server.lagBytes === null ? '' : `${server.lagBytes} B`;
  return [
    clean(server.name),
    clean(server.address),
    state,
    server.role === null ? '' : { master: 'primary', slave: 'replica' }[server.role],
    behind,
    server.isServing ? 'yes' : '',
    clean(server.reason),
  ];
}
