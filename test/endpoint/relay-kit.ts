// A relay with a route of the test's choice: what the daemon would do, without its decisions.

import { join } from 'node:path';
import { RelayPath } from '../../src/daemon/endpoint/relay-path.ts';
import type { BackendConf, EndpointsConf, FrontendConf } from '../../src/endpoint/endpoint-conf.ts';
import { HOLD } from '../../src/endpoint/defaults.ts';
import type { WorkerCare } from '../../src/daemon/endpoint/relay-workers.ts';
import type { Route, Target } from '../../src/endpoint/route.ts';
import { backendConf, endpointsConf, frontendConf } from '../../src/endpoint/test-kit.ts';
import { bootClockMs } from '../../src/os/boot-clock.ts';
import { freePort } from '../../src/redis/free-port.ts';
import type { Cleanup } from './baton-endpoint.ts';

export interface LedTo extends Target {
  /** null by default. */
  readonly connectionsMax?: number;
}

export interface Workers {
  readonly workers?: number;
  readonly clientsMax?: number;
  readonly care?: WorkerCare;
  /** Another endpoint that leads to the same backend. */
  readonly also?: { readonly name: string; readonly port: number };
}

export interface TestRelay {
  readonly path: RelayPath;
  readonly port: number;
  /** What was said of demoted servers. */
  readonly demoted: string[];
  readonly warnings: string[];
  /** What it was told last. */
  readonly route: Route;
  lead(...servers: readonly LedTo[]): void;
  /** The same route for so many milliseconds more. */
  leadFor(ms: number): void;
}

/** Opens a relay on a free port of loopback; it is closed behind the test. */
export async function openRelay(
  test: Cleanup,
  frontend: Partial<FrontendConf> = {},
  backend: Partial<BackendConf> = {},
  { workers = 1, also, ...more }: Workers = {},
): Promise<TestRelay> {
  const port = await freePort();
  const demoted: string[] = [];
  const warnings: string[] = [];
  const bindOf = (at: number): FrontendConf['binds'] => [
    { kind: 'tcp', host: '127.0.0.1', port: at, tls: null, acceptsProxyProtocol: false },
  ];
  const first: FrontendConf = {
    ...frontendConf('redis', 'redis'),
    binds: bindOf(port),
    hold: { ...HOLD, holdMsMax: 5_000 },
    ...frontend,
  };
  const others = also === undefined ? [] : [{ ...first, name: also.name, binds: bindOf(also.port) }];
  const conf: EndpointsConf = {
    ...endpointsConf(backendConf({ servers: [], connectMsMax: 5_000, ...backend })),
    frontends: [first, ...others],
  };
  const opened = await RelayPath.open({
    conf,
    frontends: conf.frontends,
    workers,
    ...more,
    program: join(process.cwd(), 'bin/baton'),
    events: {
      warn: (sentence) => warnings.push(sentence),
      demoted: (_endpoint, server, text) => demoted.push(`${server.port} ${text}`),
      connectionSeen: () => undefined,
    },
  });
  if (!opened.ok) throw new Error(opened.problem.join('\n'));
  test.after(() => opened.value.close());
  let route: Route = {
    endpoint: 'redis',
    generation: 0,
    servers: [],
    balance: 'roundrobin',
    deadline: Infinity,
    endsOthers: true,
    because: 'the test says so',
  };
  return {
    path: opened.value,
    port,
    demoted,
    warnings,
    get route() {
      return route;
    },
    lead: (...servers) => {
      route = {
        ...route,
        generation: route.generation + 1,
        servers: servers.map((server) => ({
          host: server.host,
          port: server.port,
          name: `${server.host}:${server.port}`,
          weight: 1,
          connectionsMax: server.connectionsMax ?? null,
        })),
      };
      opened.value.apply(route);
    },
    leadFor: (ms) => {
      opened.value.apply({ ...route, deadline: bootClockMs() + ms });
    },
  };
}
