import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Balance, Route } from '../route.ts';
import { Chooser } from './choose-server.ts';
import { routeOfWorker } from './route-of-worker.ts';

const routeTo = (names: readonly string[], balance: Balance): Route => ({
  endpoint: 'e',
  generation: 1,
  servers: names.map((name) => ({ name, host: name, port: 1, weight: 1, connectionsMax: null })),
  balance,
  deadline: Infinity,
  endsOthers: true,
  because: 'a test',
});

/** Whom the first client of each worker is led to. */
const firstOfEach = (route: Route, workers: number): string[] =>
  Array.from({ length: workers }, (_, index) => {
    const chooser = new Chooser<{ server: Route['servers'][number]; clients: number }>();
    const { servers, balance } = routeOfWorker(route, index);
    chooser.set(
      servers.map((server) => ({ server, clients: 0 })),
      balance,
    );
    return chooser.choose({ sourceAddress: '10.0.0.1' })?.server.name ?? '';
  });

it('a pool with a connection at each worker is spread over the servers', () => {
  for (const balance of ['roundrobin', 'leastconn'] as const) {
    assert.deepEqual(firstOfEach(routeTo(['a', 'b', 'c'], balance), 5), ['a', 'b', 'c', 'a', 'b']);
  }
});

it('the first stays the first, and an address stays with its server, at whichever worker', () => {
  assert.deepEqual(firstOfEach(routeTo(['a', 'b', 'c'], 'first'), 3), ['a', 'a', 'a']);
  assert.equal(new Set(firstOfEach(routeTo(['a', 'b', 'c'], 'source'), 3)).size, 1);
  const alone = routeTo(['a'], 'roundrobin');
  assert.equal(routeOfWorker(alone, 3), alone);
});
