// Figures for Prometheus, by the names of HAProxy's own exporter, so that its dashboards and alerts go on: those that say
// something of an endpoint. What nobody counts is left out, as a gauge that is always 0 would lie.

import type { BackendSnapshot, FrontendSnapshot, ServerSnapshot } from './snapshot.ts';
import {
  listeningFrontends,
  seconds,
  serverStatus,
  servingOf,
  tallyOfAll,
  tallyOfBackend,
  tallyOfFrontend,
  tallyOfServer,
  type RuntimeView,
} from './runtime-view.ts';
import type { Tally } from './traffic.ts';

type Value = number | null;

interface Family<Subject> {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  /** One value, or one for each state. */
  readonly read: (subject: Subject, view: RuntimeView) => Value | Readonly<Record<string, Value>>;
}

const SERVER_STATES = ['DOWN', 'UP', 'MAINT', 'DRAIN'] as const;
const oneOf = (states: readonly string[], state: string): Record<string, number> =>
  Object.fromEntries(states.map((one) => [one, one === state ? 1 : 0]));

/** Those of a tally, which frontends, backends and servers have alike. */
const carried = <Subject>(
  tallyOf: (subject: Subject, view: RuntimeView) => Tally | null,
): readonly Family<Subject>[] => {
  const family = (
    name: string,
    type: Family<Subject>['type'],
    help: string,
    of: (tally: Tally) => number,
  ): Family<Subject> => ({
    name,
    type,
    help,
    read: (subject, view) => {
      const tally = tallyOf(subject, view);
      return tally === null ? null : of(tally);
    },
  });
  return [
    family('current_sessions', 'gauge', 'Sessions now.', ({ sessions }) => sessions),
    family('max_sessions', 'gauge', 'Sessions at most since the start.', ({ sessionsMost }) => sessionsMost),
    family('sessions_total', 'counter', 'Sessions since the start.', ({ sessionsTotal }) => sessionsTotal),
    family('current_session_rate', 'gauge', 'Sessions begun in the last second.', ({ rate }) => rate),
    family('max_session_rate', 'gauge', 'Sessions begun in the busiest second.', ({ rateMost }) => rateMost),
    family('bytes_in_total', 'counter', 'Bytes that came from clients.', ({ bytesIn }) => bytesIn),
    family('bytes_out_total', 'counter', 'Bytes that went to clients.', ({ bytesOut }) => bytesOut),
  ];
};

interface Served {
  readonly backend: BackendSnapshot;
  readonly server: ServerSnapshot;
}

const PROCESS: readonly Family<null>[] = [
  {
    name: 'uptime_seconds',
    type: 'gauge',
    help: 'Seconds since the start.',
    read: (_, { uptimeMs }) => seconds(uptimeMs),
  },
  {
    name: 'max_connections',
    type: 'gauge',
    help: 'Clients that may be there at once.',
    read: (_, { connectionsMax }) => connectionsMax,
  },
  {
    name: 'current_connections',
    type: 'gauge',
    help: 'Clients now.',
    read: (_, view) => tallyOfAll(view).sessions,
  },
  {
    name: 'connections_total',
    type: 'counter',
    help: 'Clients since the start.',
    read: (_, view) => tallyOfAll(view).sessionsTotal,
  },
];

const FRONTEND: readonly Family<FrontendSnapshot>[] = [
  {
    name: 'status',
    type: 'gauge',
    help: 'Whether it listens.',
    read: () => oneOf(['DOWN', 'UP'], 'UP'),
  },
  ...carried<FrontendSnapshot>(({ name }, view) => tallyOfFrontend(view, name)),
  {
    name: 'limit_sessions',
    type: 'gauge',
    help: 'Clients that may be there at once.',
    read: ({ connectionsMax }, view) => connectionsMax ?? view.connectionsMax,
  },
];

