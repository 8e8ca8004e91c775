// What one of several relay workers is told of a route. Each chooses for its own clients, without a word with the others:
// would all begin with the same server, a pool of few connections, one at each worker, would be led to that one alone.

import type { Route } from '../route.ts';

/** `index`: of the worker. The order that a balance is defined by stays as it is. */
export function routeOfWorker(route: Route, index: number): Route {
  const { servers, balance } = route;
  if (servers.length < 2 || balance === 'first' || balance === 'source') return route;
  const start = index % servers.length;
  return start === 0 ? route : { ...route, servers: [...servers.slice(start), ...servers.slice(0, start)] };
}
