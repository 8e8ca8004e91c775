// Clients that ask by themselves to be told of switches: the stock node-redis gives its commands more time while one is
// under way, and goes back to its own timeouts after every one, also after one that was undone.

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, describe, it } from 'node:test';
import { createClient } from 'redis';
import { freePort } from '../../src/redis/free-port.ts';
import { startFleet } from '../harness/fleet.ts';
import { until } from '../harness/wait.ts';
import { Wire } from '../harness/wire.ts';
import { BatonEndpoint } from './baton-endpoint.ts';

/** So long a client waits for bytes: less than a hold that is undone takes. */
const SOCKET_MS = 2_500;
const HOLD_MS = 5_000;

/** What a node-redis tells on its diagnostics channels. */
interface Published {
  readonly clientId: string;
  readonly notification?: string;
  /** 1: its timeouts are relaxed; -1: they are its own again. */
  readonly value?: number;
}

class NodeRedis {
  readonly client;
  /** What it has told of switches. */
  readonly heard: (string | number)[] = [];
  /** Errors of its socket, by their kinds. */
  readonly errors = new Set<string>();

  constructor(test: TestContext, port: number, maintNotifications: 'auto' | 'disabled') {
    this.client = createClient({
      socket: { host: '127.0.0.1', port, socketTimeout: SOCKET_MS, reconnectStrategy: false },
      RESP: 3,
      pingInterval: 300,
      maintNotifications,
      maintRelaxedSocketTimeout: 60_000,
    });
    this.client.on('error', (error: Error) => this.errors.add(error.constructor.name));
    test.after(() => {
      if (this.client.isOpen) this.client.destroy();
    });
    const hear = (message: unknown): void => {
      const { clientId, notification, value } = message as Published;
      if (clientId === this.client._clientId) this.heard.push(notification ?? value ?? 'nothing');
    };
    for (const channel of ['node-redis:maintenance', 'node-redis:connection:relaxed-timeout']) {
      subscribe(channel, hear);
      test.after(() => unsubscribe(channel, hear));
    }
  }
}

describe('node-redis behind a relay', { concurrency: true }, () => {
  for (const flags of [[], ['--transparent']]) {
    it(`asks to be told of switches, waits for them, and then is as it was, ${flags[0] ?? 'shared'}`, async (t) => {
      const fleet = await startFleet(t, { voters: [], replicas: 1 });
      const [a, b] = fleet.nodes();
      assert.ok(a !== undefined && b !== undefined);
      const port = await freePort();
      const args = ['--servers', `${a.address},${b.address}`, '--listen', `127.0.0.1:${port}`];
      const endpoint = await BatonEndpoint.start(t, ...args, '--hold-max', `${HOLD_MS}ms`, ...flags);
      await endpoint.leads([a.address]);
      const [told, untold] = [new NodeRedis(t, port, 'auto'), new NodeRedis(t, port, 'disabled')];
      await Promise.all([told.client.connect(), untold.client.connect()]);
      await told.client.set('k', 'v');

      const { code, output } = await endpoint.orderMeanwhile('switch', '--to', b.address);
      assert.equal(code, 0, `${output}\n${endpoint.process.output}`);
      await until('word of the end', () => told.heard.length >= 4);
      assert.deepEqual(told.heard, ['FAILING_OVER', 1, 'FAILED_OVER', -1]);
      assert.equal(await told.client.get('k'), 'v');

      // The next one is undone, since somebody does not end his transaction.
      const lingering = await Wire.open({ host: '127.0.0.1', port });
      await lingering.call('MULTI');
      const switching = endpoint.orderMeanwhile('switch', '--to', a.address);
      await until(
        'word of the beginning',
        () => told.heard.length >= 6,
        () => endpoint.process.output,
      );
      const [patience, impatience] = await Promise.allSettled([told.client.get('k'), untold.client.get('k')]);
      assert.deepEqual(patience, { status: 'fulfilled', value: 'v' });
      assert.equal(impatience.status, 'rejected');
      assert.deepEqual([[...told.errors], [...untold.errors]], [[], ['SocketTimeoutError']]);
      assert.notEqual((await switching).code, 0);
      lingering.close();
      await until('word that it is over', () => told.heard.length >= 8);
      assert.deepEqual(told.heard.slice(4), ['FAILING_OVER', 1, 'FAILED_OVER', -1]);

      // Its own patience is back: nobody has told it why its write is not answered.
      await b.ask('CLIENT', 'PAUSE', '60000', 'WRITE');
      await assert.rejects(told.client.set('k', 'w'));
      assert.deepEqual([...told.errors], ['SocketTimeoutError']);
    });
  }
});