const BACKEND: readonly Family<BackendSnapshot>[] = [
  {
    name: 'status',
    type: 'gauge',
    help: 'Whether it leads to a server.',
    read: ({ leadsTo }) => oneOf(['DOWN', 'UP'], leadsTo.length > 0 ? 'UP' : 'DOWN'),
  },
  ...carried<BackendSnapshot>(({ name }, view) => tallyOfBackend(view, name)),
  {
    name: 'weight',
    type: 'gauge',
    help: 'Weights of the servers that serve, together.',
    read: (backend) => servingOf(backend).weight,
  },
  {
    name: 'active_servers',
    type: 'gauge',
    help: 'Servers that serve and are no backups.',
    read: (backend) => servingOf(backend).active,
  },
  {
    name: 'backup_servers',
    type: 'gauge',
    help: 'Backups that serve.',
    read: (backend) => servingOf(backend).backup,
  },
  {
    name: 'agg_server_status',
    type: 'gauge',
    help: 'How many servers are in each state.',
    read: ({ servers }) =>
      Object.fromEntries(
        SERVER_STATES.map((state) => [state, servers.filter((one) => serverStatus(one) === state).length]),
      ),
  },
];

const SERVER: readonly Family<Served>[] = [
  {
    name: 'status',
    type: 'gauge',
    help: 'The state it is in.',
    read: ({ server }) => oneOf(SERVER_STATES, serverStatus(server)),
  },
  ...carried<Served>(({ backend, server }, view) => tallyOfServer(view, backend.name, server)),
  {
    name: 'limit_sessions',
    type: 'gauge',
    help: 'Clients that it may have at once.',
    read: ({ server }) => server.connectionsMax,
  },
  { name: 'weight', type: 'gauge', help: 'Its weight.', read: ({ server }) => server.weightSet },
  {
    name: 'check_failures_total',
    type: 'counter',
    help: 'Checks that failed.',
    read: ({ server }) => server.history.failedChecks,
  },
  {
    name: 'check_up_down_total',
    type: 'counter',
    help: 'How often it went down.',
    read: ({ server }) => server.history.timesDown,
  },
  {
    name: 'check_last_change_seconds',
    type: 'gauge',
    help: 'Seconds since its state changed.',
    read: ({ server }) => seconds(server.history.sinceMs),
  },
  {
    name: 'downtime_seconds_total',
    type: 'counter',
    help: 'Seconds that it was down.',
    read: ({ server }) => seconds(server.history.downMs),
  },
];

/** In the text format, version 0.0.4. */
export function exportMetrics(view: RuntimeView): string {
  const { backends } = view.snapshot;
  const frontends = listeningFrontends(view);
  const servers = backends.flatMap((backend) => backend.servers.map((server) => ({ backend, server })));
  const version = `haproxy_process_build_info{version=${quote(view.version)}} 1\n`;
  return [
    described('haproxy_process_build_info', 'gauge', 'The version of this program.', version),
    families('process', PROCESS, [null], () => ({}), view),
    families('frontend', FRONTEND, frontends, ({ name }) => ({ proxy: name }), view),
    families('backend', BACKEND, backends, ({ name }) => ({ proxy: name }), view),
    families(
      'server',
      SERVER,
      servers,
      ({ backend, server }) => ({ proxy: backend.name, server: server.name }),
      view,
    ),
  ].join('');
}

function families<Subject>(
  kind: string,
  all: readonly Family<Subject>[],
  subjects: readonly Subject[],
  labelsOf: (subject: Subject) => Readonly<Record<string, string>>,
  view: RuntimeView,
): string {
  return all
    .map(({ name, type, help, read }) => {
      const full = `haproxy_${kind}_${name}`;
      const samples = subjects.flatMap((subject) => {
        const labels = labelsOf(subject);
        const value = read(subject, view);
        if (typeof value === 'number' || value === null) return sample(full, labels, value);
        return Object.entries(value).flatMap(([state, one]) => sample(full, { ...labels, state }, one));
      });
      return described(full, type, help, samples.join(''));
    })
    .join('');
}

const described = (name: string, type: string, help: string, samples: string): string =>
  samples === '' ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples}`;

function sample(name: string, labels: Readonly<Record<string, string>>, value: Value): string[] {
  if (value === null) return [];
  const shown = Object.entries(labels).map(([label, text]) => `${label}=${quote(text)}`);
  return [`${name}${shown.length === 0 ? '' : `{${shown.join(',')}}`} ${value}\n`];
}

const quote = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
