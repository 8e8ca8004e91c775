// What can be ordered of a running endpoint daemon over its control socket.

import type { ApiResponse } from '../api/routes.ts';
import type { AdminState } from '../endpoint/io.ts';
import type { EndpointDaemon } from '../daemon/endpoint/endpoint-daemon.ts';

/** What orders need of a daemon. */
export type Ordered = Pick<EndpointDaemon, 'status' | 'setState' | 'switchTo'>;

const STATES = {
  drain: 'is drained: no clients are led to it',
  maint: 'is in maintenance: it gets no clients, and is not counted on',
  ready: 'is ready',
} as const;

/** Reads the configuration anew, from this file if one is given; returns what is wrong. */
export type Reload = (file: string | null) => Promise<readonly string[]>;

/** By path; see endpoint-orders.ts and haproxy-predecessors.ts for who asks. */
export function ordersFor(
  daemon: Ordered,
  reload: Reload,
): Record<string, (body: unknown) => Promise<ApiResponse>> {
  return {
    '/reload': async (body) => {
      const { file } = fieldsOf(body);
      const problems = await reload(typeof file === 'string' ? file : null);
      return done(problems.length === 0, problems.join('\n') || 'the configuration was read anew');
    },
    '/switch': async (body) => {
      const { to, backend } = fieldsOf(body);
      const target = fieldsOf(to);
      const { host, port } = target;
      const where = typeof host === 'string' && typeof port === 'number' ? { host, port } : null;
      return {
        status: 200,
        body: await daemon.switchTo(typeof backend === 'string' ? backend : null, where),
      };
    },
    '/server': (body) => {
      const { server, state, backend } = fieldsOf(body);
      if (typeof server !== 'string' || (state !== 'drain' && state !== 'maint' && state !== 'ready')) {
        return Promise.resolve(done(false, 'an order names a server and one of drain, maint, ready'));
      }
      return Promise.resolve(
        setStates(daemon, { server, state, backend: typeof backend === 'string' ? backend : null }),
      );
    },
  };
}

const done = (isDone: boolean, sentence: string): ApiResponse => ({
  status: 200,
  body: { isDone, sentence },
});

/** In all backends that have this server, or in the one that is named. */
function setStates(
  daemon: Ordered,
  order: { readonly server: string; readonly state: AdminState; readonly backend: string | null },
): ApiResponse {
  const { server, state, backend } = order;
  const { backends } = daemon.status().snapshot;
  const asked = backends.filter(({ name }) => backend === null || name === backend);
  if (asked.length === 0) {
    return done(
      false,
      `there is no backend ${backend}: there is ${backends.map(({ name }) => name).join(', ')}`,
    );
  }
  const having = asked.filter(({ servers }) => servers.some((one) => one.name === server));
  if (having.length === 0) {
    const names = new Set(asked.flatMap(({ servers }) => servers.map((one) => one.name)));
    const where = backend === null ? '' : ` in ${backend}`;
    return done(
      false,
      `there is no server ${server}${where}: there is ${[...names].join(', ') || 'none yet'}`,
    );
  }
  for (const { name } of having) daemon.setState(name, server, state);
  const names = having.map(({ name }) => name).join(', ');
  const lost = having.filter(({ role, servers }) => {
    const isServing = servers.some((one) => one.name === server && one.isServing);
    return state !== 'ready' && role === 'primary' && isServing;
  });
  const but =
    lost.length === 0
      ? ''
      : `; it was the primary, so ${lost.map(({ name }) => name).join(', ')} may lead nowhere now: "baton endpoint switch" moves clients without an error`;
  return done(true, `${server} ${STATES[state]} (${names})${but}`);
}

function fieldsOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}
