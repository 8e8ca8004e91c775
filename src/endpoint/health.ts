// What a load balancer asks of this endpoint over HTTP, as it would ask Patroni: is there a primary, is there a replica
// near enough, is any server well, does the process live. 200 is yes, 503 no; the body says why.
// https://patroni.readthedocs.io/en/latest/rest_api.html#health-check-endpoints

import { parseByteSize } from '../base/byte-size.ts';
import type { BackendSnapshot, EndpointsSnapshot, ServerSnapshot } from './snapshot.ts';

export interface HealthAnswer {
  readonly status: 200 | 400 | 404 | 503;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * `/primary` and its other names, `/replica?lag=1MB`, `/read-only` (either), `/health`, `/readiness`, `/liveness`.
 * `query` is what stands behind the `?`, decoded. Null: another path.
 */
export function answerHealth(
  path: string,
  query: Readonly<Record<string, string>>,
  snapshot: EndpointsSnapshot,
): HealthAnswer | null {
  const backends = ledTo(snapshot);
  switch (path) {
    case '/liveness':
      return { status: 200, body: { state: 'running' } };
    case '/health':
      return answerServers(backends);
    case '/readiness':
      return judge(backends, () => true);
    // HAProxy's `option httpchk` alone asks for the first.
    case '/':
    case '/primary':
    case '/master':
    case '/leader':
    case '/read-write':
      return judge(
        backends.filter(({ role }) => role === 'primary'),
        () => true,
      );
    case '/replica':
    case '/read-only': {
      const lagBytesMax = query['lag'] === undefined ? Infinity : parseByteSize(query['lag']);
      // Differs from Patroni, which takes what it can't read for no limit: a check with a mistake in it should be seen.
      if (lagBytesMax === null)
        return { status: 400, body: { reason: 'lag is a size, for example 1MB or 65536' } };
      const suits =
        path === '/replica'
          ? (server: ServerSnapshot) => server.role === 'slave' && isNear(server, lagBytesMax)
          : (server: ServerSnapshot) => server.role === 'master' || isNear(server, lagBytesMax);
      return judge(
        backends.filter(({ role }) => role === 'replica' || (path === '/read-only' && role === 'primary')),
        ({ role, servers }) => role === 'primary' || servers.some((one) => one.isServing && suits(one)),
      );
    }
    default:
      return null;
  }
}

/** Without those that conditions only ask about. */
const ledTo = ({ frontends, backends }: EndpointsSnapshot): readonly BackendSnapshot[] =>
  backends.filter(({ name }) => frontends.some(({ backend }) => backend === name));

/** How far it is behind may be unknown where nobody asks. */
const isNear = ({ lagBytes }: ServerSnapshot, lagBytesMax: number): boolean =>
  (lagBytes ?? (lagBytesMax === Infinity ? 0 : Infinity)) <= lagBytesMax;

/** Whether any server is up, whatever it is. */
function answerServers(backends: readonly BackendSnapshot[]): HealthAnswer {
  const servers = backends.flatMap(({ servers }) => servers);
  const isRunning = servers.some(({ health }) => health === 'up');
  const shown = Object.fromEntries(
    servers.map(({ name, health, reason }) => [name, health === 'up' ? 'up' : `${health}: ${reason}`]),
  );
  return {
    status: isRunning ? 200 : 503,
    body: { state: isRunning ? 'running' : 'no server is up', servers: shown },
  };
}

function judge(
  backends: readonly BackendSnapshot[],
  isEnough: (backend: BackendSnapshot) => boolean,
): HealthAnswer {
  if (backends.length === 0) return { status: 503, body: { reason: 'there is no endpoint for that' } };
  const good = backends.filter((backend) => backend.leadsTo.length > 0 && isEnough(backend));
  const shown = (good.length > 0 ? good : backends).map(({ name, leadsTo, because }) => ({
    name,
    leadsTo,
    because,
  }));
  return { status: good.length > 0 ? 200 : 503, body: { backends: shown } };
}
