// What can be ordered of a running endpoint daemon over its control socket.

import type { ApiResponse } from '../api/routes.ts';
import type { EndpointDaemon } from '../daemon/endpoint/endpoint-daemon.ts';

/** By path; see endpoint-orders.ts for who asks. */
export function ordersFor(daemon: EndpointDaemon): Record<string, (body: unknown) => Promise<ApiResponse>> {
  const done = (isDone: boolean, sentence: string): ApiResponse => ({
    status: 200,
    body: { isDone, sentence },
  });
  return {
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
      const having = daemon
        .status()
        .snapshot.backends.filter(
          ({ name, servers }) =>
            (typeof backend !== 'string' || name === backend) && servers.some((one) => one.name === server),
        );
      for (const { name } of having) daemon.setState(name, server, state);
      const names = having.map(({ name }) => name).join(', ');
      return Promise.resolve(
        having.length === 0
          ? done(false, `there is no server ${server}: "baton endpoint status" lists them`)
          : done(true, `${server} is ${state} in ${names}`),
      );
    },
  };
}

function fieldsOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}
