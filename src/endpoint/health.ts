// What a load balancer asks of this endpoint over HTTP, as it would ask Patroni: is there a primary, is there a replica
// near enough, does the process live. 200 is yes, 503 no; the body says why.

import type { BackendSnapshot, EndpointsSnapshot } from './snapshot.ts';

export interface HealthAnswer {
  readonly status: 200 | 400 | 404 | 503;
  readonly body: Readonly<Record<string, unknown>>;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1_000,
  kb: 1_024,
  m: 1_000_000,
  mb: 1_048_576,
  g: 1_000_000_000,
  gb: 1_073_741_824,
};

/**
 * `/primary` (also `/master`), `/replica?lag=1MB`, `/health`, `/readiness`. `query` is what stands behind the `?`,
 * decoded. Null: another path.
 */
export function answerHealth(
  path: string,
  query: Readonly<Record<string, string>>,
  snapshot: EndpointsSnapshot,
): HealthAnswer | null {
  switch (path) {
    case '/health':
    case '/liveness':
      return { status: 200, body: { state: 'running' } };
    case '/readiness':
      return judge(snapshot.backends, () => true);
    case '/primary':
    case '/master':
    case '/read-write':
      return judge(
        snapshot.backends.filter(({ role }) => role === 'primary'),
        () => true,
      );
    case '/replica': {
      const lagBytesMax = query['lag'] === undefined ? Infinity : parseSize(query['lag']);
      if (lagBytesMax === null) {
        return { status: 400, body: { reason: 'lag is a size, for example 1MB or 65536' } };
      }
      return judge(
        snapshot.backends.filter(({ role }) => role === 'replica'),
        ({ servers }) =>
          servers.some(
            ({ isServing, role, lagBytes }) =>
              isServing &&
              role === 'slave' &&
              (lagBytes ?? (lagBytesMax === Infinity ? 0 : Infinity)) <= lagBytesMax,
          ),
      );
    }
    default:
      return null;
  }
}

function judge(
  backends: readonly BackendSnapshot[],
  isEnough: (backend: BackendSnapshot) => boolean,
): HealthAnswer {
  const good = backends.filter((backend) => backend.leadsTo.length > 0 && isEnough(backend));
  const shown = (good.length > 0 ? good : backends).map(({ name, leadsTo, because }) => ({
    name,
    leadsTo,
    because,
  }));
  return { status: good.length > 0 ? 200 : 503, body: { backends: shown } };
}

/** Bytes; null: it is no size. */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,12})([kmg]?b?)$/i.exec(text.trim());
  const unit = UNITS[(match?.[2] ?? '').toLowerCase()];
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}
